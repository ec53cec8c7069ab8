"""CloudEvents 1.0 in structured JSON mode: the envelope of every MQTT payload.

Source: CloudEvents specification 1.0.2, JSON event format and MQTT binding. The typed `data` of an event
is decoded in two steps so that an unknown or broken body is known by its envelope.
"""

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from messages.errors import MessageError

MAX_PAYLOAD_BYTES = 256 * 1024
CONTENT_TYPE = "application/cloudevents+json"
T = TypeVar("T")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone: a payload without one is refused."""
EARLIEST_YEAR, LATEST_YEAR = 1970, 2199
"""A device whose battery is empty may say 1970; further out, arithmetic on the time itself would fail."""
PRINTABLE = r"^[^\x00-\x1f\x7f]*\Z"
"""A text that may go into a log or a database: no control characters, no zero byte."""
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=PRINTABLE)]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
BootId = Annotated[str, msgspec.Meta(max_length=64, pattern=PRINTABLE)]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """One event: `(source, id)` is its identity for ever; `type` names the form of `data`."""

    specversion: str
    id: Id
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PRINTABLE)]
    type: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PRINTABLE)]
    time: Moment
    datacontenttype: str = "application/json"
    data: msgspec.Raw


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Envelope)


def source_of(site: str, family: str, name: str) -> str:
    """Name the sender of an event: `/seatgate/{site}/{family}/{name}`."""
    return f"/seatgate/{site}/{family}/{name}"


def encode(*, event_id: str, source: str, event_type: str, time: datetime, data: msgspec.Struct) -> bytes:
    """Return the payload bytes of one event."""
    return _ENCODER.encode(
        Envelope(
            specversion="1.0",
            id=event_id,
            source=source,
            type=event_type,
            time=time,
            data=msgspec.Raw(_ENCODER.encode(data)),
        )
    )


def decode(payload: bytes, *, most: int = MAX_PAYLOAD_BYTES) -> Envelope:
    """Decode an envelope; MessageError when it has more than `most` bytes, is not JSON or not CloudEvents 1.0."""
    if len(payload) > most:
        raise MessageError(f"payload of {len(payload)} bytes: at most {most} are read")
    try:
        envelope = _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"not a CloudEvents envelope: {error}") from error
    if envelope.specversion != "1.0":
        raise MessageError(f"CloudEvents version {envelope.specversion[:20]!r} is not 1.0")
    check_times(envelope.time)
    return envelope


def check_times(*moments: datetime | None) -> None:
    """Raise MessageError for a time that no clock of ours can mean."""
    for moment in moments:
        if moment is not None and not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            raise MessageError(f"the time {moment.isoformat()} is not within {EARLIEST_YEAR}-{LATEST_YEAR}")


def decode_data(envelope: Envelope, data_type: type[T]) -> T:
    """Decode an envelope's data as `data_type`; MessageError names the field that is wrong."""
    try:
        return msgspec.json.decode(envelope.data, type=data_type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(f"{envelope.type}: {error}") from error
