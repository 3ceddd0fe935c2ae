"""Tables and streams that hold optical and radar columns side by side: two looks a row, planes apart, kinds apart."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from detection.accuracy.stream import Panel, Stream
from detection.errors import BadInput, UnknownBand
from detection.history import History
from detection.monitors.cusum import Cusum
from detection.monitors.fusion import Fusion
from detection.prepare import Prepare
from detection.sources.simulated import Simulated, SimulatedParameters
from detection.types import Planes, Scene, to_day
from jobs import evidence, series
from jobs.config import JobConfig, ModelChoice, Period, SeriesConfig, Tiles
from jobs.evaluation import contestants
from jobs.evaluation.asked import TableTruth
from jobs.evaluation.contestants import Job, PixelMonitor, together
from jobs.evaluation.pieces import Piece, open_piece
from jobs.evidence import apart, fused, in_range
from jobs.series import run_series
from jobs.tables import read_table
from models.stream import looked_at, planes

FROM, TODAY = date(2014, 1, 1), date(2026, 1, 1)
FUSED = SeriesConfig(
    name="fused",
    monitor=Fusion(optical=("value",)),
    valid_min=-1,
    valid_max=1,
)
ALONE = replace(FUSED, monitor=Cusum(), columns=("value",))


def table(seed: int = 1) -> pd.DataFrame:
    """SIMULATED: ten years of three series, index every 16 days, backscatter every 12; `b` is lost in July 2014."""
    rng, rows = np.random.default_rng(seed), []
    for name in "abc":
        for step, columns in ((16, ("value",)), (12, ("vv", "vh"))):
            for day in range(to_day(date(2008, 1, 1)), to_day(date(2016, 1, 1)), step):
                lost = name == "b" and day > to_day(date(2014, 7, 1))
                level = {"value": 0.7 - 0.5 * lost, "vv": -7.0 - 3 * lost, "vh": -13.0 - 4 * lost}
                when = (date(1970, 1, 1) + timedelta(days=day)).isoformat()
                rows.append({"series_id": name, "date": when} | {c: level[c] + rng.normal(0, 0.02) for c in columns})
    return pd.DataFrame(rows)


def write(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return path


def changes(folder: Path, frame: pd.DataFrame, config: SeriesConfig) -> tuple[list[str], tuple[str, ...]]:
    outcome = run_series(write(folder, frame), config, folder / "out.csv", FROM)
    return (folder / "out.csv").read_text().splitlines(), outcome.notes


def test_a_row_with_both_kinds_is_two_looks_the_radar_one_first(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"series_id": ["a"] * 4, "date": ["2014-01-01", "2014-01-01", "2014-01-05", "2014-01-09"],
         "value": [0.7, 0.71, np.nan, 0.72], "vv": [-7.0, np.nan, -7.1, -7.2], "vh": [-13.0, np.nan, np.nan, -13.2]}
    )  # fmt: skip
    read = read_table(write(tmp_path, frame), ("value", "vv", "vh"), today=TODAY)
    planes = fused(FUSED, read.columns)
    assert planes == Planes(("value",), ("vv", "vh"))
    looks, notes = apart(read, read.values, planes)
    assert notes == ["1 radar looks lack one of vv, vh and count as not observed"]
    made = series.pivot(looks, 1, 0)
    assert [(s.when.date().isoformat()[-2:], s.radar) for s in made.scenes] == [
        ("01", True), ("01", False), ("01", False), ("09", True), ("09", False)
    ]  # fmt: skip
    assert list(made.scenes) == sorted(made.scenes)
    np.testing.assert_allclose(looks.values[:, 0], [-7.0, 0.7, 0.71, -7.2, 0.72])
    np.testing.assert_allclose(looks.values[:, 1], [-13.0, np.nan, np.nan, -13.2, np.nan])


def test_a_loss_is_found_in_both_kinds_and_dates_of_both_may_share_a_row(tmp_path: Path) -> None:
    frame = table()
    said, notes = changes(tmp_path, frame, FUSED)
    assert len(said) == 2 and said[1].startswith("b,2014-07-")
    merged = frame.groupby(["series_id", "date"], as_index=False).first()
    assert len(merged) < len(frame), "some dates are of both"
    assert changes(tmp_path, merged, FUSED)[0] == said
    assert not any("done without" in note for note in notes)
    quiet = frame.assign(vv=frame.vv.clip(lower=-7.1), vh=frame.vh.clip(lower=-13.1))
    late, soon = (changes(tmp_path, one, FUSED)[0][1].split(",") for one in (quiet, frame))
    assert late[1] >= soon[1] and (not late[2] or late[2] >= soon[2]), "radar that stays speaks against it"


def test_columns_that_a_table_lacks_are_left_out_and_a_note_says_so(tmp_path: Path) -> None:
    frame = table()
    said, notes = changes(tmp_path, frame.drop(columns="vh"), FUSED)
    assert len(said) == 2 and said[1].startswith("b,2014-07-")
    assert "no column `vh`: done without it" in notes
    optical, notes = changes(tmp_path, frame.drop(columns=["vh", "vv"]), FUSED)
    assert len(optical) == 2 and optical[1].startswith("b,2014-07-")
    assert {"no column `vh`: done without it", "no column `vv`: done without it"} <= set(notes)
    with pytest.raises(UnknownBand, match="no column `value`; found `series_id`, `date` and `other`"):
        changes(tmp_path, frame.rename(columns={"value": "other"})[["series_id", "date", "other"]], FUSED)
    with pytest.raises(UnknownBand, match="no column `vh`"):
        changes(tmp_path, frame.drop(columns="vh"), replace(FUSED, columns=("vv", "vh"), monitor=Cusum()))


def test_limits_are_those_of_the_kind(tmp_path: Path) -> None:
    frame = table()
    frame.loc[0, "value"], frame.loc[frame.index[frame.vv.notna()][0], "vv"] = 1.5, -60
    path = write(tmp_path, frame)
    read = read_table(path, ("value", "vv", "vh"), today=TODAY)
    kept, notes = in_range(path, read, FUSED)
    assert np.isfinite(read.values).sum() - np.isfinite(kept).sum() == 2
    assert [note.partition(" lie ")[2] for note in notes] == [
        "outside -1 to 1: not observed",
        "outside -50 to 20: not observed",
    ]
    power = frame.assign(vv=10 ** (frame.vv / 10))
    with pytest.raises(BadInput, match=r"vv is .* the config takes dB; is it linear power\? Give 10\*log10\(vv\)"):
        run_series(write(tmp_path, power), FUSED, tmp_path / "o.csv", FROM)


def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, _ = changes(tmp_path, table(), FUSED)
    monkeypatch.setattr(series, "CELLS_A_BLOCK", 1)
    assert changes(tmp_path, table(), FUSED)[0] == said


def stream(many: int = 5) -> Stream:
    """SIMULATED panels of both kinds; dates of their own, one instant shared."""
    rng = np.random.default_rng(2)
    light = tuple(Scene(86_400 * d, "landsat-8", f"l{d}") for d in range(0, 2_400, 16))
    echo = tuple(Scene(86_400 * d, "sentinel-1a", f"s{d}") for d in range(0, 2_400, 12))
    nbr = rng.normal(0.7, 0.02, (len(light), many)).astype(np.float32)
    nbr[120:, 1] -= 0.5
    nbr[3, :] = np.nan
    db = {n: rng.normal(level, 0.5, (len(echo), many)).astype(np.float32) for n, level in (("vv", -7), ("vh", -13))}
    db["vh"][5, 2] = np.nan
    panels = (Panel(s, np.full(len(s), -1, np.int16), v) for s, v in ((light, {"nbr": nbr}), (echo, db)))
    return Stream(1_600, many, *panels)


def test_both_panels_in_canonical_order() -> None:
    given = stream()
    scenes, values = together(given, Planes(("nbr",), ("vv", "vh")))
    assert list(scenes) == sorted({*given.optical.scenes, *given.radar.scenes})
    for panel in (given.optical, given.radar):
        at = [scenes.index(s) for s in panel.scenes]
        for slot, name in enumerate(panel.values):
            np.testing.assert_array_equal(values[at, slot], panel.values[name])
    assert np.isnan(values[[not s.radar for s in scenes], 1]).all()
    one = replace(given, radar=None)
    assert together(one, Planes(("nbr",), ("vv",)))[0] == given.optical.scenes
    with pytest.raises(BadInput, match="no ndmi"):
        together(given, Planes(("ndmi",), ("vv",)))
    with pytest.raises(BadInput, match="no vv"):
        together(one, Planes((), ("vv",)))


def test_a_pixel_monitor_takes_planes_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = contestants.start
    monkeypatch.setattr(contestants, "start", lambda d, looks, **more: seen.append(looks) or real(d, looks, **more))
    mine = PixelMonitor(FUSED)
    assert mine.planes == ("nbr", "vv", "vh") and mine.spare
    mine(stream())
    scenes, values = seen[0].scenes, seen[0].values
    lacking = next(i for i, s in enumerate(scenes) if s.id == "s60")
    assert np.isnan(values[lacking, :, 2]).all() and np.isfinite(values[lacking, :, 1]).all()
    assert values.shape[1] == 2
    assert not PixelMonitor(ALONE).spare


def test_a_pixel_monitor_does_without_a_plane() -> None:
    given = stream()
    assert PixelMonitor(FUSED)(given).series.tolist() == [1]
    without = replace(given, radar=Panel(given.radar.scenes, given.radar.orbit, {"vv": given.radar.values["vv"]}))
    assert PixelMonitor(FUSED)(without).series.tolist() == [1]


def test_a_table_with_truth_may_lack_what_is_spare(tmp_path: Path) -> None:
    frame = table()
    truth = pd.DataFrame(
        [{"series_id": n, "stratum": "s", "change": n == "b", "change_start": "2014-06-20" if n == "b" else "",
          "change_end": "2014-07-10" if n == "b" else "", "obs_start": "2014-01-01", "obs_end": "2016-01-01"} for n in "abc"]
    )  # fmt: skip
    truth.to_csv(tmp_path / "truth.csv", index=False)
    asked = TableTruth(table=write(tmp_path, frame.drop(columns="vh")), truth=tmp_path / "truth.csv", monitor_from=FROM)
    piece = Piece("t", ("t", ""), table=asked)
    with pytest.raises(UnknownBand, match="no column `vh`"):
        open_piece(piece, asked, {"value", "vv", "vh"})
    opened = open_piece(piece, asked, {"value", "vv", "vh"}, {"vv", "vh"})
    assert "no column `vh`: done without it" in opened.notes
    assert all(s.radar for s in opened.stream.radar.scenes) and not any(s.radar for s in opened.stream.optical.scenes)
    assert set(opened.stream.radar.values) == {"vv"}


WORLD = SimulatedParameters(
    west=371_640, north=8_591_520, rows=48, columns=48, start=date(2022, 6, 1), end=date(2024, 10, 1),
    sensors=("landsat", "sentinel-1"),
)  # fmt: skip


def test_a_job_sees_the_same_cube_on_a_stream_as_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planes put together from a stream of planes by themselves are those prepared together."""
    names, rules = ("nbr", "doubt", "vv", "vh"), Prepare(valid_max=0.8)
    monitor = Fusion(optical=("nbr", "doubt"))
    cube = looked_at(WORLD, rules, monitor)
    assert cube.planes == Planes(("nbr", "doubt"), ("vv", "vh"))
    source = Simulated(WORLD)
    rows = source.manifest(0, 10**6)
    panels = []
    for wanted, radar in ((names[:2], False), (names[2:], True)):
        mine = [row for row in rows if row.scene.radar == radar]
        made = planes(source, mine, wanted, rules)
        values = {n: c.plane(n).reshape(len(mine), -1) for n, c in made.items()}
        panels.append(Panel(tuple(r.scene for r in mine), np.full(len(mine), -1, np.int16), values))
    given = Stream(to_day(date(2024, 1, 1)), 48 * 48, *panels)
    seen: list[Any] = []
    monkeypatch.setattr(contestants, "detect", lambda c, *_: seen.append(c) or {})
    config = JobConfig(
        name="job", sources=WORLD, period=Period(monitor_from=date(2024, 1, 1)), prepare=rules, model=ModelChoice(name=None),
        monitor=replace(monitor), history=History(years=9), tiles=Tiles(halo_m=150),
    )  # fmt: skip
    mine = Job(config, grid=source.grid())
    assert mine.planes == names
    mine(given)
    assert seen[0].scenes == cube.scenes and seen[0].planes == cube.planes
    assert seen[0].values.tobytes() == cube.values.tobytes()
    assert evidence.fused(FUSED) is not None
