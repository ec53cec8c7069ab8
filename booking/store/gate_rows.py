"""Gate records as rows, for decisions inside the writer's transaction. SQL only, no rule."""

from datetime import datetime
from typing import Any

from booking.domain.places import Places
from booking.service.gate_record import GateRecord, Passage
from booking.store.many import Insert
from booking.store.rows import (
    moment,
    moment_or_none,
    new_id,
    reservation_json,
    reservation_of_json,
    us,
    us_or_none,
)
from booking.store.sql import Connection
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction, PassageEvent

_RECORD = (
    "id, gate, epoch, sequence, portal, direction, kind, credential, outcome, occurred_us, coalesce(way, direction), "
    "reader, received_us, answer, passed, pending_us, state_before, state_after"
)
GATE_RECORDS = Insert(
    "gate_records (id, gate, epoch, sequence, portal, venue, direction, kind, credential, outcome, occurred_us, received_us, "
    "reader, reservation, effect, state_before, state_after, way, pending_us, unconfirmed, said_us, passed, reason)",
    23,
)
PENDING_UNTIL = "FROM gate_records WHERE pending_us IS NOT NULL AND pending_us <= ?"
RECORDS = f"SELECT {_RECORD} FROM gate_records "  # noqa: S608 - the columns are constants of this module
WENT = "outcome <> 'denied' AND (passed IS NULL OR passed = 1) AND coalesce(answer, '') <> 'disputed'"
"""What somebody walked through, as far as we know."""


def record_of_row(row: Any) -> GateRecord:
    """Return the record in a row of RECORDS."""
    event = AccessEvent(
        portal=row[4],
        direction=Direction(row[5]),
        credential=Credential(CredentialKind(row[6]), row[7]) if row[6] else None,
        outcome=AccessOutcome(row[8]),
        occurred_at=moment(row[9]),
        monotonic_ns=0,
        boot_id="",
        epoch=row[2],
        sequence=row[3],
    )
    return GateRecord(
        id=row[0],
        gate=row[1],
        event=event,
        way=Direction(row[10]),
        reader=row[11],
        received_at=moment(row[12]),
        answer=row[13],
        passed=None if row[14] is None else bool(row[14]),
        pending_until=moment_or_none(row[15]),
        before=reservation_of_json(row[16]),
        after=reservation_of_json(row[17]),
    )


class GateUnit:
    """The passages of booking.service.unit.Unit."""

    _db: Connection
    _places: Places

    def passed_since(self, reader: str, venue: str | None, moment: datetime) -> bool:
        """Tell whether a passage of `reader` in `venue` after `moment` is stored."""
        row = self._db.execute(
            "SELECT 1 FROM gate_records WHERE reader = ? AND occurred_us > ? AND venue IS NOT DISTINCT FROM ? "
            "AND outcome <> 'denied' AND (passed IS NULL OR passed = 1) LIMIT 1",
            (reader, us(moment), venue),
        ).fetchone()
        return row is not None

    def _insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        insert.one(self._db, row)

    def keep_record(self, passage: Passage) -> None:
        """Store a gate record with what it did."""
        event, card = passage.event, passage.event.credential
        self._insert(
            GATE_RECORDS,
            (
                new_id(passage.received_at),
                passage.gate,
                event.epoch,
                event.sequence,
                event.portal,
                self._places.venue_of_gate(passage.gate),
                str(event.direction),
                str(card.kind) if card else None,
                card.value if card else "",
                str(event.outcome),
                us(event.occurred_at),
                us(passage.received_at),
                passage.reader,
                passage.before.id if passage.before else None,
                passage.effect,
                reservation_json(passage.before),
                reservation_json(passage.after),
                str(passage.way),
                us_or_none(passage.pending_until),
                int(passage.unconfirmed),
                us_or_none(passage.said_at),
                None if passage.passed is None else int(passage.passed),
                str(event.reason) if event.reason else None,
            ),
        )

    def take_effect(self, record: str, passage: Passage) -> None:
        """Write what a passage did that waited, or that it did nothing."""
        self._db.execute(
            "UPDATE gate_records SET pending_us = NULL, reservation = ?, effect = ?, state_before = ?, state_after = ?, "
            "unconfirmed = ? WHERE id = ?",
            (
                passage.before.id if passage.before else None,
                passage.effect,
                reservation_json(passage.before),
                reservation_json(passage.after),
                int(passage.unconfirmed),
                record,
            ),
        )

    def keep_passage(self, event: PassageEvent, gate: str) -> None:
        """Note on the gate record of event `of` whether somebody walked through."""
        self._db.execute(
            "UPDATE gate_records SET passed = ? WHERE gate = ? AND epoch = ? AND sequence = ?",
            (int(event.passed), gate, event.epoch, event.of),
        )

    def gate_record(self, record: str) -> GateRecord | None:
        """Return a gate record."""
        return self._record("WHERE id = ?", (record,))

    def record_of(self, gate: str, epoch: int, sequence: int) -> GateRecord | None:
        """Return the gate record of an event."""
        return self._record("WHERE gate = ? AND epoch = ? AND sequence = ?", (gate, epoch, sequence))

    def _record(self, where: str, values: tuple[Any, ...]) -> GateRecord | None:
        row = self._db.execute(RECORDS + where, values).fetchone()
        return record_of_row(row) if row else None

    def pending(self, until: datetime) -> list[GateRecord]:
        """Return the passages whose wait for the turnstile's word is over by `until`, the longest first."""
        rows = self._db.execute(
            RECORDS + "WHERE pending_us IS NOT NULL AND pending_us <= ? ORDER BY pending_us, id", (us(until),)
        ).fetchall()
        return [record_of_row(row) for row in rows]

    def void_record(self, record: str) -> None:
        """Note that what a passage did is taken back, or will not be done."""
        self._db.execute("UPDATE gate_records SET effect = '', pending_us = NULL WHERE id = ?", (record,))

    def answer_record(self, record: str, answer: str, at: datetime) -> None:
        """Write the reader's answer."""
        self._db.execute("UPDATE gate_records SET answer = ?, answered_us = ? WHERE id = ?", (answer, us(at), record))

    def flag_card(self, record: str, at: datetime) -> None:
        """Show the card of this record to the desk."""
        self._db.execute(
            "INSERT INTO card_flags (record, at_us) VALUES (?, ?) ON CONFLICT DO NOTHING", (record, us(at))
        )

    def inside_since(self, reader: str, venue: str, since: datetime, now: datetime) -> datetime | None:
        """Return when `reader` came into `venue`, at `since` or later; None where they have gone, or not come, by `now`."""
        row = self._db.execute(
            f"SELECT way, occurred_us FROM gate_records WHERE reader = ? AND venue = ? AND occurred_us >= ? "  # noqa: S608
            f"AND occurred_us <= ? AND way IN ('in', 'out') AND {WENT} AND (pending_us IS NULL OR pending_us <= ?) "
            "ORDER BY occurred_us DESC, sequence DESC LIMIT 1",
            (reader, venue, us(since), us(now), us(now)),
        ).fetchone()
        return moment(row[1]) if row and row[0] == str(Direction.IN) else None

    def clear_flag(self, record: str, by: str, at: datetime) -> bool:
        """Note that staff looked at a flagged card; False when there is none. Cleared before: nothing changes."""
        if self._db.execute("SELECT 1 FROM card_flags WHERE record = ?", (record,)).fetchone() is None:
            return False
        self._db.execute(
            "UPDATE card_flags SET cleared_by = ?, cleared_us = ? WHERE record = ? AND cleared_us IS NULL",
            (by, us(at), record),
        )
        return True
