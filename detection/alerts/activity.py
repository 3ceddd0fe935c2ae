"""Does what an alert tells of still go on?"""

from datetime import date
from typing import Literal

from detection.alerts.record import Alert

Activity = Literal["active", "dormant", "regrowing", "unknown"]


def activity(alert: Alert, seen: date | None, join_window_days: int) -> Activity:
    """What goes on at an alert, as far as its place has been seen.

    seen: the last day on which the place was seen clearly; null: never since, or not known. active: it has grown within the
    window in which it may grow (`Patches.join_window_days`) before that day. dormant: it was seen later, and had not.
    regrowing: its cells came back to what the forest looks like. unknown: it was not seen since it grew, or is over.
    """
    if alert.status == "finished":
        return "regrowing" if alert.detection_status == "finished" else "unknown"
    if alert.status not in ("provisional", "confirmed") or seen is None or seen < alert.last_detected:
        return "unknown"
    return "dormant" if (seen - alert.last_detected).days > join_window_days else "active"
