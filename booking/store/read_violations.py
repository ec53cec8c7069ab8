"""Reads of violations: a reader's own, and those that wait for staff. Right at `now`, whatever is written down yet."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from booking.domain.places import Places
from booking.domain.reservation import Reservation, at
from booking.domain.violations import (
    Because,
    Standing,
    Suspension,
    Violation,
    breach,
    excused,
    for_staff,
    heard_until,
    standing,
    suspension_at,
    suspensions,
)
from booking.service.views import HistoryLine
from booking.service.violation_views import StaffActionView, ViolationsView, ViolationView
from booking.store.carrying import carried_on
from booking.store.pool import ReaderPool
from booking.store.rows import RESERVATION, facts_of_json, moment, reservation_of, us
from booking.store.sql import Connection
from booking.store.violation_rows import VIOLATION, excuses, heard, violation_of_row
from config.values import Text

_OF_READER = f"SELECT {VIOLATION} FROM violations WHERE reader = ?"  # noqa: S608 - columns of this package
_LATELY = f"SELECT {VIOLATION} FROM violations WHERE occurred_us > ? ORDER BY occurred_us, id"  # noqa: S608
LOOK_BACK = timedelta(days=45)
"""Violations are counted together over a month at the longest, and a suspension ends with the week after."""
_OPEN = f"SELECT {VIOLATION} FROM violations WHERE lifted_us IS NULL AND decided_us IS NULL ORDER BY occurred_us"  # noqa: S608
_DUE = (
    f"SELECT {RESERVATION} FROM reservations "  # noqa: S608
    "WHERE holding = 1 AND (due_us <= ?1 OR status = 'reserved' AND start_us <= ?1) AND (CAST(?2 AS TEXT) IS NULL OR reader = ?2)"
)
_STAY = f"SELECT {RESERVATION} FROM reservations WHERE id = ?"  # noqa: S608


class ViolationReads:
    """The violations' part of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool, places: Places) -> None:
        self._pool = pool
        self._places = places

    def violations(self, reader: str, now: datetime) -> ViolationsView:
        """A reader's violations, newest first, with the suspension in force at `now`."""
        with self._pool.snapshot() as db:
            known = [violation_of_row(row) for row in db.execute(_OF_READER, (reader,)).fetchall()]
            found = {one.id: one for one in [*self._unwritten(db, now, reader), *known]}
            gates = heard(db)
            views = self._views(db, found.values(), gates, now)
        standing_ones = [one for one in found.values() if self._standing(one, gates) is Standing.STANDING]
        policy = self._places.policy.violations
        return ViolationsView(views, suspension_at(standing_ones, policy, self._places.zone, now))

    def contested(self, now: datetime) -> list[ViolationView]:
        """Every violation that waits for staff, oldest first: appealed, or no gate has told for too long."""
        with self._pool.snapshot() as db:
            gates = heard(db)
            known = [violation_of_row(row) for row in db.execute(_OPEN).fetchall()]
            waiting = [
                one
                for one in [*known, *self._unwritten(db, now)]
                if for_staff(one, self._heard(one, gates), self._places.policy.violations, now)
            ]
            return self._views(db, waiting, gates, now)[::-1]

    def staff_actions(self, *, limit: int = 50) -> list[StaffActionView]:
        """What staff did, newest first."""
        with self._pool.lend() as db:
            rows: list[Any] = db.execute(
                "SELECT at_us, staff, action, subject, facts FROM staff_actions ORDER BY n DESC LIMIT ?", (limit,)
            ).fetchall()
        return [StaffActionView(moment(row[0]), row[1], row[2], row[3], facts_of_json(row[4])) for row in rows]

    def suspended_in(self, db: Connection, now: datetime) -> dict[str, datetime]:
        """Return until when each reader who is suspended at `now` is so."""
        gates, policy = heard(db), self._places.policy.violations
        known = [violation_of_row(row) for row in db.execute(_LATELY, (us(now - LOOK_BACK),)).fetchall()]
        own: defaultdict[str, dict[str, Violation]] = defaultdict(dict)
        for one in [*self._unwritten(db, now), *known]:
            if self._standing(one, gates) is Standing.STANDING:
                own[one.reader][one.id] = one
        running = {reader: suspension_at(ones.values(), policy, self._places.zone, now) for reader, ones in own.items()}
        return {reader: one.until for reader, one in running.items() if one is not None}

    def _unwritten(self, db: Connection, now: datetime, reader: str | None = None) -> list[Violation]:
        """Return what time has made a violation by `now` without its being written down."""
        due = [reservation_of(row) for row in db.execute(_DUE, (us(now), reader)).fetchall()]
        stays = [carried_on(db, self._places, stay, now) for stay in due]
        found = [one for stay in stays if (one := breach(at(stay, self._places.policy, now), self._places.policy))]
        spans = excuses(db) if found else []
        return [
            replace(one, lifted_at=now, lifted_because=Because.AMNESTY)
            if excused(one, self._venue(one), spans)
            else one
            for one in found
        ]

    def _views(
        self, db: Connection, found: Iterable[Violation], gates: Mapping[str, datetime], now: datetime
    ) -> list[ViolationView]:
        """Return the views of violations, newest first."""
        found = sorted(found, key=lambda one: (one.occurred_at, one.id), reverse=True)
        counted = [one for one in found if self._standing(one, gates) is Standing.STANDING]
        following: dict[str, Suspension] = {}
        for reader in {one.reader for one in counted}:
            own = [one for one in counted if one.reader == reader]
            for one, suspension in suspensions(own, self._places.policy.violations, self._places.zone):
                following[one.id] = suspension
        return [self._violation_view(db, one, self._standing(one, gates), following.get(one.id), now) for one in found]

    def _violation_view(
        self, db: Connection, one: Violation, stands: Standing, follows: Suspension | None, now: datetime
    ) -> ViolationView:
        stay: Reservation = reservation_of(db.execute(_STAY, (one.reservation,)).fetchone())
        lines: list[Any] = db.execute(
            "SELECT occurred_us, received_us, source, change, facts FROM evidence WHERE reservation = ? ORDER BY n",
            (one.reservation,),
        ).fetchall()
        area = self._places.area(one.area)
        until = one.occurred_at + self._places.policy.violations.appeal_within
        untouched = stands is not Standing.LIFTED and one.appealed_at is None and one.decided_at is None
        return ViolationView(
            id=one.id,
            reader=one.reader,
            kind=one.kind,
            standing=stands,
            reservation=one.reservation,
            area_name=area.name if area else Text(one.area, one.area),
            label=self._places.label(stay.seat),
            start=stay.start,
            end=stay.end,
            occurred_at=one.occurred_at,
            policy_key=one.policy_key,
            suspended_until=follows.until if follows else None,
            lifted_because=one.lifted_because,
            appealed_at=one.appealed_at,
            appeal=one.appeal,
            decided_at=one.decided_at,
            appeal_until=until,
            can_appeal=untouched and now < until,
            evidence=[
                HistoryLine(moment(line[0]), moment(line[1]), line[2], line[3], facts_of_json(line[4]))
                for line in lines
            ],
        )

    def _standing(self, one: Violation, gates: Mapping[str, datetime]) -> Standing:
        return standing(one, self._heard(one, gates))

    def _heard(self, one: Violation, gates: Mapping[str, datetime]) -> datetime:
        return heard_until(self._places.site, self._venue(one), gates)

    def _venue(self, one: Violation) -> str:
        area = self._places.area(one.area)
        return area.venue if area else ""
