"""Registers of restoration: read from four formats, refused row by row, measured as FERM measures, handed on in exact forms."""

import io
import json
import math
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyogrio.raw
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box

from detection.errors import BadInput
from jobs.mistakes import RuleBroken
from jobs.reports.restoration import cbd, ferm, layers, targets
from jobs.reports.restoration.asked import STATED, Quota, RegisterFile, RestorationReport
from jobs.reports.restoration.equalarea import hectares
from jobs.reports.restoration.land import against, together
from jobs.reports.restoration.mapping import Columns, read_mapping, shipped
from jobs.reports.restoration.register import Refused, Register, RestorationArea, read_register
from jobs.reports.restoration.vocabulary import vocabularies
from jobs.yamlfile import ConfigError

PE = shipped("PE")
ROW = {
    "codigo": "MDD-1", "titulo": "Vivero Tambopata", "tipo_restauracion": "Rehabilitación", "estado_restauracion": "En progreso",
    "departamento": "Madre de Dios", "municipio": "Tambopata", "nombre_sitio": "Puerto Maldonado", "anio_inicio": "2019-03-01",
    "anio_finalizacion": "31/12/2026", "area_comprometida": 500.0, "tenencia": "Comunal", "tipologia_ecosistemas": "T1.1; TF1.1",
    "actividades": "6, 4",
}  # fmt: skip
LABEL_50 = "Assessment of natural areas with high carbon stores (e.g., peatlands, old-growth forests, mangroves)"
SQUARE = box(-69.5, -12.5, -69.49, -12.49)


def flat(lon: float, lat: float) -> tuple[float, float]:
    """Cylindrical equal-area on the ellipsoid (Snyder 1987, USGS PP 1395, 3-12 and 10-13 to 10-15), written out here."""
    a, f = 6378137.0, 1 / 298.257223563
    e = math.sqrt(f * (2 - f))
    s, s30 = math.sin(math.radians(lat)), 0.5
    k0 = math.cos(math.radians(30)) / math.sqrt(1 - e**2 * s30**2)
    q = (1 - e**2) * (s / (1 - e**2 * s**2) - math.log((1 - e * s) / (1 + e * s)) / (2 * e))
    return a * k0 * math.radians(lon), a * q / (2 * k0)


def shoelace(ring: list[tuple[float, float]]) -> float:
    """Hectares of a simple ring in degrees."""
    points = [flat(*one) for one in ring]
    (x0, y0), pairs = points[0], zip(points, points[1:] + points[:1], strict=True)
    twice = sum((x - x0) * (v - y0) - (u - x0) * (y - y0) for (x, y), (u, v) in pairs)
    return abs(twice) / 2 / 1e4


def feature(geometry: object, **said: object) -> dict[str, object]:
    drawn = geometry if isinstance(geometry, dict) else json.loads(shapely.to_geojson(geometry))
    return {"type": "Feature", "properties": {**ROW, **said}, "geometry": drawn}


def geojson(folder: Path, *features: object, name: str = "r.geojson") -> Path:
    (folder / name).write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return folder / name


def write(
    path: Path, shapes: list[object], rows: list[dict[str, object]], driver: str, crs: str | None, **more: object
) -> None:
    columns = list(rows[0])
    values = [
        np.array([row[key] for row in rows], float if isinstance(rows[0][key], float) else object) for key in columns
    ]
    wkb = np.array([one if one is None else shapely.to_wkb(one, output_dimension=3) for one in shapes], object)
    pyogrio.raw.write(
        path, wkb, values, columns, driver=driver, crs=crs, encoding="UTF-8", **{"geometry_type": "Polygon", **more}
    )


def zipped(folder: Path, *, leave_out: tuple[str, ...] = (), twice: bool = False) -> Path:
    with zipfile.ZipFile(folder / "r.zip", "w") as packed:
        for one in folder.glob("r.*"):
            if one.suffix not in (*leave_out, ".zip"):
                packed.write(one, f"sub/{one.name}")
                if twice:
                    packed.write(one, f"other/{one.name}")
    return folder / "r.zip"


def kml(folder: Path, text: str, name: str = "r.kml") -> Path:
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    (folder / name).write_text(f"{head}{text}</Document></kml>", encoding="utf-8")
    return folder / name


def placemark(said: dict[str, object], geometry: str) -> str:
    data = "".join(f'<Data name="{key}"><value>{value}</value></Data>' for key, value in said.items())
    return f"<Placemark><ExtendedData>{data}</ExtendedData>{geometry}</Placemark>"


def ring(points: list[tuple[float, float]]) -> str:
    text = " ".join(f"{x},{y},120" for x, y in points)
    return f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{text}</coordinates></LinearRing></outerBoundaryIs></Polygon>"


@pytest.mark.parametrize("kind", ["geojson", "gpkg", "kml", "zip"])
def test_a_register_is_the_same_from_every_format(kind: str, tmp_path: Path) -> None:
    columns = PE
    if kind == "geojson":
        path = geojson(tmp_path, feature(SQUARE))
    elif kind == "kml":
        path = kml(tmp_path, placemark(ROW, ring(list(SQUARE.exterior.coords))))
    elif kind == "gpkg":
        path = tmp_path / "r.gpkg"
        write(path, [SQUARE], [ROW], "GPKG", "EPSG:4326")
    else:  # names are cut to ten characters there, so the mapping names them so
        short = {key: column[:10] for key, column in PE.direct.items()} | {
            "tenure": "tenencia",
            "ecosystems": "ecosist",
        }
        columns = replace(PE, direct=short)
        back = {column: ROW[PE.direct[key]] for key, column in short.items()}
        write(tmp_path / "r.shp", [SQUARE], [back], "ESRI Shapefile", "EPSG:4326")
        path = zipped(tmp_path)
    found = read_register(path, columns, "national")
    (area,) = found.areas
    assert (area.id, area.name, area.year_start, area.year_end) == ("MDD-1", "Vivero Tambopata", 2019, 2026)
    assert (area.restoration_type, area.status, area.tenure, area.country) == (2, 2, 1, "PE")
    assert (area.ecosystems, area.activities, area.area_committed) == (("T1.1", "TF1.1"), (4, 6), 500)
    assert not area.geometry.has_z and area.geometry.equals(SQUARE)
    assert found.repairs == () and found.overlaps == () and found.absent == ()


def test_a_register_in_metres_comes_to_lie_where_it_is(tmp_path: Path) -> None:
    write(tmp_path / "r.gpkg", [box(445_000, 8_615_000, 446_000, 8_616_000)], [ROW], "GPKG", "EPSG:32719")
    (area,) = read_register(tmp_path / "r.gpkg", PE, "utm").areas
    assert -69.6 < area.geometry.centroid.x < -69.4 and hectares([area.geometry]) == pytest.approx(100, rel=2e-3)


LOOP = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
OPEN = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}
BAD = [
    ([feature(SQUARE, codigo=" ")], "row 1, codigo: is empty; every area needs it"),
    ([feature(SQUARE), feature(SQUARE)], "row 2, codigo: 'MDD-1' stands there twice"),
    ([feature(SQUARE, anio_inicio="mayo")], "row 1, anio_inicio: 'mayo'; expected a year or a date"),
    ([feature(SQUARE, anio_inicio=1800)], "row 1, anio_inicio: 1800; expected a year from 1900 to 2100"),
    ([feature(SQUARE, anio_finalizacion=2018)], "row 1, anio_finalizacion: ends in 2018, before it begins in 2019"),
    ([feature(SQUARE, tipo_restauracion=3)], "row 1, tipo_restauracion: 3 is not in the vocabulary: 1 Ecological restoration, 2"),
    ([feature(SQUARE, tenencia="del vecino")], "row 1, tenencia: 'del vecino'; expected a whole number"),
    ([feature(SQUARE, actividades="6;51")], "row 1, actividades: 51 is not in the vocabulary: 1 to 50"),
    ([feature(SQUARE, tipologia_ecosistemas="T9.1")], "row 1, tipologia_ecosistemas: 'T9.1' is no code"),
    ([feature(SQUARE, area_comprometida="1.234,5")], "row 1, area_comprometida: '1.234,5'; expected a number with a point"),
    ([feature(SQUARE, area_comprometida=-1)], "row 1, area_comprometida: -1.0 hectares"),
    ([feature(SQUARE, codigo={"a": 1})], "row 1, codigo: \"{'a': 1}\"; expected a text"),
    ([feature(SQUARE, codigo=math.nan)], "row 1, codigo: is empty"),
    ([feature(SQUARE, actividades={"a": 1})], "row 1, actividades: \"{'a': 1}\"; expected a whole number"),
    ([feature({"type": "Polygon", "coordinates": []})], "row 1, geometry: the geometry has no usable coordinates"),
    ([feature({"type": "Circle", "coordinates": [0, 0]})], "row 1, geometry: the geometry has no usable coordinates"),
    ([feature(SQUARE, area_comprometida="inf")], "row 1, area_comprometida: 'inf'; expected a number"),
    ([feature(SQUARE, estado_restauracion=1.5)], "row 1, estado_restauracion: '1.5'; expected a whole number"),
    ([feature(OPEN)], "row 1, geometry: a ring is not closed"),
    ([feature({"type": "Polygon", "coordinates": [["x"]]})], "row 1, geometry: the geometry has no usable coordinates"),
    ([feature(SQUARE), {**feature(SQUARE, codigo="b"), "geometry": None}], "row 2, geometry: has no geometry"),
    ([feature(shapely.from_wkt("MULTILINESTRING((0 0,1 1))"))], "row 1, geometry: is a MultiLineString; only Point,"),
    ([feature(Polygon([(0, 0), (1, 1), (0, 0)]))], "row 1, geometry: has no area"),
    ([], "r.geojson: holds no area"),
    ([{"type": "Point"}], "r.geojson: not a collection of features"),
    ([{"type": "Feature", "properties": {"a": 1}, "geometry": {"type": "Point", "coordinates": [0, 0]}}], "no column 'codigo'"),
    ([feature(Point(-12, -95))], "latitude -95.000 is beyond 90"),
]  # fmt: skip


@pytest.mark.parametrize(("features", "text"), BAD, ids=[text[:50] for _, text in BAD])
def test_what_a_receiver_refuses_is_refused_by_row_and_column(
    features: list[object], text: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as error:
        read_register(geojson(tmp_path, *features), PE, "r")
    assert text in str(error.value) and "\n" not in str(error.value)


def test_all_rows_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(Refused) as error:
        read_register(geojson(tmp_path, feature(OPEN, titulo=""), feature(SQUARE, codigo="b", anio_inicio="")), PE, "r")
    assert [(row, column) for row, column, _ in error.value.problems] == [
        (1, "geometry"), (1, "titulo"), (2, "anio_inicio")]  # fmt: skip
    assert len(str(error.value).splitlines()) == 3
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def several(folder: Path) -> Path:
    write(folder / "r.gpkg", [SQUARE], [ROW], "GPKG", "EPSG:4326", layer="one")
    write(folder / "r.gpkg", [SQUARE], [ROW], "GPKG", "EPSG:4326", layer="two", append=True)
    return folder / "r.gpkg"


def packed(folder: Path, crs: str | None = "EPSG:4326", **more: object) -> Path:
    write(folder / "r.shp", [SQUARE], [{"codigo": "a", "titulo": "b", "anio_inici": "2020"}], "ESRI Shapefile", crs)
    for ending in ("prj", "shp"):
        if ending in more:
            (folder / f"r.{ending}").write_text(str(more.pop(ending)))
    return zipped(folder, **more)  # type: ignore[arg-type]


def open_ring(folder: Path) -> Path:
    packed(folder)
    content = bytearray((folder / "r.shp").read_bytes())
    content[-16:] = np.array([-69.495, -12.495]).tobytes()  # the last vertex
    (folder / "r.shp").write_bytes(content)
    return zipped(folder)


def cut_off(folder: Path) -> Path:
    packed(folder)
    (folder / "r.shp").write_bytes((folder / "r.shp").read_bytes()[:-20])
    return zipped(folder)


def nothing_drawn(folder: Path) -> Path:
    write(folder / "r.shp", [SQUARE, None], [{"codigo": "a"}, {"codigo": "b"}], "ESRI Shapefile", "EPSG:4326")
    return zipped(folder)


def stub(folder: Path) -> Path:
    line = shapely.from_wkt("LINESTRING(0 0,1 1)")
    write(folder / "r.shp", [line], [{"codigo": "a"}], "ESRI Shapefile", "EPSG:4326", geometry_type="LineString")
    content = bytearray((folder / "r.shp").read_bytes())
    content[-8:] = np.array([np.inf]).tobytes()
    (folder / "r.shp").write_bytes(content)
    return zipped(folder)


def torn(folder: Path) -> Path:
    packed(folder)
    content = bytearray((folder / "r.shp").read_bytes())
    content[100 + 52 : 100 + 56] = (9).to_bytes(4, "little")  # where the first part begins
    (folder / "r.shp").write_bytes(content)
    return zipped(folder)


def metres(folder: Path) -> Path:
    write(folder / "r.gpkg", [box(445_000, 8_615_000, 446_000, 8_616_000)], [ROW], "GPKG", "EPSG:4326")
    return folder / "r.gpkg"


def gappy(folder: Path) -> Path:
    write(folder / "r.gpkg", [SQUARE, None], [ROW, ROW], "GPKG", "EPSG:4326")
    return folder / "r.gpkg"


def text_file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def mixture() -> str:
    point = "<Point><coordinates>0,0</coordinates></Point>"
    return f"<MultiGeometry>{ring([(0, 0), (1, 0), (1, 1), (0, 0)])}{point}</MultiGeometry>"


BARE = Columns("bare", {"id": "codigo"}, required_min=("id",))
OPEN_RING = ring([(0, 0), (1, 0), (1, 1), (0, 1)])
FILES = {
    "several layers": (several, "it holds the layers: one, two"),
    "rows without geometry": (gappy, "1 rows of r have no geometry"),
    "two shapefiles": (lambda f: packed(f, twice=True), "holds 2 .shp files; exactly one"),
    "no shapefile": (lambda f: packed(f, leave_out=(".shp",)), "holds 0 .shp files"),
    "no table": (lambda f: packed(f, leave_out=(".dbf",)), ".dbf is missing beside sub/r.shp"),
    "no CRS": (lambda f: packed(f, leave_out=(".prj",)), ".prj is missing"),
    "not a zip": (lambda f: text_file(f, "r.zip", "x"), "not readable as a zipped shapefile"),
    "another kind": (lambda f: text_file(f, "r.kmz", "x"), ".kmz; give one of .gpkg"),
    "not there": (lambda f: f / "r.kml", "is not there"),
    "not JSON": (lambda f: text_file(f, "r.json", "{"), "not GeoJSON"),
    "not XML": (lambda f: text_file(f, "r.kml", "<kml"), "not readable as KML"),
    "entities": (lambda f: text_file(f, "r.kml", '<!DOCTYPE k [<!ENTITY a "b">]><kml>&a;</kml>'), "has a document type"),
    "links": (lambda f: kml(f, "<NetworkLink/>"), "points to other files"),
    "two folders": (lambda f: kml(f, 2 * f"<Folder>{placemark(ROW, '')}</Folder>"), "in 2 folders, expected exactly one layer"),
    "KML without geometry": (lambda f: kml(f, placemark(ROW, "")), "row 1, geometry: has no geometry"),
    "KML with an open ring": (lambda f: kml(f, placemark(ROW, OPEN_RING)), "row 1, geometry: a ring is not closed"),
    "KML of everything": (lambda f: kml(f, placemark(ROW, mixture())), "row 1, geometry: several geometries that are not all"),
    "metres taken for degrees": (metres, "row 1, geometry: lies outside longitude and latitude"),
    "a CRS of nowhere": (lambda f: packed(f, prj='LOCAL_CS["site"]'), "its CRS is not known"),
    "a CRS that is none": (lambda f: packed(f, prj="x"), "its CRS is not known"),
    "no shapes in .shp": (lambda f: packed(f, shp="x"), "is no shapefile"),
    "half a .shp": (cut_off, "is no shapefile"),
    "a shapefile's row without geometry": (nothing_drawn, "row 2, geometry: has no geometry"),
    "a line that goes nowhere": (stub, "row 1, geometry: the geometry has no usable coordinates"),
    "a part beyond the points": (torn, "is no shapefile"),
    "an empty geometry in KML": (lambda f: kml(f, placemark(ROW, "<Polygon/>")), "row 1, geometry: is empty"),
    "a ring left open": (open_ring, "row 1, geometry: a ring is not closed"),
    "KML of words": (lambda f: kml(f, placemark(ROW, "<Point><coordinates>a,b</coordinates></Point>")), "no usable coordinates"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_that_are_not_one_layer_of_areas_are_refused(case: str, tmp_path: Path) -> None:
    make, text = FILES[case]
    with pytest.raises(BadInput) as error:
        read_register(make(tmp_path), BARE, "r")
    assert text in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("limit", "ending"), [("MAX_BYTES", "kml"), ("MOST_UNZIPPED", "zip")])
def test_files_that_would_fill_the_memory_are_refused(
    limit: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, limit, 100)
    path = packed(tmp_path) if ending == "zip" else kml(tmp_path, placemark(ROW, OPEN_RING))
    with pytest.raises(BadInput, match="over 100 bytes"):
        read_register(path, BARE, "r")


def test_a_country_is_two_letters(tmp_path: Path) -> None:
    own = Columns("own", {"id": "codigo", "country": "pais"}, required_min=("id",))
    assert read_register(geojson(tmp_path, feature(SQUARE, pais="pe")), own, "r").areas[0].country == "PE"
    with pytest.raises(Refused, match="row 1, pais: 'Perú'; expected two letters, e.g. PE"):
        read_register(geojson(tmp_path, feature(SQUARE, pais="Perú")), own, "r")


def test_points_in_kml_are_areas_without_hectares(tmp_path: Path) -> None:
    several = "<MultiGeometry>" + 2 * "<Point><coordinates>-69,-12</coordinates></Point>" + "</MultiGeometry>"
    (area,) = read_register(kml(tmp_path, placemark(ROW, several)), PE, "r").areas
    assert area.geometry.geom_type == "MultiPoint" and hectares([area.geometry]) == 0


def test_mending_is_told_and_what_is_not_there_is_named(tmp_path: Path) -> None:
    said = {key: ROW[key] for key in ("codigo", "titulo", "anio_inicio")}
    one = {"type": "Feature", "properties": said, "geometry": json.loads(shapely.to_geojson(LOOP))}
    found = read_register(geojson(tmp_path, one), PE, "r")
    assert [(fix.row, fix.id) for fix in found.repairs] == [(1, "MDD-1")] and "Self-intersection" in found.repairs[
        0
    ].reason
    assert "tenencia" in found.absent and found.areas[0].tenure is None
    assert hectares([found.areas[0].geometry]) == pytest.approx(hectares([LOOP]), rel=1e-6)


def test_overlaps_within_a_register_are_named_with_hectares(tmp_path: Path) -> None:
    shifted = box(-69.495, -12.5, -69.485, -12.49)
    found = read_register(geojson(tmp_path, feature(SQUARE), feature(shifted, codigo="MDD-2")), PE, "r")
    (one,) = found.overlaps
    known = shoelace([(-69.495, -12.5), (-69.49, -12.5), (-69.49, -12.49), (-69.495, -12.49)])
    assert (one.id, one.other_id) == ("MDD-1", "MDD-2") and one.hectares == pytest.approx(known, rel=1e-6)
    with pytest.raises(BadInput, match="MDD-1 and MDD-2 share"):
        ferm.geojson(found, "MDD")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: X\ndirect: {id: a, name: b}\nextra: 1\n", "unknown key 'extra'"),
        ("name: X\n", "name and direct expected"),
        ("name: X\ndirect: [id]\n", "name and direct expected"),
        ("name: X\ndirect: {id: a, name: b}\nrequired_min: id\n", "name and direct expected"),
        ("name: X\ndirect: {id: a, nombre: b}\n", "unknown field 'nombre'"),
        ("name: X\ndirect: {id: a, name: b}\ntransforms: {id: [shout]}\n", "unknown transform 'shout'"),
        ("name: X\ndirect: {id: a}\n", "name is required but has neither"),
        ("name: X\ndirect: {name: a}\nfallbacks: {id: a}\n", "id must be required and have a column"),
        ("name: X\ndirect: {id: a}\nrequired_min: []\n", "id must be required"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        read_mapping(text_file(tmp_path, "m.yaml", text))


def test_a_mapping_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        read_mapping(text_file(tmp_path, "m.yaml", "name: X\nname: Y\ndirect: {id: a, name: b}\n"))


def test_transforms_come_before_the_field_is_made(tmp_path: Path) -> None:
    direct = {"id": "n", "area_committed": "km2", "activities": "does"}
    own = Columns("own", direct, {"area_committed": ("decimal_comma", "km2_to_ha")}, required_min=("id",))
    said = {"n": 7.0, "km2": "1.234,5", "does": [6, "4"]}
    one = {"type": "Feature", "id": 8, "properties": said, "geometry": feature(SQUARE)["geometry"]}
    (area,) = read_register(geojson(tmp_path, one), own, "r").areas
    assert (area.id, area.name, area.area_committed, area.activities) == ("7", "7", 123_450, (4, 6))


def area(ident: str, shape: object, **said: object) -> RestorationArea:
    return RestorationArea(ident, ident, shape, **{"year_start": 2020, **said})  # type: ignore[arg-type]


boxes = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=6
)


def squares(corners: list[tuple[int, int, int, int]]) -> list[Polygon]:
    return [box(-70 + x / 100, -12 + y / 100, -70 + (x + w) / 100, -12 + (y + h) / 100) for x, y, w, h in corners]


def cells(corners: list[tuple[int, int, int, int]]) -> set[tuple[int, int]]:
    return {(i, j) for x, y, w, h in corners for i in range(x, x + w) for j in range(y, y + h)}


def known(found: set[tuple[int, int]]) -> float:
    """Hectares of cells of a hundredth of a degree, by the formula above."""
    edge = [(0, 0), (1, 0), (1, 1), (0, 1)]
    return sum(shoelace([(-70 + (i + a) / 100, -12 + (j + b) / 100) for a, b in edge]) for i, j in found)


@settings(max_examples=40, deadline=None)
@given(boxes, boxes, st.randoms())
def test_two_registers_are_their_union_whatever_the_order(one: list, other: list, chance: object) -> None:  # type: ignore[type-arg]
    a = Register("a", tuple(area(f"a{i}", shape) for i, shape in enumerate(squares(one))))
    b = Register("b", tuple(area(f"b{i}", shape) for i, shape in enumerate(squares(other))))
    found = together([a, b], 2024)
    assert found.under_restoration == pytest.approx(known(cells(one) | cells(other)), rel=1e-6)
    assert found.sums == pytest.approx({"a": known(cells(one)), "b": known(cells(other))}, rel=1e-6)
    assert found.counted_twice == pytest.approx(known(cells(one) & cells(other)), rel=1e-6, abs=1e-6)
    most, least = sum(found.sums.values()), max(found.sums.values())
    assert least * (1 - 1e-12) <= found.under_restoration <= most * (1 + 1e-12)
    drawn = hectares([two.polygon for two in found.between])
    assert drawn == pytest.approx(found.counted_twice, rel=1e-6, abs=1e-6)
    mixed = list(b.areas)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    again = together([replace(b, areas=tuple(mixed)), a], 2024)
    assert again.under_restoration == pytest.approx(found.under_restoration, rel=1e-12)
    assert [(t.id, t.other_id) for t in again.between] == [(t.id, t.other_id) for t in found.between]
    same = together([a, replace(a, name="c")], 2024)
    assert same.under_restoration == pytest.approx(found.sums["a"], rel=1e-12)


def test_hectares_are_ferm_s_by_an_independent_computation() -> None:
    ring_ = [(-75.1, -6.2), (-74.9, -6.25), (-74.8, -5.9), (-75.05, -5.8)]
    hole = [(-75.0, -6.1), (-74.95, -6.1), (-74.95, -6.0)]
    assert hectares([Polygon(ring_, [hole])]) == pytest.approx(shoelace(ring_) - shoelace(hole), rel=1e-6)
    raised = shapely.force_3d(Polygon(ring_), 450.0)
    assert hectares([raised, Polygon(ring_), Point(-75, -6)]) == pytest.approx(shoelace(ring_), rel=1e-6)
    assert hectares([]) == 0


def test_vocabularies_have_the_ids_of_the_registry() -> None:
    lists = vocabularies()
    assert lists.statuses == {1: "In preparation", 2: "In progress", 3: "Post-completion monitoring"}
    assert lists.types == {1: "Ecological restoration", 2: "Rehabilitation"}
    assert len(lists.tenures) == 7 and lists.tenures[3] == "Indigenous and Traditional Territories"
    assert (lists.decade_ecosystems[1], lists.decade_ecosystems[7], len(lists.decade_ecosystems)) == (
        "Farmlands",
        "Peatlands",
        8,
    )
    assert sorted(lists.activities) == list(range(1, 51)) and lists.activities[6] == "Tree planting"
    assert [lists.biome(code) for code in ("TF1.1", "T7", "T8.1", "t1", "TF1.")] == ["TF1", "T7", None, None, None]
    assert len(lists.biomes) == 25 and "bd2e7a3" in lists.source


FULL = area("MDD-1", SQUARE, country="PE", year_end=2026, restoration_type=2, status=2, tenure=1, ecosystems=("T1.1", "TF1.1"),
            activities=(4, 50), department="Madre de Dios", site="Puerto Maldonado", area_committed=500.0)  # fmt: skip
EAST = MultiPolygon([box(-69.4, -12.5, -69.39, -12.49), box(-69.3, -12.5, -69.29, -12.49)])


def test_areas_are_handed_to_ferm_as_it_asks(tmp_path: Path) -> None:
    both = Register("national", (FULL, area("MDD-2", EAST)))
    found = json.loads(ferm.geojson(both, "MDD"))["features"]
    assert list(found[0]["properties"].items()) == [
        ("layer", "Puerto Maldonado"), ("ID_CODE", "MDD_01"), ("Restor_eco", "T1.1;TF1.1"), ("Restor_typ", "Rehabilitation"),
        ("Category", ""), ("Ownership", "Communal"), ("Source", "national"), ("area_ha", hectares([SQUARE])),
        ("Restor_str", "2020/01/01"), ("Restor_end", "2026/12/31")]  # fmt: skip
    assert found[1]["properties"]["ID_CODE"] == "MDD_02" and found[1]["properties"]["Restor_end"] == ""
    shapes = [shapely.from_geojson(json.dumps(one["geometry"])) for one in found]
    assert shapes[0].exterior.is_ccw and all(one.exterior.is_ccw for one in shapes[1].geoms)
    assert all(len(name) <= 10 for name in ferm.COLUMNS)
    content = ferm.shapefile(both, "MDD")
    assert content == ferm.shapefile(both, "MDD")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["MDD.cpg", "MDD.dbf", "MDD.prj", "MDD.shp", "MDD.shx"]
    (tmp_path / "out.zip").write_bytes(content)
    direct = {"id": "ID_CODE", "year_start": "Restor_str", "year_end": "Restor_end", "area_committed": "area_ha"}
    back = read_register(tmp_path / "out.zip", Columns("ferm", direct, required_min=("id",)), "back")
    assert [(one.id, one.year_start, one.year_end) for one in back.areas] == [
        ("MDD_01", 2020, 2026),
        ("MDD_02", 2020, None),
    ]
    assert back.areas[0].area_committed == pytest.approx(hectares([SQUARE]), rel=1e-12)
    assert all(a.geometry.equals(b.geometry) for a, b in zip(back.areas, both.areas, strict=True))


@pytest.mark.parametrize(
    ("one", "project", "text"),
    [
        (area("p", Point(-69, -12)), "MDD", "p is a Point; the registry asks for one polygon"),
        (FULL, "M/D", "expected letters, digits and hyphens"),
        (replace(FULL, site="ñ" * 128), "MDD", "MDD_01: layer is over 254 bytes"),
    ],
)
def test_what_ferm_refuses_is_not_written(one: RestorationArea, project: str, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        ferm.shapefile(Register("r", (one,)), project)


def test_projects_are_handed_to_the_connector() -> None:
    (found,) = json.loads(ferm.projects(Register("r", (FULL,))))
    assert shapely.from_geojson(json.dumps(found.pop("geometry"))).equals(SQUARE)
    assert found == {
        "external_id": "MDD-1", "title": "MDD-1", "country_code": "PE", "year_start": 2020, "year_end": 2026,
        "restoration_status": "In progress", "restoration_type": "Rehabilitation", "area_committed": 500.0,
        "area_total": hectares([SQUARE]), "area_unit": "ha",
        "admin": {"department": "Madre de Dios", "site_name": "Puerto Maldonado"}, "tenure": "Communal",
        "ecosystem_typology": ["T1.1", "TF1.1"], "activity": ["Assisted natural regeneration", LABEL_50]}  # fmt: skip
    with pytest.raises(BadInput, match="MDD-1 has no country_code"):
        ferm.projects(Register("r", (replace(FULL, country=""),)))


def test_the_indicator_s_workbook_is_what_the_tool_takes() -> None:
    here = replace(FULL, activities=(4, 6))
    part = area("x", box(-69.495, -12.5, -69.485, -12.49), ecosystems=("TF1.1",), activities=(6,))
    late = area("late", EAST, year_start=2025)
    made = cbd.rows(Register("r", (here, late, part)), 2024)
    content = cbd.write(made)
    assert cbd.refused(content) == ()
    (head, *found) = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
    assert head == (
        "Indicator code", "Indicator", "Does this data row represent a disaggregation", "Disaggregation type", "Disaggregation",
        "Year", "Unit", "Value", "Footnote")  # fmt: skip
    both, mine = hectares([here.geometry, part.geometry]), hectares([here.geometry])
    assert [row[:8] for row in found] == [
        ("2.1", "Area under restoration", "No", None, None, 2024, "ha", both),
        ("2.1", "Area under restoration", "Yes", "Biome GET L2", "T1", 2024, "ha", mine),
        ("2.1", "Area under restoration", "Yes", "Biome GET L2", "TF1", 2024, "ha", both),
        ("2.1", "Area under restoration", "Yes", "Functional group GET L3", "T1.1", 2024, "ha", mine),
        ("2.1", "Area under restoration", "Yes", "Functional group GET L3",
         "TF1.1 Tropical flooded forests and peat forests", 2024, "ha", both),
        ("2.1", "Area under restoration", "Yes", "Type of restoration activity", "Assisted natural regeneration",
         2024, "ha", mine),
        ("2.1", "Area under restoration", "Yes", "Type of restoration activity", "Tree planting", 2024, "ha", both)]  # fmt: skip
    assert cbd.rows(Register("r", (here,)), 2024, "km²")[0][6:8] == ("km²", pytest.approx(mine / 100, rel=1e-12))


GOOD = ("2.1", "Area under restoration", "No", None, None, 2024, "ha", 1.0, None)
SPLIT = ("2.1", "Area under restoration", "Yes", "Other", "Andes", 2024, "ha", 1.0, None)


@pytest.mark.parametrize(
    ("row", "place", "value", "text"),
    [
        (GOOD, 0, "2.2", "row 3, Indicator code: '2.2'; rows of other indicators than 2.1 are left unused"),
        (GOOD, 2, "yes", "row 3, Does this data row represent a disaggregation: 'yes'; expected Yes or No"),
        (SPLIT, 3, "Region", "row 3, Disaggregation type: 'Region'; expected one of"),
        (SPLIT, 4, None, "row 3, Disaggregation: None"),
        (GOOD, 4, "Andes", "row 3, Disaggregation: 'Andes'; expected with a disaggregation, and only there"),
        (GOOD, 5, "2024", "row 3, Year: '2024'; expected a number"),
        (GOOD, 6, None, "row 3, Unit: None; expected one of ha, km²"),
        (GOOD, 7, None, "row 3, Value: None; expected a number"),
    ],
)
def test_rows_that_the_tool_refuses_are_found_before(
    row: tuple[object, ...], place: int, value: object, text: str
) -> None:
    bad = (*row[:place], value, *row[place + 1 :])
    with pytest.raises(BadInput) as error:
        cbd.write([GOOD, bad, SPLIT])  # type: ignore[list-item]
    assert str(error.value).startswith(text) and "\n" not in str(error.value)


def test_headers_are_held_against_those_of_the_tool() -> None:
    def sheet(*rows: tuple[object, ...]) -> bytes:
        made, stream = openpyxl.Workbook(), io.BytesIO()
        for row in rows:
            made.active.append(row)
        made.save(stream)
        return stream.getvalue()

    assert cbd.refused(sheet(tuple(one.upper() for one in cbd.HEADERS), GOOD)) == ()
    assert cbd.refused(sheet(("Indicator_code", *cbd.HEADERS[1:]), GOOD)) == (
        "row 1, column 1: 'Indicator_code'; expected 'Indicator code'",)  # fmt: skip
    assert cbd.refused(sheet(cbd.HEADERS[:8], GOOD)) == ("row 1, column 9: ''; expected 'Footnote'",)
    assert cbd.refused(sheet((*cbd.HEADERS, "Note"), GOOD)) == (
        "row 1, column 10: 'Note'; expected 'no further column'",
    )
    assert cbd.refused(sheet(cbd.HEADERS)) == ("row 2: there is none; expected at least one",)
    assert cbd.refused(b"x") == ("not a workbook; write it again",)


def test_an_indicator_needs_beginnings_and_labels() -> None:
    with pytest.raises(BadInput, match="MDD-1 has no year in which it began"):
        cbd.rows(Register("r", (replace(FULL, year_start=None),)), 2024)
    named = {row[4] for row in cbd.rows(Register("r", (FULL,)), 2024) if row[3] == cbd.ACTIVITY}
    assert (
        "Assessment of natural areas with high carbon stores (e.g., peatlands, old-growth forests, mangroves)" in named
    )


def test_ids_and_labels_are_those_of_the_registry() -> None:
    lists = vocabularies()
    assert list(lists.activities) == list(range(1, 51)) and all(lists.activities.values())
    assert [lists.activities[one] for one in (4, 5, 6, 20, 24)] == [
        "Assisted natural regeneration", "Enrichment planting", "Tree planting", "Wetland construction or rehabilitation",
        "Agroforestry",
    ]  # fmt: skip
    assert list(lists.land_use) == list(range(1, 16))
    assert [(lists.land_use[one].unit, lists.land_use[one].direction) for one in (1, 3, 4, 5)] == [
        ("%", "Increase"), ("ha", "Increase"), ("%", "Increase"), ("%", "Reduce"),
    ]  # fmt: skip
    assert list(lists.goals) == [36, 37, 106, 108, 109, 111, 112]
    assert (lists.goals[36].unit, lists.goals[106].unit) == ("kg / ha", "m")


@pytest.mark.parametrize(
    ("target", "done", "percent"),
    [
        ("restoration_gap", "prorest", "15.35"),
        ("recovery_gap", "minam_2018_2023", "4.60"),
        ("restoration_gap", "serfor_2018_2024", "5.46"),
        ("prorest", "serfor_2018_2024", "35.60"),
    ],
)
def test_progress_has_the_figures_of_the_national_dialogue(target: str, done: str, percent: str) -> None:
    figures = targets.peru().figures
    found = targets.progress(figures[target], figures[done])
    assert f"{found.percent:.2f}" == percent
    assert found.left == pytest.approx(figures[target].hectares - figures[done].hectares)


def test_targets_are_those_that_were_stated() -> None:
    peru = targets.peru()
    assert {name: one.hectares for name, one in peru.figures.items()} == {
        "degraded": 19_000_000, "recovery_gap": 3_217_389.29, "restoration_gap": 2_150_172, "prorest": 330_000,
        "minam_2018_2023": 148_130, "serfor_2018_2024": 117_468}  # fmt: skip
    assert peru.status == "secondary" and targets.degraded_share(peru).hectares == pytest.approx(5_700_000)
    assert targets.progress(targets.Figure("t", 10), targets.Figure("d", 12)).left == 0
    with pytest.raises(BadInput, match="expected more than none"):
        targets.progress(targets.Figure("t", 0), targets.Figure("d", 12))


def asked(**more: Any) -> RestorationReport:
    return RestorationReport(registers=(RegisterFile(name="r", path=Path("r.geojson")),), **more)


def test_figures_without_areas_are_never_added() -> None:
    """What institutions state is held against a target by itself; only areas make one figure together."""
    held = list(against(asked(), together([Register("r", (FULL,))], 2024)))
    stated = {(one.by, one.progress.target.name): one.progress.hectares for one in held if one.by != "all registers"}
    assert stated == {
        ("minam_2018_2023", "recovery_gap"): 148_130, ("serfor_2018_2024", "restoration_gap"): 117_468,
        ("serfor_2018_2024", "prorest"): 117_468,
    }  # fmt: skip
    mine = [one.progress.hectares for one in held if one.by == "all registers"]
    assert mine == [pytest.approx(hectares([SQUARE]))] * len(STATED)
    with pytest.raises(RuleBroken, match="two registers have one name"):
        RestorationReport(registers=(RegisterFile(name="r", path=Path("a.geojson")),) * 2)


def test_quotas_of_regions_need_no_areas_of_their_own() -> None:
    one, other = Register("a", (FULL,)), Register("b", (replace(FULL, id="x"), area("y", EAST, department="Ucayali")))
    quotas = (Quota(region="MADRE DE DIOS", hectares=1000), Quota(region="Loreto", hectares=500))
    held = against(asked(quotas=quotas), together([one, other], 2024))
    found = {part.region: part.progress.hectares for part in held if part.region}
    assert found == {"MADRE DE DIOS": pytest.approx(hectares([SQUARE])), "Loreto": 0}
