"""Radar backscatter: linear power and dB, what does not count, and speckle taken off. Means are taken in linear power."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.types import Float, Mask


def to_db(power: Float) -> Float:
    """(...) 10 log10 of linear power; NaN where it is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(power > 0, np.float32(10) * np.log10(power), np.float32(np.nan)).astype(np.float32)


def to_power(db: Float) -> Float:
    """The inverse of `to_db`."""
    with np.errstate(over="ignore"):
        return np.asarray(np.power(np.float32(10), db / np.float32(10)), np.float32)


def border_noise(power: Float, floor_db: float) -> Mask:
    """(...) True where power lies below a floor in dB, as along the edges of a swath. NaN is not noise."""
    with np.errstate(invalid="ignore"):
        return np.asarray(power < 10 ** (floor_db / 10), np.bool_)


def outside_angles(angle: NDArray[Any], least: float, most: float) -> Mask:
    """(...) True where the incidence angle, degrees, lies outside its range (both ends belong to it) or is not known."""
    with np.errstate(invalid="ignore"):
        return ~np.asarray((angle >= least) & (angle <= most), np.bool_)


def square_cells(side_m: float, resolution: int) -> int:
    """Cells on a side of the widest square with a cell in its middle that is no wider than so many metres."""
    return max(2 * int((side_m / resolution - 1) // 2) + 1, 1)


def spatial_mean(power: Float, cells: int) -> Float:
    """(time, y, x) mean over a square of cells x cells (odd) that leaves NaN out; a cell that is NaN stays NaN.

    Summed in a fixed order around every cell, so that a tile with its halo gives the bits of the whole.
    """
    if cells <= 1:
        return power
    seen = np.isfinite(power)
    total = _around(np.where(seen, power, 0).astype(np.float64), cells // 2)
    count = _around(seen.astype(np.float64), cells // 2)
    return np.where(seen, total / np.maximum(count, 1), np.nan).astype(np.float32)


def filtered(power: Float, orbits: Sequence[str], cells: int = 7, looks: int = 15) -> Float:
    """(time, y, x) float32 linear power of a series, in time's order, with its speckle averaged over time.

    J_k = E[I_k] / N sum_i I_i / E[I_i] (Quegan and Yu 2001, IEEE Transactions on Geoscience and Remote Sensing 39(11), the
    form that neglects the correlation between images), E the mean over cells x cells. Here i runs over the look itself and
    at most looks - 1 earlier ones of the same orbit: their filter over a whole archive would let a monitor see the future.
    N counts those that saw the cell; NaN stays NaN. Window and number of looks are convention, not measured.
    """
    answer = np.full(power.shape, np.nan, np.float32)
    past: dict[str, list[Float]] = {}
    for now, orbit in enumerate(orbits):
        level = spatial_mean(power[now : now + 1], cells)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(level > 0, power[now] / level, np.nan).astype(np.float32)
        stack = past[orbit] = [*past.get(orbit, []), ratio][-looks:]
        answer[now] = level * _mean(stack)
    return answer


def _mean(stack: Sequence[Float]) -> Float:
    """(y, x) mean over the layers, NaN left out; NaN where the last layer is NaN."""
    total, count = np.zeros(stack[-1].shape, np.float64), np.zeros(stack[-1].shape, np.int64)
    for layer in stack:
        seen = np.isfinite(layer)
        total += np.where(seen, layer, 0)
        count += seen
    return np.where(np.isfinite(stack[-1]), total / np.maximum(count, 1), np.nan).astype(np.float32)


def _around(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Sums over the (2 reach + 1)^2 cells around every cell of the last two axes, those beyond the edge counting 0."""
    for axis in (-2, -1):
        width = [(0, 0)] * values.ndim
        width[axis] = (reach, reach)
        wide, size = np.moveaxis(np.pad(values, width), axis, -1), values.shape[axis]
        total = wide[..., :size].copy()
        for step in range(1, 2 * reach + 1):
            total += wide[..., step : step + size]
        values = np.moveaxis(total, -1, axis)
    return values
