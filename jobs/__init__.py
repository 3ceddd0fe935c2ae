"""Running it: config files in, committed alerts and products out."""

from typing import Final

PACKAGE: Final = "sachawatch"
"""Name of the distribution."""
