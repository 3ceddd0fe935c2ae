"""Earth Engine's own client, and the only file that imports it: who asks, what is asked, how a refusal is told.

The client keeps one state per process: it is set up when the first request needs it, and nothing of it is ever pickled.
"""

import ipaddress
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from detection.errors import BadInput, SourceUnavailable
from detection.sources.eerequests import Fault, Lattice, Refused, fault_of
from detection.sources.pieces import one_line

ENDPOINT: Final = "https://earthengine.googleapis.com"
HIGH_VOLUME: Final = "https://earthengine-highvolume.googleapis.com"
"""More requests at once on request, less caching (Earth Engine guides, "Processing environments")."""
SCOPES: Final = ("https://www.googleapis.com/auth/earthengine", "https://www.googleapis.com/auth/cloud-platform")
RESTRICTED: Final = "parallelism_restricted=true"
"""In the header `x-earth-engine-quota-status`: the project has used up its noncommercial quota and is slowed down."""

# The client loads slowly and only where Earth Engine is asked: it is imported inside the functions.


@dataclass(frozen=True)
class Account:
    """Who asks, and where."""

    project: str
    """Cloud project that the requests are counted for."""
    url: str
    """Endpoint, without a path."""
    credentials: Literal["application-default", "service-account", "user"]
    """Where the credentials come from."""
    key_file: Path | None
    """Of a service account."""
    deadline_s: float
    """Longest silence within one request."""
    connections: int
    """Connections kept open."""


@dataclass(frozen=True)
class Cut:
    """Some bands of one image, as one request asks for them."""

    image: str
    """Asset id."""
    bands: tuple[str, ...]
    """Names within the image."""
    dtypes: tuple[str, ...]
    """What they are stored as."""
    fill: float | None = None
    """Stands for what is masked, and the bands become float32; None: the service hands out 0 there."""


def pixels(account: Account, cuts: Sequence[Cut], lattice: Lattice) -> list[NDArray[Any]]:
    """The bands of all cuts, in their order, each (rows, columns) of the lattice. Raises Refused, SourceUnavailable."""
    with _gate.using(account), _told(account):
        import ee

        images = [_image(cut) for cut in cuts]
        dtypes = [dtype for cut in cuts for dtype in cut.dtypes]
        names = [f"b{i}" for i in range(len(dtypes))]
        asked = {
            "expression": ee.ImageCollection.fromImages(images).toBands().rename(names),
            "fileFormat": "NUMPY_NDARRAY",
            "grid": _pixel_grid(lattice),
        }
        return _checked(ee.data.computePixels(asked), names, dtypes, lattice.shape)


def features(
    account: Account, collection: str, between_ms: tuple[int, int], box: tuple[float, float, float, float], page: str
) -> tuple[list[dict[str, Any]], str]:
    """One page of what a collection holds, footprints included, and the token of the next; an empty token ends.

    between_ms: first and last instant, the last left out; box: (west, south, east, north) degrees. The properties of
    every GeoJSON feature are those of PROPERTIES, with `id` (system:index), `time` (ms) and `bands` (comma-separated).
    Raises Refused, SourceUnavailable.
    """
    with _gate.using(account), _told(account):
        import ee

        area = ee.Geometry.Rectangle(list(box), None, False)
        images = ee.ImageCollection(collection).filterDate(*between_ms).filterBounds(area)
        asked = {"expression": images.map(_described), "pageSize": PAGE, **({"pageToken": page} if page else {})}
        answer = ee.data.computeFeatures(asked)
        if not isinstance(answer, dict) or answer.get("type") != "FeatureCollection":
            raise Refused(Fault.WAIT, "the answer is no list of features")
        return list(answer.get("features", ())), str(answer.get("nextPageToken", ""))


PAGE: Final = 1_000
"""Features asked for at once: the service's default."""
PROPERTIES: Final = (
    "SPACECRAFT_NAME", "platform_number", "WRS_PATH", "SENSING_ORBIT_NUMBER", "relativeOrbitNumber_start",
    "PROCESSING_SOFTWARE_VERSION", "PROCESSING_BASELINE", "CLOUD_COVER", "CLOUDY_PIXEL_PERCENTAGE", "instrumentMode",
)  # fmt: skip
"""What is asked of every image (Earth Engine data catalogue, "Image properties"); null where an image lacks it."""


def is_local(url: str) -> bool:
    """Whether an address says by itself that it is not on the internet; no name is looked up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host in ("", "localhost") or host.endswith((".localhost", ".local", ".internal"))


def check_url(url: str, allow_local: bool) -> None:
    """Raises BadInput for an endpoint that is none, is local without permission, or would be asked in the clear."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise BadInput(f"sources.url: {url!r} is not the address of an endpoint; give https://host, without a login")
    if is_local(url) and not allow_local:
        raise BadInput(f"sources.url: {url} is an address of this machine or network; set allow_local to permit it")
    if parts.scheme == "http" and not is_local(url):
        raise BadInput(f"sources.url: {url} would send credentials in the clear; give https://{parts.hostname}")


def restricted(account: Account) -> bool:
    """Whether the service has said, since the process began, that it slows this project down."""
    return account.project in _restricted


def _image(cut: Cut) -> Any:
    import ee

    image = ee.Image(cut.image).select(list(cut.bands))
    # In NPY a masked pixel is 0, which is a value of dB, degrees and scores. sameFootprint=False: outside it as well.
    return image if cut.fill is None else image.unmask(cut.fill, False).toFloat()


def _described(image: Any) -> Any:
    import ee

    told = {name: image.get(name) for name in PROPERTIES}
    told |= {"id": image.get("system:index"), "time": image.get("system:time_start")}
    return ee.Feature(image.geometry(), {**told, "bands": image.bandNames().join(",")})


def _pixel_grid(lattice: Lattice) -> dict[str, Any]:
    rows, columns = lattice.shape
    return {
        "dimensions": {"width": columns, "height": rows},
        "crsCode": lattice.crs,
        "affineTransform": {
            "scaleX": lattice.step, "shearX": 0, "translateX": lattice.west,
            "shearY": 0, "scaleY": -lattice.step, "translateY": lattice.north,
        },
    }  # fmt: skip


def _checked(answer: Any, names: Sequence[str], dtypes: Sequence[str], shape: tuple[int, int]) -> list[NDArray[Any]]:
    """The bands of an answer that is what was asked for; raises Refused."""
    if not isinstance(answer, np.ndarray) or answer.shape != shape or answer.dtype.names != tuple(names):
        raise Refused(Fault.WAIT, f"answered {getattr(answer, 'shape', type(answer).__name__)}, {shape} was asked for")
    for name, dtype in zip(names, dtypes, strict=True):
        if answer.dtype[name] != np.dtype(dtype):
            raise Refused(Fault.IMAGE, f"answered {answer.dtype[name]}, {dtype} expected")
    return [answer[name] for name in names]


@contextmanager
def _told(account: Account) -> Iterator[None]:
    """Every way a request can fail, as a Refused; credentials that no longer hold, as SourceUnavailable."""
    import ee
    import google.auth.exceptions
    import googleapiclient.errors  # type: ignore[import-untyped]

    try:
        yield
    except (ee.EEException, googleapiclient.errors.Error) as error:
        raise _refused(error) from error
    except google.auth.exceptions.TransportError as error:
        raise Refused(Fault.WAIT, f"no token: {type(error).__name__}") from error
    except google.auth.exceptions.GoogleAuthError as error:
        if error.retryable:
            raise Refused(Fault.WAIT, f"no token: {type(error).__name__}") from error
        raise _no_credentials(account, "were refused") from None  # what the library says may quote the token's answer
    except TimeoutError as error:
        raise Refused(Fault.WAIT, f"no answer within {account.deadline_s:g} s") from error
    except OSError as error:  # also of requests: no connection, a reset, an answer that breaks off
        raise Refused(Fault.WAIT, f"connection failed ({type(error).__name__})") from error
    except (ValueError, EOFError) as error:  # neither JSON nor an array
        raise Refused(Fault.WAIT, "the answer cannot be decoded") from error


def _refused(error: Exception) -> Refused:
    """The client's exceptions lose the status; it is in the HttpError that they were made of."""
    said: Any = next((e for e in (error, error.__context__, error.__cause__) if hasattr(e, "resp")), None)
    status = int(said.resp.status) if said is not None else None
    after = said.resp.get("retry-after", "") if said is not None else ""
    # An HTTP date would need a clock; the doubling pause stands in for it.
    seconds = float(after) if str(after).isdecimal() else 0.0
    text = one_line(error)
    if status is None:  # the client itself would not send it
        return Refused(Fault.IMAGE, text)
    return Refused(fault_of(status, text), f"HTTP {status}: {text}", seconds)


class _Gate:
    """The client has one account at a time: those who ask for another wait until nobody uses the present one."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._account: Account | None = None
        self._users = 0

    @contextmanager
    def using(self, account: Account) -> Iterator[None]:
        """Set up for this account while inside. Raises Refused where waiting may help, else SourceUnavailable."""
        with self._free:
            while self._account != account and self._users:
                self._free.wait()
            if self._account != account:
                self._account = None
                _open(account)
                self._account = account
            self._users += 1
        try:
            yield
        finally:
            with self._free:
                self._users -= 1
                self._free.notify_all()


_gate = _Gate()
_restricted: set[str] = set()


def _open(account: Account) -> None:
    credentials = _credentials(account)
    try:
        with _told(account):
            _initialise(account, credentials)
    except Refused as refused:
        if refused.fault is Fault.WAIT:
            raise
        raise SourceUnavailable(
            f"earth engine: project {account.project!r} was refused at {account.url} ({refused.reason}); check that the "
            "project is registered for Earth Engine and that the account may use it"
        ) from None


def _initialise(account: Account, credentials: Any) -> None:
    import ee
    import requests

    # `Initialize` would fetch a list of deprecated assets from another host, without a time-out, only to warn of them.
    ee.deprecation._FetchDataCatalogStac = dict
    # The client makes a Python warning of each answer's quota header; that it slows us down belongs into `failures`.
    ee.data._handle_response_headers = partial(_note_quota, account.project)
    # `setDeadline` works only after the first requests have gone out, which would then have no time-out at all.
    state = ee._state.get_state()
    state.deadline_ms = round(account.deadline_s * 1000)
    state.requests_session = requests.Session()
    for scheme in ("https://", "http://"):
        state.requests_session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=account.connections))
    ee.data.setMaxRetries(0)  # ours is the only layer that asks again: theirs sleeps up to a minute and repeats 5 times
    ee.Initialize(credentials, url=account.url, project=account.project)


def _note_quota(project: str, answer: Any) -> None:
    if RESTRICTED in str(answer.get("x-earth-engine-quota-status", "")):
        _restricted.add(project)


def _credentials(account: Account) -> Any:
    import ee
    import google.auth
    import google.auth.credentials
    import google.oauth2.credentials
    import google.oauth2.service_account

    if is_local(account.url):  # nobody's token is handed to a stand-in
        return google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]
    try:
        if account.credentials == "service-account":
            told = read_key(account.key_file)
            made = google.oauth2.service_account.Credentials.from_service_account_info
            return made(told, scopes=SCOPES)  # type: ignore[no-untyped-call]
        if account.credentials == "user":
            stored = ee.oauth.get_credentials_arguments()
            return google.oauth2.credentials.Credentials(None, **stored)  # type: ignore[no-untyped-call]
        return google.auth.default(scopes=SCOPES, quota_project_id=account.project)[0]
    except BadInput:
        raise
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError, TypeError):
        raise _no_credentials(account, "were not found or cannot be read") from None


def read_key(path: Path | None) -> dict[str, Any]:
    """What the key file of a service account holds; raises BadInput, and never says what was in it."""
    if path is None:
        raise BadInput("sources.key_file: needed with credentials: service-account; give the JSON key of the account")
    remedy = "give the JSON key that the Cloud console made for the service account"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"sources.key_file: {path} cannot be read ({error.strerror}); {remedy}") from None
    except ValueError:
        raise BadInput(f"sources.key_file: {path} is not JSON; {remedy}") from None
    needed = ("client_email", "private_key", "token_uri")
    if not isinstance(told, dict) or told.get("type") != "service_account" or any(not told.get(k) for k in needed):
        raise BadInput(f"sources.key_file: {path} is not the key of a service account; {remedy}")
    return told


def _no_credentials(account: Account, what: str) -> SourceUnavailable:
    remedy = {
        "application-default": "run `gcloud auth application-default login`, or give key_file",
        "user": "run `earthengine authenticate`, or give key_file",
        "service-account": "make a new key for the service account",
    }[account.credentials]
    return SourceUnavailable(
        f"earth engine: the {account.credentials} credentials for project {account.project!r} {what}; {remedy}"
    )
