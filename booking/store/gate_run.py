"""booking.service.unit.Unit over the facts of a run of gate events: what it reads is known already, what it writes can wait.

Whatever is not known here is asked of the database, as ever; before that, and at the end, what waits is written. Whatever
changes anything but by a write that waits makes the facts stale, and they are asked for again: so being quick is never a
question of being right.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from booking.domain.freezing import Evacuation
from booking.domain.places import Places
from booking.domain.reservation import Reservation
from booking.service.commands import Recorded, RecordGateEvent
from booking.service.gate_record import GateRecord, Passage
from booking.store.desk_commands import INBOX, gate_event_known
from booking.store.evacuation_rows import EvacuationRows
from booking.store.gate_facts import GateFacts
from booking.store.gate_rows import GATE_RECORDS
from booking.store.many import Insert
from booking.store.opening_rows import LOOKS
from booking.store.rows import reservation_of, us, values_of
from booking.store.sql import Connection, Rows
from booking.store.stream_rows import StreamRows
from booking.store.tell import NOTIFICATIONS
from booking.store.unit import EVIDENCE, UPDATE, StoreUnit

_ORDER = (EVIDENCE, NOTIFICATIONS, LOOKS, INBOX, GATE_RECORDS)
MOST_ASKED = 4
"""A run in which the facts go stale more often than this gains nothing: the rest of it is carried out one by one."""


class Waiting:
    """A connection that keeps writes back until something else is asked of it. `stale` once something else was changed."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._rows: dict[Insert, list[tuple[Any, ...]]] = {insert: [] for insert in _ORDER}
        self._stays: dict[str, tuple[Any, ...]] = {}
        self._waits = False
        self.stale = False

    def insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        """Insert a row soon."""
        self._rows[insert].append(row)
        self._waits = True

    def save(self, stay: str, values: tuple[Any, ...]) -> None:
        """Write a reservation's state soon, unless another follows before that."""
        self._stays[stay] = values
        self._waits = True

    def flush(self) -> None:
        """Write what waits: reservations as they are now, then each table's rows in the order in which they came."""
        if not self._waits:
            return
        self._waits = False
        stays, self._stays = self._stays, {}
        for values in stays.values():
            self._db.execute(UPDATE, values)
        for insert, rows in self._rows.items():
            if rows:
                self._rows[insert] = []
                insert.all(self._db, rows)

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run any other statement; it sees all that was written before."""
        self.flush()
        if not sql.startswith("SELECT"):
            self.stale = True
        return self._db.execute(sql, values)

    def close(self) -> None:
        """Do nothing: the connection is the writer's."""


class _Streams(StreamRows):
    """What the inbox has, and what turnstiles said early, out of the facts; all else from the database."""

    def __init__(self, unit: "GateRun", db: Connection) -> None:
        super().__init__(db)
        self._unit = unit

    def holds(self, gate: str, epoch: int, sequence: int) -> bool:
        """Tell whether the inbox has this event, or everything up to it; there is none before the first."""
        return (gate, epoch, sequence) in self._unit.facts.inbox or super().holds(gate, epoch, sequence)

    def take_word(self, gate: str, epoch: int, sequence: int) -> bool | None:
        """Return what the turnstile said of an event before it came, and forget it; None where it said nothing."""
        facts, event = self._unit.facts, (gate, epoch, sequence)
        if event in facts.asked and event not in facts.words:
            return None
        return super().take_word(gate, epoch, sequence)


class _Evacuations(EvacuationRows):
    """Evacuations of the run's time out of the facts, all else from the database."""

    def __init__(self, unit: "GateRun", db: Connection) -> None:
        super().__init__(db)
        self._unit = unit

    def at(self, venue: str, moment: datetime) -> Evacuation | None:
        """Return the evacuation of `venue` that was going on at `moment`."""
        facts = self._unit.facts
        if moment < facts.since:
            return super().at(venue, moment)
        for one in facts.evacuations:
            if one.venue == venue and one.start <= moment and (one.end is None or one.end > moment):
                return one
        return None


class GateRun(StoreUnit):
    """The reads and writes of all events of one run, which are carried out one after the other."""

    def __init__(self, db: Connection, places: Places, commands: Sequence[RecordGateEvent]) -> None:
        self._waiting = Waiting(db)
        super().__init__(self._waiting, places)
        self._commands = commands
        self._facts = GateFacts(self._waiting, places, commands)
        self.streams = _Streams(self, self._waiting)
        self.evacuations = _Evacuations(self, self._waiting)
        self._asked = 1
        self._seen: set[str] = set()
        """Areas that have changed and in which nobody waits."""
        self._looked_at: datetime | None = None
        """Until then no window has opened that nobody looked at, and a passage opens none."""

    @property
    def facts(self) -> GateFacts:
        """Return what is known; asked again where it may no longer be true."""
        if self._waiting.stale:
            self._waiting.flush()
            self._waiting.stale = False
            self._asked += 1
            self._facts = GateFacts(self._waiting, self._places, self._commands)
        return self._facts

    @property
    def worth_it(self) -> bool:
        """Tell whether the facts were good for some events each time that they were asked for."""
        return self._asked <= MOST_ASKED

    def freed(self) -> set[str]:
        """Return the areas changed since the last call in which somebody waits for a place; then all is written."""
        fresh = self.touched - self._seen if self._seen else self.touched
        waited = fresh & self._facts.waited if fresh else fresh
        if waited:
            self._waiting.flush()
        elif fresh:
            self._seen |= fresh  # nobody waits there, and nobody begins to during this transaction's events
        return waited

    def end(self) -> None:
        """Write what waits."""
        self._waiting.flush()

    # ---- writes that the facts follow --------------------------------------------------------------------------------

    def known(self, command: RecordGateEvent) -> Recorded:
        """Remember an event in the inbox, or say that it was known: the same (replay) or another (conflict)."""
        identity = (command.gate, command.event.epoch, command.event.sequence)
        facts = self.facts
        stored = facts.inbox.get(identity)
        if stored is not None:
            return Recorded(replay=True) if stored == command.digest else gate_event_known(self._waiting, command)
        facts.inbox[identity] = command.digest
        self._waiting.insert(INBOX, (*identity, command.digest, command.payload, us(command.at)))
        return Recorded()

    def save(self, reservation: Reservation) -> None:
        """Write a reservation's present state; storage refuses an overlap, at the latest when the run ends."""
        due, values = self._due(reservation), values_of(reservation)
        self.facts.put(reservation_of(values), due)  # as it would be read: times in UTC
        self.touched.add(reservation.area)
        self._waiting.save(reservation.id, (*values[1:], due, reservation.id))

    def keep_record(self, passage: Passage) -> None:
        """Store a gate record with what it did."""
        facts = self.facts
        facts.pass_(passage, self._places.venue_of_gate(passage.gate))
        if passage.pending_until is not None and passage.pending_until <= facts.now:
            facts.waits_over = True
        super().keep_record(passage)

    def _insert(self, insert: Insert, row: tuple[Any, ...]) -> None:
        if insert in _ORDER:
            self._waiting.insert(insert, row)
        else:
            super()._insert(insert, row)

    # ---- reads -------------------------------------------------------------------------------------------------------

    def holder_of(self, kind: str, value: str, at: datetime) -> str | None:
        """Return who held this credential at `at`."""
        held = self.facts.holders.get((str(kind), value))
        if held is None:
            return super().holder_of(kind, value, at)
        at_us = us(at)
        for valid_from, valid_until, gone, reader in held:
            if valid_from <= at_us and all(end is None or end > at_us for end in (valid_until, gone)):
                return reader
        return None

    def stay(self, reservation: str) -> Reservation | None:
        """Return one reservation."""
        facts = self.facts
        reader = facts.reader_of.get(reservation)
        return super().stay(reservation) if reader is None else facts.stays[reader][reservation][0]

    def holding_of(self, reader: str) -> list[Reservation]:
        """Return the reservations of `reader` whose status holds a seat, by their end."""
        facts = self.facts
        return facts.holding(reader) if reader in facts.readers else super().holding_of(reader)

    def stays_at(self, reader: str, moment: datetime, venue: str | None) -> list[Reservation]:
        """Return what holds for `reader` in `venue`, and what time alone has closed that would still run at `moment`."""
        facts = self.facts
        if reader not in facts.readers or moment < facts.since:
            return super().stays_at(reader, moment, venue)
        found = facts.at(reader, moment)
        return [stay for stay in found if venue is None or self._venue(stay.area) in {venue, None}]

    def fallen_due(
        self, at: datetime, *, reader: str | None = None, seat: str | None = None, area: str | None = None
    ) -> list[Reservation]:
        """Return what time has changed by `at` without its being written: of this reader, seat or area; else all."""
        facts = self.facts
        if reader is None or seat is not None or area is not None or reader not in facts.readers:
            return super().fallen_due(at, reader=reader, seat=seat, area=area)
        return facts.due(reader, us(at))

    def passed_since(self, reader: str, venue: str | None, moment: datetime) -> bool:
        """Tell whether a passage of `reader` in `venue` after `moment` is stored."""
        facts = self.facts
        if reader not in facts.readers or moment < facts.since:
            return super().passed_since(reader, venue, moment)
        return facts.passed.get((reader, venue), 0) > us(moment)

    def pending(self, until: datetime) -> list[GateRecord]:
        """Return the passages whose wait for the turnstile's word is over by `until`, the longest first."""
        facts = self.facts
        return super().pending(until) if until > facts.now or facts.waits_over else []

    def opened(self, now: datetime) -> list[Reservation]:
        """Return the reservations whose check-in window opened by `now` and that nobody has looked at for that, by start."""
        if self._looked_at is not None and now <= self._looked_at:
            return []
        found = super().opened(now)
        self._looked_at = None if found else now
        return found
