"""A detector run over a small SIMULATED scene with the model's word, and the samples that such scenes give."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from modelsetup import PLANES, drawn, scene, tiny
from test_alerts import plain

from detection.codes import Monitored
from detection.monitors import Looks
from detection.simulator.happenings import Happening
from detection.simulator.parts import FOREVER
from detection.sources.simulated import truth
from detection.types import Cube, Grid, Planes, to_day
from models.applicability import Applicability
from models.cells import moments, tell, whole
from models.decide import Doubt, Judged, judged
from models.estimators import RandomForest
from models.learn import Learning, learn
from models.registry import Model
from models.samples import (
    AFTER_DAYS,
    BEFORE_DAYS,
    ENOUGH,
    UNJUDGED,
    Samples,
    SimulatedSamples,
    answers,
    features_of,
    labelled,
    levelled,
    simulated,
    thinned,
)
from models.stream import Line, Watched, detect, ground_of, looked_at, watch

SCENE = SimulatedSamples(seeds=(7,), cells=48, sensors=("landsat",)).scenes[0]
LINE = Line("small", date(2023, 1, 1))


@pytest.fixture(scope="module")
def cube() -> Cube:
    return looked_at(SCENE, LINE.prepare, LINE.detector.monitor)


@pytest.fixture(scope="module")
def seen(cube: Cube) -> Watched:
    return watch(cube, LINE)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return simulated(SCENE, LINE, PLANES, 3)


@pytest.fixture(scope="module")
def model(samples: Samples) -> Model:
    """Learnt from the scene itself, cut into stripes: what it is worth is not asked here."""
    striped = replace(samples, block=np.arange(samples.many) % 4)
    made = learn(striped, RandomForest(trees=8), Learning(folds=2)).classifier
    everywhere = replace(made.applicability, threshold=np.array(1e9))
    return Model("striped", "1", "", tiny().card, replace(made, applicability=everywhere))


def said_of(seen: Watched, model: Model) -> Judged:
    found = moments(seen.log, seen.cube.scenes)
    return judged(model, tell(seen.looks, seen.cube.planes, seen.cube.grid, found, PLANES), seen.ground)


def without(model: Model, **changes: Any) -> Model:
    return replace(model, classifier=replace(model.classifier, **changes))


def test_alerts_carry_the_model_s_word(cube: Cube, seen: Watched, model: Model) -> None:
    made, doubt = detect(cube, LINE, model), Doubt()
    latest = [series[-1] for series in made.values()]
    assert latest
    clearing = next(e for e in truth(SCENE).events if e.kind == "large-clearing")
    largest = max(latest, key=lambda a: a.area_ha)
    assert set(map(tuple, largest.cells.tolist())) & set(map(tuple, clearing.cells.tolist()))
    assert (largest.change_type, largest.driver, largest.status) == ("tree_cover_loss", "agriculture", "confirmed")
    assert largest.probability > 0.8
    found = said_of(seen, model)
    sure = found.cells[(found.harm >= doubt.agree_from) | ~found.known]
    for alert in (a for series in made.values() for a in series):
        assert alert.model == "striped@1"
        assert 0 <= alert.probability <= 1
        confident = sure[sure["instant"] <= alert.observed_at]
        harmed = set(zip(confident["row"].tolist(), confident["column"].tolist(), strict=True))
        assert {tuple(c) for c in alert.cells[alert.confirmed_cells].tolist()} <= harmed
    assert any(a.confirmed_cells.any() for a in latest)


def test_without_a_model_nothing_is_said_and_a_model_only_takes_alarms_away(cube: Cube, model: Model) -> None:
    plain_ = [series[-1] for series in detect(cube, LINE).values()]
    assert all(a.change_type == "unclassified" and a.driver is a.probability is a.model is None for a in plain_)
    cells = {tuple(c) for a in plain_ for c in a.cells.tolist()}
    with_model = {tuple(c) for s in detect(cube, LINE, model).values() for c in s[-1].cells.tolist()}
    assert with_model and with_model <= cells


def test_a_model_that_finds_nothing_silences_and_one_that_knows_nothing_leaves_it_to_the_monitor(
    cube: Cube, model: Model
) -> None:
    nothing = np.array([0.0 if name == "nothing" else -99 for name in model.classifier.classes])
    assert detect(cube, LINE, without(model, turn=model.classifier.turn * 0, shift=nothing)) == {}
    area: Applicability = replace(model.classifier.applicability, threshold=np.array(-1.0))
    stranger = [a for series in detect(cube, LINE, without(model, applicability=area)).values() for a in series]
    alone = detect(cube, LINE)
    assert stranger and {a.id for a in stranger} == set(alone)
    assert {(a.change_type, a.driver, a.probability, a.model) for a in stranger} == {
        ("unclassified", None, None, "striped@1")
    }
    assert {a.status for a in stranger} == {a.status for series in alone.values() for a in series}


@pytest.mark.parametrize("day", [date(2024, 6, 25), date(2024, 8, 1)])
def test_no_look_of_later_days_is_read(cube: Cube, model: Model, day: date) -> None:
    cut, end = cube.between(0, to_day(day)), to_day(day) * 86_400
    early = {i: [plain(a) for a in s] for i, s in detect(cut, LINE, model).items()}
    whole = {i: [plain(a) for a in s if a.observed_at < end] for i, s in detect(cube, LINE, model).items()}
    assert early == {i: s for i, s in whole.items() if s}


# the ground


def test_the_ground_is_what_monitoring_left_out_and_what_was_dark() -> None:
    grid = Grid("EPSG:32719", 300_000, 8_600_040, 30, (1, 4))
    scenes = tuple(scene(d) for d in (100, 110, 120))
    values = np.full((3, 2, 4), 0.3, np.float32)
    values[:, 1] = [[0.05, 0.3, np.nan, 0.05], [0.05, 0.3, np.nan, 0.3], [0.3, 0.05, np.nan, 0.3]]
    codes = np.array(
        [Monitored.MONITORED, Monitored.NOT_FOREST, Monitored.MONITORED, Monitored.SHORT_HISTORY], np.uint8
    )
    made = ground_of(codes, Looks(scenes, values), Planes(("nbr", "nir")), grid)
    assert made.corner == (grid.first_row, grid.first_column)
    assert made.open.tolist() == [[0, 1, 0, 1]]
    np.testing.assert_array_equal(made.water, [[1, 0, np.nan, 0]])
    assert np.isnan(ground_of(codes, Looks(scenes, values), Planes(("nbr", "red")), grid).water).all()


# samples


def test_samples_are_flagged_cells_with_the_truth(seen: Watched, samples: Samples) -> None:
    known = truth(SCENE)
    assert samples.features == features_of(PLANES) and samples.rows.shape == (samples.many, len(samples.features))
    assert set(samples.block) == {3} and set(samples.region) == {SCENE.region}
    assert set(samples.year) <= {2022, 2023, 2024} and set(samples.answer) <= {"agriculture", "nothing"}
    found = moments(seen.log, seen.cube.scenes)
    rows = whole(tell(seen.looks, seen.cube.planes, seen.cube.grid, found, PLANES), seen.ground)
    answer, number = answers(known, found["pixel"], found["decided"])
    everything = labelled(rows, found, known, (SCENE.region, 3), samples.features)
    np.testing.assert_array_equal(everything.rows, rows[answer != UNJUDGED])
    np.testing.assert_array_equal(everything.answer, answer[answer != UNJUDGED])
    kept = thinned(everything)
    for name in ("rows", "answer", "event", "stands_for", "year"):
        np.testing.assert_array_equal(getattr(samples, name), getattr(kept, name))
    lost = known.loss_day.ravel()[found["pixel"]]
    harmed = (lost >= 0) & (found["decided"] >= lost - BEFORE_DAYS)
    aside = np.isin(found["pixel"], np.concatenate([h.cells for h in known.happenings if h.ignored]))
    fair = known.forest.ravel()[found["pixel"]] & ~aside
    assert (harmed & fair).any() and (~harmed & fair).any() and aside.any()
    assert (answer[harmed & fair] == "agriculture").all() and (answer[~harmed & fair] == "nothing").all()
    assert (answer[aside] == UNJUDGED).all(), "half hurt"
    assert ((number >= 0) == (answer == "agriculture"))[fair].all()


def test_of_an_event_of_many_some_stand_for_all() -> None:
    whole_ = drawn(1, 300)
    many = replace(whole_, event=np.repeat([5, 6, 7], (200, 90, 10)), stands_for=np.full(300, 0.5))
    made = thinned(many, 40)
    assert [(made.event == e).sum() for e in (5, 6, 7)] == [40, 40, 10]
    for event in (5, 6, 7):
        kept, all_ = (made.event == event).sum(), (many.event == event).sum()
        assert (made.weight * made.stands_for)[made.event == event].sum() == pytest.approx(np.sqrt(all_) / 2), kept
    place = [many.rows.tobytes().index(row.tobytes()) for row in made.rows]
    assert place == sorted(place), "in their order"
    np.testing.assert_array_equal(thinned(many, 40).rows, made.rows)
    assert (thinned(many, 40, seed=1).rows.shape == made.rows.shape) and thinned(many, 999).many == 300


def test_a_cell_of_the_large_clearing_by_hand() -> None:
    known = truth(SCENE)
    event = next(e for e in known.events if e.kind == "large-clearing")
    row, column = event.cells[0] - [known.grid.first_row, known.grid.first_column]
    pixel, day = int(row * known.grid.shape[1] + column), int(known.loss_day[row, column])
    assert day >= to_day(event.start) and known.forest[row, column]
    days = np.array([day - BEFORE_DAYS - 1, day - BEFORE_DAYS, day, day + 300])
    said, number = answers(known, np.full(4, pixel), days.astype(np.int32))
    assert said.tolist() == ["nothing", "agriculture", "agriculture", "agriculture"]
    assert number[0] == -1 and len(set(number[1:].tolist())) == 1


def world(*happenings: Happening, forest: Any = True) -> Any:
    shape = (1, 3)
    return SimpleNamespace(
        happenings=happenings, forest=np.broadcast_to(forest, shape), weight=np.ones(shape), grid=None
    )


def happened(event: str, driver: Any, change: Any, start: int, end: int, **more: Any) -> Happening:
    return Happening(event, driver, change, start, end, np.array([0, 1]), **more)


def said_on(known: Any, *days: int, pixel: int = 0) -> list[str]:
    return answers(known, np.full(len(days), pixel), np.array(days, np.int32))[0].tolist()


def test_what_passes_is_over_after_a_while_and_a_loss_counts_before_it() -> None:
    flood = happened("f", "flood", "not loss", 1000, 1050)
    assert said_on(world(flood), 969, 970, 1050 + AFTER_DAYS, 1051 + AFTER_DAYS) == [
        "nothing",
        "flood",
        "flood",
        "nothing",
    ]
    assert said_on(world(flood), 1000, pixel=2) == ["nothing"], "elsewhere"
    clearing = happened("c", "clearing", "loss", 900, FOREVER)
    for order in ((flood, clearing), (clearing, flood)):
        assert said_on(world(*order), 869, 870, 1010, 5000) == ["nothing", "agriculture", "agriculture", "agriculture"]
    later = happened("d", "fire", "loss", 1200, FOREVER)
    assert said_on(world(clearing, later), 1169, 1170) == ["agriculture", "fire"], "the latest loss"


def test_what_counts_neither_way_is_not_judged() -> None:
    half = happened("c", "clearing", "loss", 900, FOREVER, ignored=True)
    assert said_on(world(half), 869, 900) == ["nothing", UNJUDGED]
    assert said_on(world(forest=False), 900) == [UNJUDGED]
    assert said_on(world(), 900) == ["nothing"]
    parts = [happened("one", "clearing", "loss", 900, FOREVER), happened("one", "clearing", "loss", 950, FOREVER)]
    number = answers(world(*parts), np.array([0, 0]), np.array([900, 999], np.int32))[1]
    assert number[0] == number[1] == 0, "parts of one event are one event"


def test_scenes_of_a_recipe_look_at_places_of_their_own() -> None:
    asked = SimulatedSamples(seeds=tuple(range(1, 31)))
    places = [(s.region, s.west, s.north) for s in asked.scenes]
    assert len(set(places)) == 30 and {s.variant for s in asked.scenes} == {"open"}
    size = asked.cells * asked.resolution
    for region in asked.regions:
        mine = np.array([p[1:] for p in places if p[0] == region])
        apart = np.abs(mine[:, None] - mine[None]).max(2) + np.eye(len(mine)) * 1e9
        assert apart.min() >= size, "none overlaps"


def test_a_scene_that_seeks_lies_where_most_of_it_happens() -> None:
    asked = SimulatedSamples(seeds=(11,), regions=("madre-de-dios",), cells=96, seek=("mining", "fire"), among=12)
    (scene,) = asked.scenes

    def met(there: Any) -> int:
        told = truth(replace(there, start=asked.monitor_from)).happenings
        kinds = [driver for _, driver in {(one.event, one.driver) for one in told if not one.ignored}]
        return min(ENOUGH, kinds.count("mining")) + min(ENOUGH, kinds.count("fire"))

    found = asked.settled(scene)
    assert met(found) > met(scene), "this seed's own place is poor"
    assert replace(found, west=scene.west, north=scene.north) == scene, "nothing else moves"
    assert asked.settled(scene) == found
    assert replace(asked, seek=()).settled(scene) == scene


def test_scenes_that_seek_do_not_change_how_common_classes_are() -> None:
    made = drawn(3, 400)
    sought = (made.answer == "fire") & (made.event % 4 > 0)
    mixed = replace(made, by_lot=~sought)
    even = levelled(mixed)

    def common(samples: Samples, name: str) -> float:
        return float((samples.weight * samples.stands_for)[samples.answer == name].sum())

    assert common(even, "fire") == pytest.approx(common(mixed.take(~sought), "fire"))
    assert common(even, "agriculture") == pytest.approx(common(made, "agriculture"))
    np.testing.assert_array_equal(levelled(made).stands_for, made.stands_for)
    never = levelled(replace(made, by_lot=made.answer != "fire"))
    events = len(np.unique(made.event[made.answer == "fire"]))
    assert common(never, "fire") == pytest.approx(common(made, "fire") / events / 2), "half an event"
