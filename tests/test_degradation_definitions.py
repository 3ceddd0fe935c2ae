"""Two definitions of degraded land: hand-made maps with known answers, windows against brute force, any tiling, refusals."""

from itertools import chain
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from ldnsetup import GRID, write

from detection.errors import BadInput, DetectionError
from detection.types import Grid
from jobs.reports.areas.strata import hectares
from jobs.reports.degradation.criteria import MET, NOT_MET, UNKNOWN, Definition, Shelf, minam, serfor
from jobs.reports.degradation.crosswalk import (
    BOTH,
    NEITHER,
    NOT_KNOWN,
    ONLY_MINAM,
    ONLY_SERFOR,
    OUTSIDE,
    compare,
    set_up,
)
from jobs.reports.degradation.definitions import definitions_piece
from jobs.reports.degradation.definitions_asked import (
    Bears,
    Classed,
    CoverLoss,
    Definitions,
    Fragmentation,
    Kind,
    Kinds,
    Minam,
    NearDeforestation,
    Overuse,
    Serfor,
    Steep,
    YearlyMap,
)  # fmt: skip
from jobs.reports.degradation.neighbourhood import near, reach, share, slope
from jobs.words import Words

HA = hectares(GRID)
QUICK = settings(max_examples=30, deadline=None)
EN, ES = Words("en"), Words("es")
FOREST, CROP = 1, 2
MINAM_ROWS = np.array(
    [
        [1, 1, 1, 1, 1, 1],
        [1, 1, 1, 2, 2, 2],
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 2, 2, 0],
        [2, 2, 2, 2, 2, 0],
    ],
    np.uint8,
)
SERFOR_ROWS = np.array(
    [
        [2, 2, 2, 2, 2, 2],
        [5, 5, 5, 5, 5, 5],
        [5, 5, 2, 2, 2, 2],
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 2, 2, 0],
    ],
    np.uint8,
)
"""Ready maps: 1 and 5 degraded, 2 not, 0 not known."""
BOTH_CELLS, MINAM_CELLS, SERFOR_CELLS = np.s_[1, :3], np.s_[0], ((1, 1, 1, 2, 2), (3, 4, 5, 0, 1))


def ready(folder: Path, **changes) -> Definitions:
    first = Classed(path=write(folder / "minam.tif", MINAM_ROWS, nodata=0), codes=(1,))
    second = Classed(path=write(folder / "serfor.tif", SERFOR_ROWS, nodata=0), codes=(5,))
    return Definitions(**{"minam": Minam(map=first), "serfor": Serfor(map=second), "patches_ha": 0.15, **changes})


def judged(definition: Definition, part: Grid = GRID) -> list:
    return definition.judged({key: judge(part) for key, judge in definition.criteria.items()}).tolist()


def test_the_crosswalk_of_ready_maps(tmp_path: Path) -> None:
    found = compare(set_up(ready(tmp_path)))
    assert found.hectares(BOTH) == pytest.approx(HA[BOTH_CELLS].sum())
    assert found.hectares(ONLY_MINAM) == pytest.approx(HA[MINAM_CELLS].sum())
    assert found.hectares(ONLY_SERFOR) == pytest.approx(HA[SERFOR_CELLS].sum())
    assert found.hectares(NOT_KNOWN) == pytest.approx(HA[4, 5])
    assert found.pairs.sum() == pytest.approx(HA.sum() - HA[5, 5]), "what neither knows is not counted"
    assert (
        found.map[:, 0].tolist() == [ONLY_MINAM, BOTH, ONLY_SERFOR, NEITHER, NEITHER, NEITHER]
        and found.map[5, 5] == OUTSIDE
    )


def test_kinds_priorities_and_years_add_up(tmp_path: Path) -> None:
    halves = np.where(np.indices(GRID.shape)[1] < 3, 10, np.where(np.indices(GRID.shape)[1] < 5, 20, 30)).astype(
        np.uint8
    )
    path = write(tmp_path / "kinds.tif", halves)
    kinds = Kinds(path=path, kinds=(Kind(name="very high", codes=(10,), high=True), Kind(name="low", codes=(20,))))
    years = tuple(
        YearlyMap(year=year, map=Classed(path=write(tmp_path / f"{year}.tif", codes, nodata=0), codes=(1,)))
        for year, codes in ((2019, np.roll(MINAM_ROWS, 1, 0)), (2018, MINAM_ROWS))
    )
    question = ready(tmp_path, ecosystems=kinds, priority=kinds, yearly=years)
    piece = definitions_piece(question, "here")
    tables = {one.name: one for one in piece.tables}
    crosswalk = tables["definitions_crosswalk"].rows
    assert [row[0] for row in crosswalk[::5]] == ["very high", "low", "other"]
    assert sum(row[2] for row in crosswalk) == pytest.approx(HA.sum() - HA[5, 5])
    assert sum(row[3] for row in crosswalk) == pytest.approx(100)
    assert sum(row[2] for row in crosswalk[:5]) == pytest.approx(HA[:, :3].sum())
    high = [row for row in tables["definitions_priority"].rows if row[0] == "minam" and row[2] and row[3] == "yes"]
    assert [row[1] for row in high] == ["very high"] and high[0][4] == pytest.approx(HA[:2, :3].sum())
    assert f"{EN.number(HA[:2, :3].sum(), 2)} hectares that are degraded by the definition of MINAM" in " ".join(
        piece.plain(EN)
    )
    changes = {row[2]: row[3] for row in tables["definitions_yearly"].rows}
    assert tables["definitions_yearly"].rows[0][:2] == (2018, 2019)
    assert changes["new"] == pytest.approx(HA[1, 3:].sum() + HA[2, :3].sum()) and changes["still"] == pytest.approx(
        HA[1, :3].sum()
    )
    assert changes["gone"] == pytest.approx(HA[0, :5].sum()), "of the last cell the second year is not known"
    for one in tables.values():
        assert all(len(row) == len(one.columns) for row in one.rows), one.name


def cover(folder: Path) -> tuple[Path, Path]:
    """Forest everywhere, of which the left half becomes crops; two cells are not known later."""
    before, after = np.full(GRID.shape, FOREST, np.uint8), np.full(GRID.shape, FOREST, np.uint8)
    after[:, :3], after[0, 0], after[5, 5] = CROP, 0, 0
    return write(folder / "before.tif", before, nodata=0), write(folder / "after.tif", after, nodata=0)


def test_loss_and_fragmentation(tmp_path: Path) -> None:
    before, after = cover(tmp_path)
    lost = judged(minam(Minam(cover_loss=CoverLoss(before=before, after=after, vegetation=(FOREST,))), Shelf()))
    assert lost[1] == [MET] * 3 + [NOT_MET] * 3 and lost[0][0] == UNKNOWN and lost[5][5] == UNKNOWN
    pieces = Fragmentation(before=before, after=after, forest=(FOREST,), window_m=90, share=0.7)
    split = judged(minam(Minam(fragmentation=pieces), Shelf()))
    assert split[2] == [NOT_MET] * 3 + [MET, NOT_MET, NOT_MET], "at the edge six of nine cells are forest"
    laxer = Fragmentation(before=before, after=after, forest=(FOREST,), window_m=90, share=0.6)
    assert MET not in chain(*judged(minam(Minam(fragmentation=laxer), Shelf())))
    always = Fragmentation(before=after, after=after, forest=(FOREST,), window_m=90, share=0.7)
    assert MET not in chain(*judged(minam(Minam(fragmentation=always), Shelf()))), "it was so before"


def test_any_criterion_of_minam_is_enough_and_a_gap_hides_only_what_it_could_change(tmp_path: Path) -> None:
    before, after = cover(tmp_path)
    poorer = np.zeros(GRID.shape, np.uint8)
    poorer[0], poorer[3] = 1, 9
    grows = Classed(path=write(tmp_path / "poorer.tif", poorer, nodata=9), codes=(1,))
    both = minam(
        Minam(cover_loss=CoverLoss(before=before, after=after, vegetation=(FOREST,)), productivity=grows), Shelf()
    )
    made = judged(both)
    assert made[0] == [MET] * 6, "where cover is not known, growth decides"
    assert made[3] == [MET] * 3 + [UNKNOWN] * 3 and made[4] == [MET] * 3 + [NOT_MET] * 3


def test_the_signs_of_serfor_come_together(tmp_path: Path) -> None:
    rows, columns = np.indices(GRID.shape)
    height = write(tmp_path / "height.tif", (rows * 30 * np.tan(np.radians(30))).astype(np.float32))
    capacity = write(tmp_path / "capacity.tif", np.where(rows < 3, 7, 8).astype(np.uint8))
    used = np.where(columns % 2, CROP, FOREST).astype(np.uint8)
    used[1, 1] = 0
    use = write(tmp_path / "use.tif", used, nodata=0)
    overuse = Overuse(
        capacity=capacity,
        use=use,
        bears=(Bears(capacity=(7,), uses=(FOREST,)), Bears(capacity=(8,), uses=(FOREST, CROP))),
    )
    one = judged(serfor(Serfor(overuse=overuse, least=1), Shelf()))
    assert one[0] == [NOT_MET, MET] * 3 and one[4] == [NOT_MET] * 6 and one[1][1] == UNKNOWN
    steep = judged(serfor(Serfor(steep=Steep(terrain=height, degrees=29.9), least=1), Shelf()))
    assert steep[2] == [UNKNOWN, MET, MET, MET, MET, UNKNOWN], "at the edge of the map there is no neighbour"
    assert judged(serfor(Serfor(steep=Steep(terrain=height, degrees=30.1), least=1), Shelf()))[2][1] == NOT_MET
    together = judged(serfor(Serfor(overuse=overuse, steep=Steep(terrain=height, degrees=29.9)), Shelf()))
    assert together[2] == [NOT_MET, MET, NOT_MET, MET, NOT_MET, UNKNOWN] and together[4] == [NOT_MET] * 6


def test_near_high_deforestation(tmp_path: Path) -> None:
    cleared = np.zeros(GRID.shape, np.uint8)
    cleared[0:2, 0:2], cleared[5, 5], cleared[5, 0] = 1, 1, 9
    asked = NearDeforestation(
        deforestation=Classed(path=write(tmp_path / "loss.tif", cleared, nodata=9), codes=(1,)),
        window_m=90,
        share=0.4,
        within_m=60,
    )
    made = judged(serfor(Serfor(near_deforestation=asked, least=1), Shelf()))
    # Four of nine in the square around (1, 1), four of four or six at the corner; one of four around (5, 5) is too few.
    assert [row.count(MET) for row in made] == [4, 4, 3, 2, 0, 0] and made[5][0] == UNKNOWN and made[0][:4] == [MET] * 4


@QUICK
@given(arrays.arrays(np.bool_, (7, 9)), arrays.arrays(np.bool_, (7, 9)), st.integers(1, 3))
def test_shares_are_counts(of: np.ndarray, known: np.ndarray, cells: int) -> None:
    made = share(of, known, cells)
    for row, column in np.ndindex(made.shape):
        around = np.s_[row : row + 2 * cells + 1, column : column + 2 * cells + 1]
        every = known[around].sum()
        expected = (of & known)[around].sum() / every if every else np.nan
        assert made[row, column] == pytest.approx(expected, nan_ok=True)
    assert made.shape == (7 - 2 * cells, 9 - 2 * cells)


@QUICK
@given(arrays.arrays(np.bool_, (16, 16)), st.sampled_from([30.0, 42.4, 42.5, 60.0, 95.0]))
def test_near_is_between_centres(mask: np.ndarray, within: float) -> None:
    whole = Grid("EPSG:32719", 300_000, 8_600_100, 30, (16, 16))
    part = whole.window(5, 5, 4, 6)

    def where(some: Grid) -> np.ndarray:
        row, column = whole.offset(some)
        return mask[row : row + some.shape[0], column : column + some.shape[1]]

    made, cells = near(where, part, within), np.argwhere(mask)
    for row, column in np.ndindex(part.shape):
        far = np.hypot(*(cells - (row + 5, column + 5)).T * 30) if len(cells) else np.array([np.inf])
        assert made[row, column] == (far.min() <= within)


def test_slopes_and_squares_against_hand_reckoning() -> None:
    rows, columns = np.indices((5, 5))
    tilted = slope(3.0 * rows + 4.0 * columns, 10)
    assert tilted == pytest.approx(np.full((3, 3), np.degrees(np.arctan(0.5)))), "three and four in ten: five in ten"
    assert np.isnan(slope(np.where((rows == 0) & (columns == 0), np.nan, 1.0), 10)).sum() == 1
    assert [reach(size, 30) for size in (1, 90, 150, 990)] == [1, 1, 2, 16]


def noisy(folder: Path) -> Definitions:
    """All that can be computed, on noise."""
    rng = np.random.default_rng(5)
    grid = Grid("EPSG:32719", 300_000, 8_600_100, 30, (17, 23))

    def classes(name: str, top: int) -> Path:
        return write(folder / f"{name}.tif", rng.integers(0, top, grid.shape).astype(np.uint8), grid, nodata=0)

    before, after = classes("before", 4), classes("after", 4)
    height = write(folder / "height.tif", rng.normal(0, 12, grid.shape).astype(np.float32), grid)
    loss = Classed(path=classes("loss", 5), codes=(1,))
    kinds = Kinds(path=classes("kinds", 5), kinds=(Kind(name="a", codes=(1, 2)), Kind(name="b", codes=(3,), high=True)))
    return Definitions(
        minam=Minam(
            cover_loss=CoverLoss(before=before, after=after, vegetation=(1,)),
            fragmentation=Fragmentation(before=before, after=after, forest=(1, 2), window_m=150, share=0.6),
        ),
        serfor=Serfor(
            overuse=Overuse(capacity=classes("capacity", 3), use=after, bears=(Bears(capacity=(1, 2), uses=(1, 2)),)),
            steep=Steep(terrain=height),
            near_deforestation=NearDeforestation(deforestation=loss, window_m=90, share=0.4, within_m=45),
        ),
        ecosystems=kinds, priority=kinds, patches_ha=0.2,
    )  # fmt: skip


@pytest.mark.parametrize("size", [5, 8])
def test_the_tiling_does_not_matter(tmp_path: Path, size: int) -> None:
    question = noisy(tmp_path)
    whole, tiled = compare(set_up(question)), compare(set_up(question), size=size)
    assert (whole.map == tiled.map).all() and (whole.pairs == tiled.pairs).all()
    assert len(set(whole.map.ravel().tolist())) == 6 and len(whole.criteria) == 5
    for key, row in whole.criteria.items():
        assert (row == tiled.criteria[key]).all() and row.min() > 0, key
        assert row.sum() == pytest.approx(whole.pairs.sum())
    for name, table in whole.priorities.items():
        assert (table == tiled.priorities[name]).all() and table.sum() == pytest.approx(whole.pairs.sum())


def test_patches_of_disagreement_are_a_layer(tmp_path: Path) -> None:
    piece = definitions_piece(ready(tmp_path), "here")
    (made,) = piece.layers
    assert [row["agreement"] for row in made.rows] == ["only_minam", "only_serfor", "only_serfor"]
    assert made.rows[0]["area_ha"] == pytest.approx(HA[0].sum()) and made.shapes[0].area == 6 * 900
    few = definitions_piece(ready(tmp_path, patches=1), "here")
    assert len(few.layers[0].rows) == 1 and "2 more patches" in " ".join(few.unknown(EN))
    assert not definitions_piece(ready(tmp_path, patches_ha=1.0), "here").layers


def test_the_piece_says_it_in_words_and_names_its_choices(tmp_path: Path) -> None:
    piece = definitions_piece(noisy(tmp_path), "here")
    for words in (EN, ES):
        for line in (*piece.plain(words), *piece.unknown(words), *piece.charts[0].alt(words)):
            assert "{" not in line
        Xml.fromstring(piece.charts[0].draw(words))
    said = " ".join(piece.unknown(EN))
    assert "chosen" in said and "25.0 degrees" in said and "loss of growth" in said, (
        "a criterion without a map is named"
    )
    assert piece.basis["definitions"]["criteria"]["serfor"] == ["overuse", "steep", "near_deforestation"]
    assert piece.basis["definitions"]["limits"]["serfor"]["steep"] == {"terrain": "height.tif", "degrees": 25.0}
    bare = definitions_piece(ready(tmp_path), "here")
    assert "chosen" not in " ".join(bare.unknown(EN)), "ready maps need no limits of ours"
    assert "were not looked at" not in " ".join(bare.unknown(EN)), "nor the criteria one by one"
    assert len(bare.inputs) == 2 and not bare.simulated


def test_a_sign_that_is_hardly_known_is_named(tmp_path: Path) -> None:
    height = np.full(GRID.shape, np.nan, np.float32)
    height[:3, :3] = 100
    steep = Serfor(steep=Steep(terrain=write(tmp_path / "height.tif", height)), least=1)
    said = " ".join(definitions_piece(ready(tmp_path, serfor=steep), "here").unknown(EN))
    assert "steep slopes (SERFOR (forest service)) is not known on half" in said and "a ready map (" not in said


def test_one_simulated_file_makes_it_simulated(tmp_path: Path) -> None:
    path = write(tmp_path / "simulated.tif", SERFOR_ROWS, nodata=0, SIMULATED="true")
    assert definitions_piece(ready(tmp_path, serfor=Serfor(map=Classed(path=path, codes=(5,)))), "here").simulated


def test_an_area_bounds_what_is_counted(tmp_path: Path) -> None:
    west, _, _, north = -72.0, 0, 0, -12.0
    ring = [[west, -14], [-70.0, -14], [-70.0, north], [west, north], [west, -14]]
    file = tmp_path / "area.geojson"
    file.write_text(f'{{"type": "Polygon", "coordinates": [{ring}]}}')
    found = compare(set_up(ready(tmp_path, area=file)))
    assert found.pairs.sum() == pytest.approx(HA.sum()) and found.hectares(NOT_KNOWN) == pytest.approx(
        HA[4, 5] + HA[5, 5]
    )


MAP, ONE, TWO = Classed(path=Path("x.tif"), codes=(1,)), Kind(name="a", codes=(1,)), Kind(name="a", codes=(2,))
READY = {"minam": Minam(map=MAP), "serfor": Serfor(map=MAP)}
YEAR = YearlyMap(year=2018, map=MAP)
BAD = [
    (lambda: Minam(), "ready `map`, or criteria"),
    (lambda: Minam(map=MAP, productivity=MAP), "not both"),
    (lambda: Serfor(), "ready `map`, or criteria"),
    (lambda: Serfor(steep=Steep(terrain=Path("t.tif"))), "2 criteria must come together and 1 are given"),
    (lambda: Kinds(path=Path("k.tif"), kinds=(ONE, TWO)), "two kinds have one name"),
    (lambda: Kinds(path=Path("k.tif"), kinds=(ONE, Kind(name="b", codes=(1,)))), "a code is of two kinds"),
    (lambda: Definitions(**READY, yearly=(YEAR,)), "nothing to be compared"),
    (lambda: Definitions(**READY, yearly=(YEAR, YEAR)), "two maps are of one year"),
]


@pytest.mark.parametrize(("call", "said"), BAD)
def test_a_question_that_makes_no_sense_is_refused(call, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        call()


def test_maps_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    coarse = Grid("EPSG:32719", 300_000, 8_600_100, 20, (6, 6))
    other = Classed(path=write(tmp_path / "coarse.tif", SERFOR_ROWS, coarse), codes=(5,))
    with pytest.raises(DetectionError, match=r"coarse.tif: lies on .*@20m, minam.tif on .*@30m"):
        definitions_piece(ready(tmp_path, serfor=Serfor(map=other)), "here")
    nothing = Classed(path=write(tmp_path / "nothing.tif", np.zeros(GRID.shape, np.uint8), nodata=0), codes=(1,))
    with pytest.raises(BadInput, match="nothing.tif: no cell of it is counted"):
        definitions_piece(ready(tmp_path, minam=Minam(map=nothing), serfor=Serfor(map=nothing)), "here")
