"""Reference points: files as other programs write them, every row once, and every bad file in one line."""

import gzip
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from detection.areas import project
from detection.errors import BadInput, UnknownBand
from detection.types import to_day
from models.reference import CHECKS, Reference, ReferencePoints, blocks, read_points

KNOWN = ("forest", "mining", "palm")
OURS = {"Bosque": "forest", "Bosque primario": "forest", "Minería": "mining", "Palma": "palm"}
SAMPLES = (
    "plotid,sampleid,sample_internal_id,lon,lat,email,flagged,collection_time,analysis_duration,used_geodash,used_kml,"
    "imagery_title,imagery_attributions,sample_geom,confidence,confidence_comment,pl_STRATUM,smpl_NOTE,Cobertura,"
    "Año del cambio,Guest Interpreters"
)
PLOTS = (
    "plotid,center_lon,center_lat,shape,size_m,sample_points,email,flagged,flagged_reason,confidence,used_kml,"
    "used_geodash,collection_time,analysis_duration,common_securewatch_date,total_securewatch_dates,pl_STRATUM,"
    "Cobertura:Bosque,Cobertura:Bosque primario,Cobertura:Minería,Cobertura:Agua"
)
SEPAL = "id,YCoordinate,XCoordinate,elevation,slope,aspect,region,country,geometry,area,map_class,ref_code,map_code"
REASONS = tuple(reason for reason, _ in CHECKS)


def asked(path: Path, kind: str = "csv", label: str = "class", **more: Any) -> ReferencePoints:
    return ReferencePoints(path=path, format=kind, label=label, **{"classes": OURS, **more})


def table(folder: Path, *lines: str, name: str = "points.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(folder: Path, *lines: str, **more: Any) -> Reference:
    return read_points(asked(table(folder, *lines), **more), KNOWN)


def sample(plot: str, number: str, place: str, answer: str, flagged: str = "false", more: str = ",") -> str:
    confidence, year = more.split(",")
    return (
        f"{plot},{number},9{number},{place},ana@x.pe,{flagged},2024-05-03 10:22,12.3 secs,false,false,Planet,"
        f'"2023, June",POINT(0 0),{confidence},,7,,{answer},{year},'
    )


def plot(ident: str, place: str, flagged: str, *shares: Any) -> str:
    return f"{ident},{place},square,30,9,ana@x.pe,{flagged},,90,false,false,2024-05-03 10:22,12.3 secs,,,7," + ",".join(
        map(str, shares)
    )


def gpkg(path: Path, shapes: list[Any], columns: dict[str, Any], crs: str = "EPSG:4326", **keys: Any) -> Path:
    blobs = shapely.to_wkb(np.array(shapes, object))
    pyogrio.raw.write(
        path, blobs, [np.array(v) for v in columns.values()], list(columns), layer=keys.pop("layer", "puntos"),
        driver="GPKG", geometry_type="Unknown", crs=crs, append=path.exists(), **keys,
    )  # fmt: skip
    return path


def test_samples_of_collect_earth_online(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "\ufeff" + SAMPLES,
        sample("12", "1", "-70.1,-12.1", "Bosque", more="80,"),
        sample("12", "2", "-70.2,-12.1", "Minería", more=",2021"),
        sample("13", "1", "-70.3,-12.1", "", flagged="true"),
        sample("14", "1", "-70.4,-12.1", ""),
        sample("15", "1", "-70.5,-12.1", "Agua"),
        sample("16", "1", "-70.6,-12.1", "Bosque"),
        sample("16", "1", "-70.6,-12.1", "Minería"),
        sample("17", "1", "-70.7,-12.1", "Bosque"),
        sample("17", "1", "-70.7,-12.1", "Bosque primario"),
    )
    how = asked(path, "ceo", "Cobertura", confidence="confidence", date="Año del cambio")
    found = read_points(how, KNOWN)
    assert found.ids == ("12/1", "12/2", "17/1") and found.label == ("forest", "mining", "forest")
    assert found.lon.tolist() == [-70.1, -70.2, -70.7] and found.lat.tolist() == [-12.1] * 3
    assert found.weight.tolist() == [0.8, 1, 1]
    assert found.first.tolist() == [-1, to_day(date(2021, 1, 1)), -1]
    assert found.last.tolist() == [-1, to_day(date(2021, 12, 31)), -1] and found.last.dtype == np.int32
    assert found.left_out == {
        "flagged by the interpreter": ("13/1",),
        "no answer": ("14/1",),
        "one id with different answers": ("16/1", "16/1"),
        "answer without an entry in `classes`": ("15/1",),
        "repeats an answer already counted": ("17/1",),
    }
    assert found.lines() == (
        "3 of 9 rows are points with a known answer: forest 2, mining 1",
        "1 of them say when",
        "1 left out, flagged by the interpreter: 13/1",
        "1 left out, no answer: 14/1",
        "2 left out, one id with different answers: 16/1, 16/1",
        "1 left out, answer without an entry in `classes`: 15/1",
        "1 left out, repeats an answer already counted: 17/1",
        "without an entry in `classes`: `Agua` 1",
        "in `classes`, but the answer of no row: `Palma`",
        "8 rows with an empty `confidence` count 1",
    )


def test_plots_of_collect_earth_online(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "\ufeff" + PLOTS,
        plot("1", "-70.1,-12", "false", "66.67", "0", "33.33", "0"),
        plot("2", "-70.2,-12", "false", "50.00", "0", "50.00", "0"),
        plot("3", "-70.3,-12", "false", "40.00", "20.00", "40.00", "0"),
        plot("4", "-70.4,-12", "false", "0", "0", "0", "0"),
        plot("5", "-70.5,-12", "true", "100.00", "0", "0", "0"),
        plot("6", "-70.6,-12", "false", "0", "0", "0", "100.00"),
        plot("7", "-70.7,-12", "false", "16.67", "33.34", "49.99", "0"),
        plot("8", "-70.8,-12", "false", "seen", "0", "100.00", "0"),
        plot("9", "-70.9,-12", "false", "0", "0", "50.01", "49.99"),
        kind="ceo",
        label="Cobertura",
    )
    assert dict(zip(found.ids, found.label, strict=True)) == {"1": "forest", "3": "forest", "9": "mining"}
    assert found.left_out == {
        "flagged by the interpreter": ("5",),
        "no answer with more than half of the plot": ("2", "7", "8"),
        "no answer": ("4",),
        "answer without an entry in `classes`": ("6",),
    }


def test_an_uploaded_column_of_a_plot_file_may_hold_the_answer(tmp_path: Path) -> None:
    row = plot("1", "-70.1,-12", "false", 0, 0, 0, 100)
    found = read(tmp_path, PLOTS, row, kind="ceo", label="pl_STRATUM", classes={"7": "palm"})
    assert found.label == ("palm",)


def test_points_of_sepal(tmp_path: Path) -> None:
    rows = [f"{i},-12.{i},-70.5,230,1,2,MDD,PER,,3.5,forest,{code},1" for i, code in enumerate((1, 2, 3), 1)]
    found = read(tmp_path, SEPAL, *rows, kind="sepal", label="ref_code", classes={"1": "forest", "2": "mining"})
    assert found.ids == ("1", "2") and found.label == ("forest", "mining")
    assert found.lon.tolist() == [-70.5, -70.5] and found.lat.tolist() == [-12.1, -12.2]
    analysed = read(tmp_path, "LON,LAT,ref_code,map_code", "-70.5,-12.1,1,2", kind="sepal", label="ref_code",
                    classes={"1": "forest"})  # fmt: skip
    assert analysed.ids == ("1",) and (analysed.lon[0], analysed.lat[0]) == (-70.5, -12.1)


def test_a_plain_table_in_metres_and_without_classes(tmp_path: Path) -> None:
    lonlat = project(shapely.Point(400_000, 8_600_000), "EPSG:32719", "EPSG:4326")
    lines = ("id,x,y,class", "a,400000,8600000,forest", "b,400100,8600000,Bosque", "c,1e300,8600000,palm")
    found = read(tmp_path, *lines, crs="EPSG:32719", classes={})
    assert found.ids == ("a",) and (found.lon[0], found.lat[0]) == pytest.approx((lonlat.x, lonlat.y))
    assert found.left_out == {
        "answer without an entry in `classes`": ("b",),
        "coordinates of no place on Earth": ("c",),
    }
    packed = tmp_path / "points.csv.gz"
    packed.write_bytes(gzip.compress(b"lon,lat,class\n-70,-12,Bosque\n"))
    assert read_points(asked(packed), KNOWN).ids == ("1",)


def test_a_geopackage_of_points_and_polygons(tmp_path: Path) -> None:
    square = shapely.box(499_900, 8_599_900, 500_100, 8_600_100)
    shapes = [
        shapely.Point(500_000, 8_600_500), square, shapely.MultiPoint([(500_000, 8_700_000)]), shapely.Point(),
        shapely.LineString([(0, 0), (1, 1)]), None, shapely.MultiPoint([(0, 0), (1, 1)]), shapely.Point(np.inf, 1),
    ]  # fmt: skip
    columns = {"class": ["Bosque", "Minería", "Palma", *["Bosque"] * 5], "year": [2019.0, *[np.nan] * 7]}
    path = gpkg(tmp_path / "a.gpkg", shapes, columns, crs="EPSG:32719")
    found = read_points(asked(path, "geopackage", date="year"), KNOWN)
    assert found.ids == ("1", "2", "3") and found.label == ("forest", "mining", "palm")
    inside = shapely.points(found.lon, found.lat)[1]
    assert project(square, "EPSG:32719", "EPSG:4326").contains(inside)
    assert found.lon[0] == pytest.approx(-69) and found.lat[2] > found.lat[0]
    assert found.first.tolist() == [to_day(date(2019, 1, 1)), -1, -1]
    assert found.left_out == {"no coordinates that can be read": ("4", "5", "6", "7", "8")}
    gpkg(path, [shapely.Point(-70, -12)], {"class": ["Bosque"], "code": ["p1"]}, layer="más")
    other = read_points(asked(path, "geopackage", layer="más", id="code"), KNOWN)
    assert other.ids == ("p1",) and (other.lon[0], other.lat[0]) == (-70, -12)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",-70,-12,Bosque,,,1", "no id"),
        ("a,-70,-12,,,,1", "no answer"),
        ("a,-70,-12,Agua,,,1", "answer without an entry in `classes`"),
        ("a,-70,-12,Otra,,,1", "entry in `classes` that is no class of ours"),
        ("a,,-12,Bosque,,,1", "no coordinates that can be read"),
        ("a,nan,-12,Bosque,,,1", "no coordinates that can be read"),
        ("a,-70,-inf,Bosque,,,1", "no coordinates that can be read"),
        ("a,70 W,-12,Bosque,,,1", "no coordinates that can be read"),
        ("a,-12,-97,Bosque,,,1", "coordinates of no place on Earth"),
        ("a,-181,-12,Bosque,,,1", "coordinates of no place on Earth"),
        ("a,-70,-12,Bosque,31/12/2020,,1", "a date that cannot be read or is before 1970"),
        ("a,-70,-12,Bosque,,2020-13,1", "a date that cannot be read or is before 1970"),
        ("a,-70,-12,Bosque,2021-02-29,,1", "a date that cannot be read or is before 1970"),
        ("a,-70,-12,Bosque,1969,2020,1", "a date that cannot be read or is before 1970"),
        ("a,-70,-12,Bosque,2021-06-02,2021-06-01,1", "last date before the first"),
        ("a,-70,-12,Bosque,,,0", "a weight not above 0, or a confidence above 100"),
        ("a,-70,-12,Bosque,,,high", "a weight not above 0, or a confidence above 100"),
        ("a,-70", "no answer"),
    ],
)
def test_a_row_that_is_no_point_is_listed_with_its_reason(tmp_path: Path, row: str, reason: str) -> None:
    classes = {"Bosque": "forest", "Otra": "forrest"}
    columns = {"date_first": "from", "date_last": "to", "weight": "w", "classes": classes}
    found = read(tmp_path, "id,lon,lat,class,from,to,w", row, "z,-71,-12,Bosque,2020-02,2020-02,2.5", **columns)
    assert found.left_out == {reason: ("row 1",) if reason == "no id" else ("a",)}
    assert found.ids == ("z",) and found.weight.tolist() == [2.5]
    assert (found.last - found.first).tolist() == [28], "February 2020 has 29 days"
    found.lon[0] = 0  # ours to change: no view of a table
    assert any("`forrest` (did you mean `forest`?)" in line for line in found.lines())


def test_rows_of_one_id_must_agree(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "id,lon,lat,class,when",
        "same,-70,-12,Bosque,2020-01-01",
        "same,-70.000000001,-12,Bosque primario,2020-01-01T10:00:00Z",
        "torn,-70.1,-12,Bosque,",
        "torn,-70.1,-12,Agua,",
        "later,-70.2,-12,Bosque,2020",
        "later,-70.2,-12,Bosque,2021",
        "moved,-70.3,-12,Bosque,",
        "moved,-70.3001,-12,Bosque,",
        "torn,nowhere,-12,Bosque,",
        date="when",
    )
    half = read(tmp_path, "lon,lat,class,to", "-70,-12,Bosque,2020", date_last="to")
    assert half.first.tolist() == [-1] and half.lines()[1] == "1 of them say when, 1 at one end only"
    assert found.ids == ("same",) and found.first.tolist() == found.last.tolist() == [to_day(date(2020, 1, 1))]
    assert found.left_out == {
        "one id with different answers": ("torn", "torn", "torn"),
        "one id with different dates": ("later", "later"),
        "one id at different places": ("moved", "moved"),
        "repeats an answer already counted": ("same",),
    }


def test_points_of_different_answers_within_a_metre_are_left_out(tmp_path: Path) -> None:
    metre = 1 / 111_195
    found = read(
        tmp_path,
        "id,lon,lat,class",
        "a,-70,0,Bosque",
        f"b,{-70 + 0.9 * metre},0,Palma",
        f"c,-70,{1.2 * metre},Minería",
        f"d,-70,{1.2 * metre},Minería",
        "e,180,-60,Bosque",
        "f,-180,-60,Palma",
    )
    assert found.ids == ("c", "d")
    assert found.left_out == {"different answers within 1 m": ("a", "b", "e", "f")}


WORDS = st.sampled_from(("", "1", "a", "Bosque", "Agua", "Palma", "nan", "2020", "2020-02-30", "-1", "1e400", "true"))
PLACED = st.sampled_from(("-70", "-70.0000001", "-71", "99999999999999999999999999", "", "x", "0"))
ROW = st.tuples(st.sampled_from(("", "1", "2", "3")), PLACED, PLACED, WORDS, WORDS, WORDS, WORDS, WORDS)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=12), st.sampled_from(("csv", "ceo")))
def test_every_row_ends_up_once(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], kind: str
) -> None:
    path = table(tmp_path_factory.mktemp("rows"), "id,lon,lat,class,from,to,w,flagged", *map(",".join, rows))
    names = {"id": "id", "date_first": "from", "date_last": "to", "weight": "w"}
    found = read_points(asked(path, kind, **names), KNOWN)
    listed = [ident for ids in found.left_out.values() for ident in ids]
    assert sorted([*found.ids, *listed]) == sorted(row[0] or f"row {n}" for n, row in enumerate(rows, 1))
    assert len(set(found.ids)) == len(found.ids) and set(found.left_out) <= set(REASONS)
    assert set(found.label) <= set(KNOWN)
    assert np.isfinite([found.lon, found.lat, found.weight]).all() and (found.first >= -1).all()
    assert found.lines()[0].startswith(f"{len(found.ids)} of {len(rows)} rows")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-180, 180), st.integers(-90, 90)), min_size=1, max_size=20, unique=True))
def test_blocks_are_squares_and_do_not_depend_on_other_points(places: list[tuple[int, int]]) -> None:
    lon, lat = np.array(places, np.float64).T
    many = len(places)
    none = np.full(many, -1, np.int32)
    found = Reference(tuple(map(str, range(many))), lon, lat, ("palm",) * many, none, none, np.ones(many), {})
    numbers = blocks(found, 500_000)
    np.testing.assert_array_equal(blocks(found.take(np.array([many - 1])), 500_000), numbers[-1:])
    for a in range(many):
        assert len(set(numbers[(abs(lon - lon[a]) > 6) & (numbers == numbers[a])])) == 0, "500 km is 5.2 degrees"


def test_points_can_be_taken_and_listed_under_a_reason_of_the_caller(tmp_path: Path) -> None:
    found = read(tmp_path, "lon,lat,class", "-70,-12,Bosque", "-70.001,-12,Palma", "-71,-12,Minería", "-72,-12,Agua")
    assert found.take(np.array([True, False, True])).label == ("forest", "mining")
    assert found.take(np.array([2, 0])).ids == ("3", "1")
    less = found.without(found.lon < -70.5, "outside the imagery")
    assert less.ids == ("1", "2") and less.left_out["outside the imagery"] == ("3",)
    assert less.lines()[0].startswith("2 of 4 rows")
    again = less.without(np.array([True, False]), "outside the imagery")
    assert again.left_out["outside the imagery"] == ("3", "1") and found.ids == ("1", "2", "3")
    assert found.without(np.zeros(3, bool), "outside").left_out == found.left_out
    near, _, far = blocks(found, 10_000)
    assert near == blocks(found, 10_000)[1] != far
    for side in (0, -5, np.inf, np.nan):
        with pytest.raises(BadInput, match="give 1 m or more"):
            blocks(found, side)


def test_a_config_can_hold_it() -> None:
    adapter = TypeAdapter(ReferencePoints)
    made = adapter.validate_python({"path": "a.csv", "format": "csv", "label": "c", "classes": {"1": "forest"}})
    assert made == asked(Path("a.csv"), label="c", classes={"1": "forest"}) and made.kind == "points"
    for wrong in ({"crs": "EPSG:4326", "format": "ceo"}, {"layer": "a", "format": "csv"}):
        with pytest.raises(BadInput, match="leave it out"):
            ReferencePoints(path=Path("a"), label="c", **wrong)
    for twice in (
        {"date": "a", "date_last": "b"},
        {"date": "a", "date_first": "b"},
        {"weight": "a", "confidence": "b"},
    ):
        with pytest.raises(BadInput, match="are both given; keep one"):
            asked(Path("a"), **twice)


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b"", {}, "is empty; the first line must name the columns"),
        (b"lon,lat,class\n", {}, "has a header but no rows"),
        (b"lon;lat;class\n1;2;Bosque\n", {}, "separated by ';'; save the table with commas"),
        (b"lon,lat,class\n1,2,Bosque,3\n", {}, "is no table .*; save it as CSV"),
        (b'lon,lat,class\n1,2,"Bosque\n', {}, "is no table .*; save it as CSV"),
        (b"lon,lat,class\n1,2,Miner\xeda\n", {}, r"no CSV in UTF-8 \(byte 23\); save it as UTF-8"),
        (b"lon,lat,Class\n1,2,Bosque\n", {}, r"no column `class` \(did you mean `Class`\?\); found lon, lat, Class"),
        (b"lon,lat,a\n1,2,Bosque\n", {}, "no column `class`; found lon, lat, a"),
        (b"lon,lat,class,class\n1,2,a,b\n", {}, "2 columns are called `class`; rename the others"),
        (b"lon,lat,class\n1,2,a\n", {"weight": "w"}, "no column `w`; found"),
        (b"lon,lat,class\n1,2,a\n", {"id": "plot"}, "no column `plot`; found"),
        (b"lon,lat,class\n1,2,a\n", {"date": "when"}, "no column `when`; found"),
        (b"x,y,class\n1,2,a\n", {}, "has columns x and y but no CRS; give `crs`, e.g. EPSG:32718"),
        (
            b"east,y,class\n1,2,a\n",
            {},
            "no columns `lon` and `lat` or `longitude` and `latitude`; found east, y, class",
        ),
        (b"lon,lat,class\n1,2,a\n", {"crs": "EPSG:32718"}, "no columns `x` and `y`; found lon"),
        (b"x,y,class\n1,2,a\n", {"crs": "EPSG:99999"}, "CRS 'EPSG:99999' is of no use here .*; give another"),
        (b"lon,lat,class\n1,2,a\n", {"kind": "sepal"}, "no columns `XCoordinate` and `YCoordinate` or `LON`"),
        (PLOTS.encode() + b"\n1\n", {"kind": "ceo", "label": "Covertura"}, r"did you mean `Cobertura`\?"),
        (b"not sqlite", {"kind": "geopackage"}, "is not a GeoPackage"),
        (b"SQLite format 3\x00" + b"\xff" * 4000, {"kind": "geopackage"}, "not readable as GeoPackage"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, content: bytes, more: dict[str, Any], said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    if more.get("kind") == "sepal":  # capitals do not matter: lon and lat are LON and LAT
        path.write_bytes(content.replace(b"lon", b"east"))
    with pytest.raises(BadInput, match=said) as error:
        read_points(asked(path, **more), KNOWN)
    assert str(error.value).startswith("bad.csv: ") and "\n" not in str(error.value)
    assert isinstance(error.value, UnknownBand) == ("no column" in str(error.value))


def test_a_file_that_is_not_there_or_broken_is_refused(tmp_path: Path) -> None:
    for kind in ("csv", "geopackage"):
        with pytest.raises(BadInput, match="gone: no such file"):
            read_points(asked(tmp_path / "gone", kind), KNOWN)
        with pytest.raises(BadInput, match="is not a file"):
            read_points(asked(tmp_path, kind), KNOWN)
    packed = gzip.compress(b"lon,lat,class\n1,2,Bosque\n" * 50)
    for broken in (b"lon,lat,class\n1,2,a\n", packed[:-9], packed[:20] + b"\xff" * 20):
        (tmp_path / "a.csv.gz").write_bytes(broken)
        with pytest.raises(BadInput, match=r"a\.csv\.gz: (is no table|cannot be read|is no CSV in UTF-8)"):
            read_points(asked(tmp_path / "a.csv.gz"), KNOWN)


def test_a_geopackage_that_cannot_serve_is_refused(tmp_path: Path) -> None:
    point, answer = [shapely.Point(-70, -12)], {"class": ["Bosque"]}
    path = gpkg(tmp_path / "a.gpkg", point, answer)
    with pytest.raises(UnknownBand, match=r"no column `clase` \(did you mean `class`\?\); found fid, class"):
        read_points(asked(path, "geopackage", "clase"), KNOWN)
    gpkg(path, point, answer, layer="b")
    with pytest.raises(BadInput, match="no `layer` was named, it holds the layers: b, puntos"):
        read_points(asked(path, "geopackage"), KNOWN)
    broken = {
        "has no CRS": "update gpkg_geometry_columns set srs_id = 0",
        "has no rows": "delete from puntos",
        "lacks its geometry column": "update gpkg_geometry_columns set column_name = 'shape'",
        "is of no use here": "update gpkg_spatial_ref_sys set organization = 'ours', definition = 'of ours'",
    }
    for i, (said, change) in enumerate(broken.items()):
        path = gpkg(tmp_path / f"{i}.gpkg", point, answer, layer_options={"SPATIAL_INDEX": "NO"})
        with closing(sqlite3.connect(path)) as database, database:
            for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                database.execute(f'drop trigger "{trigger}"')
            database.execute("pragma foreign_keys=off")
            database.execute(change)
        with pytest.raises(BadInput, match=said) as error:
            read_points(asked(path, "geopackage"), KNOWN)
        assert "\n" not in str(error.value)
