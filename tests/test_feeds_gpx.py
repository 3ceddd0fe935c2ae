"""GPX, as gpxpy and GDAL read it."""

from pathlib import Path

import gpxpy
import pyogrio
import pytest
from feedchecks import check_gpx
from feedsetup import FACTS, WORDING, notice_of, several

from detection.errors import BadInput
from jobs.notify.feeds.gpx import SYMBOLS, gpx


def test_gdal_reads_the_waypoints(tmp_path: Path) -> None:
    (tmp_path / "a.gpx").write_bytes(gpx(several(), FACTS, WORDING))
    frame = pyogrio.read_dataframe(tmp_path / "a.gpx", layer="waypoints").set_index("name")
    for notice in several():
        row = frame.loc[notice.alert.short_code]
        assert (row.geometry.x, row.geometry.y) == (notice.place.lon, notice.place.lat)
        assert row["time"].to_pydatetime() == notice.known_at.replace(microsecond=0)
        assert (row["desc"], row["sym"]) == (WORDING.body(notice), SYMBOLS.get(notice.alert.status, "Circle with X"))


def test_a_route_goes_through_the_alerts_in_the_order_asked() -> None:
    ids = [several()[i].alert.id for i in (4, 0, 4)]
    content = gpx(several(), FACTS, WORDING, route=ids)
    check_gpx(content, several())
    (route,) = gpxpy.parse(content.decode()).routes
    assert (route.name, [p.name for p in route.points]) == (FACTS.title, ["C4-X", "C0-X", "C4-X"])
    assert [(p.longitude, p.latitude) for p in route.points] == [
        (several()[i].place.lon, several()[i].place.lat) for i in (4, 0, 4)
    ]


def test_a_route_to_a_stranger_or_in_public_and_a_code_no_unit_takes_are_refused() -> None:
    with pytest.raises(BadInput, match="no alert of the file"):
        gpx([notice_of()], FACTS, WORDING, route=["somebody"])
    with pytest.raises(BadInput, match="where the patrol goes"):
        gpx([notice_of()], FACTS, WORDING, route=[notice_of().alert.id], public=True)
    for code in ("K7Q4M2-X-LONG", "Ñ7Q4M2-X", "K7\nM2-X"):
        with pytest.raises(BadInput, match="GPS units take names of 10 ASCII characters"):
            gpx([notice_of(short_code=code)], FACTS, WORDING)
