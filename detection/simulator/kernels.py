"""The compiled loops of the simulator, and the counter-based random numbers under them.

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

CLEAR, CLOUD, EDGE, SHADOW, CONTAMINATED, FALSE_CLOUD = 0, 1, 2, 3, 4, 5
"""What hides, or does not hide, a pixel in one look: the truth behind the quality band."""
BLOCK: Final = 3
"""Undetected contamination and falsely detected cloud come in blocks of so many cells squared, most of it hit."""
HIT: Final = 0.75


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


@njit(
    "void(float32[:, :, ::1], uint8[:, ::1], int64[::1], uint8[:, ::1], float32[:, :, ::1], int32[:, ::1],"
    "float32[:, ::1], int32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1],"
    "float32[:, ::1], float32[::1], float32[:, ::1], float32[:, ::1])",
    cache=True,
    nogil=True,
)
def ground(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    out, today, bands, surface, offset, part, cover, dulled, depth, wet, now, level, spread, fade, dull, soak
):
    """Reflectance of the ground before any weather.

    out (band, y, x) of the bands asked for, `bands` their rows in the tables of six; today (y, x) the surface now.
    surface (y, x) before any change; offset (6, y, x) standard normals that persist; part (y, x) the clearing of a cell
    or -1, cover its share of the cell; dulled (y, x) the browning of a cell or -1, depth its strength; wet (y, x) 0..1.
    now (part, 3): surface from, surface to, share of the second, -1 before it begins; fade (browning,) 0..1;
    level, spread (surface, 6) mean and spatial spread today; dull, soak (surface, 6) change by browning and by flood.
    """
    rows, columns = surface.shape
    for y in range(rows):
        for x in range(columns):
            first, p, share = surface[y, x], part[y, x], np.float32(0)
            one, two = int(first), int(first)
            if p >= 0 and now[p, 2] >= 0:
                one, two, share = int(now[p, 0]), int(now[p, 1]), cover[y, x]
            today[y, x] = first if share < 0.5 else (one if now[p, 2] < 0.5 else two)
            faded = fade[dulled[y, x]] * depth[y, x] if dulled[y, x] >= 0 else np.float32(0)
            for i in range(bands.shape[0]):
                b = bands[i]
                u = offset[b, y, x]
                value = level[first, b] + spread[first, b] * u + faded * dull[first, b] + wet[y, x] * soak[first, b]
                if share > 0:
                    old = level[one, b] + spread[one, b] * u
                    new = level[two, b] + spread[two, b] * u
                    value += share * (old + (new - old) * now[p, 2] - value)
                out[i, y, x] = max(value, np.float32(0))


@njit(
    "void(float32[:, :, ::1], uint8[:, ::1], int64[::1], boolean[:, ::1], float32[:, ::1], int64, int64, int64, uint64,"
    "int64, int64, float64[::1], float32[:, ::1])",
    cache=True,
    nogil=True,
)
def weather(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    out, hidden, bands, bright, latent, margin, down, right, key, first_row, first_column, limits, paint
):
    """Cloud, its shadow and what the quality band will miss; changes `out` (band, y, x), fills `hidden` (y, x).

    latent: the cloud field with `margin` more cells on every side; a shadow lies (down, right) cells from its cloud.
    limits: cloud from this latent value on; widths above it of the thin edge, of the rise to opaque, of what casts a
    shadow; odds of undetected contamination and of false cloud over bright ground. paint (4, 6): cloud, factor in a
    shadow, factor in an undetected shadow, addition by thin cirrus.
    """
    rows, columns = hidden.shape
    start, edge, rise, dense, missed, false = limits
    for y in range(rows):
        row = keyed(key, (first_row + y) // BLOCK)
        for x in range(columns):
            above = latent[y + margin, x + margin] - start
            state, amount = CLEAR, 0.0
            if above >= 0:
                state = EDGE if above < edge else CLOUD
                amount = 0.15 + 0.85 * min(above / rise, 1.0)
            elif latent[y + margin - down, x + margin - right] - start >= dense:
                state = SHADOW
            else:
                block = keyed(row, (first_column + x) // BLOCK)
                cell = keyed(keyed(block, first_row + y), first_column + x)
                chance = (block >> U64(40)) * 2.0**-24
                if (cell >> U64(40)) * 2.0**-24 < HIT:
                    if chance < missed / HIT:
                        state = CONTAMINATED
                        amount = ((block >> U64(8)) & U64(0xFFFF)) * 2.0**-16
                    elif bright[y, x] and chance < (missed + false) / HIT:
                        state = FALSE_CLOUD
            hidden[y, x] = state
            if state in (CLEAR, FALSE_CLOUD):
                continue
            for i in range(bands.shape[0]):
                b = bands[i]
                if state == SHADOW:
                    out[i, y, x] *= paint[1, b]
                elif state != CONTAMINATED:
                    glow = paint[0, b] * (0.5 + 0.4 * min(2 * above, 1.0))
                    out[i, y, x] += amount * (glow - out[i, y, x])
                elif amount < 0.5:
                    out[i, y, x] *= paint[2, b]
                else:
                    out[i, y, x] += (2 * amount - 1) * paint[3, b] + paint[3, b] / 5


@njit(
    "void(uint16[:, :, ::1], float32[:, :, ::1], int64[::1], uint64, int64, int64, float32[::1], float32[::1],"
    "float64[::1], float64[::1])",
    cache=True,
    nogil=True,
)
def acquire(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    numbers, values, bands, key, first_row, first_column, normal, gain, noise, stored
):
    """Add the noise of one look and store: numbers (band, y, x) uint16 from values (band, y, x) reflectance.

    normal: quantiles of N(0, 1), 2^16 of them; gain (6,) factor of the scene. noise: relative, absolute, and the
    correlation within the visible and within the infrared bands; stored: scale, offset, smallest and largest number.
    """
    rows, columns = values.shape[1:]
    for y in range(rows):
        row = keyed(key, first_row + y)
        for x in range(columns):
            one = keyed(row, first_column + x)
            two = mix(one + GOLDEN)
            for i in range(bands.shape[0]):
                b = bands[i]
                group, lane = b // 3, b + 2
                word = one if lane < 4 else two
                shared = normal[(one >> U64(16 * group)) & U64(0xFFFF)]
                own = normal[(word >> U64(16 * (lane % 4))) & U64(0xFFFF)]
                draw = np.sqrt(noise[2 + group]) * shared + np.sqrt(1 - noise[2 + group]) * own
                value = values[i, y, x] * gain[b]
                value += (noise[0] * value + noise[1]) * draw
                number = np.floor((value - stored[1]) / stored[0] + 0.5)
                numbers[i, y, x] = np.uint16(min(max(number, stored[2]), stored[3]))
