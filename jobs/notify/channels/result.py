"""What became of one attempt to send one message, and when the next one is due."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from detection.errors import BadInput
from detection.sources.fetch import asked_wait_s

State = Literal["sent", "again", "never", "gone"]
SCHEDULE_S: Final = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Waits before each attempt, the first at once: the retry schedule of Standard Webhooks 1.0.0, 75 h 35 min in all."""
JITTER: Final = 0.2
"""Share by which a wait is drawn shorter or longer, so that receivers that failed together are not asked together; chosen."""
LONGEST_S: Final = 86_400.0
"""A receiver can put us off for no longer than the longest wait of the schedule."""
TRANSIENT: Final = frozenset({408, 409, 425, 429})
"""Client errors that may heal: time-out, conflict, too early, too many (RFC 9110, 15.5.9 and 15.5.10; RFC 8470; RFC 6585)."""


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt."""

    state: State
    """`sent`; `again`: may heal; `never`: will not; `gone`: the receiver wants no more, of this or anything else."""
    why: str
    """One line without secrets: who was asked, and what was answered."""
    after_s: float | None = None
    """Seconds the receiver asked us to wait, at most a day; null where it did not."""
    code: int | None = None
    """HTTP or SMTP code of the answer; null where none came."""


def next_try(attempt: int, random: Callable[[], float], after_s: float | None = None) -> float | None:
    """Seconds to wait once `attempt` attempts were made, never less than after_s; None: no more, a dead letter.

    random gives a number of [0, 1). Raises BadInput for a negative count.
    """
    if attempt < 0:
        raise BadInput(f"attempt: {attempt} attempts cannot have been made; count from 0")
    if attempt >= len(SCHEDULE_S):
        return None
    return max(SCHEDULE_S[attempt] * (1 + JITTER * (2 * random() - 1)), after_s or 0.0)


def of_status(code: int, who: str, after_s: float | None = None) -> Outcome:
    """What an HTTP status means; who is `host:port`. A redirect is final: whom it leads to nobody has checked."""
    said = f"{who}: HTTP {code}"
    if 200 <= code < 300:
        return Outcome("sent", said, code=code)
    if code == 410:
        return Outcome("gone", f"{said}, the receiver wants no more messages", code=code)
    if 300 <= code < 400:
        return Outcome("never", f"{said}, a redirect, which is not followed; give the address it leads to", code=code)
    if 400 <= code < 500 and code not in TRANSIENT:
        return Outcome("never", said, code=code)
    return Outcome("again", said, after_s, code)


def retry_after_s(stated: str | None, date: str | None) -> float | None:
    """Seconds that Retry-After asks for, 0 to a day, as `asked_wait_s` reads it; None: unsaid."""
    return asked_wait_s(stated, date, LONGEST_S)
