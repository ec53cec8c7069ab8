"""Reads of one reader's own things, of people and devices, and of what staff see."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from booking.domain.extension import opens_at
from booking.domain.places import Places
from booking.domain.reservation import TRANSITIONS, Action, Reservation, Status, at, back_by, over_at, window_of
from booking.service.act import READER_ACTIONS
from booking.service.inside import is_inside
from booking.service.offers import offer_for
from booking.service.views import (
    DeviceView,
    GateRecordView,
    HistoryLine,
    NotificationView,
    Page,
    PassageView,
    ReaderView,
    ReservationView,
    SessionView,
)
from booking.store.ahead import next_passage
from booking.store.carrying import carried_on
from booking.store.draw_rows import next_draw
from booking.store.pool import ReaderPool
from booking.store.reminders import next_reminder
from booking.store.rows import RESERVATION, facts_of_json, moment, moment_or_none, reservation_of, us
from booking.store.sql import Connection
from booking.store.unit import StoreUnit
from booking.store.waits import next_turn
from config.policy import InsideAtOpening
from config.values import Text
from messages.access import AccessOutcome, AccessReason, CredentialKind, Direction, mask

_SELECT = f"SELECT {RESERVATION} FROM reservations "  # noqa: S608 - the columns are constants of this package
_CURSOR = (
    "(SELECT start_us, id FROM reservations WHERE id = ?2 AND reader = ?1)) ORDER BY start_us DESC, id DESC LIMIT ?3"
)


class ReaderReads:
    """The reader half of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool, places: Places) -> None:
        self._pool = pool
        self._places = places

    # ---- reservations ------------------------------------------------------------------------------------------------

    def reservations(self, reader: str, now: datetime, *, limit: int = 20, cursor: str | None = None) -> Page:
        """A reader's reservations, newest start first; `cursor` is the id of the last one seen."""
        with self._pool.snapshot() as db:
            rows = db.execute(
                _SELECT + "WHERE reader = ?1 AND (CAST(?2 AS TEXT) IS NULL OR (start_us, id) < " + _CURSOR,
                (reader, cursor, limit + 1),
            ).fetchall()
            stays = [carried_on(db, self._places, reservation_of(row), now) for row in rows[:limit]]
        items = [self._view(stay, now) for stay in stays]
        return Page(items, items[-1].id if len(rows) > limit else None)

    def reservation(self, reader: str, reservation: str, now: datetime) -> ReservationView | None:
        """One of the reader's own reservations with its history; None for anyone else's."""
        with self._pool.snapshot() as db:
            row = db.execute(_SELECT + "WHERE id = ? AND reader = ?", (reservation, reader)).fetchone()
            if row is None:
                return None
            stay = carried_on(db, self._places, reservation_of(row), now)
            lines = db.execute(
                "SELECT occurred_us, received_us, source, change, facts FROM evidence WHERE reservation = ? ORDER BY n",
                (reservation,),
            ).fetchall()
            view = self._view(stay, now, [_history_line(line) for line in lines])
            return self._asked(db, view, stay, now)

    def _asked(self, db: Connection, view: ReservationView, stay: Reservation, now: datetime) -> ReservationView:
        """Add what its reader is asked: whether they are inside already, or want another seat for the one they lost."""
        unit, prompts = (
            StoreUnit(db, self._places),
            self._places.policy.gate.inside_at_opening is InsideAtOpening.PROMPT,
        )
        offer = offer_for(unit, self._places, stay, now)
        inside = prompts and view.status is Status.RESERVED and is_inside(unit, self._places, stay, now)
        return replace(view, asks_inside=inside, offer=offer.id if offer else None)

    def view_of(self, reservation: Reservation, now: datetime) -> ReservationView:
        """A reservation as it was just committed, without its history; reads nothing."""
        return self._view(reservation, now)

    def current(self, reader: str, now: datetime) -> ReservationView | None:
        """The reservation in use or away, else the next one that holds."""
        with self._pool.snapshot() as db:
            rows = db.execute(_SELECT + "WHERE holding = 1 AND reader = ? ORDER BY end_us", (reader,)).fetchall()
            known = [carried_on(db, self._places, reservation_of(row), now) for row in rows]
            stays = [stay for stay in known if at(stay, self._places.policy, now).holds]
            stays.sort(key=lambda stay: stay.status is Status.RESERVED)
            return self._asked(db, self._view(stays[0], now), stays[0], now) if stays else None

    def _view(self, stored: Reservation, now: datetime, history: list[HistoryLine] | None = None) -> ReservationView:
        places, stay = self._places, at(stored, self._places.policy, now)
        area = places.area(stay.area)
        window = window_of(stay, places.policy)
        return ReservationView(
            id=stay.id,
            reader=stay.reader,
            area=stay.area,
            area_name=area.name if area else Text(stay.area, stay.area),
            venue_name=places.venue_of(stay.area).name if area else Text("", ""),
            floor=area.floor if area else 0,
            seat=stay.seat,
            label=places.label(stay.seat),
            start=stay.start,
            end=stay.end,
            status=stay.status,
            created_at=stay.created_at,
            checked_in_at=stay.checked_in_at,
            away_at=stay.away_at,
            returned_at=stay.returned_at,
            closed_at=stay.closed_at,
            check_in_from=window.opens,
            check_in_until=window.closes,
            away_until=back_by(stay, places.policy),
            stands_still=stay.holds and stay.stands_still,
            sign_out_until=self._sign_out_until(stay),
            actions=[action for action in Action if self._possible(stay, action, now)],
            history=history or [],
        )

    def _sign_out_until(self, stay: Reservation) -> datetime | None:
        open_ = stay.status in {Status.IN_USE, Status.AWAY} and self._places.policy.sign_out.required
        return over_at(stay, self._places.policy) if open_ else None

    def _possible(self, stay: Reservation, action: Action, now: datetime) -> bool:
        if action is Action.MOVE:
            return bool(stay.seat) and (stay.status, action) in TRANSITIONS
        if action not in READER_ACTIONS or (stay.status, action) not in TRANSITIONS:
            return False
        if action is Action.CHECK_IN:
            return now in window_of(stay, self._places.policy)
        rules = self._places.policy
        if action is Action.STEP_AWAY:
            return rules.away.offered and now < stay.end
        if action is Action.EXTEND:
            return rules.extend.offered and opens_at(self._places, stay) <= now < stay.end
        return action is not Action.RETURN or now < stay.end

    # ---- passages and notifications ----------------------------------------------------------------------------------

    def gate_records(self, reader: str, *, limit: int = 50) -> list[GateRecordView]:
        """A reader's passages, newest first."""
        rows = self._all(
            "SELECT id, gate, portal, direction, kind, outcome, occurred_us, received_us, reservation, effect, "
            "answer, passed, unconfirmed FROM gate_records WHERE reader = ? ORDER BY occurred_us DESC LIMIT ?",
            (reader, limit),
        )
        confirm_for = self._places.policy.gate.confirm_for
        return [
            GateRecordView(
                id=row[0],
                gate=row[1],
                portal=row[2],
                portal_name=self._portal_name(row[1], row[2]),
                direction=Direction(row[3]),
                kind=CredentialKind(row[4]),
                outcome=AccessOutcome(row[5]),
                occurred_at=moment(row[6]),
                received_at=moment(row[7]),
                reservation=row[8],
                effect=row[9],
                answer=row[10],
                answer_until=moment(row[7]) + (confirm_for if row[9] else timedelta()),
                passed=None if row[11] is None else bool(row[11]),
                unconfirmed=bool(row[12]),
            )
            for row in rows
        ]

    def _portal_name(self, gate_id: str, portal_id: str) -> Text:
        for gate in self._places.site.gates:
            for portal in gate.portals:
                if (gate.id, portal.id) == (gate_id, portal_id):
                    return portal.name or gate.name
        return Text(portal_id, portal_id)

    def notifications(self, reader: str, *, limit: int = 50) -> list[NotificationView]:
        """What a reader was told, newest first."""
        rows = self._all(
            "SELECT id, kind, at_us, reservation, facts FROM notifications WHERE reader = ? ORDER BY n DESC LIMIT ?",
            (reader, limit),
        )
        return [NotificationView(row[0], row[1], moment(row[2]), row[3], facts_of_json(row[4])) for row in rows]

    def untold(self, *, limit: int = 100) -> list[tuple[int, str, NotificationView]]:
        """The oldest notifications that the broker has not been handed: (number, reader, notification)."""
        rows = self._all(
            "SELECT n, reader, id, kind, at_us, reservation, facts FROM notifications "
            "WHERE n > coalesce((SELECT value FROM facts WHERE name = 'told'), 0) ORDER BY n LIMIT ?",
            (limit,),
        )
        return [
            (row[0], row[1], NotificationView(row[2], row[3], moment(row[4]), row[5], facts_of_json(row[6])))
            for row in rows
        ]

    # ---- people and sessions -----------------------------------------------------------------------------------------

    def reader(self, reader: str) -> ReaderView | None:
        """A person by folded id."""
        row = self._get("SELECT id, name, role FROM readers WHERE id = ? AND gone_us IS NULL", (reader.upper(),))
        return ReaderView(row[0], row[1], row[2]) if row else None

    def password_hash(self, reader: str) -> str | None:
        """The argon2 hash of a local account; None when there is none."""
        row = self._get("SELECT password_hash FROM readers WHERE id = ? AND gone_us IS NULL", (reader.upper(),))
        return row[0] if row else None

    def reader_of_card(self, kind: str, value: str, at: datetime) -> str | None:
        """Who held this credential at `at`."""
        row = self._get(
            "SELECT reader FROM credentials JOIN readers ON id = reader WHERE kind = ?1 AND value = ?2 "
            "AND valid_from_us <= ?3 AND (valid_until_us IS NULL OR valid_until_us > ?3) "
            "AND (gone_us IS NULL OR gone_us > ?3) ORDER BY valid_from_us DESC LIMIT 1",
            (str(kind), value, us(at)),
        )
        return row[0] if row else None

    def session(self, token_hash: bytes, now: datetime) -> SessionView | None:
        """An open session that has not expired."""
        row = self._get(
            "SELECT s.reader, r.name, s.role, s.csrf, s.channel, s.expires_us FROM sessions s "
            "JOIN readers r ON r.id = s.reader WHERE s.token_hash = ? AND s.expires_us > ? AND r.gone_us IS NULL",
            (token_hash, us(now)),
        )
        return SessionView(row[0], row[1], row[2], row[3], row[4], moment(row[5])) if row else None

    # ---- devices and staff -------------------------------------------------------------------------------------------

    def device(self, device: str) -> DeviceView | None:
        """An enrolled gate or kiosk."""
        return self._device("id", device)

    def device_by_kid(self, kid: str) -> DeviceView | None:
        """An enrolled gate or kiosk by its key's name."""
        return self._device("kid", kid)

    def _device(self, column: str, value: str) -> DeviceView | None:
        row = self._get(
            f"SELECT id, kind, kid, public_key, enrolled_us FROM devices WHERE {column} = ?",  # noqa: S608 - two callers
            (value,),
        )
        return _device_view(row) if row else None

    def devices(self) -> list[DeviceView]:
        """Every enrolled gate and kiosk, by id."""
        rows = self._all("SELECT id, kind, kid, public_key, enrolled_us FROM devices ORDER BY id", ())
        return [_device_view(row) for row in rows]

    def hole(self, gate: str, epoch: int, after: int, upto: int) -> tuple[int, int] | None:
        """The first and last sequence of the first stretch in (`after`, `upto`] that the inbox lacks; None when whole."""
        of_stream = "FROM inbox WHERE gate = ?1 AND epoch = ?2 AND sequence > ?3 AND sequence <= ?4"
        with self._pool.snapshot() as db:
            held = db.execute(f"SELECT count(*) {of_stream}", (gate, epoch, after, upto)).fetchone()[0]
            if held == upto - after:
                return None
            # in order and without a gap, each is as far from `after` as its number in the row says
            row = db.execute(
                f"SELECT coalesce(max(sequence), ?3) FROM (SELECT sequence, row_number() OVER (ORDER BY sequence) AS nth "  # noqa: S608
                f"{of_stream}) AS numbered WHERE sequence - nth = ?3",
                (gate, epoch, after, upto),
            ).fetchone()
            following = db.execute(f"SELECT min(sequence) {of_stream}", (gate, epoch, row[0], upto)).fetchone()
        return row[0] + 1, upto if following[0] is None else following[0] - 1

    def passages(self, *, limit: int = 50) -> list[PassageView]:
        """The latest gate events of all readers, newest first: for staff."""
        rows = self._all(
            "SELECT gate, portal, direction, kind, credential, reader, outcome, occurred_us, received_us, effect, reason "
            "FROM gate_records ORDER BY received_us DESC LIMIT ?",
            (limit,),
        )
        return [
            PassageView(
                gate=row[0],
                portal=row[1],
                direction=Direction(row[2]),
                kind=CredentialKind(row[3]) if row[3] else None,
                credential=mask(row[4]) if row[4] else "",
                reader=row[5],
                outcome=AccessOutcome(row[6]),
                occurred_at=moment(row[7]),
                received_at=moment(row[8]),
                effect=row[9],
                reason=AccessReason(row[10]) if row[10] else None,
            )
            for row in rows
        ]

    def next_due(self) -> datetime | None:
        """When time next changes some reservation or asks for a reminder: when the sweeper has something to write."""
        with self._pool.snapshot() as db:
            row = db.execute("SELECT min(due_us) FROM reservations WHERE holding = 1").fetchone()
            reminder = next_reminder(db, self._places.policy)
            turn, draw, passage = next_turn(db), next_draw(db), next_passage(db, self._places)
        change = moment_or_none(row[0]) if row else None
        return min((due for due in (change, reminder, turn, draw, passage) if due is not None), default=None)

    def _get(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with self._pool.lend() as db:
            row: tuple[Any, ...] | None = db.execute(sql, values).fetchone()
            return row

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._pool.lend() as db:
            return db.execute(sql, values).fetchall()


def _history_line(row: Any) -> HistoryLine:
    return HistoryLine(moment(row[0]), moment(row[1]), row[2], row[3], facts_of_json(row[4]))


def _device_view(row: Any) -> DeviceView:
    return DeviceView(row[0], row[1], row[2], row[3], moment(row[4]))
