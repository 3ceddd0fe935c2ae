"""What the public is told of an alert: a box, another id, tenths of a hectare."""

import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
import shapely
from feedsetup import (
    FACTS,
    HOSTILE,
    LATTICE,
    LEFT,
    POINTS,
    SETS_OF_CELLS,
    SINGLE,
    TELLTALE,
    TOP,
    WORDING,
    WRITERS,
    inside,
    made,
    notice_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.alerts import NAMESPACE, short_code
from detection.errors import BadInput
from jobs.notify.feeds.places import coarse
from jobs.notify.feeds.told import sealed, told
from jobs.notify.notice import Nearby, Notice, Place


def test_the_coarse_place_is_a_box_of_a_fixed_grid_and_nothing_else() -> None:
    box = coarse(
        Place(shapely.box(0, 0, 1, 1), -69.47730, -12.98214, "19S 1 2", (inside("x"),), (Nearby("y", 1, "N"),))
    )
    assert box.geometry.bounds == (-69.5, -13.0, -69.45, -12.95)
    assert (box.lon, box.lat, box.utm, box.overlaps, box.nearby) == (-69.475, -12.975, "", (), ())


@pytest.mark.parametrize(
    ("lon", "west"),
    [(-69.45, -69.45), (-69.450001, -69.5), (0.0, 0.0), (-0.000001, -0.05), (0.15, 0.15), (180.0, 179.95)],
)
def test_an_edge_of_the_grid_is_in_one_box_only(lon: float, west: float) -> None:
    assert coarse(Place(shapely.Polygon(), lon, 0.0, "")).geometry.bounds[0] == west


@settings(max_examples=50, deadline=None)
@given(st.floats(-180, 180), st.floats(-90, 90))
def test_the_coarse_box_holds_the_point_and_is_the_same_for_itself(lon: float, lat: float) -> None:
    box = coarse(Place(shapely.Polygon(), lon, lat, ""))
    west, south, east, north = box.geometry.bounds
    assert west - 1e-6 <= lon <= east + 1e-6 and south - 1e-6 <= lat <= north + 1e-6
    assert (round(east - west, 6), round(north - south, 6)) == (0.05, 0.05)
    assert all(abs(v / 0.05 - round(v / 0.05)) < 1e-6 for v in box.geometry.bounds)
    assert coarse(box) == box and box.geometry.exterior.is_ccw


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=15, deadline=None)
@given(POINTS, SETS_OF_CELLS, st.sampled_from(HOSTILE[:8]))
def test_a_public_file_depends_on_the_box_alone(
    name: str, point: tuple[float, float], cells: set[tuple[int, int]], hostile: str
) -> None:
    def at(lon: float, lat: float, cells: Any, text: str) -> Notice:
        notice = notice_of(cells, text)
        square = shapely.box(lon, lat, lon + 0.0003, lat + 0.0003)
        return replace(notice, place=replace(notice.place, lon=lon, lat=lat, geometry=square, utm=f"19S {lon} {lat}"))

    one, other = at(-69.477, -12.98, [(0, 0)], "Tambopata"), at(*point, cells, hostile)
    write = WRITERS[name]
    assert write([one], FACTS, TELLTALE, public=True) == write([other], FACTS, TELLTALE, public=True)
    assert write([one], FACTS, TELLTALE) != write([other], FACTS, TELLTALE)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("seal", [b"", b"short"])
def test_a_public_file_without_a_secret_is_refused(name: str, seal: bytes) -> None:
    with pytest.raises(BadInput, match="give a secret of 16 or more"):
        WRITERS[name]([notice_of()], replace(FACTS, seal=seal), WORDING, public=True)
    WRITERS[name]([notice_of()], replace(FACTS, seal=seal), WORDING)


def test_an_id_gives_its_cell_away_and_the_sealed_one_does_not() -> None:
    def minted(row: int, column: int) -> str:
        return str(uuid.uuid5(NAMESPACE, f"madre-de-dios|{LATTICE}|{row},{column}|2026-05-01"))

    ident = minted(TOP + 31, LEFT + 17)
    guesses = {minted(TOP + r, LEFT + c): (r, c) for r in range(40) for c in range(40)}
    codes = {short_code(guess) for guess in guesses}
    notice = notice_of(
        id=ident, short_code=short_code(ident), previous_id=minted(TOP, LEFT), merged_into=minted(TOP, LEFT + 1)
    )
    for name, write in SINGLE.items():
        open_, public = (write([notice], FACTS, TELLTALE, public=p).decode() for p in (False, True))
        assert guesses[next(g for g in re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", open_) if g in guesses)] in (
            (31, 17),
            (0, 0),
            (0, 1),
        )
        assert not guesses.keys() & set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", public)), name
        assert not codes & set(re.findall(r"\b[0-9A-Z]{6}-[0-9A-Z]\b", public)), name


def test_a_sealed_id_is_a_uuid_that_depends_on_the_secret() -> None:
    ident = made().id
    assert uuid.UUID(sealed(ident, b"one")).variant == uuid.RFC_4122
    assert sealed(ident, b"one") == sealed(ident, b"one") != sealed(ident, b"two")
    public = told(notice_of(), FACTS, public=True).alert
    assert public.short_code == short_code(public.id) and len(public.cells) == 0


def test_public_areas_are_tenths_that_do_not_tell_the_easting() -> None:
    for field in ("area_ha", "confirmed_ha", "area_ha_new"):
        notices = [notice_of(**{field: a}) for a in (3.2178, 3.2213, 0.04, 0.0)]
        assert [getattr(told(n, FACTS, public=True).alert, field) for n in notices] == [3.2, 3.2, 0.1, 0.0]


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(FACTS)
