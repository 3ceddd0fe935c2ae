"""STAC catalogues as a source: scenes listed by the provider's API, cloud-optimised rasters read by ranges of bytes.

Two things are never mixed up: what the satellite did not see (MASKED, OUTSIDE) and what we did not get (MISSING,
FAILED). Whatever could not be read stands in `failures`, by scene and band.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Any, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval
from numpy.typing import NDArray

from detection.codes import Observation
from detection.errors import BadInput, UnknownBand
from detection.sources import Traffic
from detection.sources.addresses import parts_of
from detection.sources.catalogues import CATALOGUES, Collection, Endpoint, Family
from detection.sources.cogs import Wanted, apart, degrees, patch_of
from detection.sources.fetch import Client, Failed
from detection.sources.items import Entry, entry_of, newest
from detection.sources.mounts import opened
from detection.sources.pieces import one_line
from detection.sources.ranges import Heads, Remote
from detection.sources.rasters import READ_ERRORS
from detection.sources.resample import Patch, nearest, onto
from detection.sources.sensors import SENSORS
from detection.sources.signing import Signatures, check_credentials
from detection.types import Codes, Grid, Mask, Raw, Row, parameters, to_date

BOX_MARGIN_DEG: Final = 0.01
"""Added around the area when the catalogue is asked, since the edges of a UTM box are curves in degrees; chosen."""
OPEN_END: Final = 2999
"""A period that ends after this year is asked for without an end."""


@parameters
class StacParameters:
    """Scenes from a STAC catalogue, read over the network."""

    kind: Literal["stac"] = "stac"
    """What the source is: `stac` is a catalogue with cloud-optimised rasters."""
    endpoint: Endpoint
    """Whose conventions hold (names of collections and bands, offsets, signatures). Only `planetary-computer` and
    `earth-search` need no account."""
    url: str | None = None
    """Another API of the same conventions, e.g. a mirror; null: the endpoint's own."""
    sensors: tuple[Family, ...]
    """Whose scenes: landsat (5, 7, 8, 9), sentinel-2, sentinel-1."""
    platforms: tuple[str, ...] = ()
    """Only these, e.g. [landsat-8, landsat-9]; empty: all."""
    orbits: tuple[str, ...] = ()
    """Only these WRS paths or relative orbits, e.g. ["003"]; empty: all. Radar: one series per orbit."""
    max_cloud: Annotated[float, Interval(ge=0, le=100)] = 100.0
    """Percent of cloud over the scene above which it is left out; a scene that does not say stays."""
    connections: Annotated[int, Ge(1)] = 16
    """Files read at a time by each worker; the network's delay, not the processor, is the limit."""
    timeout_s: Annotated[float, Gt(0)] = 60.0
    """Seconds after which a request is given up and tried again."""
    attempts: Annotated[int, Ge(1)] = 5
    """Tries of a request that the network or the provider broke off."""
    allow_local: bool = False
    """Permit http and addresses of this machine or its network, for tests and local mirrors."""

    def __post_init__(self) -> None:
        catalogue = CATALOGUES[self.endpoint]
        if not self.sensors or len(set(self.sensors)) < len(self.sensors):
            raise BadInput(f"sources.sensors: {list(self.sensors)}; name at least one, each once")
        for family in self.sensors:
            if family in catalogue.refused:
                raise BadInput(f"sources.sensors: {self.endpoint} with {family}: {catalogue.refused[family]}")
        parts_of(self.url or catalogue.url, allow_local=self.allow_local)


class Stac:
    """Implements `Source`. Holds connections and tokens, so each process makes its own."""

    def __init__(self, parameters: StacParameters, traffic: Traffic | None = None) -> None:
        """Contacts nobody yet."""
        self.parameters = parameters
        self.failures: list[tuple[str, str]] = []
        """(scene id, reason) of every scene, or band of one, that could not be had, each pair once."""
        self._catalogue = CATALOGUES[parameters.endpoint]
        self._url = (parameters.url or self._catalogue.url).rstrip("/")
        self._client = Client(
            traffic or Traffic(),
            timeout_s=parameters.timeout_s,
            attempts=parameters.attempts,
            connections=parameters.connections,
            allow_local=parameters.allow_local,
        )
        self._heads = Heads()
        mirrored = parameters.allow_local and parameters.url is not None
        tokens = "/".join((self._url if mirrored else self._catalogue.url).split("/")[:3])
        self._signatures = Signatures(self._catalogue, self._client, tokens, everywhere=mirrored)

    @staticmethod
    def offers(parameters: StacParameters, sensor: str) -> tuple[str, ...]:
        """Names of the bands that these parameters can give of a family of sensors."""
        mine = CATALOGUES[parameters.endpoint].collections
        found = (one for family, one in mine.items() if family in parameters.sensors and one.sensor == sensor)
        return tuple(band for one in found for band in one.bands)

    def grid(self) -> None:
        """None: a catalogue covers the world."""

    def manifest(self, first_day: int, last_day: int, area: Grid | None = None) -> tuple[Row, ...]:
        """The scenes of first_day <= day < last_day whose footprint meets the area's box, each acquisition once.

        An item that cannot be understood stands in `failures`, not in the manifest. Raises BadInput without an area,
        SourceUnavailable when the listing, or a token the provider wants, cannot be had.
        """
        if area is None:
            raise BadInput(f"{self.parameters.endpoint}: covers the world; give `area` as a bbox or a file")
        from detection.sources.searching import items  # loads pystac-client: only who asks a catalogue waits for it

        check_credentials(self.parameters.endpoint, self._catalogue)
        self._client.check(self._url)
        box, period = _box(area), _period(first_day, last_day)
        entries: list[Entry] = []
        for family in self.parameters.sensors:
            collection = self._catalogue.collections[family]
            for item in items(self._client, self._url, collection.id, box, period):
                entries.extend(self._understood(item, collection))
        kept = (e for e in entries if first_day <= e.row.scene.day < last_day and self._asked_for(e))
        return newest(kept)

    def read(self, grid: Grid, rows: Sequence[Row], bands: Sequence[str]) -> Raw:
        """These rows, each scene once and in canonical order, on this grid.

        Numbers as stored; float32 where finer pixels were averaged (those that are clear, when the quality band is
        among the bands) or another UTM zone was interpolated. Raises UnknownBand, BadInput for rows of two families.
        """
        check_credentials(self.parameters.endpoint, self._catalogue)
        collection = self._collection(rows)
        _check_bands(collection, bands)
        unique = sorted({row.scene: row for row in rows}.values(), key=lambda row: row.scene)
        build = _Build(grid, collection, tuple(unique), tuple(bands))
        box = degrees(grid)
        with ThreadPoolExecutor(self.parameters.connections) as pool:
            waiting: deque[tuple[int, list[Future[Patch | str]]]] = deque()
            for i, row in enumerate(unique):
                if row.bounds is not None and apart(box, row.bounds):
                    build.observation[i] = Observation.OUTSIDE
                    continue
                if self._missing(row, bands):
                    build.observation[i] = Observation.MISSING
                    continue
                waiting.append((i, [pool.submit(self._patch, grid, row, collection, band) for band in bands]))
                # Patches at native resolution are large: no more of them than keep all connections busy.
                while len(waiting) * len(bands) > 2 * self.parameters.connections + len(bands):
                    self._take(build, *waiting.popleft())
            while waiting:
                self._take(build, *waiting.popleft())
        return build.raw()

    def _understood(self, item: Mapping[str, Any], collection: Collection) -> list[Entry]:
        try:
            return [entry_of(item, collection)]
        except BadInput as error:
            self._fail(str(item.get("id")), one_line(error))
            return []

    def _asked_for(self, entry: Entry) -> bool:
        mine, scene = self.parameters, entry.row.scene
        orbits = {f"{int(orbit):03d}" if orbit.isdecimal() else orbit for orbit in mine.orbits}
        return (
            (not mine.platforms or scene.platform in mine.platforms)
            and (not orbits or scene.orbit in orbits)
            and (entry.cloud is None or entry.cloud <= mine.max_cloud)
        )

    def _collection(self, rows: Sequence[Row]) -> Collection:
        families = sorted({row.sensor for row in rows})
        mine = {one.sensor: one for one in self._catalogue.collections.values()}
        if len(families) != 1 or families[0] not in mine:
            raise BadInput(f"{self.parameters.endpoint}: rows of {families}; read one of {sorted(mine)} at a time")
        return mine[families[0]]

    def _missing(self, row: Row, bands: Sequence[str]) -> bool:
        gone = [band for band in bands if row.asset(band) is None]
        for band in gone:
            self._fail(row.scene.id, f"{band}: the catalogue lists no such asset")
        return bool(gone)

    def _patch(self, grid: Grid, row: Row, collection: Collection, band: str) -> Patch | str:
        """One band of one scene, or why it cannot be had. Runs in a thread."""
        wanted, reason = Wanted(grid, collection.bands[band], row.bounds), ""
        for _ in range(2):  # a file that was replaced while it was read is read once more
            remote = Remote(self._client, self._signatures, self._heads, row.asset(band) or "", row.collection)
            found = _patch_of(remote, collection.driver, wanted)
            if isinstance(found, Patch):
                return found
            reason = f"{band}: {found.reason}"
            if not remote.changed:
                break
        return reason

    def _take(self, build: "_Build", look: int, futures: list[Future[Patch | str]]) -> None:
        found = [future.result() for future in futures]
        reasons = [one for one in found if isinstance(one, str)]
        for reason in reasons:
            self._fail(build.rows[look].scene.id, reason)
        if reasons:
            build.observation[look] = Observation.FAILED
        else:
            build.put(look, [one for one in found if isinstance(one, Patch)])

    def _fail(self, scene: str, reason: str) -> None:
        if (scene, reason) not in self.failures:
            self.failures.append((scene, reason))


class _Build:
    """A raw cube that is being filled."""

    def __init__(self, grid: Grid, collection: Collection, rows: tuple[Row, ...], bands: tuple[str, ...]) -> None:
        self.grid, self.collection, self.rows, self.bands = grid, collection, rows, bands
        sensor = SENSORS[collection.sensor]
        native = dict(zip((*sensor.bands, *sensor.optional), sensor.native_m, strict=True))
        averaged = any(native[b] < grid.resolution and not collection.bands[b].classes for b in bands)
        stored = np.result_type(*(collection.bands[b].dtype for b in bands))
        self.values: NDArray[Any] = np.zeros(
            (len(rows), len(bands), *grid.shape), np.result_type(stored, np.float32) if averaged else stored
        )
        self.observation: Codes = np.full((len(rows), *grid.shape), Observation.OBSERVED, np.uint8)
        self._sensor = sensor

    def put(self, look: int, patches: list[Patch]) -> None:
        """Bring the bands of a look onto the grid; the worst of them decides about a cell."""
        kinds = [self.collection.bands[band] for band in self.bands]
        finer = [
            patch.grid.resolution < self.grid.resolution and not kind.classes
            for kind, patch in zip(kinds, patches, strict=True)
        ]
        clear = self._clear(patches) if any(finer) else None
        for i, patch in enumerate(patches):
            seen = None if clear is None or not finer[i] else _counts(nearest(clear, patch.grid))
            found = onto(patch, self.grid, classes=kinds[i].classes, clear=seen)
            if found.values.dtype.kind == "f" and self.values.dtype.kind != "f":
                self.values = self.values.astype(np.float32)  # from a zone whose cells had to be interpolated
            self.values[look, i] = found.values
            np.maximum(self.observation[look], found.status, out=self.observation[look])

    def raw(self) -> Raw:
        """The cube; cells without a look hold nodata, so that none of them tests as clear."""
        unseen = self.observation != Observation.OBSERVED
        for i, band in enumerate(self.bands if unseen.any() else ()):
            for fill in self.collection.bands[band].nodata[:1]:
                self.values[:, i][unseen] = fill
        scenes, added = tuple(row.scene for row in self.rows), tuple(row.added for row in self.rows)
        return Raw(self.grid, scenes, self.bands, self.values, self.observation, added if any(added) else ())

    def _clear(self, patches: list[Patch]) -> Patch | None:
        """Where the quality band, at its own resolution, says that a pixel counts; None where it was not read."""
        if self._sensor.qa_band not in self.bands:
            return None
        from detection.prepare.masks import clouded  # knows sensors, not sources

        quality = patches[self.bands.index(self._sensor.qa_band)]
        widened, rest = clouded(quality.values, self._sensor)
        return Patch(quality.grid, ~(widened | rest), quality.status)


def _patch_of(remote: Remote, driver: str, wanted: Wanted) -> Patch | Failed:
    try:
        remote.begin(driver)
        patch = opened(remote, driver, lambda source: patch_of(source, wanted))
    except Failed as error:
        return error
    except (BadInput, *READ_ERRORS) as error:
        return remote.problem or Failed(f"not readable ({one_line(error)})")
    return remote.problem or patch


def _counts(clear: Patch) -> Mask:
    return np.asarray(clear.values & (clear.status == Observation.OBSERVED), np.bool_)


def _check_bands(collection: Collection, bands: Sequence[str]) -> None:
    for band in bands:
        if band not in collection.bands:
            raise UnknownBand(f"{collection.id}: no band {band!r}; it has {', '.join(collection.bands)}")
    if not bands or len(set(bands)) < len(bands):
        raise BadInput(f"{collection.id}: bands {list(bands)} were asked for; name at least one, each once")


def _box(area: Grid) -> tuple[float, float, float, float]:
    west, south, east, north = degrees(area)
    margin = BOX_MARGIN_DEG
    return max(west - margin, -180.0), max(south - margin, -90.0), min(east + margin, 180.0), min(north + margin, 90.0)


def _period(first_day: int, last_day: int) -> str:
    end = ".." if to_date(last_day).year > OPEN_END else f"{to_date(last_day - 1)}T23:59:59Z"
    return f"{to_date(first_day)}T00:00:00Z/{end}"
