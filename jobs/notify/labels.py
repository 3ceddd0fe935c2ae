"""Words of pages that stand by themselves: headings, columns, keys."""

from typing import Final

from jobs.words import _

LABELS: Final = {
    "pictures": _("Before and after"),
    "no_picture": _("No picture: the images that are kept do not show the place both before and after the change."),
    "too_large": _("No picture: it would be too large for a weak network."),
    "curve": _("What the images say"),
    "no_curve": _("No curve: no image that is kept shows the place."),
    "date": _("Date of the image"),
    "hidden": _("image, place hidden"),
    "band": _("time in which it happened"),
    "letters": _("The letters above:"),
    "table": _("The same numbers as a table"),
    "sensor": _("Satellite"),
    "index": _("Index"),
    "value": _("Value"),
    "clear": _("Clear"),
    "not_clear": _("hidden"),
    "mean": _("A value is the mean over the cells of the alert that were clear. An image that shows less than half of"
              " them counts as hidden."),
    "interval": _("When it happened"),
    "unseen": _("What was not seen"),
    "images": _("Images"),
    "of_them_hidden": _("Hidden"),
    "last_clear": _("Last clear"),
    "ago": _("The days are counted to the last image used."),
    "where": _("Where"),
    "open_map": _("Open in the map of the phone"),
    "touches": _("What it touches"),
    "how_much": _("How much of the alert"),
    "layer": _("Map"),
    "never_summed": _("These areas may lie over one another: never add them up."),
    "no_touch": _("It touches nothing that the maps of this service hold."),
    "nearby": _("Near"),
    "locator": _("Its outline, north up. Dark: confirmed. The cross: the point of the coordinates."),
    "north": _("N"),
    "sure": _("How sure"),
    "history": _("History of the alert"),
    "revision": _("Revision"),
    "provenance": _("Where this comes from"),
    "told": _("Alerts told"),
    "newest": _("The newest word comes first."),
}  # fmt: skip
"""Name in the templates -> text."""
CONFIDENCE: Final = {
    "low": _("Few images show it so far."),
    "high": _("Several images show it."),
    "highest": _("Two kinds of satellite show it."),
}
"""Confidence of an alert -> in words."""
_FOREST: Final = _("High where living forest stands, low on bare ground and water.")
INDICES: Final = dict.fromkeys(("nbr", "nbr2", "ndvi", "ndmi", "evi", "savi"), _FOREST)
"""Index -> what its numbers mean."""
RADAR: Final = _("Strength of the radar's echo, in decibels; cloud does not hide the ground from it.")
