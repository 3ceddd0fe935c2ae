"""The compiled loops between the ground and the stored number: what hides a cell, what of it reaches the sensor.

Constants come as arguments, never as globals of other files: numba's cache would not notice a change there. No
transcendental function is called: its last bit may depend on how a loop was vectorised.
"""

from enum import IntEnum
from typing import Final

import numpy as np
from numba import njit

from detection.simulator.kernels import GOLDEN, keyed, mix

U64 = np.uint64


class Hidden(IntEnum):
    """What hid, or did not hide, a cell in one look: the truth behind the quality band."""

    CLEAR = 0
    CLOUD = 1
    EDGE = 2
    SHADOW = 3
    CONTAMINATED = 4
    FALSE_CLOUD = 5
    FALSE_SHADOW = 6
    SMOKE = 7
    STRIPE = 8


BRIGHT: Final = 1
DARK: Final = 2
"""Bits of a surface: taken for cloud, and taken for shadow, now and then."""
CLEAR, CLOUD, EDGE, SHADOW, CONTAMINATED, FALSE_CLOUD, FALSE_SHADOW, SMOKE, STRIPE = (int(h) for h in Hidden)
GROUPED: Final = 3
"""Lanes below this are visible bands, the others infrared."""


@njit(
    "void(uint8[:, ::1], float32[:, ::1], uint8[:, ::1], uint8[::1], float32[:, ::1], int64, int64, int64,"
    "float32[:, ::1], uint64, int64, int64, float64[::1], float64[::1])",
    cache=True,
    nogil=True,
)
def cover(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    hidden, strength, surface, traits, latent, margin, down, right, smoke, key, first_row, first_column, limits, stripes
):
    """What hides each cell, and how much: fills hidden (y, x) and strength (y, x).

    strength: opacity of cloud, and from 1 (opaque) to 2 how bright it is; of contamination what kind and how much, 0..1.

    surface: (y + 2, x + 2) with a rim of one cell; traits: (surface,) bits BRIGHT, DARK. latent: the cloud field with
    `margin` more cells on every side; a shadow lies (down, right) cells from its cloud. smoke: (y, x), or empty.
    limits: cloud from this latent value on; widths above it of the thin edge, of the rise to opaque, of what casts a
    shadow; opacity of the thinnest; odds of undetected contamination, of false cloud over bright and of false shadow
    over dark ground; cells of the blocks in which these come, and share of them that is hit.
    stripes: period, widest, length of the swath, tilt, where across and along the track the pattern begins, cell; all
    metres; period 0 for none.
    """
    rows, columns = hidden.shape
    start, edge, rise, dense, thin, missed, false, shade, size, hit = limits
    block_size = int(size)
    period, widest, swath, tilt, across, along, metres = stripes
    hazy = smoke.size > 0
    for y in range(rows):
        row = keyed(key, (first_row + y) // block_size)
        for x in range(columns):
            above = latent[y + margin, x + margin] - start
            state, amount = CLEAR, 0.0
            if above >= 0:
                state = EDGE if above < edge else CLOUD
                thick = above >= rise
                amount = 1 + min(2 * (above - rise), 1.0) if thick else thin + (1 - thin) * above / rise
            elif latent[y + margin - down, x + margin - right] - start >= dense:
                state = SHADOW
            else:
                if hazy and smoke[y, x] > 0:
                    state = SMOKE
                block = keyed(row, (first_column + x) // block_size)
                chance = (block >> U64(40)) * 2.0**-24
                looks = traits[surface[y + 1, x + 1]]
                wrong = false if looks & BRIGHT else (shade if looks & DARK else 0.0)
                if chance < (missed + wrong) / hit:
                    cell = keyed(keyed(block, first_row + y), first_column + x)
                    if (cell >> U64(40)) * 2.0**-24 < hit:
                        state = FALSE_CLOUD if looks & BRIGHT else FALSE_SHADOW
                        if chance < missed / hit:
                            state = CONTAMINATED
                            amount = ((block >> U64(8)) & U64(0xFFFF)) * 2.0**-16
            hidden[y, x] = state
            strength[y, x] = amount
        if period > 0:
            for x in range(columns):
                east = (first_column + x + 0.5) * metres
                place = (east - across) / swath
                width = widest * abs(2 * (place - np.floor(place)) - 1)
                line = ((first_row + y + 0.5) * metres - tilt * east - along) / period
                if (line - np.floor(line)) * period < width:
                    hidden[y, x] = STRIPE


@njit("void(float32[:, ::1], float32[:, :, ::1], float64, float64, float32[::1], float64[::1])", cache=True, nogil=True)
def illuminate(light, slope, east, north, power, reach):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """light (y, x) = (cos i / cos z)^k from slope (2, y + 2, x + 2), rise towards east and north, with a rim.

    east, north: of the vector to the sun, per unit of height. power: table of r^k, evenly spaced; reach: least r (what
    lies in its own shadow has the light of the sky alone), and the r with which the table ends; it begins at 0.
    """
    least, most = reach
    rows, columns = light.shape
    last = power.size - 1
    for y in range(rows):
        for x in range(columns):
            a, b = slope[0, y + 1, x + 1], slope[1, y + 1, x + 1]
            ratio = (1 - (east * a + north * b)) / np.sqrt(1.0 + a * a + b * b)
            at = min(max(ratio, least), 0.999 * most) / most * last
            node = int(at)
            light[y, x] = power[node] + (power[node + 1] - power[node]) * (at - node)


@njit("void(float32[::1], uint64[:, ::1], int64, float32[::1], float32[::1], float32, float32)", cache=True, nogil=True)
def _measure(line, word, lane, normal, noise, factor, offset):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """OLI's reflectance as this sensor sees it, with its noise: half of it shared by the bands of a group."""
    group = 0 if lane < GROUPED else 1
    shared, alone = noise[2 + 2 * group], noise[3 + 2 * group]
    low, high = U64(16 * group), U64(16 * ((lane + 2) % 4))
    of = (lane + 2) // 4
    for x in range(line.size):
        draw = shared * normal[(word[0, x] >> low) & U64(0xFFFF)]
        draw += alone * normal[(word[of, x] >> high) & U64(0xFFFF)]
        value = line[x] * factor + offset
        line[x] = value + (noise[0] * abs(value) + noise[1]) * draw


@njit("void(uint16[::1], float32[::1], uint8[::1], float32[::1])", cache=True, nogil=True)
def _store(numbers, line, hidden, stored):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    per_unit, offset, least, most, lift, nothing = stored
    for x in range(line.size):
        number = np.floor((line[x] - offset) * per_unit + np.float32(0.5))
        number = min(max(number, least), most) + lift
        numbers[x] = np.uint16(nothing if hidden[x] == STRIPE else number)


@njit(
    "void(uint16[:, :, ::1], float32[:, :, ::1], int64[:, ::1], float32[:, ::1], uint8[:, ::1], float32[:, ::1],"
    "float32[:, ::1], float32[:, ::1], float32[:, ::1], uint64, int64, int64, float32[::1], float32[::1],"
    "float32[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def expose(  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    numbers, ground, channel, paint, hidden, strength, light, smoke, shift, key, first_row, first_column, normal, noise,
    glow, stored,
):  # fmt: skip
    """One look: numbers (band, y, x) uint16 as stored, from ground (channel, y + 2, x + 2) reflectance with a rim.

    channel: (band, 3) the two channels that a band lies between and its number among the noise's lanes, 0..9.
    paint: (band, 13) share of the second channel; bright cloud; factor in a shadow, in a missed one; least and step of
    what missed cirrus adds; the same two of smoke; sensor's factor and offset; gain of the scene; step of quantisation
    (0: none) and where it begins. hidden, strength: from `cover`. light, smoke: (y, x), or empty. shift: (2, 2) where
    the scene lies against the ground: row, column of the first of two neighbours, 0 or 1, and the share of the second.
    normal: 2^16 quantiles; noise: relative, absolute, weights of what the visible share, have alone, the same of the
    infrared. glow: brightness of thin cloud against bright cloud, and so much more of the thickest. stored: numbers per
    unit, offset, smallest, largest, lift, number of nothing.
    """
    bands, rows, columns = numbers.shape
    top, left = int(shift[0, 0]), int(shift[1, 0])
    fy, fx = shift[0, 1], shift[1, 1]
    one_one, one_two = (1 - fy) * (1 - fx), (1 - fy) * fx
    two_one, two_two = fy * (1 - fx), fy * fx
    lit, hazy = light.size > 0, smoke.size > 0
    word = np.empty((3, columns), np.uint64)
    line = np.empty(columns, np.float32)
    one, half = np.float32(1), np.float32(0.5)
    grey, whiter = glow
    for y in range(rows):
        row = keyed(key, first_row + y)
        for x in range(columns):
            word[0, x] = keyed(row, first_column + x)
            word[1, x] = mix(word[0, x] + GOLDEN)
            word[2, x] = mix(word[1, x] + GOLDEN)
        for i in range(bands):
            a, b, lane = channel[i, 0], channel[i, 1], channel[i, 2]
            share, white, shade, missed, thin, thicker, least, more, factor, offset, gain, step, phase = paint[i]
            for x in range(columns):
                state, amount = hidden[y, x], strength[y, x]
                if amount >= one:  # nothing of the ground is seen
                    line[x] = white * (grey + whiter * (amount - one))
                    continue
                u, v = y + top, x + left
                base = one_one * ground[a, u, v] + one_two * ground[a, u, v + 1]
                base += two_one * ground[a, u + 1, v] + two_two * ground[a, u + 1, v + 1]
                if share > 0:
                    other = one_one * ground[b, u, v] + one_two * ground[b, u, v + 1]
                    other += two_one * ground[b, u + 1, v] + two_two * ground[b, u + 1, v + 1]
                    base += share * (other - base)
                base = max(base, np.float32(0))
                if lit:
                    base *= light[y, x]
                if hazy and smoke[y, x] > 0:
                    base += least + more * smoke[y, x]
                if state in (CLOUD, EDGE):
                    base += amount * (grey * white - base)
                elif state == SHADOW:
                    base *= shade
                elif state == CONTAMINATED:
                    if amount < half:
                        base *= missed
                    else:
                        base += thin + thicker * (2 * amount - one)
                line[x] = base
            _measure(line, word, lane, normal, noise, factor * gain, offset * gain)
            if step > 0:
                for x in range(columns):
                    line[x] = (np.floor(line[x] / step + phase) - phase + half) * step
            _store(numbers[i, y], line, hidden[y], stored)
