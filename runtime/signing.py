"""Ed25519 signatures over MQTT messages and over device HTTP requests.

The signed bytes (all integers big-endian):

* MQTT: the topic in UTF-8, then the payload.
* HTTP: `seatgate-http-1` 00, then for each of method, path with query, time, nonce: u32 length and UTF-8 text;
  then the body.

A topic begins with `seatgate/` and the HTTP text with `seatgate-`, so one kind never stands for the other. No byte can
move between topic and payload: our topics hold no brace and our payloads are JSON objects that begin with one. A `kid`
is the first 16 hex digits of SHA-256 over the 32 public bytes. Signatures travel as base64url without padding. Nothing
here opens a socket; `verify` and `verify_http` answer, they never raise on what came from outside.
"""

import base64
import binascii
import hashlib
import re
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from runtime.errors import RuntimeFault
from runtime.secret_file import create_secret, read_secret

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
HTTP_WINDOW = timedelta(seconds=60)
"""How far the device's clock and ours may be apart; a nonce must be remembered for twice this."""

SIG, KID = "sig", "kid"
"""The MQTT 5 user properties."""
DEVICE, TIME, NONCE, SIGNATURE = "Seatgate-Device", "Seatgate-Time", "Seatgate-Nonce", "Seatgate-Signature"
"""The HTTP headers."""

_HTTP_KIND = b"seatgate-http-1\0"
_DEVICE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SECONDS = re.compile(r"[0-9]{1,11}")


class SigningKeyError(RuntimeFault):
    """A key file holds no Ed25519 private key."""


class HttpFault(StrEnum):
    """Why a device-signed request is not believed."""

    HEADERS = "headers"
    CLOCK = "clock"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class HttpProof:
    """A request that `device` really made at `at`. The receiver refuses a (device, nonce) it has seen before."""

    device: str
    nonce: str
    at: datetime


def to_text(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def from_text(text: str) -> bytes | None:
    """Return the bytes of a base64url text without padding; None when it is anything else, one other spelling included."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError, TypeError):
        return None
    return content if to_text(content) == text else None


def kid_of(public_bytes: bytes) -> str:
    """Name a public key."""
    return hashlib.sha256(public_bytes).hexdigest()[:16]


def signed_bytes(topic: str, payload: bytes) -> bytes:
    """Return what an MQTT signature covers."""
    return topic.encode() + payload


def http_message(method: str, path: str, time: str, nonce: str, body: bytes) -> bytes:
    """Return what an HTTP signature covers; `path` is the request target as sent, its query included."""
    parts = [_HTTP_KIND]
    for text in (method, path, time, nonce):
        field = text.encode("utf-8", "surrogatepass")
        parts += [struct.pack(">I", len(field)), field]
    return b"".join((*parts, body))


class SigningKey:
    """A private key of this machine. Its repr names the key and shows nothing of it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"

    @classmethod
    def generate(cls) -> "SigningKey":
        """Make a new key that is nowhere on disk."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load_or_create(cls, path: Path) -> "SigningKey":
        """Read the PKCS 8 PEM at `path` (mode 0600), making it first when it is missing.

        SecretFileError for a file that others may read, SigningKeyError for one that holds something else.
        """
        content = read_secret(path) if path.exists() else create_secret(path, cls.generate()._pem())  # noqa: SLF001 - its own class
        try:
            private = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningKeyError(f"{path} holds no private key: move it away and a new key is made") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise SigningKeyError(
                f"{path} holds a key of another kind than Ed25519: move it away and a new key is made"
            )
        return cls(private)

    def _pem(self) -> bytes:
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @cached_property
    def public_bytes(self) -> bytes:
        """The 32 public bytes."""
        return self._private.public_key().public_bytes_raw()

    @cached_property
    def kid(self) -> str:
        """The key's name: 16 hex digits."""
        return kid_of(self.public_bytes)

    def sign(self, topic: str, payload: bytes) -> str:
        """Sign an MQTT message."""
        return to_text(self._private.sign(signed_bytes(topic, payload)))

    def sign_http(self, method: str, path: str, body: bytes, *, device: str, now: datetime) -> dict[str, str]:
        """Return the four headers that prove a request; each call takes a fresh nonce."""
        time, nonce = str(int(now.timestamp())), secrets.token_urlsafe(18)
        signature = to_text(self._private.sign(http_message(method, path, time, nonce, body)))
        return {DEVICE: device, TIME: time, NONCE: nonce, SIGNATURE: signature}


def signed_properties(key: SigningKey, topic: str, payload: bytes) -> dict[str, str]:
    """Return the user properties of a signed MQTT message."""
    return {SIG: key.sign(topic, payload), KID: key.kid}


def verify(public_bytes: bytes, topic: str, payload: bytes, signature: str) -> bool:
    """Tell whether the owner of `public_bytes` signed this message. False for whatever is not a signature or a key."""
    try:
        message = signed_bytes(topic, payload)
    except UnicodeEncodeError:
        return False
    return _signed(public_bytes, message, signature)


def device_of(headers: Mapping[str, str]) -> str | None:
    """Return the device that a request says it comes from, so that its key can be looked up; None without a good name."""
    device = headers.get(DEVICE, "")
    return device if _DEVICE.fullmatch(device) else None


def verify_http(
    public_bytes: bytes, *, method: str, path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> HttpProof | HttpFault:
    """Check a device-signed request against the device's key and our time; `headers` must ignore case."""
    device, nonce, time = device_of(headers), headers.get(NONCE, ""), headers.get(TIME, "")
    if device is None or not _NONCE.fullmatch(nonce) or not _SECONDS.fullmatch(time):
        return HttpFault.HEADERS
    if not _signed(public_bytes, http_message(method, path, time, nonce, body), headers.get(SIGNATURE, "")):
        return HttpFault.SIGNATURE
    if abs(now.timestamp() - int(time)) > HTTP_WINDOW.total_seconds():
        return HttpFault.CLOCK
    return HttpProof(device, nonce, datetime.fromtimestamp(int(time), UTC))


def _signed(public_bytes: bytes, message: bytes, signature: str) -> bool:
    raw = from_text(signature)
    if raw is None or len(raw) != SIGNATURE_BYTES or len(public_bytes) != PUBLIC_KEY_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_bytes).verify(raw, message)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True
