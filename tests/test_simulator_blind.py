"""The blind variant: another world where assumptions differ, the same where the real sky was measured."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.simulator import clumps, parameters, sky
from detection.simulator.draws import Frame, Stream
from detection.simulator.optical import quantiles
from detection.simulator.parameters import REGIONS, Surface, world
from detection.simulator.site import Site
from detection.types import SECONDS_A_DAY, Mask, to_day

OVERPASS = 53_100
FOREST = [s for s in Surface if world().surface[s.name.lower()].woody]
REGROWTH = [s for s in Surface if s.name.startswith("SECONDARY")]
STEPS = (
    (Surface.AGUAJAL, Surface.PALMS_FELLED),
    (Surface.AGUAJAL, Surface.DRAINED),
    (Surface.POLE_FOREST, Surface.DRAINED),
    (Surface.BAMBOO, Surface.BAMBOO_DEAD),
    (Surface.TERRA_FIRME, Surface.UNDERSTOREY_BURNT),
    (Surface.TERRA_FIRME, Surface.BLOWDOWN),
    (Surface.TERRA_FIRME, Surface.FELLED),
)
"""What turns into what: forest and its hurt or fallen self."""


def instant(year: int, month: int, day: int) -> int:
    return to_day(date(year, month, day)) * SECONDS_A_DAY + OVERPASS


def clear_cells(site: Site, frame: Frame, when: int) -> Mask:
    """(y, x) free of cloud and of its shadow."""
    found = sky.clouds(site, frame, when)
    (down, right), m, (rows, columns) = found.shadow, found.margin, frame.shape
    cloud = found.latent - np.float32(found.start)
    above = cloud[m : m + rows, m : m + columns]
    shading = cloud[m - down : m - down + rows, m - right : m - right + columns]
    return np.asarray((above < 0) & (shading < site.world.clouds.shadow_from))


def test_the_blind_world_differs_in_every_part_that_can_be_wrong() -> None:
    mine, theirs = world(), world("blind")
    for part in ("surface", "noise", "clouds", "smoke", "radar", "land", "kinds", "events", "region"):
        assert getattr(mine, part) != getattr(theirs, part), part
    assert (theirs.clouds.kind, theirs.noise.kind, theirs.land.shape) == ("clumps", "student", "lobed")
    assert theirs.noise.degrees == 4
    for region in REGIONS:
        a, b = mine.region[region], theirs.region[region]
        assert (b.dry_peak_day - a.dry_peak_day, b.stage_peak_day - a.stage_peak_day) == (25, 25)
        assert a.stage_sd != b.stage_sd
        assert (a.crs, a.corner, a.paths, a.forest) == (b.crs, b.corner, b.paths, b.forest)


def test_what_was_measured_of_the_real_sky_stays() -> None:
    mine, theirs = world(), world("blind")
    assert mine.smoke.odds == theirs.smoke.odds
    assert mine.platforms == theirs.platforms
    assert mine.paths == theirs.paths
    for region in REGIONS:
        assert mine.region[region].clear == theirs.region[region].clear


def test_lengths_of_the_lattice_are_whole_cells_at_every_resolution() -> None:
    for variant in ("open", "blind"):
        model = world(variant)
        lengths = [model.smoke.plume_m, model.smoke.puff_m, model.radar.rain_m, int(model.clouds.clump_m[0])]
        assert all(length % 60 == 0 for length in lengths)
        assert all(metres % 60 == 0 for shift in model.clouds.shadow_m for metres in shift)


def test_no_event_grows_larger_than_in_the_open_world() -> None:
    """The reach of a patch is bounded by the block its event is drawn in."""
    for kind, occurrence in world("blind").kinds.items():
        median, sd, least, most = occurrence.hectares
        assert (least, most) == world().kinds[kind].hectares[2:], kind
        assert least <= median <= most
        assert sd >= 0


def test_every_surface_is_ten_percent_off_and_radar_half_to_one_decibel() -> None:
    reflectance = world("blind").table("reflectance") / world().table("reflectance")
    np.testing.assert_allclose(np.abs(reflectance - 1), 0.1, atol=0.005)
    assert (reflectance > 1).mean() == pytest.approx(0.5, abs=0.2), "up or down by the toss of a coin"
    off = np.abs(world("blind").table("backscatter") - world().table("backscatter"))
    assert off.min() > 0.499
    assert off.max() < 1.001


@pytest.mark.parametrize("variant", ["open", "blind"])
def test_the_order_of_nature_holds(variant: parameters.Variant) -> None:
    bright, radar = world(variant).table("reflectance"), world(variant).table("backscatter")
    nir, swir1, swir2 = bright[:, 3], bright[:, 4], bright[:, 5]
    nbr = (nir - swir2) / (nir + swir2)
    whole = [s for s in FOREST if s not in (Surface.PALMS_FELLED, Surface.UNDERSTOREY_BURNT)]
    assert (nbr[whole] > 0.55).all()
    assert (nbr[[Surface.BARE, Surface.BURNT, Surface.TAILINGS, Surface.FELLED]] < 0.3).all()
    assert (np.diff(nbr[REGROWTH[:4]]) > 0).all()
    assert (np.diff(radar[REGROWTH], axis=0) >= 0).all()
    assert nir[REGROWTH].argmax() == 2, "five years old"
    assert (swir1[[Surface.RIVER, Surface.POND]] < 0.3 * swir1[Surface.TERRA_FIRME]).all()
    for before, after in STEPS:
        assert nbr[after] < nbr[before], (before, after)
    assert (radar[Surface.BARE] < radar[Surface.TERRA_FIRME] - 1.8).all()
    assert (radar[[Surface.RIVER, Surface.POND], 0] < -13).all()
    assert radar[Surface.PALMS_FELLED, 1] < radar[Surface.AGUAJAL, 1]


def test_noise_has_heavy_tails_and_the_same_variance() -> None:
    mine, theirs = (quantiles(world(variant).noise).astype(np.float64) for variant in ("open", "blind"))

    def kurtosis(draws: Any) -> float:
        return float((draws**4).mean() / (draws**2).mean() ** 2)

    assert mine.std() == pytest.approx(1, abs=0.01)
    assert theirs.std() == pytest.approx(1, abs=0.01)
    assert kurtosis(mine) == pytest.approx(3, abs=0.05)
    assert kurtosis(theirs) > 4


@settings(max_examples=40, deadline=None)
@given(
    row=st.integers(-60, 60), column=st.integers(-60, 60), rows=st.integers(1, 50), columns=st.integers(1, 50),
    resolution=st.sampled_from([10, 20, 30]), step=st.integers(1, 3), key=st.integers(0, 2**62),
    least=st.sampled_from([-2.0, -0.3, 0.4]),
)  # fmt: skip
def test_any_window_of_the_clumps_is_the_crop_of_the_whole(
    row: int, column: int, rows: int, columns: int, resolution: int, step: int, key: int, least: float
) -> None:
    top, left, name = -286_000, 12_200, np.uint64(key)
    whole = clumps.discs("blind", Frame(top - 60, left - 60, (300, 300), resolution), name, least)
    part = clumps.discs("blind", Frame(top + row, left + column, (rows, columns), resolution, step), name, least)
    inner = np.s_[row + 60 : row + 60 + rows * step : step, column + 60 : column + 60 + columns * step : step]
    np.testing.assert_array_equal(part, whole[inner])


def test_clumps_are_the_same_clouds_at_every_resolution() -> None:
    key = Site(3, variant="blind").key(Stream.CLUMP, 5)
    fine = clumps.discs("blind", Frame(0, 0, (300, 300), 10), key)
    coarse = clumps.discs("blind", Frame(0, 0, (100, 100), 30), key)
    np.testing.assert_allclose(coarse, fine[1::3, 1::3], atol=1e-5)


def test_a_scenes_clouds_do_not_depend_on_the_window() -> None:
    site = Site(5, variant="blind")
    seen = 0
    for day in range(1, 29):
        when = instant(2024, 6, day)
        whole = clear_cells(site, Frame(-286_000, 12_200, (90, 90), 30), when)
        np.testing.assert_array_equal(
            clear_cells(site, Frame(-285_980, 12_230, (40, 50), 30), when), whole[20:60, 30:80]
        )
        seen += 0 < whole.mean() < 1
    assert seen > 3


def test_discs_cluster() -> None:
    """Counts of discs' middles per square vary more than independent ones would (Poisson: variance = mean)."""
    key = Site(1, variant="blind").key(Stream.CLUMP, 9)
    field = clumps.discs("blind", Frame(0, 0, (4_000, 4_000), 30), key)
    inner = field[1:-1, 1:-1]
    peak = inner > 0.8
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2), (0, 0), (2, 2), (0, 2), (2, 0)):
        peak &= inner > field[down : down + 3_998, right : right + 3_998]
    counts = peak[:3_900, :3_900].reshape(39, 100, 39, 100).sum((1, 3))
    assert counts.mean() > 3
    assert counts.var() > 2 * counts.mean()


def test_starts_rise_and_give_the_share_they_promise() -> None:
    starts = clumps._starts("blind", 4, -4)
    assert (np.diff(starts) >= 0).all()
    assert starts[0] < -1
    assert starts[-1] <= 1
    site, found = Site(2, variant="blind"), []
    for day in range(60):
        when = instant(2023, 7, 1) + day * SECONDS_A_DAY
        share = clumps.clear_share(site, when, 7 + day // 31)
        if share not in (0, 1):
            found.append((share, clear_cells(site, Frame(-286_000, 12_200, (600, 600), 30), when).mean()))
    promised, kept = np.array(found).T
    assert len(found) > 10
    assert abs((kept - promised).mean()) < 0.03
    assert np.corrcoef(promised, kept)[0, 1] > 0.95
    assert np.corrcoef(promised, np.roll(kept, 1))[0, 1] < 0.8, "another scene's clouds give another share"


@pytest.mark.parametrize("region", REGIONS)
def test_clear_share_by_month(region: str) -> None:
    frame, place, off = Frame(-286_000, 12_200, (4, 4), 30), Site(0, region).place, []
    for month, wanted in enumerate(place.clear, 1):
        whens = [instant(year, month, day) for year in range(1990, 2020) for day in (2, 9, 16, 23)]
        seen = [clear_cells(Site(seed, region, "blind"), frame, when).mean() for seed in range(4) for when in whens]
        off.append(np.mean(seen) - wanted)
        assert abs(off[-1]) < 0.03 + 2.5 * np.sqrt(wanted * (1 - wanted) / len(seen)), month
        exact = np.mean([clumps.clear_share(Site(9, region, "blind"), 7 * n, month) for n in range(4_000)])
        assert exact == pytest.approx(wanted, abs=0.025)
    assert abs(np.mean(off)) < 0.015


def test_many_skies_are_all_clear_or_all_cloud() -> None:
    frame = Frame(-286_000, 12_200, (100, 100), 30)
    shares = {
        variant: np.array(
            [
                clear_cells(Site(1, variant=variant), frame, instant(2021, month, day)).mean()
                for month in range(1, 13)
                for day in range(1, 28, 3)
            ]
        )
        for variant in parameters.Variant.__args__  # type: ignore[attr-defined]
    }
    blind = shares["blind"]
    assert (blind == 0).mean() > 0.3
    assert (blind == 1).mean() > 0.05
    assert ((blind > 0) & (blind < 1)).mean() > 0.1
