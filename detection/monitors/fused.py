"""The fusion monitor: baselines of all planes from the history, and looks of all sensors taken in, in their one order."""

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detection.codes import Monitored
from detection.errors import BadInput
from detection.harmonics import Table, date_table, fit, fitted, season_factor
from detection.history import baseline
from detection.monitors import fused_kernel, likelihood, machine
from detection.monitors.fused_kernel import (
    ABSENT,
    OPTICAL,
    OPTICAL_STEP,
    RADAR_STEP,
    SWING_STEP,
    Evidence,
    Model,
    Seen,
)  # fmt: skip
from detection.monitors.fusion import Fusion
from detection.monitors.packed import pack_pixels, unpack_pixels
from detection.monitors.state import Arrays, Detector, Looks, State
from detection.types import Codes, Float, Scene

UNKNOWN_ORBIT: Final = -1
"""Stands for the orbit of a look that names none."""
MOST_STEPS: Final = 32_767
LONGEST_DAYS: Final = 4000
"""Evidence of looks further apart than this is taken for as old as this."""


def orbits_of(scenes: tuple[Scene, ...]) -> NDArray[np.int16]:
    """(time,) relative orbit of every radar look; UNKNOWN_ORBIT where it is not a number, and of optical looks.

    Raises BadInput for a number that is no relative orbit.
    """
    return np.array([_orbit(scene) if scene.radar else UNKNOWN_ORBIT for scene in scenes], np.int16)


def _orbit(scene: Scene) -> int:
    number = int(scene.orbit) if scene.orbit.isdecimal() else UNKNOWN_ORBIT
    if number >= MOST_STEPS:
        raise BadInput(
            f"{scene.id}: orbit {scene.orbit} is no relative orbit (Sentinel-1: 1 to 175); give that, or none"
        )
    return number


def model_of(detector: Detector, history: Looks, inside: NDArray[np.bool_]) -> tuple[Arrays, Codes, Arrays]:
    """(model, (pixel,) codes.Monitored, aside) of the looks of the history.

    The index says whether there is a stable forest, as for any monitor; a pixel whose optical history is too short is
    monitored by radar alone, if that is long enough. Baselines are rounded once, to what the state keeps.
    """
    fusion, pixels = _fusion(detector), len(inside)
    radar = np.array([s.radar for s in history.scenes], np.bool_)
    table = date_table(history.days, detector.history.harmonics)
    orbits = np.unique(orbits_of(history.scenes)[radar])
    roles, values = fusion.slots, history.values
    planes = [(roles.first[0], fusion.index_scale), (roles.second[0], fusion.nir_scale)]
    optical = [_optical(table[~radar], values[~radar, slot], f, detector) for slot, f in planes if slot >= 0]
    levels = [
        _radar(
            table[radar], values[radar, slot], orbits_of(history.scenes)[radar], orbits, fusion.radar_scale, detector
        )
        for slot in (roles.first[1], roles.second[1])
        if slot >= 0
    ]
    none = np.zeros((0, pixels), np.int16)
    model = {"optical": np.concatenate([none, *optical]), "radar": np.concatenate([none, *levels])}
    monitored = _monitored(detector, table[~radar], values[~radar], model, inside)
    return model, monitored, {"orbits": orbits}


def _fusion(detector: Detector) -> Fusion:
    assert isinstance(detector.monitor, Fusion)
    return detector.monitor


def _optical(table: Table, values: Float, floor: float, detector: Detector) -> NDArray[np.int16]:
    """(term + sigma + 2 of swing, pixel) steps; ABSENT sigma where the history is too short or the fit not finite."""
    found = fit(table, np.ascontiguousarray(values))
    sigma = np.maximum(found.sigma, np.float32(floor))
    bad = (found.looks < detector.history.min_looks) | ~np.isfinite(found.coefficients).all(0) | ~np.isfinite(sigma)
    rows = [
        _steps(found.coefficients, OPTICAL_STEP),
        _steps(sigma, OPTICAL_STEP)[None],
        _steps(found.season, SWING_STEP),
    ]
    made = np.concatenate(rows)
    made[:, bad | (made[-3] == ABSENT) | (made == ABSENT).any(0)] = ABSENT
    return made


@np.errstate(over="ignore", invalid="ignore")
def _radar(
    table: Table, values: Float, orbit: NDArray[np.int16], orbits: NDArray[np.int16], floor: float, detector: Detector
) -> NDArray[np.int16]:
    """(harmonic + sigma + orbit, pixel) steps: one season and scale, a level an orbit.

    The angle of an orbit shifts the backscatter of a cell for good: its median is taken off before the fit. An orbit with
    fewer looks than half of `history.min_looks` has no level.
    """
    level = np.full((len(orbits), values.shape[1]), np.nan, np.float32)
    centred = np.full(values.shape, np.nan, np.float32)
    for row, one in enumerate(orbits):
        mine = values[orbit == one]
        enough = np.isfinite(mine).sum(0) >= (detector.history.min_looks + 1) // 2
        level[row, enough] = np.nanmedian(mine[:, enough], 0) if enough.any() else np.nan
        centred[orbit == one] = mine - level[row]
    found = fit(table, centred)
    sigma = np.maximum(found.sigma, np.float32(floor))
    bad = (found.looks < detector.history.min_looks) | ~np.isfinite(found.coefficients).all(0) | ~np.isfinite(sigma)
    harmonics, scale = _steps(found.coefficients[1:], RADAR_STEP), _steps(sigma, RADAR_STEP)
    made = np.concatenate([harmonics, scale[None], _steps(level + found.coefficients[0], RADAR_STEP)])
    made[:, bad | (made[: len(harmonics) + 1] == ABSENT).any(0)] = ABSENT
    return made


@np.errstate(over="ignore")
def _steps(values: Float, step: np.float32) -> NDArray[np.int16]:
    """Whole steps; ABSENT for what is not finite or does not fit."""
    steps = np.rint(np.where(np.isfinite(values), values, np.float32(np.inf)) / step)
    return np.where(np.abs(steps) <= MOST_STEPS, steps, ABSENT).astype(np.int16)


def _monitored(detector: Detector, table: Table, values: Float, model: Arrays, inside: NDArray[np.bool_]) -> Codes:
    fusion = _fusion(detector)
    planes = np.split(model["radar"], len(fusion.radar)) if fusion.radar else []
    levels = [(rows[table.shape[1] :] != ABSENT).any(0) for rows in planes]
    heard = np.all(levels, 0) if planes else np.zeros(len(inside), np.bool_)
    if not fusion.optical:
        codes = np.where(heard, Monitored.MONITORED, Monitored.SHORT_HISTORY)
        return np.where(inside, codes, Monitored.OUTSIDE).astype(np.uint8)
    index = np.ascontiguousarray(values[:, fusion.slots.first[0]])
    codes = baseline(table, index, detector.history, inside=inside, sign=detector.sign).monitored.copy()
    blind = (model["optical"] == ABSENT).any(0) & ~heard  # near infrared without a baseline: no look could ever count
    broken = (codes == Monitored.MONITORED) & ((model["optical"][0] == ABSENT) | blind)
    codes[broken] = Monitored.FAILED
    codes[(codes == Monitored.SHORT_HISTORY) & heard] = Monitored.MONITORED
    return codes


def unseen(detector: Detector, pixels: int) -> Arrays:
    """What looks will change, before the first one."""
    nought = Evidence(np.zeros(pixels, np.float32), np.zeros(pixels, np.float32))
    return {**machine.fresh(pixels)._asdict(), **nought._asdict()}


def advance(
    detector: Detector, state: State, looks: Looks, common: Float, pixels: dict[str, Any], *, table: Table, alone: bool
) -> NDArray[Any]:
    """Take the looks in; `pixels` are written. Returns the transitions of `machine`."""
    fusion, open_pixels = _fusion(detector), unpack_pixels(pixels)
    log = fused_kernel.run(
        np.ascontiguousarray(looks.values, np.float32),
        _seen(state, looks, common, table),
        _model(state),
        fusion.slots,
        float(detector.sign),
        state.cell,
        likelihood.tables(),
        limits(),
        widths(),
        _decays(fusion.half_life_days, fusion.grade_half_life_days),
        fusion.weights(detector.decision.anomaly),
        detector.decision.rules(),
        Evidence(*(open_pixels[name] for name in Evidence._fields)),
        machine.Watch(*(open_pixels[name] for name in machine.Watch._fields)),
        np.empty(2 * min(fused_kernel.BLOCK, len(state.monitored)), machine.TRANSITION),
    )
    if "which" in pixels:
        pixels |= pack_pixels(open_pixels)
    return np.asarray(log)


def residuals(detector: Detector, state: State, looks: Looks, block: slice) -> Float:
    """(time, slot, pixel) of these pixels: see `monitors.residuals`; NaN in slots that have none."""
    values = np.ascontiguousarray(looks.values[..., block], np.float32)
    made: Float = np.full(values.shape, np.nan, np.float32)
    none, table = np.zeros((len(values), 1, 0), np.float32), date_table(looks.days, detector.history.harmonics)
    seen, part = _seen(state, looks, none, table), state.part(block)
    fused_kernel.standardise(values, seen, _model(part), _fusion(detector).slots, float(detector.sign), made)
    return made


def _model(state: State) -> Model:
    return Model(state.model["optical"], state.model["radar"], state.monitored)


def _seen(state: State, looks: Looks, common: Float, table: Table) -> Seen:
    radar = np.array([s.radar for s in looks.scenes], np.uint8)
    orbits, found = state.aside["orbits"], orbits_of(looks.scenes)
    at = np.searchsorted(orbits, found)
    known = (radar == 1) & (np.append(orbits, np.int16(MOST_STEPS))[at] == found)
    rows = np.where(known, at, -1).astype(np.int16)
    return Seen(radar, rows, looks.days, table.astype(np.float32), np.ascontiguousarray(common, np.float32))


@lru_cache(maxsize=1)
def limits() -> NDArray[np.float64]:
    """(doubt - 1,) odds between neighbouring doubts of the tables: their geometric mean."""
    odds = np.array([d / (1 - d) for d in likelihood.DOUBTS])
    return np.asarray(np.sqrt(odds[1:] * odds[:-1]))


@lru_cache(maxsize=1)
def widths() -> NDArray[np.float64]:
    """(kind, width - 1) steps of a residual scale between neighbouring widths of the tables: their geometric mean."""
    between = np.sqrt(np.array(likelihood.WIDTHS[1:]) * np.array(likelihood.WIDTHS[:-1]))
    scales = (likelihood.OPTICAL.scale[0] / OPTICAL_STEP, likelihood.RADAR.scale[0] / RADAR_STEP)
    return np.asarray(np.outer(scales, between), np.float64)


def width_of(state: State, kind: int, terms: int) -> NDArray[np.int64]:
    """(pixel,) position in `likelihood.WIDTHS` of the residual scale of the first plane of a kind of sensor."""
    rows = state.model["optical"][terms:] if kind == OPTICAL else state.model["radar"][terms - 1 :]
    if not len(rows):
        return np.zeros(len(state.monitored), np.int64)
    return np.asarray(np.searchsorted(widths()[kind], rows[0]), np.int64)


@lru_cache(maxsize=8)
def _decays(*half_lives: float) -> NDArray[np.float32]:
    """(2, day) what is left after so many days."""
    days = np.arange(LONGEST_DAYS + 1)
    return np.stack([0.5 ** (days / half) for half in half_lives]).astype(np.float32)


def expected(
    detector: Detector, state: State, scenes: tuple[Scene, ...], table: Table, pixels: NDArray[Any]
) -> tuple[Float, Float]:
    """See `monitors.expected`; the leading plane is the index, else VV or VH, at every orbit its own level."""
    if not _fusion(detector).optical:
        return _radar_expected(state, scenes, table, _numbers(state.model["radar"][:, pixels]))
    optical, terms = _numbers(state.model["optical"][:, pixels]), table.shape[1]
    scale = OPTICAL_STEP * optical[terms] * season_factor(table, SWING_STEP * optical[terms + 1 : terms + 3])
    mine, nothing = np.array([not scene.radar for scene in scenes])[:, None], np.float32(np.nan)
    level = fitted(table, OPTICAL_STEP * optical[:terms])
    return np.where(mine, level, nothing), np.where(mine, scale, nothing)


def _radar_expected(state: State, scenes: tuple[Scene, ...], table: Table, radar: Float) -> tuple[Float, Float]:
    """Of the first plane of radar; radar: (row, pixel) numbers of its model."""
    terms, many = table.shape[1], len(scenes)
    no_looks = Looks(scenes, np.zeros((many, 1, 0), np.float32))
    rows = _seen(state, no_looks, np.zeros((0, 0, 0), np.float32), table).orbit
    unknown = np.full((1, radar.shape[1]), np.nan, np.float32)
    levels = np.concatenate([radar[terms : terms + len(state.aside["orbits"])], unknown])
    level = levels[rows] + fitted(table[:, 1:], radar[: terms - 1])
    scale = np.broadcast_to(RADAR_STEP * radar[terms - 1], (many, radar.shape[1]))
    return np.asarray(RADAR_STEP * level, np.float32), scale


def _numbers(steps: NDArray[np.int16]) -> Float:
    """Steps of a model, NaN where it says nothing."""
    return np.where(steps == ABSENT, np.float32(np.nan), steps).astype(np.float32)
