"""Pixel-series mode: what is found, that it does not depend on how the table is cut or ordered, and every bad table."""

import gzip
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import detection.monitors
from detection.errors import BadInput
from detection.monitors import Detector, Looks, start, update
from detection.types import SECONDS_A_DAY, Scene, to_day
from jobs import series as mode
from jobs.config import SeriesConfig, load
from jobs.series import SeriesOutcome, run_series

ROOT = Path(__file__).parent.parent
FROM = date(2013, 1, 1)
CHANGES = ["series_id", "first_detected", "confirmed_on", "change_date", "status"]
CHANGES += ["probability", "magnitude", "change_type"]
SERIES = ["series_id", "looks", "history_looks", "monitored_from", "last_look", "status"]
Rows = list[tuple[Any, ...]]
QUICK = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def config(name: str) -> SeriesConfig:
    made = load(ROOT / "configs" / f"series-{name}.yaml")
    assert isinstance(made, SeriesConfig)
    return made


INDEX, RADAR, YEARLY = config("index"), config("radar"), config("yearly")


def simulated(seed: int = 1, series: int = 6, *, years: int = 8, step: int = 24, noise: float = 0.03) -> pd.DataFrame:
    """SIMULATED index of forest from 2008; the even ones lose 0.5 after FROM; each series has dates of its own."""
    rng = np.random.default_rng(seed)
    parts = []
    for s in range(series):
        days = to_day(date(2008, 1, 1)) + s + np.cumsum(rng.integers(step // 2, step * 3 // 2, years * 365 // step))
        value = 0.7 + rng.normal(0, noise, len(days))
        if s % 2 == 0:
            lost = to_day(FROM) + rng.integers(100, 500)
            value[(days >= lost) & (days < lost + rng.integers(60, 900))] -= 0.5
        dates = days.astype("datetime64[D]").astype(str)
        parts.append(pd.DataFrame({"series_id": f"s{s}", "date": dates, "value": value.round(4)}))
    return pd.concat(parts, ignore_index=True)


def run(
    folder: Path,
    frame: pd.DataFrame | str | bytes,
    chosen: SeriesConfig = INDEX,
    day: date | None = FROM,
    name: str = "in.csv",
) -> tuple[pd.DataFrame, pd.DataFrame, SeriesOutcome]:
    """(changes, series, outcome) of a table written as it is given."""
    table, out = folder / name, folder / "out.csv"
    if isinstance(frame, pd.DataFrame):
        frame.to_parquet(table) if name.endswith(".parquet") else frame.to_csv(table, index=False)
    else:
        table.write_bytes(frame if isinstance(frame, bytes) else frame.encode())
    outcome = run_series(table, chosen, out, day)
    texts: dict[str, Any] = {"dtype": {"series_id": str}, "keep_default_na": False}
    return pd.read_csv(out, **texts), pd.read_csv(f"{out}.series.csv", **texts), outcome


def same_up_to(cut: pd.DataFrame, whole: pd.DataFrame, fields: list[str]) -> None:
    merged = whole.merge(cut, on=["series_id", "first_detected"], how="left", suffixes=("", "_cut"), indicator=True)
    assert (merged._merge == "both").all()
    for field in fields:
        assert (merged[field] == merged[f"{field}_cut"]).all(), field


def cut_anywhere(folder: Path, frame: pd.DataFrame, changes: pd.DataFrame, most: int) -> None:
    """Cutting every series at its k-th first_detected or confirmed_on gives the same rows up to there."""
    for column, fields in (
        ("first_detected", ["change_date"]),
        ("confirmed_on", ["confirmed_on", "change_date", "magnitude"]),
    ):
        decided = changes[changes[column] != ""]
        for _, group in decided.groupby(decided.groupby("series_id").cumcount()):
            limit = frame.series_id.map(dict(zip(group.series_id, group[column], strict=True)))
            kept = frame[limit.notna() & (frame.date <= limit.fillna(""))]
            cut, _, _ = run(folder, kept)
            same_up_to(cut, group, fields)
            assert len(cut) <= len(changes[changes.series_id.isin(group.series_id)])
            most -= 1
            if most == 0:
                return


# --- what is found ---------------------------------------------------------------------------------------------------


def test_losses_are_found_dated_and_confirmed(tmp_path: Path) -> None:
    frame = simulated()
    changes, series, outcome = run(tmp_path, frame)
    assert list(changes) == CHANGES
    assert list(series) == SERIES
    assert set(changes.series_id) == {"s0", "s2", "s4"}
    assert set(series.status) == {"monitored"}
    assert set(series.monitored_from) == {"2013-01-01"}
    assert (changes.confirmed_on >= changes.first_detected).all()
    assert (changes.change_date <= changes.first_detected).all()
    assert changes.magnitude.between(-0.55, -0.45).all()
    assert set(changes.probability) == set(changes.change_type) == {""}
    for row in changes.itertuples():
        values = frame[(frame.series_id == row.series_id)].set_index("date").value
        assert values[str(row.change_date)] < 0.4  # the first anomalous look is the first low one
        assert (values[(values.index >= "2013-01-01") & (values.index < row.change_date)] > 0.5).all()
    counted = frame.assign(new=frame.date >= "2013").groupby("series_id").new.agg(["sum", "size"])
    assert list(series.looks) == list(counted["sum"])
    assert list(series.history_looks) == list(counted["size"] - counted["sum"])
    assert list(series.last_look) == list(frame.groupby("series_id").date.max())
    assert outcome.series == 6
    assert outcome.not_monitored_share == 0
    assert sum(outcome.changes.values()) == len(changes)
    assert outcome.lines()[0] == f"6 series, {len(frame):,} clear looks; 6 monitored from 2013-01-01"


def test_every_status_of_a_change_is_reached(tmp_path: Path) -> None:
    base = simulated(3, 1, noise=0.02).query("date < '2013'")
    new = [str(FROM + timedelta(days=10 * k)) for k in range(100)]

    def table(lows: range, looks: int, low: float = 0.2) -> pd.DataFrame:
        values = [low if k in lows else 0.7 for k in range(looks)]
        return pd.concat([base, pd.DataFrame({"series_id": "s0", "date": new[:looks], "value": values})])

    assert list(run(tmp_path, table(range(5, 15), 15, 0.6))[0].status) == ["provisional"]
    assert list(run(tmp_path, table(range(5, 9), 9))[0].status) == ["confirmed"]
    assert list(run(tmp_path, table(range(5, 15), 40, 0.6))[0].status) == ["expired"]
    assert list(run(tmp_path, table(range(5, 9), 40))[0].status) == ["finished"]
    assert list(run(tmp_path, table(range(5, 100), 100))[0].status) == ["finished"]
    assert run(tmp_path, table(range(5, 6), 40))[0].empty  # one low look is none


def test_the_history_is_that_of_the_config(tmp_path: Path) -> None:
    frame = simulated()
    _, series, outcome = run(tmp_path, frame, replace(INDEX, history=replace(INDEX.history, years=0.5)))
    assert set(series.status) == {"short_history"}
    assert series.history_looks.between(5, 11).all()
    assert set(series.monitored_from) == {""}
    assert outcome.not_monitored_share == 1
    assert "6 short_history" in outcome.lines()[1]


def test_what_passed_in_the_history_is_not_flagged(tmp_path: Path) -> None:
    calm = simulated(2).query("series_id == 's1'")
    dip = calm.date.between("2010-05-01", "2010-09-01")
    dipped = calm.assign(value=calm.value - 0.5 * dip)
    assert run(tmp_path, dipped, INDEX, date(2010, 1, 1))[2].monitored == {"monitored": 1}
    assert len(run(tmp_path, dipped, INDEX, date(2010, 1, 1))[0]) == 1
    changes, series, _ = run(tmp_path, dipped)
    assert list(series.status) == ["monitored"]
    assert changes.empty


def test_the_config_gives_the_day_and_the_command_line_goes_first(tmp_path: Path) -> None:
    frame = simulated()
    told = replace(INDEX, period=replace(INDEX.period, monitor_from=date(2012, 1, 1)))
    assert run(tmp_path, frame, told, None)[2].monitor_from == date(2012, 1, 1)
    assert run(tmp_path, frame, told, FROM)[2].monitor_from == FROM


def test_loss_that_raises_is_the_mirror(tmp_path: Path) -> None:
    frame = simulated()
    lowers, _, _ = run(tmp_path, frame)
    raises, _, _ = run(tmp_path, frame.assign(value=-frame.value), replace(INDEX, loss="raises"))
    pd.testing.assert_frame_equal(raises.assign(magnitude=-raises.magnitude), lowers)


def test_parquet_in_and_out_say_the_same(tmp_path: Path) -> None:
    frame = simulated()
    changes, _, _ = run(tmp_path, frame)
    typed = frame.assign(date=pd.to_datetime(frame.date).dt.tz_localize("UTC"), value=frame.value.astype("float32"))
    again, _, _ = run(tmp_path, typed, name="in.parquet")
    drop = ["magnitude"]
    pd.testing.assert_frame_equal(again.drop(columns=drop), changes.drop(columns=drop))
    np.testing.assert_allclose(again.magnitude, changes.magnitude, atol=1e-5)
    run_series(tmp_path / "in.csv", INDEX, tmp_path / "out.parquet", FROM)
    stored = pd.read_parquet(tmp_path / "out.parquet")
    assert list(stored.first_detected.astype(str)) == list(changes.first_detected)
    assert stored.change_type.isna().all()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["in.csv", "in.parquet", "out.csv", "out.csv.series.csv", "out.parquet", "out.parquet.series.csv"]
    )


def test_a_table_without_any_change_has_a_header_and_types(tmp_path: Path) -> None:
    calm = simulated(2).query("series_id == 's1'")
    changes, _, _ = run(tmp_path, calm)
    assert changes.empty
    assert list(changes) == CHANGES
    run_series(tmp_path / "in.csv", INDEX, tmp_path / "out.parquet", FROM)
    assert (
        str(pd.read_parquet(tmp_path / "out.parquet", dtype_backend="pyarrow").first_detected.dtype)
        == "date32[day][pyarrow]"
    )


# --- the answer does not depend on how the table comes ---------------------------------------------------------------


@QUICK
@given(seed=st.integers(0, 10_000))
def test_cutting_at_a_decision_gives_the_same_row(tmp_path: Path, seed: int) -> None:
    frame = simulated(seed, 8, noise=0.08)
    changes, _, _ = run(tmp_path, frame)
    cut_anywhere(tmp_path, frame, changes, 6)


@QUICK
@given(seed=st.integers(0, 10_000), cells=st.sampled_from([1, 700, 10**9]))
def test_order_repetition_blocks_and_company_change_nothing(tmp_path: Path, seed: int, cells: int) -> None:
    frame = simulated(seed % 20, 5, noise=0.06)
    whole, series, _ = run(tmp_path, frame)
    mixed = pd.concat([frame, frame.sample(20, random_state=seed)]).sample(frac=1, random_state=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mode, "CELLS_A_BLOCK", cells)
        again, series_again, outcome = run(tmp_path, mixed)
    pd.testing.assert_frame_equal(again, whole)
    pd.testing.assert_frame_equal(series_again, series)
    assert any("20 rows equal to another" in note for note in outcome.notes)
    assert any("not in order of date" in note for note in outcome.notes)
    alone, _, _ = run(tmp_path, frame[frame.series_id == "s2"])
    pd.testing.assert_frame_equal(alone, whole[whole.series_id == "s2"].reset_index(drop=True))


def test_blocks_stay_small_whatever_the_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = simulated(5, 30)
    cells: list[Looks] = []
    monkeypatch.setattr(mode, "CELLS_A_BLOCK", 20_000)

    def measured(*given: Any) -> Looks:
        cells.append(pivot(*given))
        return cells[-1]

    monkeypatch.setattr(mode, "pivot", measured)
    run(tmp_path, frame)
    assert len(cells) > 2
    assert max(looks.values.size for looks in cells) <= 20_000


pivot = mode.pivot


def test_the_very_functions_of_the_tile_are_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: dict[str, int] = {"start": 0, "update": 0, "reach": 0}

    def counting(name: str) -> Callable[..., Any]:
        real = getattr(detection.monitors, name)

        def called(*given: Any, **named: Any) -> Any:
            calls[name] += 1
            return real(*given, **named)

        return called

    for name in calls:
        assert getattr(mode, name) is getattr(detection.monitors, name)
        monkeypatch.setattr(mode, name, counting(name))
    monkeypatch.setattr(mode, "CELLS_A_BLOCK", 1)
    run(tmp_path, simulated())
    assert calls == {"start": 6, "update": 6, "reach": 6}


def test_the_monitor_called_by_hand_decides_on_the_same_days(tmp_path: Path) -> None:
    frame = simulated().query("series_id == 's0'")
    changes, _, _ = run(tmp_path, frame)
    days = frame.date.to_numpy("datetime64[D]").astype(int)
    scenes = tuple(Scene(int(d) * SECONDS_A_DAY, "", str(i)) for i, d in enumerate(days))
    looks = Looks(scenes, frame.value.to_numpy(np.float32)[:, None, None])
    detector = Detector(INDEX.history, INDEX.monitor, INDEX.decision, INDEX.loss)
    state = start(detector, looks.take(days < to_day(FROM)), inside=np.ones(1, bool))
    _, log = update(detector, state, looks.take(days >= to_day(FROM)))
    decided = [str(np.datetime64(int(i) // SECONDS_A_DAY, "D")) for i in log["instant"][:2]]
    assert decided == [changes.first_detected[0], changes.confirmed_on[0]]
    assert changes.magnitude[0] == pytest.approx(float(log["magnitude"][1]), abs=1e-6)


# --- bad tables: one line that names the thing, the finding and the remedy -------------------------------------------

HEAD, VALID = "series_id,date,value\n", "series_id,date,value,valid\n"
GOOD = "".join(f"a,{2005 + k // 12}-{1 + k % 12:02d}-15,0.{60 + k % 7}\n" for k in range(120))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["file is empty", "written to the end"]),
        (" \n", ["header"]),
        (HEAD, ["no rows"]),
        (HEAD.replace("value", "valeu") + GOOD, ["no column `value`", "did you mean `valeu`", "found `series_id`"]),
        (HEAD.replace("date", "Date") + GOOD, ["no column `date`", "did you mean `Date`"]),
        (HEAD.replace("series_id", "pixel") + GOOD, ["no column `series_id`", "`pixel`"]),
        ("series_id,date,value,value\n" + GOOD.replace("\n", ",1\n"), ["`value` appears twice"]),
        ((HEAD + GOOD).replace(",", ";"), ["separated by ';'", "commas"]),
        ((HEAD + GOOD).replace(",", "\t"), ["separated by", "commas"]),
        (HEAD + GOOD.replace("0.", "0,"), ["more fields than the header", "decimal commas"]),
        (HEAD + GOOD + "a,2016-01-15,0.6,1,2\n", ["not a table", "line 122"]),
        (HEAD + GOOD + 'a,2016-01-15,"0,53"\n', ["row 121", "'0,53'", "decimal point"]),
        (HEAD + GOOD + "a,2016-01-15,12 dB\n", ["row 121", "'12 dB'", "bare number"]),
        (HEAD + GOOD + "a,15.01.2016,0.6\n", ["row 121", "'15.01.2016'", "2024-01-31"]),
        (HEAD + GOOD + "a,2016-02-30,0.6\n", ["row 121", "'2016-02-30'"]),
        (HEAD + GOOD + "a,2016,0.6\n", ["row 121", "'2016'"]),
        (HEAD + GOOD + "a,,0.6\n", ["row 121", "date ''"]),
        (HEAD + GOOD + "a,2999-01-01,0.6\n", ["row 121", "in the future"]),
        (HEAD + GOOD + "a,1965-01-01,0.6\n", ["row 121", "before 1970-01-01"]),
        (HEAD + GOOD + ",2016-01-15,0.6\n", ["row 121", "series_id is empty"]),
        (HEAD + GOOD + "NaN,2016-01-15,0.6\n", ["row 121", "series_id is empty"]),
        (VALID + GOOD.replace("\n", ",1\n") + "a,2016-01-15,0.6,maybe\n", ["row 121", "'maybe'", "1 or 0"]),
        (VALID + GOOD.replace("\n", ",no\n"), ["not one number", "`valid`"]),
        (HEAD + "".join(f"a,2015-01-{1 + k % 28:02d},\n" for k in range(40)), ["not one number in `value`", "40 rows"]),
        (HEAD + GOOD.replace("0.", "6"), ["value is 660 to 666", "scaled, by 10,000", "-1 to 1"]),
        (HEAD + GOOD.replace("0.", "3."), ["never within -1 to 1", "valid_max"]),
        (HEAD + GOOD[: GOOD.index("a,2013")], ["monitoring from 2013-01-01 finds nothing", "last look", "earlier"]),
        (HEAD + GOOD[GOOD.index("a,2013") :], ["leaves no history", "later"]),
        (HEAD + "".join(f"a,2015-01-01,0.{1000 + k}\n" for k in range(2000)), ["series a has 2,000 looks on one day"]),
        (b"\x00\x01\xff\xfe" * 40, ["UTF-8"]),
        ("série,date,value\n".encode("latin-1") + GOOD.encode(), ["UTF-8", "byte 1"]),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_in_one_line(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    kept = tmp_path / "out.csv"
    kept.write_text("as it was")
    with pytest.raises(BadInput) as caught:
        run(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(tmp_path / "in.csv") + ": ")
    assert len(message) < 260 + len(str(tmp_path))
    for word in words:
        assert word in message
    assert kept.read_text() == "as it was"
    assert not list(tmp_path.glob("*.series.csv"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "no such file"),
        ("table.xlsx", b"PK", "must end in `.parquet`, `.csv` or `.csv.gz`"),
        ("table.parquet", b"not parquet at all", "not a Parquet file"),
        ("table.csv.gz", b"series_id,date,value\n", "not gzipped"),
        ("table.csv.gz", gzip.compress(b"series_id,date,value\n" + GOOD.encode())[:-40], "damaged"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        run_series(tmp_path / name, INDEX, tmp_path / "out.csv", FROM)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_strange_column_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a file"):
        run_series(tmp_path, INDEX, tmp_path / "out.csv", FROM)
    frame = simulated()
    with pytest.raises(BadInput, match=r"row 1: value '\[1\.\]' is not a number"):
        run(tmp_path, frame.assign(value=pd.Series([[1.0]] * len(frame), dtype=object)), name="in.parquet")
    with pytest.raises(BadInput, match="row 1: value 'True' is not a number"):
        run(tmp_path, frame.assign(value=frame.value > 0.5), name="in.parquet")


@pytest.mark.parametrize("out", ["out.xlsx", "out", "in.csv", "folder.csv"])
def test_an_out_that_cannot_be_is_refused(tmp_path: Path, out: str) -> None:
    simulated().to_csv(tmp_path / "in.csv", index=False)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInput, match="cannot take the changes"):
        run_series(tmp_path / "in.csv", INDEX, tmp_path / out, FROM)


def test_no_day_to_monitor_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="series-index: no day to monitor from; give --monitor-from"):
        run(tmp_path, simulated(), INDEX, None)


# --- tables that are mended, and say so ------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["", "n/a", "NA", "NaN", " null ", "-", "inf", "-inf", "1.5"])
def test_what_is_no_number_is_not_observed(tmp_path: Path, word: str) -> None:
    frame = simulated().astype({"value": str})
    holes = frame.index % 7 == 3
    clean, _, _ = run(tmp_path, frame[~holes])
    holed, _, outcome = run(tmp_path, frame.assign(value=frame.value.mask(holes, word)))
    pd.testing.assert_frame_equal(holed, clean)
    assert any("not observed" in note and f"{holes.sum()}" in note for note in outcome.notes) == bool(word)


@pytest.mark.parametrize("words", [("yes", "no"), ("1", "0"), ("True", "false"), ("1.0", "0.0"), ("T", "F"), ("y", "")])
def test_looks_that_are_not_valid_do_not_count(tmp_path: Path, words: tuple[str, str]) -> None:
    frame = simulated()
    bad = frame.index % 5 == 0
    clean, _, _ = run(tmp_path, frame[~bad])
    marked, _, _ = run(
        tmp_path, frame.assign(value=frame.value.mask(bad, -0.9), valid=np.where(bad, words[1], words[0]))
    )
    pd.testing.assert_frame_equal(marked, clean)


def test_time_zones_become_utc(tmp_path: Path) -> None:
    frame = simulated()
    later = pd.to_datetime(frame.date) - timedelta(hours=2)
    plain, series, _ = run(tmp_path, frame)
    zoned, series_zoned, outcome = run(tmp_path, frame.assign(date=later.dt.strftime("%Y-%m-%dT%H:%M:%S-05:00")))
    pd.testing.assert_frame_equal(zoned, plain)  # 22:00 in Lima is 03:00 of the next day in UTC
    pd.testing.assert_frame_equal(series_zoned, series)
    assert any(f"{len(frame):,} rows with a time zone" in note for note in outcome.notes)
    assert not any("time zone" in n for n in run(tmp_path, frame.assign(date=frame.date + "T23:59:59Z"))[2].notes)


def test_two_looks_of_a_day_stay_apart(tmp_path: Path) -> None:
    frame = simulated()
    twice = pd.concat([frame, frame.assign(value=frame.value + 0.001)])
    _, series, outcome = run(tmp_path, twice)
    assert series.looks.sum() + series.history_looks.sum() == 2 * len(frame) == outcome.looks
    assert not any("dropped" in note for note in outcome.notes)
    same = pd.concat([frame.assign(platform="a"), frame.assign(platform="b")])
    assert run(tmp_path, same)[2].looks == 2 * len(frame)


def test_ids_are_texts(tmp_path: Path) -> None:
    frame = simulated()
    ids = {f"s{k}": f"00{k}" for k in range(6)}
    _, series, _ = run(tmp_path, frame.assign(series_id=frame.series_id.map(ids)))
    assert list(series.series_id) == sorted(ids.values())
    numbers = frame.series_id.str[1:].astype(float)
    assert list(run(tmp_path, frame.assign(series_id=numbers), name="in.parquet")[1].series_id) == list("012345")


def test_an_empty_series_among_others_says_so(tmp_path: Path) -> None:
    frame = simulated()
    hollow = frame.assign(value=frame.value.mask(frame.series_id == "s1"))
    late = hollow[(hollow.series_id != "s3") | (hollow.date >= "2013")]
    gone = late[(late.series_id != "s5") | (late.date < "2013")]
    _, series, outcome = run(tmp_path, gone)
    words = ["monitored", "short_history", "monitored", "short_history", "monitored", "no_look"]
    assert list(series.status) == words
    assert series.last_look[1] == ""
    assert outcome.not_monitored_share == 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mode, "CELLS_A_BLOCK", 1)
        pd.testing.assert_frame_equal(run(tmp_path, gone)[1], series)


# --- the configs that ship -------------------------------------------------------------------------------------------


def test_the_index_config_is_the_defaults() -> None:
    assert SeriesConfig(name="series-index", valid_min=-1.0, valid_max=1.0) == INDEX


def radar(seed: int, shift: float, series: int = 60) -> pd.DataFrame:
    """SIMULATED dB from 2014, 12 days apart: speckle of 20 looks in each polarisation; a shift on 2016-06-01."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2014-01-01") + np.arange(0, 4 * 365, 12)
    drop = np.where(days >= np.datetime64("2016-06-01"), shift, 0.0)
    noise = 10 * np.log10(rng.gamma(20, 1 / 20, (2, series, len(days))))
    ids = np.repeat([f"r{k:03d}" for k in range(series)], len(days))
    vv, vh = (-7 + drop + noise[0]).ravel(), (-12.8 + drop + noise[1]).ravel()
    return pd.DataFrame({"series_id": ids, "date": np.tile(days, series).astype(str), "vv": vv, "vh": vh})


def test_radar_finds_a_simulated_drop_and_little_else(tmp_path: Path) -> None:
    calm, _, _ = run(tmp_path, radar(1, 0.0), RADAR, date(2016, 1, 1))
    cleared, _, _ = run(tmp_path, radar(2, -2.5), RADAR, date(2016, 1, 1))
    assert calm.query("confirmed_on != ''").series_id.nunique() <= 4
    found = cleared.query("confirmed_on >= '2016-06-01' and confirmed_on < '2016-12-01'")
    assert found.series_id.nunique() >= 57


def test_radar_takes_the_column_a_series_has(tmp_path: Path) -> None:
    frame = radar(3, -2.5)
    only = frame.assign(vh=frame.vh.mask(frame.series_id.isin(["r001", "r002"])))
    both, _, _ = run(tmp_path, frame, RADAR, date(2016, 1, 1))
    some, series, _ = run(tmp_path, only, RADAR, date(2016, 1, 1))
    others = ["r001", "r002"]
    pd.testing.assert_frame_equal(
        some[~some.series_id.isin(others)].reset_index(drop=True),
        both[~both.series_id.isin(others)].reset_index(drop=True),
    )
    alone, _, _ = run(tmp_path, frame[frame.series_id.isin(others)], replace(RADAR, columns=("vv",)), date(2016, 1, 1))
    pd.testing.assert_frame_equal(some[some.series_id.isin(others)].reset_index(drop=True), alone)
    assert set(series.status) == {"monitored"}


def test_a_polarisation_missing_from_one_look_is_no_step(tmp_path: Path) -> None:
    frame = radar(4, 0.0)
    cut = frame.date >= "2016-06-01"
    _, series, outcome = run(tmp_path, frame.assign(vv=frame.vv.mask(cut)), RADAR, date(2016, 1, 1))
    changes, _, _ = run(tmp_path, frame[~cut], RADAR, date(2016, 1, 1))
    pd.testing.assert_frame_equal(
        run(tmp_path, frame.assign(vv=frame.vv.mask(cut)), RADAR, date(2016, 1, 1))[0], changes
    )
    assert set(series.last_look) == {frame.date[~cut].max()}
    assert any("lack one of the columns" in note for note in outcome.notes)


def test_linear_power_and_a_missing_polarisation_are_noticed(tmp_path: Path) -> None:
    frame = radar(5, 0.0, 3)
    power = frame.assign(vv=10 ** (frame.vv / 10), vh=10 ** (frame.vh / 10))
    with pytest.raises(BadInput, match=r"vv is .* the config takes dB; is it linear power\? Give 10\*log10\(vv\)"):
        run(tmp_path, power, RADAR, date(2016, 1, 1))
    with pytest.raises(
        BadInput, match=r"no column `vh`; .*found `series_id`, `date` and `vv`; name the table's columns"
    ):
        run(tmp_path, frame.drop(columns="vh"), RADAR, date(2016, 1, 1))


def test_an_unlimited_config_takes_small_positive_values(tmp_path: Path) -> None:
    changes, _, _ = run(tmp_path, simulated(), replace(INDEX, valid_min=None, valid_max=None))
    assert len(changes) == 3


def yearly(seed: int, drop: float, history: int, series: int = 200, month: int = 7) -> pd.DataFrame:
    """SIMULATED vegetation fraction, one value a year up to 2020; the drop comes in 2015."""
    rng = np.random.default_rng(seed)
    years = np.arange(2015 - history, 2021)
    value = 0.85 + rng.normal(0, 0.04, (series, len(years))) + np.where(years >= 2015, drop, 0.0)
    ids = np.repeat([f"y{k:03d}" for k in range(series)], len(years))
    dates = np.tile([f"{y}-{month:02d}-01" for y in years], series)
    return pd.DataFrame({"series_id": ids, "date": dates, "value": value.ravel().clip(-0.1, 1.1)})


@pytest.mark.parametrize(("history", "share"), [(6, 0.9), (20, 0.99)])
@pytest.mark.parametrize("month", [1, 4, 7])
def test_one_value_a_year_works(tmp_path: Path, history: int, share: float, month: int) -> None:
    calm, series, _ = run(tmp_path, yearly(1, 0.0, history, month=month), YEARLY, date(2015, 1, 1))
    lost, _, _ = run(tmp_path, yearly(2, -0.4, history, month=month), YEARLY, date(2015, 1, 1))
    assert (series.status == "monitored").mean() >= 0.95
    assert (calm.confirmed_on != "").sum() <= 0.02 * 200
    assert (lost.confirmed_on == f"2016-{month:02d}-01").mean() >= share
    assert lost.magnitude.median() == pytest.approx(-0.4, abs=0.04)
    short = yearly(3, 0.0, 5)
    assert set(run(tmp_path, short, YEARLY, date(2015, 1, 1))[1].status) == {"short_history"}


def test_percent_in_the_yearly_config_is_noticed(tmp_path: Path) -> None:
    frame = yearly(1, 0.0, 10)
    with pytest.raises(BadInput, match="is it scaled"):
        run(tmp_path, frame.assign(value=frame.value * 100), YEARLY, date(2015, 1, 1))


# --- golden: real series of Borneo -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checks(shared: Path) -> Path:
    if not (shared / "checks" / "series" / "borneo.csv.gz").exists():
        pytest.skip("borneo: checks/series/borneo.csv.gz is absent from the shared data (SACHAWATCH_SHARED)")
    return shared / "checks"


@pytest.fixture(scope="module")
def borneo(checks: Path, truth: Rows) -> pd.DataFrame:
    table = pd.read_csv(checks / "series" / "borneo.csv.gz", dtype={"series_id": str})
    table = table[table.date >= "2004-06-01"]  # the eight years of history and what follows
    return table[table.series_id.isin([row[0] for row in truth])]


@pytest.fixture(scope="module")
def borneo_changes(borneo: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return run(tmp_path_factory.mktemp("borneo"), borneo, name="in.parquet")[0]


@pytest.fixture(scope="module")
def scorer(checks: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", checks / "score.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def truth(checks: Path, scorer: ModuleType) -> Rows:
    """The scorer's own form of the truth, one tuple a series, its windows of change last."""
    made: Rows = scorer.prepare(scorer.load_truth(checks / "truth" / "borneo.csv"))
    return made


def scored(scorer: ModuleType, changes: pd.DataFrame, truth: Rows) -> tuple[float, float, float]:
    """(producer's accuracy, share of stable series flagged, Kaplan-Meier median in days) of the confirmed changes."""
    dated = changes.assign(**{c: pd.to_datetime(changes[c]) for c in ("first_detected", "confirmed_on", "change_date")})
    events, alarms, exposure = scorer.match(truth, dated, "confirmed")
    stable = exposure[~exposure.change].series_id
    median = scorer.km(events.days.values, events.hit.values, events.follow.values, 0.5)
    flagged = stable.isin(alarms.series_id[~alarms.hit]).mean()
    return scorer.accuracy(events, alarms)[0], flagged, np.inf if median is None else median


def test_borneo_is_found_in_time(borneo_changes: pd.DataFrame, scorer: ModuleType, truth: Rows) -> None:
    assert len(truth) == 1120
    producers, flagged, median = scored(scorer, borneo_changes, truth)
    assert producers >= 0.97
    assert flagged <= 0.01
    assert median <= 35


def test_borneo_scores_fall_when_made_wrong(
    borneo: pd.DataFrame, borneo_changes: pd.DataFrame, scorer: ModuleType, truth: Rows, tmp_path: Path
) -> None:
    part, rng = truth[::4], np.random.default_rng(1)
    assert scored(scorer, borneo_changes, part)[0] >= 0.97
    lost = [row for row in part if row[-1]]
    strangers = [(*row[:-1], lost[k][-1]) for row, k in zip(lost, rng.permutation(len(lost)), strict=True)]
    assert scored(scorer, borneo_changes, strangers)[0] < 0.7
    some = borneo[borneo.series_id.isin([row[0] for row in part])]
    backwards = some.assign(value=some.groupby("series_id").value.transform(lambda v: v.to_numpy()[::-1]))
    assert scored(scorer, run(tmp_path, backwards, name="in.parquet")[0], part)[0] < 0.5
    noise = some.assign(value=rng.normal(0.4, 0.05, len(some)))
    producers, flagged, median = scored(scorer, run(tmp_path, noise, name="in.parquet")[0], part)
    assert producers < 0.05
    assert flagged <= 0.01
    assert median == np.inf


def test_borneo_cut_at_its_decisions_gives_the_same_rows(borneo: pd.DataFrame, tmp_path: Path) -> None:
    few = borneo[borneo.series_id.isin(sorted(borneo.series_id.unique())[::12])]
    changes, _, _ = run(tmp_path, few)
    assert len(changes) > 20
    cut_anywhere(tmp_path, few, changes, 6)
