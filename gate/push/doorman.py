"""Who calls: a request's `Authorization` → the terminal that it is, or why it is none. Pure: time and secrets are arguments.

Comparing takes as long for a wrong secret as for the right one, and for a name that there is not. HTTP digest is RFC 7616
with MD5, which is what terminals know; a response counts once (its nonce and count are remembered).
"""

import hashlib
import hmac
from base64 import b64decode
from collections import OrderedDict
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.request import parse_http_list, parse_keqv_list

import attrs

from config.values import Secret
from gate.push.told import Codes

REALM = "seatgate"
NONCE_SECONDS = 300
MOST_NONCES = 1024
MOST_ADDRESSES = 256
TRIES_A_MINUTE = 20
"""Wrong secrets from one address; above that it is not even compared."""
_MAC_CHARS, _NONCE_CHARS = 24, 56


class Auth(StrEnum):
    """How a terminal says who it is."""

    DIGEST = "digest"
    BASIC = "basic"
    TOKEN = "token"  # noqa: S105 - a scheme's name


class Refused(StrEnum):
    """Why a request is not taken."""

    UNSIGNED = "unsigned"
    """It says nothing of who it is: every digest begins so."""
    STALE = "stale"
    """A digest of a nonce that is too old, or that was used before."""
    WRONG = "wrong"
    TOO_MANY = "too-many"
    ADDRESS = "address"
    """The terminal's secret, from an address that is not the terminal's."""


@attrs.frozen
class Terminal:
    """One terminal: how it says who it is, from where, and what its codes mean. `doors`: door → portal; 0 is every other."""

    user: str
    secret: Secret
    auth: Auth
    allow: tuple[IPv4Network | IPv6Network, ...]
    doors: dict[int, str]
    codes: Codes = attrs.field(factory=Codes)

    def allows(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether it may call from there."""
        return any(address in network for network in self.allow)


class Doorman:
    """Knows the terminals of one listening address. One thread at a time."""

    def __init__(self, terminals: list[Terminal], key: bytes) -> None:
        self._terminals = {each.user: each for each in terminals}
        self._nobody = Terminal("", Secret(key.hex()), Auth.BASIC, (), {})
        self._key = key
        self._count = 0
        self._used: OrderedDict[str, int] = OrderedDict()
        self._tries: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def may_call(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether any terminal is at this address."""
        return any(each.allows(address) for each in self._terminals.values())

    def challenges(self, refused: Refused, now: float) -> list[str]:
        """Return the values of `WWW-Authenticate` for a refusal."""
        kinds = {each.auth for each in self._terminals.values()}
        found = []
        if Auth.DIGEST in kinds:
            stale = ", stale=true" if refused is Refused.STALE else ""
            found.append(f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{self._nonce(now)}"{stale}')
        if Auth.BASIC in kinds:
            found.append(f'Basic realm="{REALM}"')
        if Auth.TOKEN in kinds:
            found.append(f'Bearer realm="{REALM}"')
        return found

    def check(
        self, method: str, target: str, signed: str, address: IPv4Address | IPv6Address, now: float
    ) -> Terminal | Refused:
        """Return which terminal calls. `target`: as in the request line; `signed`: its Authorization; `now`: seconds, never set back."""
        if not signed:
            return Refused.UNSIGNED
        if self._tried(address, now) >= TRIES_A_MINUTE:
            return Refused.TOO_MANY
        scheme, _, rest = signed.partition(" ")
        match scheme.lower():
            case "digest":
                found = self._digest(method, target, rest, now)
            case "basic":
                found = self._basic(rest)
            case "bearer":
                found = self._token(rest)
            case _:
                found = Refused.WRONG
        if isinstance(found, Terminal) and not found.allows(address):
            found = Refused.ADDRESS
        if found in (Refused.WRONG, Refused.ADDRESS):
            began, count = self._tries.pop(str(address), (now, 0))
            self._tries[str(address)] = (began, count + 1)
            while len(self._tries) > MOST_ADDRESSES:
                self._tries.popitem(last=False)
        return found

    def _tried(self, address: IPv4Address | IPv6Address, now: float) -> int:
        began, count = self._tries.get(str(address), (now, 0))
        if now - began < 60:  # noqa: PLR2004 - a minute
            return count
        self._tries.pop(str(address), None)
        return 0

    def _known(self, user: str, auth: Auth) -> tuple[Terminal, bool]:
        found = self._terminals.get(user)
        return (found, True) if found is not None and found.auth is auth else (self._nobody, False)

    def _basic(self, rest: str) -> Terminal | Refused:
        try:
            user, _, secret = b64decode(rest.strip(), validate=True).decode("utf-8").partition(":")
        except ValueError:  # neither base64 nor UTF-8
            return Refused.WRONG
        terminal, known = self._known(user, Auth.BASIC)
        same = hmac.compare_digest(_hashed(secret), _hashed(terminal.secret.value))
        return terminal if same and known else Refused.WRONG

    def _token(self, rest: str) -> Terminal | Refused:
        given, found = _hashed(rest.strip()), None
        for each in self._terminals.values():
            if hmac.compare_digest(given, _hashed(each.secret.value)) and each.auth is Auth.TOKEN:
                found = each
        return found or Refused.WRONG

    def _digest(self, method: str, target: str, rest: str, now: float) -> Terminal | Refused:
        try:
            said = parse_keqv_list(parse_http_list(rest))
            count = int(said.get("nc", ""), 16)
        except (ValueError, IndexError):
            return Refused.WRONG
        terminal, known = self._known(said.get("username", ""), Auth.DIGEST)
        nonce, uri = said.get("nonce", ""), said.get("uri", "")
        who = _md5(f"{said.get('username', '')}:{REALM}:{terminal.secret.value}")
        parts = (who, nonce, said.get("nc", ""), said.get("cnonce", ""), said.get("qop", ""), _md5(f"{method}:{uri}"))
        right = hmac.compare_digest(_md5(":".join(parts)).encode(), said.get("response", "").encode("utf-8", "replace"))
        fits = (said.get("realm"), uri, said.get("qop")) == (REALM, target, "auth") and len(nonce) == _NONCE_CHARS
        if not (right and known and fits):
            return Refused.WRONG
        if not self._fresh(nonce, now) or count <= self._used.get(nonce, 0):
            return Refused.STALE
        self._used[nonce] = count
        while len(self._used) > MOST_NONCES:
            self._used.popitem(last=False)
        return terminal

    def _nonce(self, now: float) -> str:
        self._count += 1
        said = f"{int(now):016x}{self._count:016x}"
        return said + self._mac(said)

    def _mac(self, said: str) -> str:
        return hmac.new(self._key, said.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:_MAC_CHARS]

    def _fresh(self, nonce: str, now: float) -> bool:
        said, mac = nonce[:-_MAC_CHARS], nonce[-_MAC_CHARS:]
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(said).encode()):
            return False
        return now - int(said[:16], 16) < NONCE_SECONDS


def _hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
