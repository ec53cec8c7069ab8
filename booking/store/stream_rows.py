"""booking.service.stream_book.StreamBook over the writing connection: SQL only, no rule."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from booking.service.gate_states import KeepGateState
from booking.service.gate_views import Alert
from booking.service.stream_book import DeadLetter, Held, Kept
from booking.store import gate_state_rows
from booking.store.rows import facts_json, moment, us
from booking.store.sql import Connection

_log = logging.getLogger(__name__)
_OF_GATE = "gate = ? AND epoch = ?"


class StreamRows:
    """The streams' part of one command's unit."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def holds(self, gate: str, epoch: int, sequence: int) -> bool:
        """Tell whether the inbox has this event, or everything up to it; there is none before the first."""
        if sequence < 1 or sequence <= self._complete(gate, epoch):
            return True
        row = self._db.execute(f"SELECT 1 FROM inbox WHERE {_OF_GATE} AND sequence = ?", (gate, epoch, sequence))  # noqa: S608
        return row.fetchone() is not None

    def _complete(self, gate: str, epoch: int) -> int:
        row = self._db.execute(f"SELECT complete FROM gate_streams WHERE {_OF_GATE}", (gate, epoch)).fetchone()  # noqa: S608
        return int(row[0]) if row else 0

    def epochs(self, gate: str) -> Mapping[int, tuple[int, int]]:
        """Return the epochs that the gate has named, newest first: its last sequence then, and up to where we hold all."""
        rows: list[Any] = self._db.execute(
            "SELECT epoch, last_sequence FROM gate_streams WHERE gate = ? ORDER BY heard_us DESC", (gate,)
        ).fetchall()
        return {row[0]: (row[1], self._whole_to(gate, row[0])) for row in rows}

    def _whole_to(self, gate: str, epoch: int) -> int:
        """Return up to where the inbox holds everything: it looks on from where that was known to be so."""
        complete = self._complete(gate, epoch)
        if not self.holds(gate, epoch, complete + 1):
            return complete
        row: Any = self._db.execute(
            f"SELECT sequence FROM inbox i WHERE {_OF_GATE} AND sequence > ? AND NOT EXISTS (SELECT 1 FROM inbox n "  # noqa: S608
            "WHERE n.gate = i.gate AND n.epoch = i.epoch AND n.sequence = i.sequence + 1) ORDER BY sequence LIMIT 1",
            (gate, epoch, complete),
        ).fetchone()
        return int(row[0])

    def hear(self, gate: str, epoch: int, last_sequence: int, at: datetime) -> int:
        """Note a birth's figures and return up to where the inbox holds everything of this epoch."""
        complete = self._whole_to(gate, epoch)
        self._db.execute(
            "INSERT INTO gate_streams (gate, epoch, complete, last_sequence, heard_us) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (gate, epoch) DO UPDATE SET complete = excluded.complete, heard_us = excluded.heard_us, "
            "last_sequence = CASE WHEN gate_streams.last_sequence > excluded.last_sequence "
            "THEN gate_streams.last_sequence ELSE excluded.last_sequence END",
            (gate, epoch, complete, last_sequence, us(at)),
        )
        return complete

    def alert(self, alert: Alert) -> None:
        """Insert an alert; one of this kind about this event stays as it is."""
        self._alert(alert, None)

    def _alert(self, alert: Alert, last: int | None) -> None:
        known = self._db.execute(
            "SELECT 1 FROM alerts WHERE kind = ? AND gate = ? AND epoch = ? AND sequence = ?",
            (str(alert.kind), alert.gate, alert.epoch, alert.sequence),
        ).fetchone()
        if known is not None:
            return
        self._db.execute(
            "INSERT INTO alerts (id, kind, gate, epoch, sequence, from_us, facts, last_sequence) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                alert.id,
                str(alert.kind),
                alert.gate,
                alert.epoch,
                alert.sequence,
                us(alert.shown_from),
                facts_json(alert.facts),
                last,
            ),
        )
        _log.warning("alert kind=%s gate=%s epoch=%d sequence=%d", alert.kind, alert.gate, alert.epoch, alert.sequence)

    def miss(self, alert: Alert, now: datetime) -> None:
        """Note that this event is missing: as part of a gap that is known, or as an alert from the first event missing there.

        Gaps of one epoch do not overlap: each lies between two events that we held when it was found.
        """
        gate, epoch, last = alert.gate, alert.epoch, alert.sequence
        known: Any = self._db.execute(
            "SELECT id, sequence, coalesce(last_sequence, sequence), from_us, seen_us FROM alerts "
            "WHERE kind = ? AND gate = ? AND epoch = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1",
            (str(alert.kind), gate, epoch, last),
        ).fetchone()
        if known is not None and known[2] >= last:
            return
        row: Any = self._db.execute(
            f"SELECT max(sequence) FROM inbox WHERE {_OF_GATE} AND sequence < ?",  # noqa: S608
            (gate, epoch, last),
        ).fetchone()
        held = max(row[0] or 0, self._complete(gate, epoch))
        if known is not None and known[4] is None and held < known[2]:  # the same gap, and it has grown
            self._db.execute("UPDATE alerts SET last_sequence = ? WHERE id = ?", (last, known[0]))
            return
        first = max(held, known[2] if known else 0) + 1
        if known is not None and known[4] is None and known[3] > us(now) and self._all_here(gate, epoch, *known[1:3]):
            # nobody has seen it, and it has closed before anybody could: one row does for all such gaps
            self._db.execute(
                "UPDATE alerts SET sequence = ?, last_sequence = ?, from_us = ? WHERE id = ?",
                (first, last, us(alert.shown_from), known[0]),
            )
            return
        self._alert(replace(alert, sequence=first), last)

    def _all_here(self, gate: str, epoch: int, first: int, last: int) -> bool:
        row: Any = self._db.execute(
            f"SELECT count(*) FROM inbox WHERE {_OF_GATE} AND sequence BETWEEN ? AND ?",  # noqa: S608
            (gate, epoch, first, last),
        ).fetchone()
        return bool(row[0] == last - first + 1)

    def keep_word(self, gate: str, epoch: int, of: int, at: datetime, *, passed: bool) -> None:
        """Keep a turnstile's word on an event that has not come yet; the first word on it counts."""
        self._db.execute(
            "INSERT INTO early_words (gate, epoch, of_sequence, passed, received_us) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (gate, epoch, of, int(passed), us(at)),
        )

    def take_word(self, gate: str, epoch: int, sequence: int) -> bool | None:
        """Return what the turnstile said of an event before it came, and forget it; None where it said nothing."""
        mine = (gate, epoch, sequence)
        row: Any = self._db.execute(
            f"SELECT passed FROM early_words WHERE {_OF_GATE} AND of_sequence = ?",  # noqa: S608
            mine,
        ).fetchone()
        if row is None:
            return None
        self._db.execute(f"DELETE FROM early_words WHERE {_OF_GATE} AND of_sequence = ?", mine)  # noqa: S608
        return bool(row[0])

    def keep_state(self, command: KeepGateState) -> None:
        """Keep what a gate says of itself in the place of what it said before; its death ends that connection alone."""
        gate_state_rows.keep(self._db, command)

    def see(self, alert: str, by: str, at: datetime) -> bool:
        """Note that staff have seen an alert; False when there is none. Seen before: nothing changes."""
        if self._db.execute("SELECT 1 FROM alerts WHERE id = ?", (alert,)).fetchone() is None:
            return False
        self._db.execute(
            "UPDATE alerts SET seen_by = ?, seen_us = ? WHERE id = ? AND seen_us IS NULL", (by, us(at), alert)
        )
        return True

    def anchor(self, gate: str, boot_id: str, booted: datetime, at: datetime) -> None:
        """Keep when a gate's machine was started, by its latest birth."""
        self._db.execute("DELETE FROM gate_clocks WHERE gate = ?", (gate,))
        self._db.execute(
            "INSERT INTO gate_clocks (gate, boot_id, offset_us, at_us) VALUES (?, ?, ?, ?)",
            (gate, boot_id, us(booted), us(at)),
        )

    def booted(self, gate: str, boot_id: str) -> datetime | None:
        """Return when it was, None where no birth of that run is known."""
        row: Any = self._db.execute(
            "SELECT offset_us FROM gate_clocks WHERE gate = ? AND boot_id = ?", (gate, boot_id)
        ).fetchone()
        return moment(row[0]) if row else None

    def hold(self, kept: Kept) -> None:
        """Keep an event until its gate's clock is known."""
        _log.warning("event held until its clock is known gate=%s sequence=%d", kept.gate, kept.sequence)
        self._db.execute(
            "INSERT INTO held_events (gate, epoch, sequence, boot_id, digest, payload, received_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                kept.gate,
                kept.epoch,
                kept.sequence,
                kept.boot_id,
                kept.digest,
                kept.payload,
                us(kept.at),
            ),
        )

    def take_held(self, gate: str) -> list[Held]:
        """Return what is held of a gate, in its order, and forget it."""
        rows: list[Any] = self._db.execute(
            "SELECT payload, digest FROM held_events WHERE gate = ? ORDER BY received_us, epoch, sequence", (gate,)
        ).fetchall()
        if rows:
            self._db.execute("DELETE FROM held_events WHERE gate = ?", (gate,))
        return [Held(gate, row[0], row[1]) for row in rows]

    def bury(self, kept: Kept, reason: str) -> None:
        """Keep an event among the dead letters."""
        self._db.execute(
            "INSERT INTO dead_letters (gate, epoch, sequence, digest, payload, reason, received_us) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (kept.gate, kept.epoch, kept.sequence, kept.digest, kept.payload, reason, us(kept.at)),
        )

    def dead_letter(self, letter: str) -> DeadLetter | None:
        """Return a dead letter by its number."""
        row: Any = self._db.execute(
            "SELECT gate, payload, digest, reason, settled_us FROM dead_letters WHERE n = ?",
            (int(letter) if letter.isdecimal() and len(letter) < 18 else -1,),  # noqa: PLR2004 - fits a column
        ).fetchone()
        if row is None:
            return None
        return DeadLetter(gate=row[0], payload=row[1], digest=row[2], reason=row[3], settled=row[4] is not None)

    def settle_letter(self, letter: str, by: str, at: datetime) -> None:
        """Note that staff had it applied."""
        self._db.execute(
            "UPDATE dead_letters SET settled_by = ?, settled_us = ? WHERE n = ?", (by, us(at), int(letter))
        )
