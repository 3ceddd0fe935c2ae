"""Google Earth Engine as a source: `computePixels` with explicit image ids, many dates stacked into one request.

Nothing is computed on the provider's side: numbers come as they are stored, on the image's own pixels where they lie on
the job's lattice, the nearest ones elsewhere; `resample` brings them onto the grid. A masked pixel of an image is MASKED,
or OUTSIDE where the footprint's bounding box in degrees leaves the cell out: within that box "the swath ends here" and
"masked" cannot be told apart.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput, SourceUnavailable, UnknownBand
from detection.sources import Traffic
from detection.sources.eeimages import (
    CLOUD_SCORE,
    COLLECTIONS,
    FILL,
    PHASE_M,
    Collection,
    first_of,
    layer_of,
    newest,
    row_of,
    step_of,
    with_score,
)
from detection.sources.eerequests import (
    Lattice,
    Limits,
    Refused,
    Request,
    carried,
    degrees,
    lattice_of,
    persist,
    plan,
    tell_outside,
)
from detection.sources.eesession import ENDPOINT, HIGH_VOLUME, Account, Cut, check_url, features, pixels, restricted
from detection.sources.resample import Patch, nearest, nesting, onto
from detection.sources.sensors import SENSORS
from detection.types import SECONDS_A_DAY, Grid, Mask, Raw, Row, Scene, parameters

T = TypeVar("T")

PROJECT: Final = re.compile(r"[a-z][-a-z0-9]{4,28}[a-z0-9]")
"""Ids of Cloud projects (Google Cloud, "Creating and managing projects")."""


@parameters
class EarthEngineParameters:
    """Google Earth Engine: scenes of the public catalogue, read through its interactive endpoint."""

    kind: Literal["earthengine"] = "earthengine"
    """Google Earth Engine; needs an account and a registered Cloud project."""
    project: str
    """Id of the Cloud project that the requests are counted for, e.g. `my-project`."""
    sensors: tuple[Literal["landsat", "sentinel-2", "sentinel-1"], ...]
    """Families of sensors to use."""
    platforms: tuple[str, ...] = ()
    """Only these, e.g. `landsat-8`, `sentinel-1a`; empty: all."""
    orbits: tuple[str, ...] = ()
    """Only these WRS paths or relative orbits, e.g. `"3"`; empty: all. Radar needs one: each orbit is its own series."""
    max_cloud: Annotated[float, Interval(ge=0, le=100)] = 100.0
    """Cloud percent of a scene above which it is left out; scenes that state none stay."""
    credentials: Literal["application-default", "service-account", "user"] = "application-default"
    """`application-default`: of gcloud; `service-account`: of key_file; `user`: of `earthengine authenticate`."""
    key_file: Path | None = None
    """JSON key of the service account; a relative path starts at the config file."""
    high_volume: bool = False
    """Use the high-volume endpoint: for many small requests at once."""
    url: str | None = None
    """Another endpoint of the same interface (a proxy); null: Google's own. A local one is asked without credentials."""
    allow_local: bool = False
    """Permit an address of this machine or of a private network (tests, local stand-ins)."""
    cloud_score: bool = False
    """Also offer Cloud Score+ (band `cs`, 0..1, 1 is clear) of Sentinel-2."""
    max_request_mb: Annotated[float, Interval(gt=0, le=50)] = 40.0
    """Largest request, million bytes, mask bytes included; the service refuses over 48 MiB."""
    requests: Annotated[int, Interval(ge=1, le=1000)] = 32
    """Requests at once in the whole job; the service refuses over 40 a project unless more were granted."""
    deadline_s: Annotated[float, Gt(0)] = 120.0
    """Seconds without an answer after which a request is given up and asked again."""
    attempts: Annotated[int, Ge(1)] = 6
    """Tries of one request where waiting helps (too many requests, server errors, time-outs)."""

    def __post_init__(self) -> None:
        if not PROJECT.fullmatch(self.project):
            raise BadInput(
                f"sources.project: {self.project!r} is not the id of a Cloud project (6 to 30 small letters, digits and "
                "hyphens); copy it from the Cloud console"
            )
        if not self.sensors:
            raise BadInput("sources.sensors: names none; name at least one of landsat, sentinel-2, sentinel-1")
        if (self.key_file is not None) != (self.credentials == "service-account"):
            raise BadInput("sources.key_file: belongs to credentials: service-account, and is needed there")
        if self.url is not None:
            check_url(self.url, self.allow_local)


class EarthEngine:
    """Implements `Source`."""

    def __init__(self, parameters: EarthEngineParameters, traffic: Traffic = Traffic()) -> None:  # noqa: B008
        """Sends nothing: the first request sets the client up."""
        self.parameters = parameters
        self.traffic = traffic
        self.failures: list[tuple[str, str]] = []
        """(scene id, reason) of everything that could not be listed or read, each pair once."""
        url = parameters.url or (HIGH_VOLUME if parameters.high_volume else ENDPOINT)
        asks, key = parameters.credentials, parameters.key_file
        self._account = Account(parameters.project, url, asks, key, parameters.deadline_s, parameters.requests)

    @staticmethod
    def offers(parameters: EarthEngineParameters, sensor: str) -> tuple[str, ...]:
        """Names of the bands it has of a family of sensors; empty for one that is not asked of it."""
        names = (band for c in _collections(parameters) if c.sensor == sensor for band in c.bands)
        score = ("cs",) if parameters.cloud_score and sensor == "sentinel-2-l2a" else ()
        return (*dict.fromkeys(names), *score)

    def grid(self) -> None:
        """None: it covers the world."""

    def manifest(self, first_day: int, last_day: int, area: Grid | None = None) -> tuple[Row, ...]:
        """Scenes of first_day <= day < last_day whose footprint touches the area's box in degrees, in canonical order.

        Platforms, orbits and clouds are chosen here, not by the service. Of a Sentinel-2 granule processed twice the
        newest baseline stays. An entry that makes no sense is put into `failures`. Raises BadInput without an area,
        SourceUnavailable.
        """
        if area is None:
            raise BadInput("earth engine: it covers the world; say where to look")
        between, box = (first_day * SECONDS_A_DAY * 1000, last_day * SECONDS_A_DAY * 1000), degrees(area)
        rows: dict[Scene, Row] = {}
        for collection in _collections(self.parameters):
            for feature in self._listed(collection.id, between, box):
                row = self._row(collection, feature)
                if row is not None and first_day <= row.scene.day < last_day:
                    rows.setdefault(row.scene, row)
        if self.parameters.cloud_score and any(row.sensor == "sentinel-2-l2a" for row in rows.values()):
            scored = {str(f["properties"].get("id")) for f in self._listed(CLOUD_SCORE, between, box)}
            rows = {scene: with_score(row) if scene.id in scored else row for scene, row in rows.items()}
        return newest(sorted(rows.values(), key=lambda row: row.scene))

    def read(self, grid: Grid, rows: Sequence[Row], bands: Sequence[str]) -> Raw:
        """Numbers as stored, or float32 where finer pixels are averaged, of these rows, each scene once and in order.

        Looks of one request that fails are FAILED in the window it was for, and named in `failures` with the reason; a
        row without one of the bands is MISSING and not asked for. Raises UnknownBand, BadInput (rows of several
        sensors), SourceUnavailable (credentials that no longer hold).
        """
        looks = sorted({row.scene: row for row in rows}.values(), key=lambda row: row.scene)
        self._check_asked(looks, bands)
        values = np.zeros((len(looks), len(bands), *grid.shape), _dtype(bands, looks, grid))
        observation = np.full((len(looks), *grid.shape), Observation.MISSING, np.uint8)
        there = [i for i, row in enumerate(looks) if all(row.asset(band) for band in bands)]
        observation[there] = Observation.OBSERVED
        clear: dict[int, Patch] = {}
        for group in _groups(looks, bands):
            fine = nesting(grid, step_of(looks[0].sensor, group[0]))
            for n, native in self._natives(fine, [looks[i] for i in there], group):
                i = there[n]
                _judge(looks[i].sensor, dict(zip(group, native.values, strict=True)), fine, i, clear)
                for band, stored in zip(group, native.values, strict=True):
                    patch = onto_grid(_patch(fine, stored, band), grid, layer_of(band).rule, clear.get(i))
                    values[i, bands.index(band)] = patch.values
                    np.maximum(observation[i], patch.status, out=observation[i])
                observation[i][_touched(native.failed, fine, grid)] = Observation.FAILED
        tell_outside(observation, [row.bounds for row in looks], grid)
        for band, numbers in zip(bands, values.swapaxes(0, 1), strict=True):
            numbers[observation != Observation.OBSERVED] = layer_of(band).nodata or 0  # so that none tests as clear
        return Raw(grid, tuple(row.scene for row in looks), tuple(bands), values, observation)

    def _natives(self, fine: Grid, looks: Sequence[Row], bands: Sequence[str]) -> Iterator[tuple[int, "_Native"]]:
        """Every look, as soon as all its pixels are there or given up, by its position."""
        dtypes, lattice = [layer_of(band).dtype for band in bands], _lattice(fine, looks)
        requests = plan(len(looks), lattice.shape, dtypes, Limits(size=int(self.parameters.max_request_mb * 1e6)))
        begun: dict[int, _Native] = {}
        reasons: set[tuple[str, str]] = set()
        ask, about = partial(self._pixels, lattice, looks, bands), f"{lattice}:{looks[0].scene.id if looks else ''}"
        for request, answer in self._answers(requests, ask, about):
            for n, look in enumerate(request.looks):
                native = begun.setdefault(look, _Native.empty(lattice.shape, dtypes))
                if isinstance(answer, Refused):
                    native.failed[request.where] = True
                    reasons.add((looks[look].scene.id, f"{'+'.join(bands)}: {answer.reason}"))
                else:
                    for stored, part in zip(native.values, answer[n * len(bands) :], strict=False):
                        stored[request.where] = part
                native.left -= request.window[2] * request.window[3]
                if not native.left:
                    yield look, begun.pop(look)
        self._note(sorted(reasons))

    def _answers(
        self, requests: Sequence[Request], ask: Callable[[Request], list[NDArray[Any]]], about: str
    ) -> Iterator[tuple[Request, list[NDArray[Any]] | Refused]]:
        """What became of all requests, as it comes in; many are under way at once, each in its turn."""
        in_turn, mine = partial(self._in_turn, ask), self.parameters

        def carry_out(request: Request) -> list[tuple[Request, list[NDArray[Any]] | Refused]]:
            return list(carried(request, in_turn, self.traffic.wait, mine.attempts, about))

        pool = ThreadPoolExecutor(max(1, min(len(requests), mine.requests)))
        try:
            for done in as_completed([pool.submit(carry_out, request) for request in requests]):
                yield from done.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _pixels(self, lattice: Lattice, looks: Sequence[Row], bands: Sequence[str], request: Request) -> Any:
        cuts = [cut for look in request.looks for cut in _cuts(looks[look], bands)]
        return pixels(self._account, cuts, lattice.window(*request.window))

    def _in_turn(self, ask: Callable[..., T], *about: Any) -> T:
        with self.traffic.turn():
            return ask(*about)

    def _listed(
        self, collection: str, between_ms: tuple[int, int], box: tuple[float, float, float, float]
    ) -> Iterator[dict[str, Any]]:
        """All features of a collection, page after page; raises SourceUnavailable."""
        page, seen = "", {""}
        while True:
            ask = partial(self._in_turn, features, self._account, collection, between_ms, box, page)
            try:
                found, page = persist(ask, self.traffic.wait, self.parameters.attempts, f"{collection}:{page}")
            except Refused as refused:
                raise SourceUnavailable(
                    f"earth engine: {collection} cannot be listed ({refused.reason}); try again later, or check "
                    f"that project {self._account.project!r} may read it"
                ) from None
            yield from found
            if not page:
                return
            if page in seen:
                raise SourceUnavailable(f"earth engine: the list of {collection} does not end; try again later")
            seen.add(page)

    def _row(self, collection: Collection, feature: dict[str, Any]) -> Row | None:
        """The row of one feature; None where it is not wanted, or where it makes no sense, which is noted."""
        told = feature.get("properties") or {}
        try:
            row = row_of(collection, told, feature.get("geometry"))
        except BadInput as error:
            self._note([(str(told.get("id")), str(error))])
            return None
        mine, cloud = self.parameters, first_of(told, "CLOUD_COVER", "CLOUDY_PIXEL_PERCENTAGE")
        wanted = told.get("instrumentMode") in (None, "IW") and (cloud is None or float(cloud) <= mine.max_cloud)
        wanted &= not mine.platforms or row.scene.platform in mine.platforms
        wanted &= not mine.orbits or row.scene.orbit in {orbit.zfill(3) for orbit in mine.orbits}
        return row if wanted else None

    def _note(self, reasons: Sequence[tuple[str, str]]) -> None:
        slow = (f"project {self._account.project}", "its noncommercial quota is used up: requests are slowed down")
        told = [*reasons, *([slow] if restricted(self._account) else [])]
        self.failures.extend(reason for reason in told if reason not in self.failures)

    def _check_asked(self, looks: Sequence[Row], bands: Sequence[str]) -> None:
        sensors = {row.sensor for row in looks}
        if len(sensors) > 1:
            raise BadInput(
                f"earth engine: rows of {', '.join(sorted(sensors))} were asked for at once; read one sensor"
            )
        if not bands or len(set(bands)) < len(bands):
            raise BadInput(f"earth engine: bands {list(bands)} were asked for; name at least one, each once")
        for sensor in sensors:
            there = self.offers(self.parameters, sensor)
            if strange := [band for band in bands if band not in there]:
                raise UnknownBand(f"earth engine: {sensor} has no band {strange[0]!r}; it has {', '.join(there)}")


@dataclass
class _Native:
    """One look on its own pixels, while its parts come in."""

    values: list[NDArray[Any]]
    """(rows, columns) per band."""
    failed: Mask
    """Pixels that were given up."""
    left: int
    """Pixels still to come."""

    @classmethod
    def empty(cls, shape: tuple[int, int], dtypes: Sequence[str]) -> "_Native":
        return cls([np.zeros(shape, dtype) for dtype in dtypes], np.zeros(shape, bool), shape[0] * shape[1])


def _cuts(row: Row, bands: Sequence[str]) -> Iterator[Cut]:
    """The bands of a row, in their order, as pieces of images of one kind."""
    for (image, fill), some in groupby(bands, lambda band: (_parted(row, band)[0], _fill(band))):
        mine = list(some)
        dtypes = tuple(layer_of(band).dtype for band in mine)
        yield Cut(image, tuple(_parted(row, band)[1] for band in mine), dtypes, fill)


def _parted(row: Row, band: str) -> tuple[str, str]:
    """(asset id of the image, band within it)."""
    image, _, name = (row.asset(band) or "").rpartition("/")
    return image, name


def _fill(band: str) -> float | None:
    return FILL if layer_of(band).dtype == "float32" else None


def onto_grid(patch: Patch, grid: Grid, rule: str, clear: Patch | None) -> Patch:
    """One band of one look on the grid, by the rules that hold for every source: the seam to `resample`.

    clear: bool, where the quality band says that a pixel counts, at its own resolution; None: it was not read.
    """
    if rule == "nearest" or patch.grid.resolution >= grid.resolution:
        return onto(patch, grid, classes=rule == "nearest")
    seen = None
    if clear is not None:
        found = nearest(clear, patch.grid)
        seen = found.values & (found.status == Observation.OBSERVED)
    if rule == "mean":
        return onto(patch, grid, clear=seen)
    power = onto(replace(patch, values=10.0 ** (patch.values / 10)), grid, clear=seen)
    with np.errstate(divide="ignore"):
        return replace(power, values=(10 * np.log10(power.values)).astype(np.float32))


def _patch(fine: Grid, stored: NDArray[Any], band: str) -> Patch:
    """Masked is what holds the number that stands for it; the codes of `Observation` rise with how bad they are."""
    nodata = layer_of(band).nodata
    valid = np.isfinite(stored) if nodata is None else np.isfinite(stored) & (stored != nodata)
    return Patch(fine, stored, np.where(valid, Observation.OBSERVED, Observation.MASKED).astype(np.uint8))


def _touched(failed: Mask, fine: Grid, grid: Grid) -> Mask:
    """(y, x) of the grid: the cells that take a part of any of these pixels."""
    if not failed.any():
        return np.zeros(grid.shape, bool)
    share = onto(Patch(fine, failed.astype(np.uint8), np.zeros(fine.shape, np.uint8)), grid).values
    return np.asarray(share > 0, np.bool_)


def _judge(sensor: str, stored: dict[str, NDArray[Any]], fine: Grid, look: int, clear: dict[int, Patch]) -> None:
    """Keep where the quality band of a look, if it is among these, says that a pixel counts."""
    quality = SENSORS[sensor].qa_band
    if quality in stored:
        from detection.prepare.masks import clouded  # knows sensors, not sources

        cloud, rest = clouded(stored[quality], SENSORS[sensor])
        clear[look] = replace(_patch(fine, stored[quality], quality), values=~(cloud | rest))


def _groups(looks: Sequence[Row], bands: Sequence[str]) -> list[list[str]]:
    """Bands of one pixel size each, those of the quality band first: it decides which pixels of the others count."""
    if not looks:
        return []
    sensor = looks[0].sensor
    sizes = {band: step_of(sensor, band) for band in bands}
    first = sizes.get(SENSORS[sensor].qa_band or "", 0)
    every = sorted(set(sizes.values()), key=lambda size: (size != first, size))
    return [[band for band in bands if sizes[band] == size] for size in every]


def _lattice(fine: Grid, looks: Sequence[Row]) -> Lattice:
    return lattice_of(fine, PHASE_M.get(looks[0].sensor, 0) if looks else 0)


def _collections(parameters: EarthEngineParameters) -> Iterator[Collection]:
    """Those of the wanted sensors that can hold a wanted platform."""
    for sensor in dict.fromkeys(parameters.sensors):
        for collection in COLLECTIONS[sensor]:
            if not parameters.platforms or not collection.platform or collection.platform in parameters.platforms:
                yield collection


def _dtype(bands: Sequence[str], looks: Sequence[Row], grid: Grid) -> np.dtype[Any]:
    """The type that holds these bands on this grid."""
    layers = {band: layer_of(band) for band in bands}
    for row in looks[:1]:
        if any(layer.rule != "nearest" and step_of(row.sensor, b) < grid.resolution for b, layer in layers.items()):
            return np.dtype(np.float32)
    return np.result_type(*(layer.dtype for layer in layers.values()))
