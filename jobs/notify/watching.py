"""What bulletins there are to tell now: asks the record and the states of a job, and leaves the deciding to `bulletins`."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Engine

from jobs import ledger, store
from jobs.config import JobConfig
from jobs.notify import noticeboard
from jobs.notify.asked import NotifyConfig
from jobs.notify.bulletins import OPEN, Bulletin, decided, seen_in
from jobs.notify.notices import Maker
from jobs.notify.sectors import sectors


def watched(
    engine: Engine, config: NotifyConfig, job: JobConfig, maker: Maker, at: datetime
) -> tuple[list[Bulletin], list[tuple[str, str]]]:
    """As `bulletins.decided`; nothing without `bulletin` in the config, or before the job has looked at anything."""
    watch, tiles = config.bulletin, ledger.tiles(engine, job.name)
    if watch is None or not any(tile.state for tile in tiles):
        return [], []
    home = Path(job.output.folder) / job.name / "state"
    found = sectors(tiles, maker.grid, home, maker.overlays, watch.sectors)
    alerts = store.latest(engine, job.name)
    open_ones = [alert for alert in alerts.values() if alert.status in OPEN]
    made, began = maker([(one.id, one.revision) for one in open_ones]), store.began_at(engine, job.name)
    notices = [(notice, began[ident]) for (ident, _), notice in made.items()]
    seen = seen_in(watch, found, notices, at.date(), job.patches.join_window_days)
    readers = {one.name: ZoneInfo(one.zone) for one in config.readers if one.name in watch.to}
    return decided(
        watch, config.name, readers, seen, noticeboard.before(engine, config.name), at, config.digest_at, config.since,
        simulated=job.sources.kind == "simulated" or any(one.simulated for one in alerts.values()),
    )  # fmt: skip
