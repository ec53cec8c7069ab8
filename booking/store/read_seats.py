"""Reads of areas and seats: summaries, maps, availability. All are right for the `now` they are asked with.

A row holds its seat at `now` when `holding = 1 AND due_us > now`: what the sweeper has not written yet is read as done.

A map's number grows with every commit that changes it, and with what time alone does (a start, a deadline, opening), without
a write for that: see booking.store.numbering.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from booking.domain.attendance import longest_absence
from booking.domain.booking import bookable_from
from booking.domain.capacity import levels, most_held
from booking.domain.places import Places, Seat
from booking.domain.reservation import Reservation, Status, due
from booking.domain.window import Interval, day_of, whole_day
from booking.service.views import AreaSummary, HeldStretch, LiveArea, PlacesFree, SeatAvailability, Stretch
from booking.store import numbering
from booking.store.ahead import ahead
from booking.store.closure_rows import OPEN_END_US, stretches
from booking.store.pool import ReaderPool
from booking.store.rows import moment, us
from booking.store.sql import Connection
from config.schema import Area
from messages.seats import AreaMap, SeatState, SeatStatus

_CLOSED = "closed"
"""The status of a row that stands for a closure of staff, not for a reservation."""
_STATUS: dict[str, SeatStatus] = {
    Status.RESERVED: SeatStatus.RESERVED,
    Status.IN_USE: SeatStatus.TAKEN,
    Status.AWAY: SeatStatus.AWAY,
    _CLOSED: SeatStatus.CLOSED,
}
_THERE = frozenset({str(Status.IN_USE), str(Status.AWAY)})
_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_SECOND_US = 1_000_000


class _Stay(NamedTuple):
    """A row, or a closure, that holds a seat until `due` at the most; times in microseconds."""

    seat: str
    start: int
    end: int
    due: int
    status: str
    reader: str = ""
    id: str = ""


class SeatReads:
    """The seat half of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool, places: Places) -> None:
        self._pool = pool
        self._places = places

    def areas(self, day: date, now: datetime) -> list[AreaSummary]:
        """All areas of the site in its file's order, with total and free."""
        with self._pool.snapshot() as db:
            return [self._summary(db, area, day, now) for area in self._places.site.areas]

    def _summary(self, db: Connection, area: Area, day: date, now: datetime) -> AreaSummary:
        places, seats = self._places, self._places.seats_of[area.id]
        hours = places.opening(area.id, day).hours
        today = day == day_of(now, places.zone)
        first = max(hours.start, now)
        wished = Interval(first, first + _MOMENT) if today else hours
        free = 0
        if hours.end > now >= bookable_from(places, day):
            if area.capacity is not None:
                free = self._free_places(self._stays(db, area.id, wished, now), area, wished, now)
            else:
                held = {stay.seat for stay in self._stays(db, area.id, wished, now) if stay.due > us(now)}
                free = sum(not seat.closed and seat.id not in held for seat in seats)
        total = len(seats) if area.capacity is None else area.capacity
        return AreaSummary(area.id, area.name, area.venue, area.floor, total, free, counted=area.capacity is not None)

    def _free_places(self, stays: Iterable[_Stay], area: Area, span: Interval, now: datetime) -> int:
        """Return how many places of a capacity area are free throughout `span`."""
        held = []
        for stay in stays:
            if stay.status == _CLOSED and stay.end > us(span.start) and stay.start < us(span.end):
                return 0
            if stay.status != _CLOSED and stay.due > us(now):
                held.append(Interval(moment(stay.start), moment(stay.end)))
        return max(0, (area.capacity or 0) - most_held(levels(held, span)))

    def places_free(self, area: str, steps: Sequence[Interval], now: datetime) -> list[PlacesFree] | None:
        """How many places of a capacity area are free throughout each of `steps`; None for any other area."""
        known = self._places.area(area)
        if known is None or known.capacity is None:
            return None
        if not steps:
            return []
        with self._pool.snapshot() as db:
            stays = self._stays(db, area, Interval(steps[0].start, steps[-1].end), now)
        return [PlacesFree(step.start, step.end, self._free_places(stays, known, step, now)) for step in steps]

    def area_map(self, area: str, now: datetime) -> AreaMap | None:
        """The numbered map of an area as it is at `now`; None for an unknown area."""
        known = self._places.area(area)
        if known is None:
            return None
        with self._pool.snapshot() as db:
            stays = self._stays_today(db, area, now)
            version = numbering.version(db, area)
        return self._map(known, stays, version, now)

    def _map(self, known: Area, stays: Sequence[_Stay], version: numbering.Version, now: datetime) -> AreaMap:
        area = known.id
        passed = max(change for change in self._changes(area, stays, now) if change <= us(now))
        states = self._states(area, stays, now)
        total, free = len(states), sum(state.status is SeatStatus.FREE for state in states)
        if known.capacity is not None:
            total, free = known.capacity, 0
            if now in self._places.opening(area, day_of(now, self._places.zone)).hours:
                free = self._free_places(stays, known, Interval(now, now + _MOMENT), now)
        return AreaMap(area, version.generation, version.n(passed), now, total, free, states)

    def live_area(self, area: str, now: datetime) -> LiveArea | None:
        """The map with what holds its seats on every day that can be booked; None for an unknown area."""
        known, zone = self._places.area(area), self._places.zone
        if known is None:
            return None
        day = day_of(now, zone)
        today, last = whole_day(day, zone), whole_day(day + _DAY * self._places.policy.booking.advance_days, zone)
        with self._pool.snapshot() as db:
            stays = self._stays(db, area, Interval(today.start, last.end), now)
            version = numbering.version(db, area)
        begins, ends = us(today.start), us(today.end)
        todays = [stay for stay in stays if stay.start < ends and stay.end > begins]
        held = _by_seat(stays, us(now))
        return LiveArea(
            map=self._map(known, todays, version, now),
            held={seat.id: _stretches(seat, held.get(seat.id, ()), us(now)) for seat in self._places.seats_of[area]},
            levels=_levels(stays, known, Interval(today.start, last.end), now),
            next_change=moment(min(change for change in self._changes(area, todays, now) if change > us(now))),
        )

    def next_change(self, area: str, now: datetime) -> datetime | None:
        """When the map of an area next changes by time alone (a start, a deadline, an end, opening, closing)."""
        if self._places.area(area) is None:
            return None
        with self._pool.snapshot() as db:
            stays = self._stays_today(db, area, now)
        return moment(min(change for change in self._changes(area, stays, now) if change > us(now)))

    def _stays_today(self, db: Connection, area: str, now: datetime) -> list[_Stay]:
        return self._stays(db, area, whole_day(day_of(now, self._places.zone), self._places.zone), now)

    def _stays(self, db: Connection, area: str, span: Interval, now: datetime) -> list[_Stay]:
        rows = db.execute(
            "SELECT seat, start_us, end_us, due_us, status, reader, id FROM reservations "
            "WHERE holding = 1 AND area = ? AND end_us > ? AND start_us < ? ORDER BY start_us",
            (area, us(span.start), us(span.end)),
        )
        stored = [_Stay._make(row) for row in rows.fetchall()]
        stays = _carried_over(self._as_time_left_them(stored, ahead(db, self._places, now)), self._places)
        closed = stretches(db, area, span)
        if not closed:
            return stays
        every = ["", *(seat.id for seat in self._places.seats_of[area])]
        for seat, start, end in closed:
            stays += [_Stay(one, start, end, end, _CLOSED) for one in ([seat] if seat else every)]
        return sorted(stays, key=lambda stay: stay.start)

    def _as_time_left_them(self, stays: list[_Stay], changed: Mapping[str, Reservation]) -> list[_Stay]:
        """Return `stays` with what passages have changed of them and nobody has written down yet."""
        found = []
        for stay in stays:
            after = changed.get(stay.id)
            falls = due(after, self._places.policy) if after else None
            if after is None:
                found.append(stay)
            elif falls is not None:
                found.append(stay._replace(status=str(after.status), due=us(falls)))
        return found

    def _changes(self, area: str, stays: Iterable[_Stay], now: datetime) -> Iterator[int]:
        """Yield the moments around `now` at which time alone changes the map; some lie before it, some after."""
        today = day_of(now, self._places.zone)
        for day in (today - _DAY, today, today + _DAY):
            hours = self._places.opening(area, day).hours
            yield from (us(hours.start), us(hours.end))
        for stay in stays:
            yield from (stay.start, min(stay.end, stay.due))

    def _states(self, area: str, stays: Iterable[_Stay], now: datetime) -> list[SeatState]:
        zone, seats = self._places.zone, self._places.seats_of[area]
        if now not in self._places.opening(area, day_of(now, zone)).hours:
            opening = self._places.next_opening(area, now)
            opens = opening.astimezone(zone) if opening else None
            return [SeatState(seat.id, SeatStatus.CLOSED, None if seat.closed else opens) for seat in seats]
        held = _by_seat(stays, us(now))
        return [_state(seat, held.get(seat.id, ()), us(now), zone) for seat in seats]

    def seats(self, area: str, start: datetime, end: datetime, now: datetime) -> list[SeatAvailability] | None:
        """Each seat of an area for a wished interval, with the day's held stretches; None for an unknown area."""
        if self._places.area(area) is None:
            return None
        span = whole_day(day_of(start, self._places.zone), self._places.zone)
        with self._pool.snapshot() as db:
            stays = self._stays(db, area, Interval(min(span.start, start), max(span.end, end)), now)
        held, wish = _by_seat(stays, us(now)), (us(start), us(end))
        return [_availability(seat, held.get(seat.id, ()), wish, us(now)) for seat in self._places.seats_of[area]]


def _carried_over(stays: list[_Stay], places: Places) -> list[_Stay]:
    """Show who sits there before a stay of theirs ends as sitting there in the next one on that seat (`stays` by start)."""
    there: dict[tuple[str, str, int], str] = {}
    shown = []
    for stay in stays:
        status = there.get((stay.seat, stay.reader, stay.start), "") if stay.status == Status.RESERVED else ""
        carried = stay._replace(status=status, due=stay.end) if status and stay.seat else stay
        if carried is not stay and status == Status.AWAY:
            limit = longest_absence(places.policy, moment(stay.start).astimezone(places.zone).time())
            carried = carried._replace(due=min(us(moment(stay.start) + limit), stay.end))
        if carried.status in _THERE and carried.due == carried.end:
            there[carried.seat, carried.reader, carried.end] = carried.status
        shown.append(carried)
    return shown


def _by_seat(stays: Iterable[_Stay], now: int) -> dict[str, list[_Stay]]:
    """Return what holds each seat at `now` or later, by start."""
    held: dict[str, list[_Stay]] = {}
    for stay in stays:
        if stay.due > now and stay.end > now:  # who has yet to sign out keeps no seat after the end
            held.setdefault(stay.seat, []).append(stay)
    return held


def _state(seat: Seat, stays: Sequence[_Stay], now: int, zone: ZoneInfo) -> SeatState:
    """Return one seat's state; `stays` hold it today, by start."""
    if seat.closed:
        return SeatState(seat.id, SeatStatus.CLOSED)
    present = next((stay for stay in stays if stay.start <= now), None)
    # a reader who checked in early sits there already, unless the seat is still another's
    shown = present or next((stay for stay in stays if stay.status in _THERE), None)
    if shown is not None:
        until = moment(shown.due).astimezone(zone) if shown.due < OPEN_END_US else None
        return SeatState(seat.id, _STATUS[shown.status], until)
    return SeatState(seat.id, SeatStatus.FREE, moment(stays[0].start).astimezone(zone) if stays else None)


def _availability(seat: Seat, stays: Sequence[_Stay], wish: tuple[int, int], now: int) -> SeatAvailability:
    busy = [Stretch(moment(stay.start), moment(stay.end)) for stay in stays if stay.status != _CLOSED]
    if seat.closed:
        return SeatAvailability(seat.id, seat.label, SeatStatus.CLOSED, None, busy)
    for stay in stays:
        if stay.start < wish[1] and wish[0] < stay.end:
            shown = stay.start <= now or stay.status == _CLOSED
            until = moment(stay.end) if stay.end < OPEN_END_US else None
            return SeatAvailability(
                seat.id, seat.label, _STATUS[stay.status] if shown else SeatStatus.RESERVED, until, busy
            )
    following = next((moment(stay.start) for stay in stays if stay.start >= wish[1]), None)
    return SeatAvailability(seat.id, seat.label, SeatStatus.FREE, following, busy)


def _stretches(seat: Seat, stays: Sequence[_Stay], now: int) -> tuple[HeldStretch, ...]:
    """Return what a seat shows to a wish that meets it, by start; a seat that the site file closes is so for ever."""
    if seat.closed:
        return ((0, None, SeatStatus.CLOSED),)
    return tuple(
        (
            stay.start // _SECOND_US,
            stay.end // _SECOND_US if stay.end < OPEN_END_US else None,
            _STATUS[stay.status] if stay.start <= now or stay.status == _CLOSED else SeatStatus.RESERVED,
        )
        for stay in stays
    )


def _levels(stays: Iterable[_Stay], area: Area, span: Interval, now: datetime) -> tuple[tuple[int, int, int], ...]:
    """Return how many places of a capacity area are held when, without a gap over `span`; nothing for any other area."""
    if area.capacity is None:
        return ()
    held, since = [], us(now)
    for stay in stays:
        if stay.status == _CLOSED or stay.due > since:
            weight = area.capacity if stay.status == _CLOSED else 1
            held += [Interval(moment(stay.start), moment(min(stay.end, us(span.end))))] * weight
    return tuple(
        (int(one.interval.start.timestamp()), int(one.interval.end.timestamp()), min(one.held, area.capacity))
        for one in levels(held, span)
    )
