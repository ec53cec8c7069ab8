"""The application acknowledgement: which sequences of one epoch a committed transaction of booking holds.

It lists ranges and never means "all up to n": what it does not name stays in the edge's outbox.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from messages import envelope
from messages.access import Epoch, Sequence
from messages.envelope import Moment
from messages.errors import MessageError
from messages.topics import Family

TYPE = "org.seatgate.acknowledgement.v1"
MAX_RANGES = 1000


class RejectCode(StrEnum):
    """Why booking will never take an event: the edge keeps it aside and alarms."""

    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    MALFORMED = "malformed"
    DIGEST_CONFLICT = "digest-conflict"


class Rejected(msgspec.Struct, frozen=True):
    """One event that booking cannot verify."""

    sequence: Sequence
    code: RejectCode


class Acknowledgement(msgspec.Struct, frozen=True):
    """`ranges` are closed `[first, last]` pairs, ascending and disjoint."""

    epoch: Epoch
    ranges: Annotated[list[tuple[Sequence, Sequence]], msgspec.Meta(max_length=MAX_RANGES)]
    rejected: Annotated[list[Rejected], msgspec.Meta(max_length=MAX_RANGES)]
    server_time: Moment


def ranges_of(sequences: Iterable[int]) -> list[tuple[int, int]]:
    """Return the fewest closed ranges that hold exactly these sequences."""
    ranges: list[tuple[int, int]] = []
    for sequence in sorted(set(sequences)):
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return ranges


def encode(site: str, booking: str, acknowledgement: Acknowledgement, *, event_id: str) -> bytes:
    """Return the payload bytes of an acknowledgement."""
    return envelope.encode(
        event_id=event_id,
        source=envelope.source_of(site, Family.BOOKING, booking),
        event_type=TYPE,
        time=acknowledgement.server_time,
        data=acknowledgement,
    )


def decode(payload: bytes) -> Acknowledgement:
    """Decode an acknowledgement; MessageError for ranges that run backwards or overlap."""
    outer = envelope.decode(payload)
    if outer.type != TYPE:
        raise MessageError(f"{outer.type!r} is not an acknowledgement")
    acknowledgement = envelope.decode_data(outer, Acknowledgement)
    envelope.check_times(acknowledgement.server_time)
    end = 0
    for first, last in acknowledgement.ranges:
        if first > last or first <= end:
            raise MessageError(f"acknowledged range [{first}, {last}] runs backwards or overlaps the one before it")
        end = last
    return acknowledgement


def now_id(at: datetime, counter: int) -> str:
    """Return an event id for the `counter`-th acknowledgement made by a process at `at`."""
    return f"ack-{int(at.timestamp() * 1000)}-{counter}"
