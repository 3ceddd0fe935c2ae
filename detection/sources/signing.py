"""What must be put on a request before a provider hands out an asset: short-lived signatures, or a user's own token."""

import json
import os
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Final
from urllib.parse import quote, urlsplit

from detection.errors import SourceUnavailable
from detection.sources.catalogues import Catalogue
from detection.sources.fetch import Answer, Client, Failed, Request

MARGIN_S: Final = 120.0
"""A signature is renewed so long before it ends, so that a slow read outlives it; chosen."""


@dataclass(frozen=True)
class _Token:
    text: str
    good_until: float
    """On the monotonic clock; inf: nothing is known."""


class Signatures:
    """Signs hrefs for one provider. Tokens live in memory, are renewed in time, and never stand in a message."""

    def __init__(self, catalogue: Catalogue, client: Client, root: str, *, everywhere: bool = False) -> None:
        """`root` is the origin of the token service; `everywhere` signs any host, not only the provider's (tests)."""
        self._catalogue, self._client, self._root, self._everywhere = catalogue, client, root, everywhere
        self._tokens: dict[str, _Token] = {}
        self._lock = Lock()

    def wanted(self, href: str) -> bool:
        """Does this asset take a signature?"""
        if not self._catalogue.signature_path:
            return False
        host = urlsplit(href).hostname or ""
        return self._everywhere or host.endswith(self._catalogue.signed_hosts)

    def signed(self, href: str, collection: str, refused: str = "") -> str:
        """The href with a signature; one that was `refused` is replaced. Raises Failed when none is to be had."""
        if not self.wanted(href):
            return href
        with self._lock:  # one thread fetches, the others wait for it rather than ask too
            token = self._tokens.get(collection)
            if token is None or token.good_until <= time.monotonic() or (refused and refused.endswith(token.text)):
                token = self._tokens[collection] = self._fetch(collection)
        return f"{href}{'&' if '?' in href else '?'}{token.text}"

    def headers(self, href: str) -> dict[str, str]:
        """Authorization for the hosts that want the user's token; empty for all others."""
        variable, host = self._catalogue.credential_variable, urlsplit(href).hostname or ""
        if not variable or host not in self._catalogue.credential_hosts:
            return {}
        return {"Authorization": f"Bearer {os.environ.get(variable, '')}"}

    def _fetch(self, collection: str) -> _Token:
        key = os.environ.get(self._catalogue.subscription_variable or "-", "")
        url = f"{self._root}{self._catalogue.signature_path}{quote(collection, safe='')}"
        try:
            answer = self._client.send(Request(url, {"Ocp-Apim-Subscription-Key": key} if key else {}, limit=1 << 16))
        except Failed as error:
            raise Failed(f"no signature: {error.reason}", error.status) from error
        try:
            said = json.loads(answer.body)
            return _Token(str(said["token"]), time.monotonic() + _lifetime_s(answer, str(said.get("msft:expiry", ""))))
        except (ValueError, KeyError, TypeError) as error:
            raise Failed("no signature: the token service answered something else") from error


def check_credentials(endpoint: str, catalogue: Catalogue) -> None:
    """Raises SourceUnavailable, one line, when the user's token is needed and not there."""
    variable = catalogue.credential_variable
    if variable and not os.environ.get(variable):
        raise SourceUnavailable(
            f"{endpoint}: hands out its assets to account holders only; put an access token into the environment "
            f"variable {variable}, or take endpoint planetary-computer, which needs no account"
        )


def _lifetime_s(answer: Answer, expiry: str) -> float:
    """Seconds the token may be used, by the server's own clock; endless where it does not say: a 403 then renews it."""
    try:
        now, end = parsedate_to_datetime(answer.headers.get("date", "")), datetime.fromisoformat(expiry)
        return (end - now).total_seconds() - MARGIN_S
    except (TypeError, ValueError):
        return float("inf")
