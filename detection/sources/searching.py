"""Asking a STAC API for its items: pystac-client speaks the protocol, our own client sends the requests."""

import json
import warnings
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from pystac.errors import STACError
from pystac.link import Link
from pystac_client import Client as Api
from pystac_client.exceptions import APIError, ParametersError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning

from detection.errors import SourceUnavailable
from detection.sources.addresses import shown
from detection.sources.fetch import Client, Failed, Request
from detection.sources.pieces import one_line

PAGE: Final = 200
"""Items a page; every API has its own upper limit and may give fewer; chosen."""
MAX_PAGES: Final = 5_000
"""A listing of more pages is taken for one that goes round in circles; chosen: a million items."""


def items(client: Client, url: str, collection: str, bbox: tuple[float, ...], period: str) -> list[dict[str, Any]]:
    """All items of a collection in a box (degrees) and a period (as STAC writes it), every page.

    Raises SourceUnavailable, one line, when the listing cannot be had whole: a part of it would look like all of it.
    """
    try:
        with warnings.catch_warnings(action="ignore", category=PystacClientWarning):
            io = _Io(client)
            api = Api.open(url, stac_io=io)
            search = api.search(collections=[collection], bbox=list(bbox), datetime=period, limit=PAGE)
            pages = io.pages(search.url, search.method, search.get_parameters())
            return [one if isinstance(one, dict) else {} for page in pages for one in page["features"]]
    except Failed as error:
        raise SourceUnavailable(f"{shown(url)}: {error.reason}; try again later") from error
    except (
        STACError,
        APIError,
        ParametersError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        NotImplementedError,
    ) as error:
        raise SourceUnavailable(
            f"{shown(url)}: does not answer as a STAC API should ({one_line(error)}); check the address"
        ) from error


class _Io(StacApiIO):
    """Sends nothing itself: addresses, retries and time-outs are those of `Client`, redirects are not followed."""

    def __init__(self, client: Client) -> None:
        super().__init__(max_retries=None)
        self._client = client

    def request(
        self,
        href: str,
        method: str | None = None,
        headers: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> str:
        """The text behind an address; raises Failed."""
        kind = (method or "GET").upper()
        sent = {"Accept": "application/geo+json, application/json", "Accept-Encoding": "gzip", **(headers or {})}
        if kind == "POST":
            body = json.dumps(parameters).encode()
            request = Request(href, {**sent, "Content-Type": "application/json"}, "POST", body)
        else:
            request = Request(_with(href, parameters or {}), sent)
        answer = self._client.send(request)
        if not answer.complete:
            raise Failed("the answer is larger than any listing should be")
        return answer.body.decode("utf-8")

    def pages(self, url: str, method: str | None, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every page; an empty one is not the end while it names a next one, as pystac-client would take it."""
        page = self.read_json(url, method=method, parameters=parameters)
        for _ in range(MAX_PAGES):
            features = page.get("features")
            if not isinstance(features, list):
                raise ValueError("a page of results without features")  # noqa: TRY004 - the answer's fault, not a caller's
            yield page
            following = next((link for link in page.get("links", []) if link.get("rel") == "next"), None)
            if following is None:
                return
            page = self.read_json(Link.from_dict(following), parameters=parameters)
        raise ValueError(f"more than {MAX_PAGES} pages of results")


def _with(href: str, parameters: dict[str, Any]) -> str:
    return f"{href}{'&' if '?' in href else '?'}{urlencode(parameters)}" if parameters else href
