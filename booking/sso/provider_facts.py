"""What an OpenID provider publishes: its endpoints (discovery) and the keys it signs with. Checked, cached, refreshed."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from booking.sso.vouching import SsoDownError

KEYS_LAST = 600.0
"""Seconds after which the keys are fetched again although they work."""
KEYS_REST = 30.0
"""Seconds between two fetches that tokens by unknown keys can cause."""
OK = 200
_KINDS = frozenset({"RSA", "EC", "OKP"})


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """The endpoints of a provider. An https issuer's are https; optional ones may be empty."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    auth_methods: tuple[str, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any], issuer: str) -> "ProviderFacts":
        """Read a discovery document; SsoDownError when it is not this issuer's or lacks something."""
        if told.get("issuer") != issuer:
            raise SsoDownError(
                f"the discovery document is of the issuer {str(told.get('issuer'))[:100]!r}, not {issuer!r}"
            )

        def endpoint(name: str) -> str:
            value = told.get(name)
            needed = "https://" if issuer.startswith("https://") else "http"
            if isinstance(value, str) and value.startswith(needed) and value.isprintable():
                return value
            return ""

        methods = told.get("token_endpoint_auth_methods_supported")
        facts = cls(
            endpoint("authorization_endpoint"),
            endpoint("token_endpoint"),
            endpoint("jwks_uri"),
            endpoint("userinfo_endpoint"),
            endpoint("end_session_endpoint"),
            tuple(str(method) for method in methods) if isinstance(methods, list) else (),
        )
        if not (facts.authorization_endpoint and facts.token_endpoint and facts.jwks_uri):
            raise SsoDownError("the discovery document lacks an endpoint, or gives one without https")
        return facts

    def auth_method(self, *, has_secret: bool) -> str:
        """Return how this client names itself at the token endpoint."""
        if not has_secret:
            return "none"
        only_post = "client_secret_post" in self.auth_methods and "client_secret_basic" not in self.auth_methods
        return "client_secret_post" if only_post else "client_secret_basic"


class SigningKeys:
    """The provider's keys. A token by a key that is not known makes them be fetched again, now and then."""

    def __init__(self, fetch: Callable[[str], dict[str, Any]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: tuple[float, KeySet] | None = None

    def candidates(self, address: str) -> Iterator[KeySet]:
        """Yield the keys to try: those that are known, then, when these did not do, fresh ones."""
        first = self._not_older(address, KEYS_LAST)
        yield first
        fresh = self._not_older(address, KEYS_REST)
        if fresh is not first:
            yield fresh

    def _not_older(self, address: str, seconds: float) -> KeySet:
        with self._lock:
            if self._held is None or self._monotonic() - self._held[0] >= seconds:
                try:
                    keys = KeySet.import_key_set({"keys": _for_signing(self._fetch(address).get("keys"))})
                except (JoseError, ValueError, TypeError, KeyError) as error:
                    raise SsoDownError("its keys cannot be read") from error
                self._held = (self._monotonic(), keys)
            return self._held[1]


def _for_signing(keys: Any) -> list[Any]:
    """Return the public keys for signatures: never a shared secret, and no kind of key that is not known here."""
    listed = keys if isinstance(keys, list) else []
    return [
        key for key in listed if isinstance(key, dict) and key.get("kty") in _KINDS and key.get("use", "sig") == "sig"
    ]


def json_of(answer: Any, what: str) -> dict[str, Any]:
    """Return the JSON object of an HTTP answer; SsoDownError for any other."""
    try:
        told = answer.json() if answer.status_code == OK else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise SsoDownError(f"no {what} (HTTP {answer.status_code})")
    return told
