"""A stand-in for the Earth Engine service on 127.0.0.1, for the real client: pixels of known arrays, faults on demand.

It hands out the discovery document and the list of algorithms that ship with the client, so that the client builds its
calls from real signatures, and checks every call of an expression against that list. It evaluates expressions of an
allow-list of functions; anything else is answered with status 400, so that no test passes on what was not understood.

What it does NOT prove: that the service itself reprojects, masks, filters and counts as modelled here (a masked pixel is 0
in NPY; one mask byte per pixel and band; `toBands` orders by image, then band; `filterBounds` is told by bounding boxes;
properties that an image lacks are null), real quotas, memory limits and latencies, authentication, and whether the
discovery document of today differs from the one shipped (revision 20200203, version v1alpha, served here as v1).
"""
# ruff: noqa: A002 - the arguments of the allow-list are called what Earth Engine calls them

import io
import json
import math
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import ee
import numpy as np

SHIPPED = Path(ee.__file__).parent / "tests"
DISCOVERY_FILE = SHIPPED / "cloud_api_discovery_document.json"
ALGORITHMS_FILE = SHIPPED / "algorithms.json"
FALSE_NORTHING_M = 10_000_000
PAGE = 1000


@dataclass(frozen=True)
class Plane:
    """One band: an array on its own lattice."""

    values: np.ndarray
    """(rows, columns), dtype as the service has it."""
    mask: np.ndarray
    """True where there is a pixel."""
    crs: str
    west: float
    north: float
    step: float

    def at(self, crs: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(values, mask) nearest to these eastings and northings; outside it is masked."""
        if crs[-2:] != self.crs[-2:]:
            raise Wrong(400, f"loopback: does not reproject {self.crs} to {crs}")
        y = y + (self.crs.startswith("EPSG:327") - crs.startswith("EPSG:327")) * FALSE_NORTHING_M
        # A point on an edge takes the pixel to the north-west: not what the source wants, should it ever lean on it.
        column, row = (np.ceil(d / self.step).astype(int) - 1 for d in (x - self.west, self.north - y))
        rows, columns = self.values.shape
        inside = np.outer((row >= 0) & (row < rows), (column >= 0) & (column < columns))
        taken = np.ix_(row.clip(0, rows - 1), column.clip(0, columns - 1))
        return self.values[taken], self.mask[taken] & inside


@dataclass(frozen=True)
class Image:
    """An image of the catalogue or one made of some. `at` of a band: (crs, x, y) -> (values, mask)."""

    id: str
    properties: dict[str, Any]
    bands: dict[str, tuple[np.dtype, Callable[[str, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]]]
    box: tuple[float, float, float, float] | None = None

    @classmethod
    def of(cls, id: str, properties: dict[str, Any], planes: dict[str, Plane], box) -> "Image":
        told = {"system:index": id.rpartition("/")[2], **properties}
        return cls(id, told, {name: (plane.values.dtype, plane.at) for name, plane in planes.items()}, box)


class Wrong(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, message: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.code, self.headers = code, headers


@cache
def signatures() -> dict[str, dict[str, bool]]:
    """Function -> argument -> whether it may be left out."""
    listed = json.loads(ALGORITHMS_FILE.read_text())["algorithms"]
    return {
        one["name"].removeprefix("algorithms/"): {
            a["argumentName"]: bool(a.get("optional")) for a in one.get("arguments", ())
        }
        for one in listed
    }


class Evaluation:
    """One expression of the Cloud API, evaluated on a catalogue."""

    def __init__(self, expression: dict[str, Any], catalogue: dict[str, list[Image]]) -> None:
        self.values, self.result, self.catalogue = expression["values"], expression["result"], catalogue
        self.known: dict[str, Any] = {}

    def run(self) -> Any:
        return self.reference(self.result, {})

    def reference(self, key: str, names: dict[str, Any]) -> Any:
        if names:
            return self.node(self.values[key], names)
        if key not in self.known:
            self.known[key] = self.node(self.values[key], names)
        return self.known[key]

    def node(self, node: dict[str, Any], names: dict[str, Any]) -> Any:
        ((kind, value),) = node.items()
        match kind:
            case "constantValue":
                return value
            case "integerValue":
                return int(value)
            case "valueReference":
                return self.reference(value, names)
            case "argumentReference":
                return names[value]
            case "arrayValue":
                return [self.node(one, names) for one in value["values"]]
            case "dictionaryValue":
                return {key: self.node(one, names) for key, one in value["values"].items()}
            case "functionDefinitionValue":
                return lambda *given: self.reference(
                    value["body"], {**names, **dict(zip(value["argumentNames"], given, strict=True))}
                )
            case "functionInvocationValue":
                given = {key: self.node(one, names) for key, one in value.get("arguments", {}).items()}
                return self.call(value["functionName"], given)
        raise Wrong(400, f"loopback: unknown node {kind}")

    def call(self, name: str, given: dict[str, Any]) -> Any:
        known = signatures().get(name)
        if known is None or set(given) - set(known) or any(not o and a not in given for a, o in known.items()):
            raise Wrong(400, f"loopback: {name}({', '.join(given)}) is not a call that the algorithm list allows")
        allowed = getattr(self, "do_" + name.replace(".", "_"), None)
        if allowed is None:
            raise Wrong(400, f"loopback: {name} is not on the allow-list")
        return allowed(**given)

    # The allow-list.

    def do_Image_load(self, id):
        for image in self.catalogue.get(id.rpartition("/")[0], ()):
            if image.id == id:
                return image
        raise Wrong(404, f"Image.load: Image asset '{id}' not found (does not exist or caller does not have access).")

    def do_ImageCollection_load(self, id):
        if id not in self.catalogue:
            raise Wrong(404, f"ImageCollection.load: ImageCollection asset '{id}' not found.")
        return list(self.catalogue[id])

    def do_ImageCollection_fromImages(self, images):
        return images

    def do_ImageCollection_toBands(self, collection):
        bands = {f"{i}_{name}": band for i, image in enumerate(collection) for name, band in image.bands.items()}
        return Image("", {}, bands)

    def do_Image_rename(self, input, names):
        if len(names) != len(input.bands):
            raise Wrong(400, f"Image.rename: {len(names)} names for {len(input.bands)} bands")
        return Image(input.id, input.properties, dict(zip(names, input.bands.values(), strict=True)), input.box)

    def do_Image_select(self, input, bandSelectors):
        for name in bandSelectors:
            if name not in input.bands:
                raise Wrong(400, f"Image.select: Band pattern '{name}' did not match any bands.")
        return Image(input.id, input.properties, {name: input.bands[name] for name in bandSelectors}, input.box)

    def do_Image_constant(self, value):
        def full(crs, x, y):
            return np.full((len(y), len(x)), float(value)), np.ones((len(y), len(x)), bool)

        return Image("", {}, {"constant": (np.dtype(float), full)})

    def do_Image_unmask(self, input, value, sameFootprint=True):
        if sameFootprint is not False:
            raise Wrong(400, "loopback: unmask only with sameFootprint=False")
        ((_, fill),) = value.bands.values()

        def unmasked(at):
            def filled(crs, x, y):
                values, mask = at(crs, x, y)
                return np.where(mask, values, fill(crs, x, y)[0]), np.ones_like(mask)

            return filled

        bands = {name: (np.dtype(float), unmasked(at)) for name, (_, at) in input.bands.items()}
        return Image(input.id, input.properties, bands, input.box)

    def do_Image_toFloat(self, value):
        bands = {name: (np.dtype(np.float32), at) for name, (_, at) in value.bands.items()}
        return Image(value.id, value.properties, bands, value.box)

    def do_Collection_filter(self, collection, filter):
        return [one for one in collection if filter(one)]

    def do_DateRange(self, start, end):
        return start, end

    def do_Filter_dateRangeContains(self, leftValue, rightField):
        start, end = leftValue
        # An image without a time is let through: the list must show what a client does with it.
        return lambda one: one.properties.get(rightField) is None or start <= one.properties[rightField] < end

    def do_Filter_intersects(self, leftField, rightValue):
        if leftField != ".all":
            raise Wrong(400, f"loopback: intersects on {leftField!r}")
        ring = np.array(rightValue["geometry"]["coordinates"][0])
        (west, south), (east, north) = ring.min(0), ring.max(0)

        def touches(one):
            return one.box is None or (
                one.box[0] <= east and one.box[2] >= west and one.box[1] <= north and one.box[3] >= south
            )

        return touches

    def do_GeometryConstructors_Polygon(self, coordinates, evenOdd=True, geodesic=True):
        if geodesic is not False:
            raise Wrong(400, "loopback: only planar polygons")
        return {"type": "Polygon", "coordinates": coordinates}

    def do_GeometryConstructors_Rectangle(self, coordinates, geodesic=True):
        west, south, east, north = np.ravel(coordinates)
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return self.do_GeometryConstructors_Polygon([ring], geodesic=geodesic)

    def do_Collection_map(self, collection, baseAlgorithm):
        return [baseAlgorithm(one) for one in collection]

    def do_Feature(self, geometry, metadata=None):
        return {"type": "Feature", "geometry": geometry, "properties": metadata or {}}

    def do_Image_geometry(self, feature):
        if feature.box is None:
            return None
        west, south, east, north = feature.box
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}

    do_Element_geometry = do_Image_geometry

    def do_Element_get(self, object, property):
        return object.properties.get(property)

    def do_Image_bandNames(self, image):
        return list(image.bands)

    def do_List_join(self, list, separator=""):
        return separator.join(list)


@dataclass
class Limits:
    """What the service refuses."""

    size: int = 48 * 2**20
    side: int = 32_768
    bands: int = 1_024
    memory: float = math.inf
    """Pixels times bands above which "User memory limit exceeded." is answered."""
    concurrent: int = 10_000


@dataclass
class Told:
    """What was asked for, for the tests to look at."""

    paths: list[str] = field(default_factory=list)
    pixel_requests: list[dict[str, Any]] = field(default_factory=list)
    peak: int = 0
    refused: int = 0
    """Requests over the limit of concurrency."""


class Service(ThreadingHTTPServer):
    """The server, on a free port of 127.0.0.1, in a thread of its own; `with` closes it.

    faults: one taken for each request for pixels, features or set-up when it arrives: a status; (status, message);
    (status, message, headers); "reset", "truncated", "html", "small" (a column is left out); ("slow", seconds); None.
    blamed: asset id -> (status, message) for every request that names it.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, catalogue: dict[str, list[Image]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.catalogue = catalogue
        self.faults: deque[Any] = deque()
        self.blamed: dict[str, tuple[int, str]] = {}
        self.limits, self.told = Limits(), Told()
        self.latency_s = 0.0
        self.headers: list[tuple[str, str]] = []
        self.lock, self.inside = threading.Lock(), 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""

    def again(self) -> None:
        """As new: no faults, no limits, nothing told, nobody inside (the client may have given up on a slow answer)."""
        while self.inside:
            time.sleep(0.01)
        self.faults.clear()
        self.blamed.clear()
        self.headers.clear()
        self.limits, self.told, self.latency_s = Limits(), Told(), 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer takes 40 ms longer
    server: Service

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        self.answer(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}"))

    def send(self, code: int, body: bytes, headers: Sequence[tuple[str, str]] = (), cut: bool = False) -> None:
        self.send_response(code)
        for name, value in (("Content-Length", str(len(body))), *headers, *self.server.headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    def answer(self, asked: dict[str, Any]) -> None:
        mine = self.server
        mine.told.paths.append(self.path)
        if self.path.startswith("/$discovery"):
            self.send(200, _discovery())
            return
        with mine.lock:
            fault = mine.faults.popleft() if mine.faults else None
            mine.inside += 1
            mine.told.peak = max(mine.told.peak, mine.inside)
            over = mine.inside > mine.limits.concurrent
            mine.told.refused += over
        try:
            # Counted out before the last byte is sent: the client may ask again as soon as it has that.
            sent = self.reply(asked, (429, "Too many requests: concurrency exceeded") if over else fault)
        except Wrong as wrong:
            told = {"error": {"code": wrong.code, "message": str(wrong), "status": "UNKNOWN"}}
            headers = (("Content-Type", "application/json"), *wrong.headers)
            sent = partial(self.send, wrong.code, json.dumps(told).encode(), headers)
        finally:
            with mine.lock:
                mine.inside -= 1
        sent()

    def reply(self, asked: dict[str, Any], fault: Any) -> Callable[[], None]:
        """What sends the answer; raises Wrong."""
        time.sleep(self.server.latency_s)
        match fault:
            case int(status):
                raise Wrong(status, f"injected {status}")
            case (int(status), message):
                raise Wrong(status, message)
            case (int(status), message, headers):
                raise Wrong(status, message, headers)
            case ("slow", seconds):
                time.sleep(seconds)
            case "reset":
                return self.reset
            case "small":
                asked["grid"]["dimensions"]["width"] -= 1
            case "html":
                return partial(self.send, 200, b"<html>please log in</html>", (("Content-Type", "text/html"),))
        body, kind = self.content(asked)
        return partial(self.send, 200, body, (("Content-Type", kind),), cut=fault == "truncated")

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.wfile.close()
        self.connection.close()

    def content(self, asked: dict[str, Any]) -> tuple[bytes, str]:
        mine, path = self.server, self.path.partition("?")[0]
        text = json.dumps(asked)
        for image, (status, message) in mine.blamed.items():
            if image in text:
                raise Wrong(status, message)
        if re.fullmatch(r"/v1/projects/[^/]+/algorithms", path):
            return ALGORITHMS_FILE.read_bytes(), "application/json"
        if path.endswith("/image:computePixels"):
            mine.told.pixel_requests.append(asked)
            return self.pixels(asked), "application/octet-stream"
        if path.endswith("/table:computeFeatures"):
            return self.features(asked), "application/json"
        raise Wrong(404, f"loopback: no route {path}")

    def pixels(self, asked: dict[str, Any]) -> bytes:
        if set(asked) != {"expression", "fileFormat", "grid"} or asked["fileFormat"] != "NPY":
            raise Wrong(400, f"loopback: computePixels with {sorted(asked)}")
        image = Evaluation(asked["expression"], self.server.catalogue).run()
        grid, limits = asked["grid"], self.server.limits
        width, height = (int(grid["dimensions"][side]) for side in ("width", "height"))
        size = width * height * sum(dtype.itemsize + 1 for dtype, _ in image.bands.values())
        if max(width, height) > limits.side:
            raise Wrong(400, f"Pixel grid dimensions ({width}x{height}) must be less than or equal to {limits.side}.")
        if len(image.bands) > limits.bands:
            raise Wrong(400, f"Too many bands: {len(image.bands)} (limit {limits.bands}).")
        if size > limits.size:
            raise Wrong(400, f"Total request size ({size} bytes) must be less than or equal to {limits.size} bytes.")
        if width * height * len(image.bands) > limits.memory:
            raise Wrong(400, "User memory limit exceeded.")
        return _npy(image, grid, width, height)

    def features(self, asked: dict[str, Any]) -> bytes:
        listed = Evaluation(asked["expression"], self.server.catalogue).run()
        first, size = int(asked.get("pageToken") or 0), int(asked.get("pageSize") or PAGE)
        told: dict[str, Any] = {"type": "FeatureCollection", "features": listed[first : first + size]}
        if first + size < len(listed):
            told["nextPageToken"] = str(first + size)
        return json.dumps(told).encode()


@cache
def _discovery() -> bytes:
    return DISCOVERY_FILE.read_text().replace("v1alpha", "v1").encode()


def _npy(image: Image, grid: dict[str, Any], width: int, height: int) -> bytes:
    moved = grid["affineTransform"]
    if moved.get("shearX") or moved.get("shearY"):
        raise Wrong(400, "loopback: no shear")
    x = moved["translateX"] + (np.arange(width) + 0.5) * moved["scaleX"]
    y = moved["translateY"] + (np.arange(height) + 0.5) * moved["scaleY"]
    out = np.zeros((height, width), [(name, dtype) for name, (dtype, _) in image.bands.items()])
    for name, (_, at) in image.bands.items():
        values, mask = at(grid["crsCode"], x, y)
        out[name] = np.where(mask, values, 0)
    held = io.BytesIO()
    np.save(held, out)
    return held.getvalue()
