"""The one clock. SOURCE_DATE_EPOCH (reproducible-builds.org) stops it, so that two runs can be compared byte by byte."""

import os
from datetime import UTC, datetime

from detection.errors import BadInput


def now() -> datetime:
    """The present, UTC. Raises BadInput when SOURCE_DATE_EPOCH is set to anything but seconds since 1970."""
    stopped = os.environ.get("SOURCE_DATE_EPOCH")
    if not stopped:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(stopped), UTC)
    except (ValueError, OverflowError, OSError):  # no number, or a year that no calendar has
        raise BadInput(f"SOURCE_DATE_EPOCH: {stopped!r} is not a time in whole seconds since 1970; unset it") from None
