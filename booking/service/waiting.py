"""The waiting list: whoever has waited longest is told of what a commit, or time, has freed. Telling holds no seat."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from booking.domain.booking import wished_interval
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.seating import best_seat
from booking.domain.waiting import Wait, still_wanted
from booking.domain.window import Interval
from booking.service.ledger import settle
from booking.service.room import no_place
from booking.service.telling import StartWaiting, Waiting
from booking.service.unit import Unit

ANY = ""
"""What is found in a capacity area: a place without a number."""


class WaitingList(Protocol):
    """The stored waits, inside the transaction that decides."""

    def add(self, wait: Wait) -> None:
        """Insert a wait."""

    def open_of(self, reader: str) -> list[Wait]:
        """Return the waits of `reader` that are neither told nor closed."""

    def open_in(self, area: str) -> list[Wait]:
        """Return the open waits of an area, longest first."""

    def offered(self, area: str, now: datetime) -> set[str]:
        """Return what readers were told of whose turn is not over at `now`."""

    def found(self, wait: Wait, seat: str, now: datetime, turn_ends: datetime, label: str) -> None:
        """Tell the reader what is free, and note until when it is their turn."""


def start_waiting(unit: Unit, waits: WaitingList, places: Places, command: StartWaiting) -> Waiting | Refusal:
    """Put a reader on the list, or say why not."""
    seat = places.seat(command.seat) if command.seat else None
    if command.seat and seat is None:
        return Refusal(RefusalCode.UNKNOWN_SEAT, facts={"seat": command.seat})
    area = places.area(seat.area if seat else command.area or "")
    if area is None:
        return Refusal(RefusalCode.UNKNOWN_AREA, facts={"area": command.area or ""})
    interval = wished_interval(places, area, command.start, command.end, command.at)
    if isinstance(interval, Refusal):
        return interval
    settle(unit, places, unit.fallen_due(command.at, reader=command.reader, area=area.id), command.at)
    if seat is not None and seat.closed:
        return Refusal(RefusalCode.SEAT_CLOSED, "areas.closed_seats", facts={"label": seat.label})
    clash = unit.reader_clash(command.reader, interval, but="")
    if clash is not None:
        return Refusal(RefusalCode.READER_OVERLAP, next_allowed_at=clash.end, facts={"reservation": clash.id})
    wait = Wait(
        id=unit.new_id(command.at),
        reader=command.reader,
        area=area.id,
        seat=seat.id if seat else None,
        start=interval.start,
        end=interval.end,
        created_at=command.at,
    )
    if _free(unit, places, wait, interval, set()) is not None:
        return Refusal(RefusalCode.FREE_NOW)
    return _listed(waits, places, wait)


def _listed(waits: WaitingList, places: Places, wait: Wait) -> Waiting | Refusal:
    mine = [one for one in waits.open_of(wait.reader) if still_wanted(one, places.policy, wait.created_at)]
    for known in mine:
        if (known.area, known.seat, known.start, known.end) == (wait.area, wait.seat, wait.start, wait.end):
            return Waiting(known)
    most = places.policy.waiting.max_open
    if len(mine) >= most:
        return Refusal(RefusalCode.TOO_MANY_WAITS, "policy.waiting.max_open", facts={"most": str(most)})
    waits.add(wait)
    return Waiting(wait)


def tell_of_free(unit: Unit, waits: WaitingList, places: Places, areas: Iterable[str], now: datetime) -> None:
    """Tell who has waited longest in each of `areas` of what is free now, one seat to one reader a turn."""
    for area in areas:
        waiting = waits.open_in(area)
        offered = waits.offered(area, now) if waiting else set()
        for wait in waiting:
            interval = still_wanted(wait, places.policy, now)
            if interval is None or unit.reader_clash(wait.reader, interval, but=""):
                continue
            seat = _free(unit, places, wait, interval, offered)
            if seat is not None:
                offered.add(seat)
                label = places.label(seat) if seat else ""
                waits.found(wait, seat, now, now + places.policy.waiting.turn, label)


def _free(unit: Unit, places: Places, wait: Wait, interval: Interval, offered: set[str]) -> str | None:
    """Return what the wait could be told of: a seat's id, ANY for a place without a number, None for nothing."""
    area = places.area(wait.area)
    if area is None:
        return None
    shut = {closure.seat or ANY for closure in unit.closures(wait.area, interval)}
    if ANY in shut:
        return None
    if area.capacity is not None:
        return None if ANY in offered or no_place(unit, area, interval) else ANY
    gone = unit.held_seats(wait.area, interval) | shut | offered
    if wait.seat is not None:
        return None if wait.seat in gone else wait.seat
    best = best_seat(places.seats_of[wait.area], gone, None)
    return best.id if best else None
