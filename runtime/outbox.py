"""The durable queue of an edge machine: one SQLite file, committed to disk before anything is published.

`append` returns only when the row is on the disk (WAL, synchronous=FULL). Sequences start at 1 and have no gap;
the epoch is a random 53-bit number made with the file, so `(sender, epoch, sequence)` is unique for ever. A row is
done when an application acknowledgement names it, never when the broker says so. Done rows stay for some days.
Memory does not grow with the backlog: rows are read by sequence, a few at a time. Every method may be called from
any thread. How the file is opened, and what happens when it is broken, is in `outbox_file`.
"""

import hashlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import apsw

from messages.acknowledgement import Acknowledgement, RejectCode, Rejected
from messages.envelope import MAX_PAYLOAD_BYTES
from messages.presence import OutboxState
from runtime import outbox_file
from runtime.clock import Clock
from runtime.outbox_epochs import Epochs
from runtime.outbox_file import OutboxError, OutboxFull, fault_of

__all__ = ["KEEP_ACKNOWLEDGED", "Make", "Outbox", "OutboxError", "OutboxFull", "Row", "Settled"]

_log = logging.getLogger(__name__)
KEEP_ACKNOWLEDGED = timedelta(days=7)
"""A server restored from a backup can ask again for this long."""
DAMAGED = "damaged-on-disk"

Make = Callable[[int, int], tuple[str, bytes]]
"""(epoch, sequence) → (topic, exact payload bytes)."""
Remake = Callable[[bytes], Make | None]
"""Payload → what makes the same event under another identity; None for what cannot be."""

SENT_ANEW = "sent-anew"
TOLD_DAYS = 14
"""How long it is told that an outbox began anew."""
_AHEAD, _LONG_AGO = timedelta(days=1), timedelta(days=400)
"""Nothing is kept for longer than a year: what seems older was dated by a clock that had lost its time."""

_APPEND = "INSERT INTO rows (sequence, topic, payload, digest) VALUES (?, ?, ?, ?)"
_PENDING = """SELECT sequence, topic, payload, digest FROM rows
WHERE state = 'pending' AND sequence > ? ORDER BY sequence LIMIT ?"""
_NEWEST = "SELECT sequence, topic, payload FROM rows ORDER BY sequence DESC LIMIT ?"
_SETTLE = "UPDATE rows SET state = 'settled', settled_at = ? WHERE state = 'pending' AND sequence BETWEEN ? AND ?"
_SET_ASIDE = "UPDATE rows SET state = 'aside', settled_at = ?, code = ? WHERE state = 'pending' AND sequence = ?"
_RESEND = "UPDATE rows SET state = 'pending', settled_at = NULL WHERE state = 'settled' AND sequence BETWEEN ? AND ?"
_CONFLICTS = """SELECT sequence, topic, payload FROM rows
WHERE state = 'aside' AND code = ? AND sequence <= ? ORDER BY sequence"""
_NOTE = "UPDATE rows SET code = ? WHERE sequence = ?"
# The newest row stays whatever its age: it carries the sequence on over a restart.
_DATE_AGAIN = "UPDATE rows SET settled_at = ? WHERE state = 'settled' AND settled_at > ?"
_DATE_AGAIN_OLD = "UPDATE rows SET settled_at = ? WHERE state = 'settled' AND settled_at < ?"
_PRUNE = "DELETE FROM rows WHERE state = 'settled' AND settled_at < ? AND sequence < ?"


@dataclass(frozen=True, slots=True)
class Row:
    """One queued message; the payload is byte for byte what was appended. `place`: where it stands in the file."""

    sequence: int
    topic: str
    payload: bytes
    epoch: int = 0
    place: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What an acknowledgement took off the queue now: how many rows are done, and which were set aside."""

    done: int
    aside: tuple[Rejected, ...]


@contextmanager
def _transaction(db: Any) -> Iterator[None]:
    """Do what the block does in one transaction.

    By statements, for apsw's own `with connection` holds the interpreter while the disk writes: no line would be read meanwhile.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(apsw.Error):  # a full disk has rolled back already
            db.execute("ROLLBACK")
        raise


class Outbox:
    """Open (or make) the queue at `path`. One process owns the file; OutboxError for a second one."""

    def __init__(self, path: Path, clock: Clock, *, keep_acknowledged: timedelta = KEEP_ACKNOWLEDGED) -> None:
        self._clock = clock
        self._keep = keep_acknowledged
        self._lock = threading.Lock()
        self._file = outbox_file.open_file(path, clock)
        with self._database() as db:
            self._epochs = Epochs(db.execute("SELECT epoch, base FROM epochs").fetchall())
            newest: int = db.execute("SELECT ifnull(max(sequence), 0) FROM rows").get
            self._last = max(newest, self._epochs.present.base)
            """The last place that is taken. Places are what the column `sequence` holds: see `outbox_epochs`."""
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
        """The random number that was made with the file, or when this one's numbers were found to be used twice."""
        return self._epochs.present.epoch

    @property
    def trouble(self) -> str:
        """Why this outbox began anew (`outbox_file.LOST`, `DAMAGED`); empty when it did not."""
        return self._file.trouble

    def knows(self, epoch: int) -> bool:
        """Tell whether rows of an epoch are here, or were."""
        return self._epochs.of(epoch) is not None

    @contextmanager
    def _database(self) -> Iterator[Any]:
        """Hold the one connection (untyped: apsw gives every column as any SQLite value); its errors become ours."""
        with self._lock:
            try:
                if not self._file.there():
                    self._file = outbox_file.write_back(self._file)
                yield self._file.connection
            except apsw.Error as error:
                raise fault_of(error, self._file.path) from error
            except OSError as error:
                raise OutboxError(
                    f"{self._file.path} cannot be used ({error.strerror}): check the disk and its folder's owner"
                ) from error

    def append(self, make: Make) -> Row:
        """Commit the message that `make(epoch, sequence)` builds and return it.

        OutboxFull when the disk is, OutboxError when it fails otherwise: the event is then not stored, the sequence
        is not used up, and the caller decides what to do with it.
        """
        with self._database() as db:
            row = self._insert(db, make)
            self._last = row.place
            self._depth += 1
            self._newest = row
        return row

    def _insert(self, db: Any, make: Make, *, after: int | None = None) -> Row:
        present, place = self._epochs.present, (self._last if after is None else after) + 1
        sequence = place - present.base
        topic, payload = make(present.epoch, sequence)
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise OutboxError(f"a payload of {len(payload)} bytes: at most {MAX_PAYLOAD_BYTES} are queued")
        db.execute(_APPEND, (place, topic, payload, hashlib.sha256(payload).digest()))
        return Row(sequence, topic, payload, present.epoch, place)

    def pending(self, *, after: int = 0, limit: int = 20) -> list[Row]:
        """Return up to `limit` rows to send behind the place `after`, in order, those of closed epochs first.

        A row whose bytes no longer fit their digest is set aside: it must never be signed and sent.
        """
        with self._database() as db:
            if after >= self._last:
                return []
            if after == self._last - 1 and self._newest is not None:
                return [self._newest]
            found = db.execute(_PENDING, (after, limit)).fetchall()
        rows = []
        for place, topic, payload, digest in found:
            stretch = self._epochs.at(place)
            sequence = place - stretch.base
            if hashlib.sha256(payload).digest() == digest:
                rows.append(Row(sequence, topic, payload, stretch.epoch, place))
            else:
                _log.critical("a queued event is damaged on the disk epoch=%d sequence=%d", stretch.epoch, sequence)
                self.set_aside(place, DAMAGED)
        return rows if rows or not found else self.pending(after=found[-1][0], limit=limit)

    def newest(self, count: int) -> list[Row]:
        """Return the last `count` rows, whatever became of them, in order: what this sender has said lately."""
        with self._database() as db:
            found = db.execute(_NEWEST, (count,)).fetchall()
        return [Row(*row) for row in reversed(found)]

    def acknowledge(self, *acknowledgements: Acknowledgement) -> Settled:
        """Mark what the server has committed as done and what it rejected as set aside; one transaction for all.

        A repeat settles nothing. An acknowledgement for an epoch that was never here is ignored.
        """
        ours = [(stretch, each) for each in acknowledgements if (stretch := self._epochs.of(each.epoch)) is not None]
        settled_at = self._now()
        done, aside = 0, []
        with self._database() as db:
            self._newest = None
            with _transaction(db):
                for stretch, span in ((stretch, span) for stretch, each in ours for span in each.ranges):
                    db.execute(_SETTLE, (settled_at, *stretch.places(*span)))
                    done += db.changes()
                for stretch, rejected in ((stretch, one) for stretch, each in ours for one in each.rejected):
                    first, last = stretch.places(rejected.sequence, rejected.sequence)
                    if first <= last:
                        db.execute(_SET_ASIDE, (settled_at, rejected.code.value, first))
                    if first <= last and db.changes():
                        aside.append(rejected)
            self._depth -= done + len(aside)
        return Settled(done, tuple(aside))

    def resend(self, epoch: int, first: int, last: int) -> int:
        """Put acknowledged rows from `first` to `last` back on the queue and return how many they are.

        Rows that were pruned are gone; those of an epoch that we do not know were never here.
        """
        stretch = self._epochs.of(epoch)
        if stretch is None:
            return 0
        with self._database() as db:
            self._newest = None
            db.execute(_RESEND, stretch.places(first, last))
            again: int = db.changes()
            self._depth += again
        return again

    def place(self, epoch: int, sequence: int) -> int:
        """Return where a row of an epoch that is known stands."""
        stretch = self._epochs.of(epoch)
        return sequence if stretch is None else stretch.base + sequence

    def begin_epoch(self) -> int:
        """Begin a new epoch and return it: another disk used this one's numbers, too. What waits keeps its old identity."""
        epoch, before = secrets.randbits(outbox_file.EPOCH_BITS), self.epoch
        with self._database() as db:
            with _transaction(db):
                # An epoch without a row leaves nothing to tell it by: two could claim the same places.
                db.execute("DELETE FROM epochs WHERE base = ?", (self._last,))
                db.execute("INSERT INTO epochs VALUES (?, ?)", (epoch, self._last))
                db.execute("UPDATE meta SET number = ? WHERE name = 'epoch'", (epoch,))
                db.execute("INSERT OR REPLACE INTO meta VALUES ('previous_epoch', ?)", (before,))
            known = ((each.epoch, each.base) for each in self._epochs if each.base < self._last)
            self._epochs = Epochs([*known, (epoch, self._last)])
            self._file = replace(self._file, epoch=epoch, previous_epoch=before)
            try:
                outbox_file.remember(self._file.path, epoch)
            except OSError as error:
                _log.error("the new epoch is not noted beside the outbox: %s", error.strerror)
        _log.warning("a new epoch began epoch=%d previous_epoch=%d", epoch, before)
        return epoch

    def send_anew(self, remake: Remake) -> int:
        """Queue what booking refused because its number was another event's: once, under the present epoch; return how many.

        Rows of the present epoch wait until a new one has begun. What `remake` returns None for stays set aside.
        """
        with self._database() as db:
            found = db.execute(_CONFLICTS, (RejectCode.DIGEST_CONFLICT.value, self._epochs.present.base)).fetchall()
            last, again = self._last, 0
            with _transaction(db):
                for place, _topic, payload in found:
                    make = remake(payload)
                    if make is None:
                        continue
                    last = self._insert(db, make, after=last).place
                    db.execute(_NOTE, (SENT_ANEW, place))
                    again += 1
            self._last, self._depth, self._newest = last, self._depth + again, None if again else self._newest
        return again

    def set_aside(self, place: int, code: str) -> None:
        """Stop sending a row that can never be delivered and keep it for staff; `code` says why."""
        with self._database() as db:
            self._newest = None
            db.execute(_SET_ASIDE, (self._now(), code, place))
            self._depth -= db.changes()

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    def aside(self) -> dict[str, int]:
        """Return how many rows are set aside, by reason; those that were sent anew are not."""
        with self._database() as db:
            found = db.execute(
                "SELECT code, count(*) FROM rows WHERE state = 'aside' AND code <> ? GROUP BY code", (SENT_ANEW,)
            )
            return dict(found.fetchall())

    def state(self) -> OutboxState:
        """Return the figures of a birth. `watermark`: of the present epoch nothing up to here waits to be sent."""
        with self._database() as db:
            base = self._epochs.present.base
            first = db.execute("SELECT min(sequence) FROM rows WHERE state = 'pending' AND sequence > ?", (base,)).get
            return OutboxState(
                epoch=self.epoch,
                last_sequence=self._last - base,
                depth=self._depth,
                watermark=(self._last if first is None else first - 1) - base,
                previous_epoch=self._file.previous_epoch,
            )

    def prune(self, now: datetime) -> int:
        """Forget rows acknowledged longer ago than they are kept and return how many; set-aside rows always stay.

        `now` must be believed. A row acknowledged under a clock that was far off by it is kept as long as one of today.
        """
        today, late, early = (int((now + span).timestamp()) for span in (timedelta(), _AHEAD, -_LONG_AGO))
        with self._database() as db:
            db.execute(_DATE_AGAIN, (today, late))
            db.execute(_DATE_AGAIN_OLD, (today, early))
            db.execute(_PRUNE, (int((now - self._keep).timestamp()), self._last))
            forgotten: int = db.changes()
            # Once a day; after TOLD_DAYS of them staff have seen it, or never will.
            db.execute("UPDATE meta SET number = number + 1 WHERE name = ?", (self.trouble,))
            db.execute("DELETE FROM meta WHERE name = ? AND number > ?", (self.trouble, TOLD_DAYS))
            if self.trouble and db.changes():
                self._file = replace(self._file, trouble="")
        return forgotten

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._lock:
            self._file.close()
