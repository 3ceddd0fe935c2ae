"""S-CCD beside benchmarks/fusion_speed.py, date by date, at the same looks."""

import pickle
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final

import numpy as np
from fusion_world import EPOCH, HISTORY_YEARS, PLACES, World, placed
from scipy.stats import chi2

from detection.monitors import Detector, Looks, State, update

PEER_PIXELS: Final = 400
PEER_LOOKS: Final = 12


def beside_sccd(seen: World, detector: Detector, state: State) -> Iterator[str]:
    """The Cython entry of S-CCD, date by date, and one optical look of ours in between."""
    try:
        pyxccd: Any = import_module("pyxccd")
        step: Any = import_module("pyxccd._ccd_cython")._sccd_update
    except ImportError:
        yield "Beside S-CCD: not measured, pyxccd is not installed (pip install 'sachawatch[peers]')."
        return
    dates, bands, qa = seen.made["dates"], *(seen.made[name][:PEER_PIXELS].astype(np.int64) for name in ("bands", "qa"))
    first = int((dates < dates[0] + HISTORY_YEARS * 365.25).sum())
    packs = [
        pyxccd.sccd_detect(dates[:first], *map(np.ascontiguousarray, (*b[:, :first], q[:first])))
        for b, q in zip(bands, qa, strict=True)
    ]
    record, pickled = packs[0].nrt_model.dtype.itemsize, np.mean([len(pickle.dumps(tuple(p), 5)) for p in packs])
    held, ours, theirs = placed(state, PLACES), [], []
    for j in range(first, first + PEER_LOOKS):
        packs, spent = _theirs(step, packs, dates[j : j + 1], bands[..., j : j + 1], qa[:, j : j + 1])
        theirs.append(spent)
        held, spent = _ours(detector, held, seen, int(dates[j]))
        ours.append(spent)
    low, middle, high = np.percentile(np.array(theirs) / np.array(ours), [25, 50, 75])
    mine = sum(a.nbytes for a in (*held.model.values(), *held.pixels.values(), held.monitored, held.cell)) / len(PLACES)
    yield f"S-CCD (pyxccd 1.1, `_sccd_update`), the same {PEER_LOOKS} optical looks of nrt8, alternating:"
    yield f"{np.median(theirs):,.0f} ns a pixel, ours {np.median(ours):.1f}, **{middle:.0f} times** as fast (quartiles {low:.0f}"
    yield f"to {high:.0f}; goal 200, aim 400). State in memory: {mine:.0f} bytes a pixel, with the baselines of radar,"
    yield f"beside {record} of its model record alone and {pickled:.0f} pickled. The two do not do the same work: S-CCD takes"
    yield "six bands and updates its coefficients at every look; the fusion takes two planes and the doubt, keeps its baselines"
    yield "as fitted and updates evidence, phase and dates. It also takes a million pixels in one call, S-CCD one: a part of the"
    yield "ratio is the price of its calls."


def _theirs(step: Any, packs: list[Any], date: Any, bands: Any, qa: Any) -> tuple[list[Any], float]:
    """(states after the date, ns a pixel); the columns are made before the clock runs."""
    thermal, likely, limit = np.zeros(1, np.int64), float(chi2.ppf(0.90, 5)), float(chi2.ppf(0.99, 5))
    rows = [[*map(np.ascontiguousarray, b), thermal, np.ascontiguousarray(q)] for b, q in zip(bands, qa, strict=True)]
    begun = time.process_time()
    packs = [step(p, date, *row, limit, 6, 1, True, likely, likely, 20) for p, row in zip(packs, rows, strict=True)]
    return packs, 1e9 * (time.process_time() - begun) / len(packs)


def _ours(detector: Detector, state: State, seen: World, ordinal: int) -> tuple[State, float]:
    """The same."""
    at = next(i for i, s in enumerate(seen.looks.scenes) if not s.radar and s.day == ordinal - EPOCH)
    look = Looks((seen.looks.scenes[at],), np.ascontiguousarray(seen.looks.values[at][:, PLACES])[None])
    begun = time.process_time()
    state, _ = update(detector, state, look, reuse=True)
    return state, 1e9 * (time.process_time() - begun) / len(PLACES)
