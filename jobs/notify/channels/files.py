"""All alerts that a reader was told of, as files for other programs, each replaced whole."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.notify.channels.result import Outcome
from jobs.notify.feeds import FeedFacts, Wording
from jobs.notify.feeds.atom import atom
from jobs.notify.feeds.cap import Earlier, cap
from jobs.notify.feeds.gpx import gpx
from jobs.notify.feeds.kml import kml
from jobs.notify.feeds.told import told
from jobs.notify.notice import Notice


def cap_of(
    notice: Notice, facts: FeedFacts, wording: Wording, earlier: Sequence[Earlier], *, public: bool
) -> tuple[str, bytes]:
    """(file name, CAP message) of what is told now; earlier: what was told of the alert before."""
    message = cap(notice, facts, {facts.language: wording}, earlier, public=public)
    shown = told(notice, facts, public=public).alert
    return f"{shown.id}.{shown.revision}.cap.xml", message


def put(
    folder: Path,
    notices: Sequence[Notice],
    facts: FeedFacts,
    wording: Wording,
    messages: Mapping[str, bytes],
    *,
    public: bool,
) -> Outcome:
    """Write `alerts.atom`, `alerts.kml` and `alerts.gpx`, and these messages by their file names. A folder that cannot be written
    to is `again`; raises BadInput as the writers do."""
    made = {
        **messages,
        "alerts.atom": atom(notices, facts, wording, public=public),
        "alerts.kml": kml(notices, facts, wording, public=public),
        "alerts.gpx": gpx(notices, facts, wording, public=public),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            replaced(folder, name, content)
    except OSError as error:
        return Outcome("again", f"{folder}: {error.strerror}; make it writable, or free some space")
    return Outcome("sent", f"{len(notices)} alerts in {folder}")


def replaced(folder: Path, name: str, content: bytes) -> None:
    """Write a file whole or not at all. Raises OSError."""
    hidden = folder / f".{name}.tmp"
    with hidden.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    hidden.replace(folder / name)
