"""Seat states of one area: the retained map that kiosks draw. No reader is named in it."""

from enum import StrEnum
from typing import Annotated

import msgspec

from messages import envelope
from messages.envelope import PRINTABLE, Moment
from messages.errors import MessageError
from messages.topics import Family

TYPE = "org.seatgate.area-map.v1"
MAX_SEATS = 5000


class SeatStatus(StrEnum):
    """What a person walking past would see, and `reserved`: booked from now, its reader not there yet."""

    FREE = "free"
    RESERVED = "reserved"
    TAKEN = "taken"
    AWAY = "away"
    CLOSED = "closed"


class SeatState(msgspec.Struct, frozen=True):
    """One seat: `until` is when this state ends by itself (None: at closing time or when staff say so)."""

    seat: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=PRINTABLE)]
    status: SeatStatus
    until: Moment | None = None


class AreaMap(msgspec.Struct, frozen=True):
    """All seats of an area at `at`. `(generation, n)` only grows; a new generation starts a new count."""

    area: Annotated[str, msgspec.Meta(min_length=1, max_length=48, pattern=PRINTABLE)]
    generation: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    n: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    at: Moment
    total: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    free: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    seats: Annotated[list[SeatState], msgspec.Meta(max_length=MAX_SEATS)]

    def newer_than(self, other: "AreaMap | None") -> bool:
        """Tell whether this map replaces `other` (maps can arrive out of order)."""
        return other is None or (self.generation, self.n) > (other.generation, other.n)


def encode(site: str, booking: str, area_map: AreaMap) -> bytes:
    """Return the payload bytes of an area's map."""
    return envelope.encode(
        event_id=f"{area_map.area}-{area_map.generation}-{area_map.n}",
        source=envelope.source_of(site, Family.BOOKING, booking),
        event_type=TYPE,
        time=area_map.at,
        data=area_map,
    )


def decode(payload: bytes) -> AreaMap:
    """Decode an area's map; MessageError when it is not one."""
    outer = envelope.decode(payload)
    if outer.type != TYPE:
        raise MessageError(f"{outer.type!r} is not an area map")
    area_map = envelope.decode_data(outer, AreaMap)
    envelope.check_times(area_map.at, *(seat.until for seat in area_map.seats))
    return area_map
