"""What is known about a run of gate events, asked for all of them at once and kept true as they are decided one by one.

SQL and arithmetic only, no rule. A run lives inside one transaction that nobody else's write can cross, so only the run itself
changes what is known. The facts reach back to `since`, the earliest moment that one of the events can be judged by.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from booking.domain.clocks import impossible
from booking.domain.freezing import Evacuation
from booking.domain.places import Places
from booking.domain.reservation import Reservation, Status
from booking.service.commands import RecordGateEvent
from booking.service.gate_record import Passage
from booking.store.evacuation_rows import since as evacuations_since
from booking.store.gate_rows import PENDING_UNTIL
from booking.store.many import rows_of
from booking.store.rows import RESERVATION, reservation_of, us
from booking.store.sql import Connection
from messages.access import AccessEvent, AccessOutcome, Direction, GateEvent

_INBOX = "SELECT gate, epoch, sequence, digest FROM inbox WHERE (gate, epoch, sequence) IN {wanted}"
_HOLDERS = (
    "SELECT c.kind, c.value, c.reader, c.valid_from_us, c.valid_until_us, o.gone_us FROM credentials c "
    "CROSS JOIN readers o WHERE (c.kind, c.value) IN {wanted} AND o.id = c.reader"
)
_STAYS = (
    f"SELECT {RESERVATION}, due_us FROM reservations "  # noqa: S608 - a constant of this package
    "WHERE reader IN {wanted} AND (holding = 1 OR end_us > ? OR closed_us > ?)"
)
_PASSED = (
    "SELECT reader, venue, max(occurred_us) FROM gate_records WHERE reader IN {wanted} AND occurred_us > ? "
    "AND outcome <> 'denied' AND (passed IS NULL OR passed = 1) GROUP BY reader, venue"
)
_WORDS = "SELECT of_sequence FROM early_words WHERE gate = ? AND epoch = ? AND of_sequence BETWEEN ? AND ?"
Identity = tuple[str, int, int]
"""Gate, epoch, sequence."""


class GateFacts:
    """The facts of `commands`, which are access events."""

    def __init__(self, db: Connection, places: Places, commands: Sequence[RecordGateEvent]) -> None:
        self._db = db
        self._places = places
        self.now = max(command.at for command in commands)
        ahead = places.policy.gate.clock_ahead
        times = [one.event.occurred_at for one in commands if not impossible(one.event.occurred_at, one.at, ahead)]
        self.since = min([*times, self.now])
        identities = [(one.gate, one.event.epoch, one.event.sequence) for one in commands]
        self.asked = {*identities, *((gate, epoch, sequence - 1) for gate, epoch, sequence in identities)}
        """The events, and those before them: whether the inbox has them is known."""
        self._cards = {
            (str(card.kind), card.value): None
            for one in commands
            if isinstance(one.event, AccessEvent) and (card := one.event.credential)
        }
        self.inbox: dict[Identity, bytes] = {
            (row[0], row[1], row[2]): row[3] for row in rows_of(db, _INBOX, sorted(self.asked))
        }
        """What is stored of those: identity → digest."""
        rows = db.execute("SELECT DISTINCT area FROM waits WHERE told_us IS NULL AND closed_us IS NULL").fetchall()
        self.waited = {str(row[0]) for row in rows}
        """The areas in which somebody waits for a place."""
        self._prepare(commands)

    def _prepare(self, commands: Sequence[RecordGateEvent]) -> None:
        """Ask now for what will be needed: asked for later, it would have to wait for what is written until then."""
        _ = self.stays, self.words
        if any(self._leads_out(one.gate, one.event) for one in commands):
            _ = self.passed, self.evacuations

    def _leads_out(self, gate: str, event: GateEvent) -> bool:
        return isinstance(event, AccessEvent) and (
            self._places.way_of(gate, event.portal, event.direction) is Direction.OUT
        )

    # ---- who it was --------------------------------------------------------------------------------------------------

    @cached_property
    def holders(self) -> dict[tuple[str, str], list[tuple[int, int | None, int | None, str]]]:
        """Credential → who has held it: (valid from, valid until, gone from, reader), the latest first."""
        found: dict[tuple[str, str], set[Any]] = {card: set() for card in self._cards}
        for row in rows_of(self._db, _HOLDERS, sorted(self._cards)):
            found[row[0], row[1]].add((row[3], row[4], row[5], row[2]))
        return {card: sorted(held, key=lambda one: -one[0]) for card, held in found.items()}

    @cached_property
    def readers(self) -> frozenset[str]:
        """Whoever has held one of the credentials: what they hold is known."""
        return frozenset(one[3] for held in self.holders.values() for one in held)

    def _of_readers(self, sql: str, *after: int) -> list[tuple[Any, ...]]:
        return list(rows_of(self._db, sql, sorted(self.readers), after))

    # ---- what they hold ----------------------------------------------------------------------------------------------

    @cached_property
    def stays(self) -> "defaultdict[str, dict[str, tuple[Reservation, int | None]]]":
        """Reader → their reservations that hold, or were over after `since`, by id, each with when it falls due."""
        found: defaultdict[str, dict[str, tuple[Reservation, int | None]]] = defaultdict(dict)
        for row in self._of_readers(_STAYS, us(self.since), us(self.since)):
            stay = reservation_of(row)
            found[stay.reader][stay.id] = (stay, row[-1])
        return found

    @cached_property
    def reader_of(self) -> dict[str, str]:
        """Reservation → reader, of those that are known."""
        return {stay: reader for reader, stays in self.stays.items() for stay in stays}

    def put(self, stay: Reservation, due_us: int | None) -> None:
        """Count in what the run has just written."""
        if stay.reader in self.readers:
            self.stays[stay.reader][stay.id] = (stay, due_us)
            self.reader_of[stay.id] = stay.reader

    def holding(self, reader: str) -> list[Reservation]:
        """Return what holds for a reader, by its end."""
        stays = self.stays.get(reader)
        if not stays:
            return []
        return sorted((stay for stay, _ in stays.values() if stay.holds), key=lambda one: one.end)

    def at(self, reader: str, moment: datetime) -> list[Reservation]:
        """Return what holds for a reader, and what time alone has closed that would still run at `moment`, by start."""
        stays = [stay for stay, _ in self.stays.get(reader, {}).values() if stay.holds or _closed_since(stay, moment)]
        return sorted(stays, key=lambda one: (one.start, not one.holds, one.end))

    def due(self, reader: str, at_us: int) -> list[Reservation]:
        """Return what time has changed of a reader's by then without its being written, in the order in which it did."""
        stays = self.stays.get(reader, {}).values()
        due = [
            (due_us, stay.start, stay)
            for stay, due_us in stays
            if due_us is not None and due_us <= at_us and stay.holds
        ]
        return [one[2] for one in sorted(due, key=lambda one: one[:2])] if due else []

    # ---- where they went ---------------------------------------------------------------------------------------------

    @cached_property
    def passed(self) -> dict[tuple[str, str | None], int]:
        """(Reader, venue) → their last passage after `since`."""
        return {(row[0], row[1]): row[2] for row in self._of_readers(_PASSED, us(self.since))}

    def pass_(self, passage: Passage, venue: str | None) -> None:
        """Count in a passage that the run has just written, where passages are known already."""
        if passage.reader is None or passage.event.outcome is AccessOutcome.DENIED or passage.passed is False:
            return
        if "passed" in self.__dict__:
            key, at_us = (passage.reader, venue), us(passage.event.occurred_at)
            self.passed[key] = max(self.passed.get(key, at_us), at_us)

    @cached_property
    def evacuations(self) -> list[Evacuation]:
        """The evacuations that go on, or went on after `since`."""
        return evacuations_since(self._db, self.since)

    # ---- what else is asked of each ----------------------------------------------------------------------------------

    @cached_property
    def words(self) -> set[Identity]:
        """Events on which a turnstile's word has come already."""
        streams: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for gate, epoch, sequence in self.asked:
            streams[gate, epoch].append(sequence)
        return {
            (gate, epoch, row[0])
            for (gate, epoch), of in streams.items()
            for row in self._db.execute(_WORDS, (gate, epoch, min(of), max(of))).fetchall()
        }

    @cached_property
    def waits_over(self) -> bool:
        """Whether a passage waits for the turnstile's word no longer than until the last of the commands."""
        return self._db.execute(f"SELECT 1 {PENDING_UNTIL} LIMIT 1", (us(self.now),)).fetchone() is not None


def _closed_since(stay: Reservation, moment: datetime) -> bool:
    match stay.status:
        case Status.NO_SHOW | Status.LAPSED:
            return stay.end > moment
        case Status.NOT_SIGNED_OUT:
            return stay.closed_at is not None and stay.closed_at > moment
        case Status.ENDED:
            return stay.closed_at == stay.end and stay.end > moment
        case _:
            return False
