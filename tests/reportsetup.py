"""A report made by hand, with everything that could go wrong in a form."""

from shapely import MultiPolygon, box

from jobs.reports.parts import Chart, Column, Layer, Report, Table
from jobs.words import _

HOSTILE = '=HYPERLINK("http://x.example","y") <script>alert(1)</script> \x07 ñ, "quoted"\nsecond line'
"""Text of somebody else's: a formula, markup, a character XML has not, what separates columns and lines."""
AREAS = Table(
    "area_estimates", _("Size"), (Column("class"), Column("area_ha", "ha", _("Where")), Column("n", digits=0), Column("year")),
    (("loss", 21157.762123456789, 75, 2023), (HOSTILE, float("nan"), None, 2024), ("-1+1", -0.5, 0, 2024)),
    lambda words: (words.say(_("Where")),),
)  # fmt: skip
SVG = '<svg viewBox="0 0 200 40" xmlns="http://www.w3.org/2000/svg"><text x="4" y="20" fill="#1d2b24">1</text></svg>'
REPORT = Report(
    name="by-hand", title=_("Forest change"), place="Madre de Dios <&>", simulated=True,
    plain=lambda words: (words.say(_("Forest cleared")), "entre 1 y 2"), unknown=lambda words: (words.say(_("Not seen")),),
    tables=(AREAS, Table("empty", _("Code"), (Column("a"),), ())),
    charts=(Chart("c", _("Size"), lambda _: SVG, lambda words: (words.say(_("Size")),)),),
    layers=(Layer("points", "EPSG:32719", ({"id": "a", "ha": 1.5, "n": 1}, {"id": None, "ha": None, "n": 2}),
                  (MultiPolygon([box(0, 0, 30, 30)]), MultiPolygon([box(30, 0, 60, 30)]))),),
    files={"ceo/plots.csv": b"LON,LAT,PLOTID\n"}, basis={"inputs": {"map.tif": "0" * 64}},
)  # fmt: skip
