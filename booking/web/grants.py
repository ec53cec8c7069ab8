"""What a scanned code leaves in the browser: a signed grant for `policy.check_in.grant_lasts`, so that signing in
does not eat the code's own seconds. It says which kiosk's screen was seen in which step, and when. Nothing is stored.
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from booking.domain.refusals import Refusal, RefusalCode
from booking.web.context import Context
from messages import checkin
from messages.checkin import CheckInCode, CodeFault

MAX_GRANT_CHARS = 400
_KEY_LABEL = b"grant-v1"

_REFUSALS = {
    CodeFault.MALFORMED: RefusalCode.CODE_MALFORMED,
    CodeFault.UNKNOWN_KIOSK: RefusalCode.CODE_FORGED,
    CodeFault.FORGED: RefusalCode.CODE_FORGED,
    CodeFault.STALE: RefusalCode.CODE_STALE,
    CodeFault.EARLY: RefusalCode.CODE_STALE,
}


class Grant(msgspec.Struct, frozen=True):
    """A code that was good at `seen_at`."""

    kiosk: int
    step: int
    seen_at: datetime


def cookie_name(context: Context) -> str:
    """Return the grant cookie's name."""
    return "__Host-seatgate-grant" if context.secure else "seatgate-grant"


def grant_for(context: Context, code: str) -> Grant | Refusal:
    """Verify a scanned code now; a Refusal says what is wrong with it."""
    now = context.clock.now()

    def key_of(epoch: int, kiosk: int) -> bytes | None:
        return checkin.day_key(context.master, epoch, kiosk) if context.kiosk_by_number(kiosk) else None

    found = checkin.verify(code, now, key_of, tolerance=context.site.policy.check_in.code_tolerance_steps)
    if isinstance(found, CheckInCode):
        return Grant(found.kiosk, found.step, now)
    code = _REFUSALS[found]
    return Refusal(code, "policy.check_in.code_tolerance_steps" if code is RefusalCode.CODE_STALE else None)


def seal(context: Context, grant: Grant) -> str:
    """Return the cookie's value."""
    body = msgspec.json.encode(grant)
    return _text(body) + "." + _text(_mac(context, body))


def unseal(context: Context, value: str) -> Grant | Refusal:
    """Return the grant in a cookie; a Refusal when it is not ours or too old."""
    if not value or len(value) > MAX_GRANT_CHARS:
        return Refusal(RefusalCode.GRANT_EXPIRED)
    body_text, _, mac_text = value.partition(".")
    try:
        body, mac = _bytes(body_text), _bytes(mac_text)
    except (binascii.Error, ValueError):
        return Refusal(RefusalCode.GRANT_EXPIRED)
    if not hmac.compare_digest(mac, _mac(context, body)):
        return Refusal(RefusalCode.GRANT_EXPIRED)
    grant = msgspec.json.decode(body, type=Grant)
    age = context.clock.now() - grant.seen_at
    if not timedelta() <= age <= context.site.policy.check_in.grant_lasts:
        return Refusal(RefusalCode.GRANT_EXPIRED, "policy.check_in.grant_lasts")
    return grant


def _mac(context: Context, body: bytes) -> bytes:
    key = hmac.digest(context.master, _KEY_LABEL, hashlib.sha256)
    return hmac.digest(key, body, hashlib.sha256)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
