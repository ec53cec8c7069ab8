"""Rows ⇄ domain values: times as whole microseconds, facts and outcomes as JSON, opaque ids that sort by time."""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from booking.domain.freezing import Frozen
from booking.domain.refusals import Refusal
from booking.domain.reservation import Reservation, Status
from booking.service.commands import Changed, Entered, Outcome, Stored
from messages import base32

_STATUS = {status.value: status for status in Status}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIME_CHARS, _RANDOM_CHARS = 10, 12

RESERVATION = (
    "id, reader, area, seat, start_us, end_us, status, created_us, checked_in_us, away_us, away_until_us, "
    "returned_us, closed_us, frozen"
)
"""The columns that `reservation_of` reads, in order."""


def us(moment: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (moment - EPOCH) // _MICROSECOND


def us_or_none(moment: datetime | None) -> int | None:
    """Return a time as microseconds since 1970, None for none."""
    return None if moment is None else us(moment)


def moment(microseconds: int) -> datetime:
    """Return the time that a column holds."""
    return EPOCH + microseconds * _MICROSECOND


def moment_or_none(microseconds: int | None) -> datetime | None:
    """Return the time that a column holds, None for NULL."""
    return None if microseconds is None else moment(microseconds)


def new_id(at: datetime) -> str:
    """Return an opaque id: 10 characters of milliseconds, 60 random bits; later ids sort after earlier ones."""
    milliseconds = us(at) // 1000
    return base32.encode(milliseconds, _TIME_CHARS) + base32.encode(
        secrets.randbits(_RANDOM_CHARS * base32.BITS_PER_CHAR), _RANDOM_CHARS
    )


def id_at(at: datetime) -> str:
    """Return what every id made before `at` sorts below, and none made after it."""
    return base32.encode(us(at) // 1000, _TIME_CHARS)


def reservation_of(row: Any) -> Reservation:
    """Return the reservation in a row of the columns RESERVATION."""
    return Reservation(
        id=row[0],
        reader=row[1],
        area=row[2],
        seat=row[3],
        start=moment(row[4]),
        end=moment(row[5]),
        status=_STATUS[row[6]],
        created_at=moment(row[7]),
        checked_in_at=moment_or_none(row[8]),
        away_at=moment_or_none(row[9]),
        away_until=moment_or_none(row[10]),
        returned_at=moment_or_none(row[11]),
        closed_at=moment_or_none(row[12]),
        frozen=frozen_of(row[13]) if row[13] else (),
    )


def values_of(reservation: Reservation) -> tuple[Any, ...]:
    """Return the values of the columns RESERVATION."""
    return (
        reservation.id,
        reservation.reader,
        reservation.area,
        reservation.seat,
        us(reservation.start),
        us(reservation.end),
        str(reservation.status),
        us(reservation.created_at),
        us_or_none(reservation.checked_in_at),
        us_or_none(reservation.away_at),
        us_or_none(reservation.away_until),
        us_or_none(reservation.returned_at),
        us_or_none(reservation.closed_at),
        frozen_text(reservation.frozen),
    )


def frozen_of(text: str) -> tuple[Frozen, ...]:
    """Return the evacuations in the column `frozen`: "start-end,start-"."""
    pairs = [one.split("-") for one in text.split(",")]
    return tuple(Frozen(moment(int(start)), moment(int(end)) if end else None) for start, end in pairs)


def frozen_text(frozen: Iterable[Frozen]) -> str:
    """Return evacuations as the column `frozen` holds them."""
    return ",".join(f"{us(one.start)}-{us(one.end) if one.end else ''}" for one in frozen)


def facts_json(facts: dict[str, str]) -> str:
    """Return facts as one line of JSON."""
    return msgspec.json.encode(facts).decode()


def facts_of_json(text: str) -> dict[str, str]:
    """Return the facts in a column."""
    return msgspec.json.decode(text, type=dict[str, str])


def reservation_json(reservation: Reservation | None) -> str | None:
    """Return a whole reservation as JSON, for a gate record's undo."""
    return None if reservation is None else msgspec.json.encode(reservation).decode()


def reservation_of_json(text: str | None) -> Reservation | None:
    """Return the reservation in a column written by `reservation_json`."""
    return None if text is None else msgspec.json.decode(text, type=Reservation)


# earlier versions stored refusals too
_KINDS: dict[str, type[Changed | Entered | Stored | Refusal]] = {
    "changed": Changed,
    "entered": Entered,
    "stored": Stored,
    "refusal": Refusal,
}


def outcome_json(outcome: Outcome) -> str | None:
    """Return an outcome as it is kept for a repeated request; None for a kind that is never repeated."""
    for name, kind in _KINDS.items():
        if isinstance(outcome, kind):
            return msgspec.json.encode([name, outcome]).decode()
    return None


def outcome_of_json(text: str) -> Changed | Entered | Stored | Refusal:
    """Return the outcome in a column written by `outcome_json`."""
    name, body = msgspec.json.decode(text, type=tuple[str, msgspec.Raw])
    return msgspec.json.decode(body, type=_KINDS[name])
