"""Secrets are named in the config, never written there: `env:NAME` or `file:/path`."""

import os
import re
import stat
from typing import Final

from detection.errors import BadInput

LONGEST: Final = 4_096
"""Bytes; far above any password or token (chosen)."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What would break a header line."""


def secret(reference: str) -> str:
    """The secret behind a reference, one line, without the line break at its end.

    A file must be a plain one that only its owner can read. Raises BadInput, one line that names the reference and not
    the secret, for one that is unknown, absent, empty, of several lines, too long, or open to others.
    """
    kind, _, place = reference.partition(":")
    if kind == "env" and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", place):
        found = os.environ.get(place)
        if found is None:
            raise BadInput(f"secret {reference}: is not set; export {place} before the start")
    elif kind == "file" and place.startswith("/") and not CONTROL.search(place):
        found = _read(place)
    else:  # perhaps the secret itself, written where its name should stand: it is not repeated
        raise BadInput("secret: the reference is not known; write env:NAME or file:/absolute/path")
    found = found.removesuffix("\n").removesuffix("\r")
    if not found or len(found) > LONGEST or CONTROL.search(found):
        raise BadInput(f"secret {reference}: is empty, too long or of several lines; give one line of text")
    return found


def _read(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # does not wait for whoever fills a pipe
    except OSError as error:
        raise BadInput(f"secret file:{path}: cannot be read ({error.strerror}); check path and owner") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise BadInput(f"secret file:{path}: is not a plain file; name the file that holds the secret")
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadInput(f"secret file:{path}: others may use it (mode {mode & 0o777:04o}); chmod 600 it")
        content = os.read(handle, LONGEST + 3)
    finally:
        os.close(handle)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise BadInput(f"secret file:{path}: is not UTF-8 text; give one line of text") from None
