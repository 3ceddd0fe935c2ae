"""From evidence to a state: when a pixel is provisional, confirmed, expired, finished, and may alarm again."""

from typing import Annotated

from annotated_types import Ge, Gt, Interval

from detection.monitors.machine import Rules
from detection.types import parameters


@parameters
class Decision:
    """Rules over looks, the same for every monitor. States and codes are OPERA's (DIST-ALERT v1)."""

    anomaly: Annotated[float, Gt(0)] = 1.5
    """Residual scales below the baseline from which a look counts as anomalous."""
    provisional_share: Annotated[float, Interval(gt=0, le=1)] = 0.9
    """Share of the confirming evidence that makes a pixel provisional."""
    provisional_looks: Annotated[int, Ge(2)] = 2
    """Anomalous looks needed for provisional: one contaminated look must never do."""
    confirm_looks: Annotated[int, Ge(2)] = 2
    """Anomalous looks needed to confirm."""
    confirm_days: Annotated[int, Ge(0)] = 6
    """Days the anomalous looks must span to confirm a deep change: smoke persists from one look to the next."""
    slow_days: Annotated[int, Ge(0)] = 150
    """The same for a shallow change: drought, leaf fall and smoke are shallow and pass with a dry season of 4 to 5 months."""
    deep: Annotated[float, Gt(0)] = 5.0
    """Mean residual scales from which a change is deep (chosen with the defaults of the CUSUM)."""
    clear_looks: Annotated[int, Ge(1)] = 2
    """Normal looks in a row that wipe out a single anomalous one."""
    recovery_looks: Annotated[int, Ge(2)] = 8
    """Normal looks in a row that end an alarm (provisional: expired, confirmed: finished) and let the pixel alarm again."""
    expire_days: Annotated[int, Gt(0)] = 180
    """Days without a new anomalous look after which an unconfirmed alarm expires."""
    finish_days: Annotated[int, Gt(0)] = 365
    """Days after which a confirmed change is closed as finished; the pixel alarms again only after it has recovered."""
    high: Annotated[float, Gt(0)] = 4.5
    """Mean residual scales from which a change is of high magnitude (dist-s1 2.0.19, defaults.py)."""

    def __post_init__(self) -> None:
        if self.confirm_looks < self.provisional_looks:
            raise ValueError(
                f"confirm_looks {self.confirm_looks} is below provisional_looks {self.provisional_looks}; "
                "a change is provisional before it is confirmed"
            )

    def rules(self) -> Rules:
        """The numbers the decision machine takes."""
        return Rules(*(float(getattr(self, name)) for name in Rules._fields))
