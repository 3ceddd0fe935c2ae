"""Drawings as SVG that a page holds within itself: a few shapes, with every text made harmless."""

import math
from collections.abc import Iterable
from html import escape
from typing import Final

INK: Final = "#1d2b24"
FAINT: Final = "#5d6b63"
GRID: Final = "#d8ded9"


def svg(width: float, height: float, shapes: Iterable[str], label: str) -> str:
    """A drawing; label: what it is, for who cannot see it."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" font-family="sans-serif">'
    return f"{head}<title>{escape(label)}</title>{''.join(shapes)}</svg>"


def box(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def stroke(x1: float, y1: float, x2: float, y2: float, colour: str = INK, thick: float = 1) -> str:
    """A line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{thick:g}"/>'


def dot(x: float, y: float, radius: float, colour: str) -> str:
    """A filled circle."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{colour}"/>'


def words(x: float, y: float, text: str, anchor: str = "start", colour: str = INK, size: float = 11) -> str:
    """A line of text; anchor: start, middle or end."""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}"'
    halo = 'stroke="#ffffff" stroke-width="3" paint-order="stroke"'
    return f"<text {place} {halo}>{escape(text)}</text>"


def steps(low: float, high: float, about: int = 5) -> list[float]:
    """Round figures from below low to above high: 1, 2 or 5 times a power of ten apart."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(f * power for f in (1, 2, 5, 10) if f * power * about >= span)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [n * step for n in range(first, last + 1)]
