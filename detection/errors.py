"""What can go wrong that a user can mend: one root, one leaf per remedy.

Every message is one line that names the thing, what was found and what to do.
"""


class DetectionError(Exception):
    """Root of all errors a user can mend."""


class BadInput(DetectionError, ValueError):
    """A file, table or value breaks its contract: the message names it, what was found, and the remedy."""


class GridMismatch(BadInput):
    """Two grids that must be the same differ; nothing here resamples silently."""


class NoImagery(BadInput):
    """The source has no scene for this area and period."""


class UnknownBand(BadInput):
    """A band or column was asked for that the source does not have."""


class StaleState(DetectionError):
    """A stored state was made with other parameters or on another grid."""


class SourceUnavailable(DetectionError):
    """The source exists but cannot be read now; trying again later may help."""
