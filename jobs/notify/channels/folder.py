"""Letters into a folder, one file each: to try a notification out, or to carry it where no network goes."""

import os
from email.message import EmailMessage
from pathlib import Path

from jobs.notify.channels.result import Outcome


def put(folder: Path, ident: str, message: EmailMessage) -> Outcome:
    """Write `folder/ident.eml`, whole or not at all; the same letter again replaces itself. A folder that cannot be written to is
    `again`."""
    target, hidden = folder / f"{ident}.eml", folder / f".{ident}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hidden.open("wb") as opened:
            opened.write(message.as_bytes())
            opened.flush()
            os.fsync(opened.fileno())
        hidden.replace(target)
    except OSError as error:
        return Outcome("again", f"{folder}: {error.strerror}; make it writable, or free some space")
    return Outcome("sent", f"{target}")
