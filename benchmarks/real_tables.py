"""Tables made of the real data as they lie in the shared folder: single pixels, other planes, rasters as long tables."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray

BANDS: Final = ("blue", "green", "red", "nir", "swir1", "swir2")
CLEAR: Final = (0, 1)
"""Fmask: land and water."""
SERIES: Final = {
    "sichuan-fire": "1_hls_sc",
    "beetle": "2_mpb_co_landsat",
    "moth": "2_sm_ma_landsat",
}
LOGGING: Final = ("w0", "w12", "w34", "w56", "w78", "w910")
"""Increments of the series of a logged pixel, oldest first."""
BLOCK: Final = 3
"""Cells a side that are averaged to one series of the radar crop, in power."""


def pixel(shared: Path, name: str) -> pd.DataFrame:
    """One pixel as `series_id, date, value, nir`: value is NBR, reflectance 0..1, clear looks only."""
    if name == "crop":
        return _crop(shared)
    return _pixel(shared / "data" / "pixel-series" / f"{SERIES[name]}.csv", name)


def logging(shared: Path) -> list[pd.DataFrame]:
    """The clear looks of a logged pixel, one table an increment; some have none."""
    return [_pixel(shared / "data" / "pixel-series" / f"7_logging_hls_{part}.csv", "logging") for part in LOGGING]


def _pixel(path: Path, name: str) -> pd.DataFrame:
    table = pd.read_csv(path)
    table.columns = table.columns.str.lower()
    return _nbr(table[table.qa.isin(CLEAR)], [date.fromordinal(int(day)) for day in table.dates], name)


def _crop(shared: Path) -> pd.DataFrame:
    """Sentinel-2 over a field. QA60 is the only mask; between 2022-01 and 2024-02 ESA left it empty, so that clouds stay in."""
    table = pd.read_csv(shared / "data" / "pixel-series" / "3_crop_sentinel2.csv")
    table = table.rename(
        columns={"B2": "blue", "B3": "green", "B4": "red", "B8": "nir", "B11": "swir1", "B12": "swir2"}
    )
    days = pd.to_datetime(table.Tile.str[:8], format="%Y%m%d")
    return _nbr(table[table.QA60 == 0], days.dt.date.tolist(), "crop")


def _nbr(table: pd.DataFrame, days: list[date], name: str) -> pd.DataFrame:
    """days: of every row that the file had, by its position."""
    whole = table[(table[[*BANDS]] > 0).all(axis=1) & (table[[*BANDS]] < 10_000).all(axis=1)]
    nir, swir = whole.nir / 1e4, whole.swir2 / 1e4
    made = {"series_id": name, "date": [days[i].isoformat() for i in whole.index], "value": (nir - swir) / (nir + swir)}
    return pd.DataFrame({**made, "nir": nir}).sort_values("date", kind="stable")


def colorado(shared: Path) -> pd.DataFrame:
    """The series of the set, with NBR as `value` and near infrared beside it."""
    table = pd.read_csv(shared / "checks" / "series" / "colorado.csv.gz")
    table["value"] = (table.nir - table.swir2) / (table.nir + table.swir2)
    return table[["series_id", "date", "value", "nir"]]


def radar_crop(shared: Path) -> pd.DataFrame:
    """VV and VH in dB, means of BLOCK x BLOCK cells in power, of the ten despeckled scenes over stable forest."""
    folder = shared / "data" / "s1-rtc-png" / "tests" / "test_data" / "T009_019294_IW2_cropped_tv"
    parts = []
    for path in sorted(folder.glob("*_VV_tv_cropped.tif")):
        vv, vh = (_decibel(path.with_name(path.name.replace("_VV_", f"_{name}_"))) for name in ("VV", "VH"))
        rows, columns = np.nonzero(np.isfinite(vv + vh))
        ids = [f"PG_{r:02d}_{c:02d}" for r, c in zip(rows, columns, strict=True)]
        day = pd.to_datetime(path.name.split("_")[4][:8]).date().isoformat()
        parts.append(pd.DataFrame({"series_id": ids, "date": day, "vv": vv[rows, columns], "vh": vh[rows, columns]}))
    return pd.concat(parts)


def _decibel(path: Path) -> NDArray[np.float64]:
    with rasterio.open(path) as file:
        power = file.read(1).astype(np.float64)
    rows, columns = (size // BLOCK for size in power.shape)
    cut = power[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    made: NDArray[np.float64] = 10 * np.log10(cut.mean((1, 3)))
    return made


def borneo(shared: Path) -> pd.DataFrame:
    """The stacked files as a long table, values to the bit."""
    folder = shared / "data" / "borneo-ndmi"
    return pd.concat(_layers(folder, pd.read_csv(folder / "bands.csv")))


def _layers(folder: Path, bands: pd.DataFrame) -> Iterator[pd.DataFrame]:
    layers = {}
    for name in bands.file.unique():
        with rasterio.open(folder / name) as file:
            layers[name] = file.read()
    for look in bands.sort_values(["date", "scene"]).itertuples():
        values = layers[look.file][look.band - 1]
        rows, columns = np.nonzero(np.isfinite(values))
        ids = [f"BO_{r:02d}_{c:02d}" for r, c in zip(rows, columns, strict=True)]
        yield pd.DataFrame({"series_id": ids, "date": look.date, "value": values[rows, columns]})
