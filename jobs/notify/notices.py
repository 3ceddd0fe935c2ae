"""Makes notices of the revisions in the store: where they are, which satellites looked, how long the place was hidden."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from detection.alerts import Alert
from detection.types import SECONDS_A_DAY, Grid, to_day
from jobs import store
from jobs.database import SCENES, reading
from jobs.notify.asked import NotifyConfig
from jobs.notify.notice import Notice
from jobs.notify.opening import Key
from jobs.overlays import Overlays, open_overlays
from jobs.places import places_of


class Maker:
    """Makes notices, and keeps those it has made: a revision never changes."""

    def __init__(self, engine: Engine, config: NotifyConfig, job: str, grid: Grid) -> None:
        """Opens the overlays. Raises as `open_overlays`."""
        self.engine, self.config, self.job, self.grid = engine, config, job, grid
        self.overlays: Overlays = open_overlays(config.overlays, grid)
        self._made: dict[Key, Notice] = {}
        self._looks = _looks(engine, job)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the overlays, a line each."""
        return self.overlays.notes

    def __call__(self, keys: Sequence[Key]) -> Mapping[Key, Notice]:
        """The notices of revisions. Raises KeyError for one that is not there, BadDatabase for a damaged one."""
        new = [key for key in dict.fromkeys(keys) if key not in self._made]
        found = store.revisions(self.engine, new)
        alerts = [found[key].alert for key in new]
        for key, place in zip(new, places_of(alerts, self.overlays, self.grid.resolution), strict=True):
            alert = found[key].alert
            self._made[key] = Notice(
                alert, store.message_kind(alert), place, found[key].known_at, self._platforms(alert), hidden_days(alert),
                self.config.title or self.job,
            )  # fmt: skip
        return {key: self._made[key] for key in keys}

    def _platforms(self, alert: Alert) -> tuple[str, ...]:
        """Satellites whose scenes were taken in since the change, up to this revision."""
        first = to_day(alert.change_date) * SECONDS_A_DAY
        return tuple(sorted({name for at, name in self._looks if first <= at <= alert.observed_at}))


def _looks(engine: Engine, job: str) -> list[tuple[int, str]]:
    asked = sa.select(SCENES.c.instant, SCENES.c.platform).where(SCENES.c.job == job, SCENES.c.outcome == "taken")
    with reading(engine) as connection:
        return [(row.instant, row.platform) for row in connection.execute(asked)]


def hidden_days(alert: Alert) -> int | None:
    """Days between the last clear look before the change and the first look on it; null where that is not known."""
    if alert.last_clear_before is None:
        return None
    return max(0, (alert.change_date - alert.last_clear_before).days - 1)
