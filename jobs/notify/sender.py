"""Sends what is due, one message after the other; never from a task. At least once, and the same message has the same id.

A message is claimed, handed to its channel, and settled by what the channel says: sent, tried again later (with the receiver's
own wish, where it states one), given up, or no longer wanted at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final, Protocol, TypeVar

from sqlalchemy.engine import Engine

from jobs.ledger import Clock
from jobs.notify import deliveries
from jobs.notify.bulletins import Bulletin
from jobs.notify.channels.result import Outcome, next_try
from jobs.notify.deliveries import DEAD, GONE, SENT, WAITING, Delivery

Item = TypeVar("Item", Delivery, Bulletin)
CHANCE: Final = Random().random  # noqa: S311 - spreads retries, keeps no secret

Post = Callable[[Sequence[Delivery]], Outcome]
"""Hands a message to the channel of its reader: one delivery, or all that leave together. One attempt."""


@dataclass
class Sent:
    """What a round of sending came to."""

    messages: int = 0
    """Messages handed over."""
    deliveries: int = 0
    """Revisions told by them."""
    again: int = 0
    """Deliveries that will be tried again."""
    given_up: int = 0
    """Deliveries given up."""
    failures: list[str] = field(default_factory=list)
    """A line for each that did not arrive."""

    def __add__(self, other: "Sent") -> "Sent":
        """Both together."""
        mine, theirs = vars(self), vars(other)
        return Sent(**{name: mine[name] + theirs[name] for name in mine})


class Queue(Protocol[Item]):
    """Messages on record."""

    def claim(self, now: datetime) -> Sequence[Item]:
        """What leaves together next, claimed; none where nothing is due."""

    def settle(self, claimed: Sequence[Item], state: str, at: datetime, next_at: datetime, answer: str) -> None:
        """What became of it."""


@dataclass(frozen=True)
class Deliveries:
    """The deliveries of a notification."""

    engine: Engine
    """The database."""
    notification: str
    """Its name."""
    together: Mapping[tuple[str, str], bool]
    """(reader, rule) -> whether its messages leave together."""

    def claim(self, now: datetime) -> Sequence[Delivery]:
        """As `deliveries.claim`."""
        return deliveries.claim(self.engine, self.notification, now, self.together)

    def settle(self, claimed: Sequence[Delivery], state: str, at: datetime, next_at: datetime, answer: str) -> None:
        """As `deliveries.settle`."""
        deliveries.settle(self.engine, claimed, state, at, next_at, answer)


def send_due(
    engine: Engine,
    notification: str,
    post: Post,
    *,
    now: Clock,
    together: Mapping[tuple[str, str], bool],
    chance: Callable[[], float] = CHANCE,
    most: int | None = None,
) -> Sent:
    """Send deliveries as `drain` does."""
    return drain(Deliveries(engine, notification, together), post, now=now, chance=chance, most=most)


def drain(
    queue: Queue[Item],
    post: Callable[[Sequence[Item]], Outcome],
    *,
    now: Clock,
    chance: Callable[[], float] = CHANCE,
    most: int | None = None,
) -> Sent:
    """Send until nothing is due, or so many messages. Raises BadDatabase; what a channel says never raises."""
    made = Sent()
    while most is None or made.messages + len(made.failures) < most:
        claimed = queue.claim(now())
        if not claimed:
            return made
        _settle(queue, claimed, post(claimed), now, chance, made)
    return made


def _settle(
    queue: Queue[Item], claimed: Sequence[Item], said: Outcome, now: Clock, chance: Callable[[], float], made: Sent
) -> None:
    at, one = now(), claimed[0]
    state, later = _state(said, max(d.attempts for d in claimed), chance)
    queue.settle(claimed, state, at, at + timedelta(seconds=later), said.why)
    if state == SENT:
        made.messages, made.deliveries = made.messages + 1, made.deliveries + len(claimed)
        return
    made.again += len(claimed) if state == WAITING else 0
    made.given_up += len(claimed) if state != WAITING else 0
    made.failures.append(f"{one.reader}: {len(claimed)} {'later' if state == WAITING else 'given up'}: {said.why}")


def _state(said: Outcome, attempts: int, chance: Callable[[], float]) -> tuple[str, float]:
    """(state, seconds until it is tried again)."""
    if said.state == "sent":
        return SENT, 0.0
    if said.state == "gone":
        return GONE, 0.0
    later = next_try(attempts, chance, said.after_s) if said.state == "again" else None
    return (DEAD, 0.0) if later is None else (WAITING, later)
