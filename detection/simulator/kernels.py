"""Counter-based random numbers and the smooth noise made of them: what every field of the simulator rests on.

Numbers come from splitmix64's finaliser (Steele, Lea and Flood 2014, *Fast Splittable Pseudorandom Number Generators*,
figure 17) over (key, row, column): no generator has a state, so the order of asking does not matter.
Constants arrive as arguments, never as globals: numba's cache would not notice a change in another file.
No transcendental function is called here: its last bit may depend on how a loop was vectorised.
"""

from typing import Final

import numpy as np
from numba import njit

U64 = np.uint64
GOLDEN: Final = U64(0x9E3779B97F4A7C15)
FIRST: Final = U64(0xBF58476D1CE4E5B9)
SECOND: Final = U64(0x94D049BB133111EB)


@njit("uint64(uint64)", cache=True, nogil=True)
def mix(z):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A bijection of 64 bits whose output looks random."""
    z = (z ^ (z >> U64(30))) * FIRST
    z = (z ^ (z >> U64(27))) * SECOND
    return z ^ (z >> U64(31))


@njit("uint64(uint64, int64)", cache=True, nogil=True)
def keyed(key, number):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A key for one more coordinate; chain it for several."""
    return mix(key + GOLDEN * (U64(number) + U64(1)))


@njit("void(float32[:, ::1], float64, uint64, int64, int64, int64, int64, float32[::1])", cache=True, nogil=True)
def add_noise(out, weight, key, first_row, first_column, step, spacing, normal):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add weight * N(0, 1) that is smooth over `spacing` lattice cells (white noise at spacing 1).

    Normals at the nodes of an absolute lattice, between them smoothstep weights scaled to unit variance everywhere.
    out: (rows, columns), cell (i, j) lies at lattice row first_row + i step, column first_column + j step.
    """
    rows, columns = out.shape
    start = first_column // spacing
    nodes = (first_column + (columns - 1) * step) // spacing - start + 2
    above, below, line = np.empty(nodes), np.empty(nodes), np.empty(nodes)
    node = np.empty(columns, np.int64)
    left, right = np.empty(columns), np.empty(columns)
    for x in range(columns):
        column = first_column + x * step
        node[x] = column // spacing - start
        t = (column - (column // spacing) * spacing) / spacing
        s = t * t * (3 - 2 * t)
        scale = weight / np.sqrt(s * s + (1 - s) * (1 - s))
        left[x], right[x] = (1 - s) * scale, s * scale
    known = False
    last = first_row
    for y in range(rows):
        row = (first_row + y * step) // spacing
        if not known or row != last:
            one, two = keyed(key, row), keyed(key, row + 1)
            for j in range(nodes):
                above[j] = normal[keyed(one, start + j) >> U64(48)]
                below[j] = normal[keyed(two, start + j) >> U64(48)]
            known, last = True, row
        t = (first_row + y * step - row * spacing) / spacing
        s = t * t * (3 - 2 * t)
        scale = 1 / np.sqrt(s * s + (1 - s) * (1 - s))
        top, bottom = (1 - s) * scale, s * scale
        for j in range(nodes):
            line[j] = above[j] * top + below[j] * bottom
        for x in range(columns):
            out[y, x] += line[node[x]] * left[x] + line[node[x] + 1] * right[x]
