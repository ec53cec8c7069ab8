"""Reads of areas and seats: summaries, maps, availability. All are right for the `now` they are asked with.

A row holds its seat at `now` when `holding = 1 AND due_us > now`: what the sweeper has not written yet is read as done.

A map's number n is twice a millisecond: even when time alone made the newest change (a start, a deadline, opening),
odd when a commit did (see the writer). So it grows with every change, without a write for what time does.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import apsw

from booking.domain.places import Places, Seat
from booking.domain.reservation import Reservation, Status, at, due
from booking.domain.window import Interval, day_of, opening_hours, whole_day
from booking.service.views import AreaSummary, SeatAvailability, Stretch
from booking.store.pool import ReaderPool
from booking.store.rows import EPOCH, RESERVATION, reservation_of, us
from messages.seats import AreaMap, SeatState, SeatStatus

_STATUS = {Status.RESERVED: SeatStatus.RESERVED, Status.IN_USE: SeatStatus.TAKEN, Status.AWAY: SeatStatus.AWAY}
_DAY = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)


class SeatReads:
    """The seat half of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool, places: Places, generation: int) -> None:
        self._pool = pool
        self._places = places
        self._generation = generation

    def areas(self, day: date, now: datetime) -> list[AreaSummary]:
        """All areas of the site in its file's order, with total and free."""
        with self._pool.snapshot() as db:
            return [self._summary(db, area.id, day, now) for area in self._places.site.areas]

    def _summary(self, db: apsw.Connection, area_id: str, day: date, now: datetime) -> AreaSummary:
        places = self._places
        area, seats = next(one for one in places.site.areas if one.id == area_id), places.seats_of[area_id]
        hours = opening_hours(places.venue_of(area_id), day, places.zone)
        today = day == day_of(now, places.zone)
        moment = max(hours.start, now)
        wished = Interval(moment, moment + _MILLISECOND) if today else hours
        free = 0
        if hours.end > now and day <= day_of(now, places.zone) + places.policy.booking.advance_days * _DAY:
            held = self._held(db, area_id, wished, now)
            free = sum(not seat.closed and seat.id not in held for seat in seats)
        return AreaSummary(area.id, area.name, area.venue, area.floor, len(seats), free)

    def _held(self, db: apsw.Connection, area: str, interval: Interval, now: datetime) -> set[str]:
        rows = db.execute(
            "SELECT seat FROM reservations WHERE holding = 1 AND area = ? AND end_us > ? AND start_us < ? "
            "AND due_us > ?",
            (area, us(interval.start), us(interval.end), us(now)),
        )
        return {row[0] for row in rows}

    def area_map(self, area: str, now: datetime) -> AreaMap | None:
        """The numbered map of an area as it is at `now`; None for an unknown area."""
        if self._places.area(area) is None:
            return None
        with self._pool.snapshot() as db:
            stays = self._stays(db, area, whole_day(day_of(now, self._places.zone), self._places.zone))
            row = db.execute("SELECT n FROM area_numbers WHERE area = ?", (area,)).fetchone()
        changes = [moment for moment in self._moments(area, stays, now) if moment <= now]
        number = max([row[0] if row else 0, *(2 * ((moment - EPOCH) // _MILLISECOND) for moment in changes)])
        states = self._states(area, stays, now)
        free = sum(state.status is SeatStatus.FREE for state in states)
        return AreaMap(area, self._generation, number, now, len(states), free, states)

    def next_change(self, area: str, now: datetime) -> datetime | None:
        """When the map of an area next changes by time alone (a start, a deadline, an end, opening, closing)."""
        if self._places.area(area) is None:
            return None
        with self._pool.snapshot() as db:
            stays = self._stays(db, area, whole_day(day_of(now, self._places.zone), self._places.zone))
        return min((moment for moment in self._moments(area, stays, now) if moment > now), default=None)

    def _stays(self, db: apsw.Connection, area: str, span: Interval) -> list[Reservation]:
        rows = db.execute(
            f"SELECT {RESERVATION} FROM reservations WHERE holding = 1 AND area = ? AND end_us > ? AND start_us < ? "  # noqa: S608
            "ORDER BY start_us",
            (area, us(span.start), us(span.end)),
        )
        return [reservation_of(row) for row in rows]

    def _moments(self, area: str, stays: Iterable[Reservation], now: datetime) -> Iterable[datetime]:
        """Return the moments around `now` at which time alone changes the map."""
        today = day_of(now, self._places.zone)
        for day in (today - _DAY, today, today + _DAY):
            hours = opening_hours(self._places.venue_of(area), day, self._places.zone)
            yield from (hours.start, hours.end)
        for stay in stays:
            yield stay.start
            falls = due(stay, self._places.policy)
            if falls is not None:
                yield falls

    def _states(self, area: str, stays: list[Reservation], now: datetime) -> list[SeatState]:
        hours = opening_hours(self._places.venue_of(area), day_of(now, self._places.zone), self._places.zone)
        seats = self._places.seats_of[area]
        if now not in Interval(hours.start, hours.end):
            opens = hours.start if now < hours.start else hours.start + _DAY
            return [
                SeatState(seat.id, SeatStatus.CLOSED, None if seat.closed else self._local(opens)) for seat in seats
            ]
        by_seat: dict[str, list[Reservation]] = {}
        for stay in stays:
            standing = at(stay, self._places.policy, now)
            if standing.holds:
                by_seat.setdefault(stay.seat, []).append(standing)
        return [self._state(seat, by_seat.get(seat.id, []), now) for seat in seats]

    def _state(self, seat: Seat, stays: list[Reservation], now: datetime) -> SeatState:
        """Return one seat's state; `stays` hold it today, by start."""
        if seat.closed:
            return SeatState(seat.id, SeatStatus.CLOSED)
        present = [stay for stay in stays if stay.start <= now]
        # a reader who checked in early sits there already, unless the seat is still another's
        arrived = [stay for stay in stays if stay.start > now and stay.status is not Status.RESERVED]
        for stay in present or arrived:
            falls = due(stay, self._places.policy)
            return SeatState(seat.id, _STATUS[stay.status], self._local(falls))
        return SeatState(seat.id, SeatStatus.FREE, self._local(stays[0].start) if stays else None)

    def _local(self, moment: datetime | None) -> datetime | None:
        return moment.astimezone(self._places.zone) if moment else None

    def seats(self, area: str, start: datetime, end: datetime, now: datetime) -> list[SeatAvailability] | None:
        """Each seat of an area for a wished interval, with the day's held stretches; None for an unknown area."""
        if self._places.area(area) is None:
            return None
        span = whole_day(day_of(start, self._places.zone), self._places.zone)
        with self._pool.snapshot() as db:
            stays = self._stays(db, area, Interval(min(span.start, start), max(span.end, end)))
        by_seat: dict[str, list[Reservation]] = {}
        for stay in stays:
            standing = at(stay, self._places.policy, now)
            if standing.holds and standing.end > now:
                by_seat.setdefault(stay.seat, []).append(standing)
        wish = Interval(start, end)
        return [_availability(seat, by_seat.get(seat.id, []), wish, now) for seat in self._places.seats_of[area]]


def _availability(seat: Seat, stays: list[Reservation], wish: Interval, now: datetime) -> SeatAvailability:
    busy = [Stretch(stay.start, stay.end) for stay in stays]
    if seat.closed:
        return SeatAvailability(seat.id, seat.label, SeatStatus.CLOSED, None, busy)
    for stay in stays:
        if wish.overlaps(Interval(stay.start, stay.end)):
            there = stay.start <= now or stay.status is not Status.RESERVED
            status = _STATUS[stay.status] if there else SeatStatus.RESERVED
            return SeatAvailability(seat.id, seat.label, status, stay.end, busy)
    following = next((stay.start for stay in stays if stay.start >= wish.end), None)
    return SeatAvailability(seat.id, seat.label, SeatStatus.FREE, following, busy)
