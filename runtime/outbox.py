"""The durable queue of an edge machine: one SQLite file, committed to disk before anything is published.

`append` returns only when the row is on the disk (WAL, synchronous=FULL). Sequences start at 1 and have no gap;
the epoch is a random 53-bit number made with the file, so `(sender, epoch, sequence)` is unique for ever. A row is
done when an application acknowledgement names it, never when the broker says so. Done rows stay for some days.
Memory does not grow with the backlog: rows are read by sequence, a few at a time. Every method may be called from
any thread. How the file is opened, and what happens when it is broken, is in `outbox_file`.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw

from messages.acknowledgement import Acknowledgement, Rejected
from messages.envelope import MAX_PAYLOAD_BYTES
from messages.presence import OutboxState
from runtime import outbox_file
from runtime.clock import Clock
from runtime.outbox_file import OutboxError, OutboxFull, fault_of

__all__ = ["KEEP_ACKNOWLEDGED", "Make", "Outbox", "OutboxError", "OutboxFull", "Row", "Settled"]

_log = logging.getLogger(__name__)
KEEP_ACKNOWLEDGED = timedelta(days=7)
"""A server restored from a backup can ask again for this long."""
DAMAGED = "damaged-on-disk"

Make = Callable[[int, int], tuple[str, bytes]]
"""(epoch, sequence) → (topic, exact payload bytes)."""

_APPEND = "INSERT INTO rows (sequence, topic, payload, digest) VALUES (?, ?, ?, ?)"
_PENDING = """SELECT sequence, topic, payload, digest FROM rows
WHERE state = 'pending' AND sequence > ? ORDER BY sequence LIMIT ?"""
_NEWEST = "SELECT sequence, topic, payload FROM rows ORDER BY sequence DESC LIMIT ?"
_SETTLE = "UPDATE rows SET state = 'settled', settled_at = ? WHERE state = 'pending' AND sequence BETWEEN ? AND ?"
_SET_ASIDE = "UPDATE rows SET state = 'aside', settled_at = ?, code = ? WHERE state = 'pending' AND sequence = ?"
_RESEND = "UPDATE rows SET state = 'pending', settled_at = NULL WHERE state = 'settled' AND sequence BETWEEN ? AND ?"
# The newest row stays whatever its age: it carries the sequence on over a restart.
_PRUNE = "DELETE FROM rows WHERE state = 'settled' AND settled_at < ? AND sequence < ?"


@dataclass(frozen=True, slots=True)
class Row:
    """One queued message; the payload is byte for byte what was appended."""

    sequence: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """What an acknowledgement took off the queue now: how many rows are done, and which were set aside."""

    done: int
    aside: tuple[Rejected, ...]


class Outbox:
    """Open (or make) the queue at `path`. One process owns the file; OutboxError for a second one."""

    def __init__(self, path: Path, clock: Clock, *, keep_acknowledged: timedelta = KEEP_ACKNOWLEDGED) -> None:
        self._clock = clock
        self._keep = keep_acknowledged
        self._lock = threading.Lock()
        self._file = outbox_file.open_file(path, clock)
        with self._database() as db:
            self._last: int = db.execute("SELECT ifnull(max(sequence), 0) FROM rows").get
            self._depth: int = db.execute("SELECT count(*) FROM rows WHERE state = 'pending'").get
        self._newest: Row | None = None
        """The last row, as long as it is surely pending: whoever sends it next need not read and hash it again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def epoch(self) -> int:
        """The random number that was made with the file."""
        return self._file.epoch

    @contextmanager
    def _database(self) -> Iterator[Any]:
        """Hold the one connection (untyped: apsw gives every column as any SQLite value); its errors become ours."""
        with self._lock:
            try:
                yield self._file.connection
            except apsw.Error as error:
                raise fault_of(error, self._file.path) from error

    def append(self, make: Make) -> Row:
        """Commit the message that `make(epoch, sequence)` builds and return it.

        OutboxFull when the disk is, OutboxError when it fails otherwise: the event is then not stored, the sequence
        is not used up, and the caller decides what to do with it.
        """
        with self._database() as db:
            sequence = self._last + 1
            topic, payload = make(self.epoch, sequence)
            if len(payload) > MAX_PAYLOAD_BYTES:
                raise OutboxError(f"a payload of {len(payload)} bytes: at most {MAX_PAYLOAD_BYTES} are queued")
            db.execute(_APPEND, (sequence, topic, payload, hashlib.sha256(payload).digest()))
            self._last = sequence
            self._depth += 1
            self._newest = row = Row(sequence, topic, payload)
        return row

    def pending(self, *, after: int = 0, limit: int = 20) -> list[Row]:
        """Return up to `limit` rows to send with a sequence above `after`, in order.

        A row whose bytes no longer fit their digest is set aside: it must never be signed and sent.
        """
        with self._database() as db:
            if after >= self._last:
                return []
            if after == self._last - 1 and self._newest is not None:
                return [self._newest]
            found = db.execute(_PENDING, (after, limit)).fetchall()
        rows = []
        for sequence, topic, payload, digest in found:
            if hashlib.sha256(payload).digest() == digest:
                rows.append(Row(sequence, topic, payload))
            else:
                _log.critical("a queued event is damaged on the disk epoch=%d sequence=%d", self.epoch, sequence)
                self.set_aside(sequence, DAMAGED)
        return rows if rows or not found else self.pending(after=found[-1][0], limit=limit)

    def newest(self, count: int) -> list[Row]:
        """Return the last `count` rows, whatever became of them, in order: what this sender has said lately."""
        with self._database() as db:
            found = db.execute(_NEWEST, (count,)).fetchall()
        return [Row(*row) for row in reversed(found)]

    def acknowledge(self, *acknowledgements: Acknowledgement) -> Settled:
        """Mark what the server has committed as done and what it rejected as set aside; one transaction for all.

        A repeat settles nothing. An acknowledgement for another epoch is ignored.
        """
        ours = [each for each in acknowledgements if each.epoch == self.epoch]
        settled_at = self._now()
        done, aside = 0, []
        with self._database() as db:
            self._newest = None
            with db:
                for first, last in (span for each in ours for span in each.ranges):
                    db.execute(_SETTLE, (settled_at, first, last))
                    done += db.changes()
                for rejected in (one for each in ours for one in each.rejected):
                    db.execute(_SET_ASIDE, (settled_at, rejected.code.value, rejected.sequence))
                    if db.changes():
                        aside.append(rejected)
            self._depth -= done + len(aside)
        return Settled(done, tuple(aside))

    def resend(self, epoch: int, first: int, last: int) -> int:
        """Put acknowledged rows from `first` to `last` back on the queue and return how many they are.

        Rows that were pruned are gone; another epoch's were never here.
        """
        if epoch != self.epoch:
            return 0
        with self._database() as db:
            self._newest = None
            db.execute(_RESEND, (first, last))
            again: int = db.changes()
            self._depth += again
        return again

    def set_aside(self, sequence: int, code: str) -> None:
        """Stop sending a row that can never be delivered and keep it for staff; `code` says why."""
        with self._database() as db:
            self._newest = None
            db.execute(_SET_ASIDE, (self._now(), code, sequence))
            self._depth -= db.changes()

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def aside(self) -> dict[str, int]:
        """Return how many rows are set aside, by reason."""
        with self._database() as db:
            return dict(db.execute("SELECT code, count(*) FROM rows WHERE state = 'aside' GROUP BY code").fetchall())

    def state(self) -> OutboxState:
        """Return the figures of a birth. `watermark`: up to here nothing waits to be sent."""
        with self._database() as db:
            first = db.execute("SELECT min(sequence) FROM rows WHERE state = 'pending'").get
            return OutboxState(
                epoch=self.epoch,
                last_sequence=self._last,
                depth=self._depth,
                watermark=self._last if first is None else first - 1,
                previous_epoch=self._file.previous_epoch,
            )

    def prune(self, now: datetime) -> int:
        """Forget rows acknowledged longer ago than they are kept and return how many; set-aside rows always stay."""
        with self._database() as db:
            db.execute(_PRUNE, (int((now - self._keep).timestamp()), self._last))
            forgotten: int = db.changes()
        return forgotten

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._lock:
            self._file.close()
