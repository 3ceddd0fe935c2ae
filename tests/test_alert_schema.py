"""The published schema of a feature of alerts.geojson holds for what a job publishes, and for nothing else."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from feedsetup import SHAPES, made
from jobsetup import link, start, write_scenes
from jsonschema import Draft202012Validator, FormatChecker

from detection.alerts import REASONS, AlertStatus, Confidence
from detection.alerts.record import ReviewStatus
from detection.codes import CHANGE_TYPES, DRIVERS, STATUS_SCHEME, Status
from jobs.outputs.tables import COLUMNS
from jobs.outputs.vectors import feature

DOCS = Path(__file__).parents[1] / "docs"
SCHEMA = json.loads((DOCS / "alert-feature.schema.json").read_text(encoding="utf-8"))
FACTS = SCHEMA["properties"]["properties"]["properties"]
CHECK = Draft202012Validator(SCHEMA, format_checker=FormatChecker())


def mistakes(one: dict[str, Any]) -> list[str]:
    return [error.message for error in CHECK.iter_errors(one)]


def plain(**changes: Any) -> dict[str, Any]:
    """A feature as a reader of JSON has it."""
    said = feature(
        made(**changes),
        known_at="2026-05-26T06:12:07Z",
        detected_by="ewma on nbr, landsat-9",
    )
    return dict(json.loads(json.dumps(said, allow_nan=False)))


def test_the_features_of_a_job_keep_to_the_schema(tmp_path: Path) -> None:
    """A first run sees a clearing begin, a second what became of it."""
    scenes = write_scenes(tmp_path / "all")
    found = []
    for until in (date(2024, 7, 20), date(2025, 12, 31)):
        folder = link(scenes, tmp_path / "scenes", lambda day, until=until: day < until)
        made_ = start(folder, tmp_path / "out").folder
        assert made_ is not None
        found += json.loads((made_ / "alerts.geojson").read_text(encoding="utf-8"))["features"]
    assert len(found) >= 2
    for one in found:
        assert mistakes(one) == []
        assert set(one["properties"]) == set(FACTS) == set(SCHEMA["properties"]["properties"]["required"])


@pytest.mark.parametrize(
    "changes",
    [
        *({"status": status} for status in get_args(AlertStatus) if status != "rejected"),
        *(
            {
                "status": "rejected",
                "detected": "confirmed",
                "review_status": "rejected",
                "rejection_reason": one,
                "reviewed_on": date(2026, 6, 1),
            }
            for one in REASONS
        ),
        *({"confidence": one} for one in get_args(Confidence)),
        *({"cells": SHAPES[name]} for name in SHAPES),
        {"driver": None, "probability": None, "model": None, "last_clear_before": None, "confirmed_on": None},
        {"magnitude": np.nan, "magnitude_max": np.nan, "magnitude_sigma": np.nan},
        {"previous_id": "0b5e1b6e-0000-5000-8000-000000000002", "merged_into": "0b5e1b6e-0000-5000-8000-000000000003"},
        {"finished_on": date(2026, 8, 1), "status_code": int(Status.FINISHED_LOW)},
    ],
    ids=str,
)
def test_whatever_an_alert_may_say_keeps_to_it(changes: Any) -> None:
    assert mistakes(plain(**changes)) == []


def test_an_alert_without_cells_has_no_place() -> None:
    nowhere = made()
    gone = json.loads(json.dumps(feature(type(nowhere)(**(vars(nowhere) | {"cells": np.empty((0, 2), np.int32)})))))
    assert gone["geometry"] is None and gone["properties"]["utm"] is None and mistakes(gone) == []


def test_the_schema_names_the_codes_that_there_are_and_every_column() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert set(FACTS["status"]["enum"]) == set(get_args(AlertStatus))
    assert {*FACTS["detection_status"]["enum"], "rejected"} == set(get_args(AlertStatus))
    assert set(FACTS["review_status"]["enum"]) == set(get_args(ReviewStatus))
    assert set(FACTS["rejection_reason"]["enum"]) == {*REASONS, None}
    assert set(FACTS["confidence"]["enum"]) == set(get_args(Confidence))
    assert set(FACTS["change_type"]["enum"]) == set(CHANGE_TYPES)
    assert set(FACTS["driver"]["enum"]) == {*DRIVERS, None}
    assert FACTS["status_code"]["maximum"] == max(Status) and FACTS["status_scheme"]["const"] == STATUS_SCHEME
    moved = {"lon", "lat", "utm_zone", "utm_e", "utm_n"}
    assert set(FACTS) == set(COLUMNS) - {"id", *moved} | {"label_point", "utm"}
    assert all(one.get("description") for one in FACTS.values())


def test_what_both_schemas_name_means_the_same_in_both() -> None:
    carried = json.loads((DOCS / "alert.schema.json").read_text(encoding="utf-8"))["properties"]
    both = set(carried) & set(FACTS) - {"magnitude"}  # the store refuses what is not a number; a file says null
    assert len(both) > 20 and {name: carried[name] for name in both} == {name: FACTS[name] for name in both}


def _at(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *steps, last = path.split(".")

    def change(one: dict[str, Any]) -> None:
        for step in steps:
            one = one[step]
        one[last] = value

    return change


@pytest.mark.parametrize(
    "wrong",
    [
        _at("id", "K7Q4M2-X"), _at("type", "Alert"), _at("more", 1), _at("properties.more", 1), _at("properties.status", "gone"),
        _at("properties.revision", 0), _at("properties.change_date", "1 May"), _at("properties.observed_at", "yesterday"),
        _at("properties.area_is_estimate", True), _at("properties.probability", 1.1), _at("properties.lattice", "UTM"),
        _at("properties.label_point", [-12.0, -269.0]), _at("properties.utm", {"zone": "19L", "e": 1, "n": 2}),
        _at("geometry.type", "Polygon"), _at("geometry.coordinates", [[[[0, 0], [1, 1], [0, 0]]]]), _at("geometry.crs", "x"),
        lambda one: one["properties"].pop("simulated"), lambda one: one.pop("geometry"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(wrong: Callable[[dict[str, Any]], None]) -> None:
    one = deepcopy(plain())
    assert mistakes(one) == []
    wrong(one)
    assert mistakes(one)
