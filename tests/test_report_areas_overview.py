"""The map of a report of areas: no change is lost in thinning, and it does not depend on how it is read."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from areasetup import GRID, asked, world, write_map

from jobs.reports.areas import overview as module
from jobs.reports.areas.overview import drawn, overview
from jobs.reports.areas.sample import design, draw
from jobs.reports.areas.strata import OUTSIDE, frame, measure
from jobs.reports.cartography import step_of
from jobs.words import Words


@pytest.fixture
def there(tmp_path: Path) -> Any:
    path = write_map(tmp_path / "map.tif", world()[0])
    made = frame(asked(path))
    sample = draw(made, design(measure(made), asked(path).sampling), 1)
    return SimpleNamespace(frame=made, sample=sample)


@pytest.mark.parametrize("largest", [640, 30, 7])
def test_thinning_loses_no_change_and_places_stay_where_they_are(
    there: Any, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "step_of", partial(step_of, largest=largest))
    found = overview(there.frame, there.sample, {"loss"})
    whole = there.frame.members(GRID)
    step = found.step
    assert max(found.members.shape) <= largest and step == max(1, -(-max(GRID.shape) // largest))
    place = there.frame.names.index("loss")
    rows, columns = np.nonzero(whole == place)
    assert len(rows) and (found.members[rows // step, columns // step] == place).all()
    assert (found.members == place).sum() <= len(np.unique(rows // step * 10_000 + columns // step))
    assert (found.members[tuple(found.points.T)] != OUTSIDE).mean() > 0.9
    monkeypatch.setattr(module, "WINDOW", 13)
    again = overview(there.frame, there.sample, {"loss"})
    np.testing.assert_array_equal(found.members, again.members)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_drawing_is_one_small_svg_with_a_legend_and_a_scale(there: Any, language: str) -> None:
    made = drawn(overview(there.frame, there.sample, {"loss"}), Words(language))
    root = ElementTree.fromstring(made)
    texts = [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len(made) < 120_000 and any(one.endswith((" m", "km")) for one in texts)
    assert len(texts) >= 2 + len(there.frame.names)
    assert {"en": "places that people look at", "es": "lugares que las personas revisan"}[language] in texts
