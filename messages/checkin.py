"""The check-in code on a kiosk's screen: mint, verify, URL; and the reader's own code for the kiosk's camera.

Layout of the 22 characters (Crockford base32): 1 format version, 1 key epoch mod 32, 3 kiosk number,
4 step mod 2^20, 13 first 65 bits of HMAC-SHA-256(K, "CI1" | kiosk u16 | step u64), all big-endian.
A step is floor(unix time / 10 s); an epoch is the step's UTC day number.
K = HMAC-SHA-256(master, "qr-v1" | epoch u32 | kiosk u16), so a kiosk can hold a week of its own keys and no more.
"""

import hashlib
import hmac
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from messages import base32
from messages.errors import MessageError

STEP_SECONDS = 10
STEPS_PER_DAY = 86_400 // STEP_SECONDS
VERSION = "1"
CODE_CHARS = 22
MAX_KIOSK = 2**15 - 1
KEY_BYTES = 32
_MAC_BITS = 65
_STEP_MODULUS = 2**20
_EPOCH_MODULUS = 32
_READER_CODE = re.compile(r"R1[0-9A-HJKMNP-TV-Z]{26}")
_CODE_URL = re.compile(r"/c/([0-9A-Za-z]{22})\Z")

KeyOf = Callable[[int, int], bytes | None]
"""(epoch, kiosk number) → that kiosk's key for that day, None for a kiosk that is unknown or revoked."""


class CodeFault(StrEnum):
    """Why a code is not accepted; each has its own sentence on the reader's page."""

    MALFORMED = "malformed"
    UNKNOWN_KIOSK = "unknown-kiosk"
    FORGED = "forged"
    STALE = "stale"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class CheckInCode:
    """What a good code proves: somebody saw this kiosk's screen during this step. `age` is in steps."""

    kiosk: int
    step: int
    age: int


def step_at(moment: datetime) -> int:
    """Return the step that `moment` lies in."""
    return int(moment.timestamp() // STEP_SECONDS)


def epoch_of(step: int) -> int:
    """Return the UTC day number whose key signs `step`."""
    return step // STEPS_PER_DAY


def day_key(master: bytes, epoch: int, kiosk: int) -> bytes:
    """Derive one kiosk's key for one day; only the server holds `master`."""
    return hmac.digest(master, b"qr-v1" + struct.pack(">IH", epoch, kiosk), hashlib.sha256)


def _mac(key: bytes, kiosk: int, step: int) -> int:
    digest = hmac.digest(key, b"CI1" + struct.pack(">HQ", kiosk, step), hashlib.sha256)
    return int.from_bytes(digest, "big") >> (8 * len(digest) - _MAC_BITS)


def mint(key: bytes, kiosk: int, step: int) -> str:
    """Return the 22-character code of `kiosk` for `step` under that day's `key`."""
    if not 0 <= kiosk <= MAX_KIOSK:
        raise MessageError(f"kiosk number {kiosk} is not within 0-{MAX_KIOSK}")
    return (
        VERSION
        + base32.encode(epoch_of(step) % _EPOCH_MODULUS, 1)
        + base32.encode(kiosk, 3)
        + base32.encode(step % _STEP_MODULUS, 4)
        + base32.encode(_mac(key, kiosk, step), 13)
    )


def verify(code: str, now: datetime, key_of: KeyOf, *, tolerance: int = 1) -> CheckInCode | CodeFault:
    """Check a scanned code against the time `now` (server time corrected by the kiosk's clock offset).

    Accepted are steps from -`tolerance` to +`tolerance`. A code whose signature is good but whose step is older
    is STALE (a screenshot, or a slow reader); everything that no key of ours signed is FORGED.
    """
    if len(code) != CODE_CHARS or code[0] != VERSION:
        return CodeFault.MALFORMED
    try:
        epoch, kiosk, low_step = base32.decode(code[1]), base32.decode(code[2:5]), base32.decode(code[5:9])
        mac = base32.decode(code[9:])
    except MessageError:
        return CodeFault.MALFORMED
    current = step_at(now)
    half = _STEP_MODULUS // 2
    step = current + (low_step - current + half) % _STEP_MODULUS - half
    if step < 0 or epoch_of(step) % _EPOCH_MODULUS != epoch:
        return CodeFault.FORGED
    key = key_of(epoch_of(step), kiosk)
    if key is None:
        return CodeFault.UNKNOWN_KIOSK
    if not hmac.compare_digest(mac.to_bytes(9, "big"), _mac(key, kiosk, step).to_bytes(9, "big")):
        return CodeFault.FORGED
    age = current - step
    if age > tolerance:
        return CodeFault.STALE
    return CodeFault.EARLY if age < -tolerance else CheckInCode(kiosk, step, age)


def url(public_url: str, code: str) -> str:
    """Return what the QR code holds: `{public_url}/c/{code}`."""
    return f"{public_url.rstrip('/')}/c/{code}"


def code_in_url(text: str) -> str | None:
    """Return the code at the end of a scanned check-in URL, None when there is none."""
    found = _CODE_URL.search(text)
    return found[1] if found else None


def reader_code(secret: bytes) -> str:
    """Return `R1` + 26 characters for 16 random bytes: the code a reader's phone shows to a kiosk's camera."""
    if len(secret) != 16:  # noqa: PLR2004 - 128 bits fill 26 characters but for two bits
        raise MessageError("a reader code is made of 16 random bytes")
    return "R1" + base32.encode(int.from_bytes(secret, "big"), 26)


def is_reader_code(text: str) -> bool:
    """Tell whether a decoded picture holds a reader's code and nothing else."""
    return _READER_CODE.fullmatch(text) is not None
