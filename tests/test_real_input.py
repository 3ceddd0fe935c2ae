"""Real Landsat through the raster job: each pixel gets the dates that series mode gives it, to the last one."""

from pathlib import Path

import pandas as pd
from real_series import ROOT, as_table, raster_dates

from jobs.cli import main
from jobs.config import SeriesConfig, load
from jobs.series import run_series


def test_borneo_as_a_raster_job_and_as_a_table_give_the_same_dates(shared: Path, tmp_path: Path, monkeypatch):
    text = (ROOT / "configs" / "borneo-ndmi.yaml").read_text().replace("../../shared", str(shared))
    config = tmp_path / "borneo-ndmi.yaml"
    config.write_text(text + f"\ntiles:\n  size: 24\noutput:\n  folder: {tmp_path}/out\ncluster:\n  workers: 0\n")
    monkeypatch.setattr("sys.argv", ["sachawatch", "run", str(config)])
    main()
    as_table(shared / "data" / "borneo-ndmi", tmp_path / "borneo.parquet")
    chosen = load(ROOT / "configs" / "series-index.yaml")
    assert isinstance(chosen, SeriesConfig)
    run_series(tmp_path / "borneo.parquet", chosen, tmp_path / "out.csv", pd.Timestamp("2013-01-01").date())
    rows = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    columns = ["series_id", "first_detected", "confirmed_on", "change_date"]
    by_series = {tuple(map(str, row)) for row in rows[columns].itertuples(index=False)}
    assert len(by_series) > 800
    assert raster_dates(config) == by_series
