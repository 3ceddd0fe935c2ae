"""From what somebody typed to the alert that is meant."""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from detection.alerts import called, short_code
from detection.errors import BadInput
from jobs.database import ALERTS, REVISIONS, reading
from jobs.notify.opening import Key


def last_of(engine: Engine, job: str, text: str) -> Key:
    """The last revision of the alert of a job that a short code or an id names.

    Raises BadInput where none or several do, and as `called`.
    """
    number = sa.func.max(REVISIONS.c.number).label("number")
    newest = sa.select(ALERTS.c.id, number).join(REVISIONS).where(ALERTS.c.job == job).group_by(ALERTS.c.id)
    with reading(engine) as connection:
        last = {row.id: row.number for row in connection.execute(newest)}
    wanted = called(text)
    found = [ident for ident in sorted(last) if wanted in (ident, short_code(ident))]
    if not found:
        raise BadInput(f"{job}: no alert has the code or id {wanted!r}; `sachawatch alerts` lists them")
    if len(found) > 1:
        raise BadInput(f"{job}: {len(found)} alerts have the code {wanted}; give the id of one: {', '.join(found)}")
    return found[0], last[found[0]]
