"""What comes of making something again: what is the same, what is not, and what could not be had any more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

NAMED: Final = 10
"""So many things are named one by one; the rest is counted."""


@dataclass(frozen=True)
class Again:
    """What came of it."""

    same: tuple[str, ...]
    """Products that are the same."""
    differ: tuple[str, ...]
    """Products that are not, a line each that says how."""
    lacking: tuple[str, ...]
    """Inputs that are not served any more or have changed, a line each."""

    @property
    def complete(self) -> bool:
        """Is all of it the same?"""
        return not (self.differ or self.lacking)

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from _some("lacking", self.lacking)
        yield from _some("differs", self.differ)
        if self.same:
            yield f"the same: {', '.join(self.same)}"


def _some(what: str, lines: Sequence[str]) -> Iterator[str]:
    yield from (f"{what}: {line}" for line in lines[:NAMED])
    if len(lines) > NAMED:
        yield f"{what}: {len(lines) - NAMED} more"
