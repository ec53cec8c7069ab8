"""What a reader was told, for server-side clients that pass it on (WeChat, e-mail); never for a browser.

The topic names the reader by an opaque id: 26 characters that only booking can make.
"""

import hashlib
import hmac
from typing import Annotated

import msgspec

from messages import base32, envelope
from messages.envelope import Moment
from messages.errors import MessageError
from messages.topics import Family

TYPE = "org.seatgate.notification.v1"
_OPAQUE_CHARS = 26


class Notification(msgspec.Struct, frozen=True):
    """`kind` is what happened ("checked-in", "stepped-away", …); `facts` fill its sentence (label, start, end, until)."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    at: Moment
    reservation: Annotated[str, msgspec.Meta(max_length=64)] | None
    facts: dict[str, str]


def opaque_reader(master: bytes, reader: str) -> str:
    """Return the name under which `reader` appears in topics: the same each time, and nobody else can compute it."""
    digest = hmac.digest(master, b"reader-v1" + reader.encode(), hashlib.sha256)
    number = int.from_bytes(digest, "big") >> (8 * len(digest) - base32.BITS_PER_CHAR * _OPAQUE_CHARS)
    return base32.encode(number, _OPAQUE_CHARS).lower()


def encode(site: str, booking: str, notification: Notification) -> bytes:
    """Return the payload bytes of a notification."""
    return envelope.encode(
        event_id=notification.id,
        source=envelope.source_of(site, Family.BOOKING, booking),
        event_type=TYPE,
        time=notification.at,
        data=notification,
    )


def decode(payload: bytes) -> Notification:
    """Decode a notification; MessageError when it is not one."""
    outer = envelope.decode(payload)
    if outer.type != TYPE:
        raise MessageError(f"{outer.type!r} is not a notification")
    notification = envelope.decode_data(outer, Notification)
    envelope.check_times(notification.at)
    return notification
