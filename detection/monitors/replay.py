"""The state equals that of the *set* of looks in canonical order: a look twice is once, a late look is replayed.

A `Memory` is a state, an older checkpoint of it, and the looks since that checkpoint. Pure; bounded by `replay_days`.
"""

from dataclasses import dataclass, replace

import numpy as np

from detection.monitors import LOG, Detector, Looks, State, Transitions, update
from detection.types import Float, Scene


@dataclass(frozen=True)
class Memory:
    """What a row of pixels remembers."""

    checkpoint: State
    """The state before `looks`."""
    current: State
    """The state after `looks`."""
    looks: Looks
    """Every look taken in since the checkpoint, in canonical order."""
    settled: Transitions
    """Transitions up to the checkpoint: they change no more."""
    recent: Transitions
    """Transitions of `looks`: a late look may change them."""

    @property
    def transitions(self) -> Transitions:
        """The whole log, in order."""
        return np.concatenate([self.settled, self.recent])


def begin(state: State, cells: int, slots: int = 1) -> Memory:
    """The memory of a state that has seen no look yet; cells: number of lattice cells the common mode has."""
    pixels, none = len(state.monitored), np.zeros(0, LOG)
    looks = Looks((), np.zeros((0, slots, pixels), np.float32), np.zeros((0, slots, cells), np.float32))
    return Memory(state, state, looks, none, none)


def take_in(detector: Detector, memory: Memory, looks: Looks, *, replay_days: int) -> tuple[Memory, tuple[Scene, ...]]:
    """The memory after these looks, whatever their order, and those too old to be replayed.

    A look already taken in is dropped. A look not newer than the checkpoint comes too late. The checkpoint follows the
    newest look at a distance of `replay_days` to twice that.
    """
    floor = memory.checkpoint.last
    late = tuple(sorted({s for s in looks.scenes if floor is not None and s <= floor}))
    fresh = _unseen(looks, {*memory.looks.scenes, *late})
    if not fresh.scenes:
        return memory, late
    merged = _merge(memory.looks, fresh)
    if memory.current.last is None or fresh.scenes[0] > memory.current.last:
        current, new = update(detector, memory.current, fresh)
        recent = np.concatenate([memory.recent, new])
    else:
        current, recent = update(detector, memory.checkpoint, merged)
    return _settle(detector, replace(memory, current=current, recent=recent, looks=merged), replay_days), late


def _unseen(looks: Looks, known: set[Scene]) -> Looks:
    """The looks that are not known, each once (where it is named first), in canonical order."""
    place = {s: i for i, s in reversed([*enumerate(looks.scenes)]) if s not in known}
    order = [place[s] for s in sorted(place)]
    common = None if looks.common is None else looks.common[order]
    return Looks(tuple(sorted(place)), looks.values[order], common)


def _merge(old: Looks, new: Looks) -> Looks:
    scenes = old.scenes + new.scenes
    order = sorted(range(len(scenes)), key=lambda i: scenes[i])
    values = np.concatenate([old.values, new.values])[order]
    common = None
    width = max(part.common.shape[-1] if part.common is not None else 0 for part in (old, new))
    if width:  # looks from which nothing is subtracted stand beside others as zeros
        common = np.concatenate([_common(old, width), _common(new, width)])[order]
    return Looks(tuple(scenes[i] for i in order), values, common)


def _common(looks: Looks, width: int) -> Float:
    shape = (*looks.values.shape[:2], width)
    return np.zeros(shape, np.float32) if looks.common is None else looks.common


def _settle(detector: Detector, memory: Memory, replay_days: int) -> Memory:
    """Move the checkpoint forward once it is more than twice the replay window behind."""
    newest, oldest = memory.looks.scenes[-1].day, memory.looks.scenes[0].day
    if newest - oldest <= 2 * replay_days:
        return memory
    old = memory.looks.days < newest - replay_days
    checkpoint, settled = update(detector, memory.checkpoint, memory.looks.take(old))
    later = memory.recent["instant"] > checkpoint.last.instant if checkpoint.last else np.ones(len(memory.recent), bool)
    kept = memory.looks.take(~old)
    log = np.concatenate([memory.settled, settled])
    return Memory(checkpoint, memory.current, kept, log, memory.recent[later])
