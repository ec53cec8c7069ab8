"""The one thread that writes: it drains a queue into group commits over the engine of either database.

Futures resolve only after the commit is on the disk. What a command does is in booking.store.batch.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

from booking.domain.places import Places
from booking.service.commands import Command, Outcome
from booking.service.ports import Touched
from booking.store.batch import Batch
from booking.store.committed import Committed
from booking.store.engine import Engine
from booking.store.errors import AwayError, StoreError
from booking.store.sql import Connection

MOST_PER_COMMIT = 256
SLOW, HANGS = 15.0, 60.0
"""Seconds of one commit after which `faults` says so, and after which the thread counts as dead. The longest that is known to
end by itself waits half a minute to learn whether a server that went away has stored it."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Submission:
    """Commands handed in together, and where their outcomes go."""

    commands: Sequence[Command]
    future: "Future[list[Outcome]]" = field(default_factory=Future)
    outcomes: list[Outcome] = field(default_factory=list)


class StoreWriter:
    """booking.service.ports.Writer over one engine. `start` makes its thread, `stop` ends it after the last commit."""

    def __init__(self, engine: Engine, places: Places, committed: Committed) -> None:
        self.engine = engine
        self._places = places
        self._committed = committed
        self._queue: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="booking-writer", daemon=True)
        self._closing = threading.Lock()
        self._closed = False
        self._failing = False
        self._began: float | None = None

    def start(self) -> None:
        """Start the writing thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end. What is submitted afterwards fails with StoreError."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the writing thread runs and gets on."""
        return self._thread.is_alive() and self._busy_for() < HANGS

    def faults(self) -> list[str]:
        """Say that nothing can be stored, as long as the last commit failed or the one under way does not end."""
        faults = ["the database cannot be written: the log says why"] if self._failing else []
        if (seconds := self._busy_for()) >= SLOW:
            faults.append(
                f"nothing has been stored for {seconds:.0f} seconds: one commit does not end. Look whether the database's disk or "
                f"server answers; after {HANGS:.0f} seconds the watchdog has this process started again"
            )
        return faults

    def _busy_for(self) -> float:
        """Return for how many seconds the commit under way has lasted."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    @property
    def depth(self) -> int:
        """How many submissions wait."""
        return self._queue.qsize()

    def submit(self, commands: Sequence[Command]) -> "Future[list[Outcome]]":
        """Queue `commands`; the future resolves, in order, once the transaction that holds them has committed."""
        submission = _Submission(tuple(commands))
        with self._closing:
            if self._closed:
                submission.future.set_exception(StoreError("booking is stopping: ask again in a moment"))
            else:
                self._queue.put(submission)
        return submission.future

    def on_commit(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener` after each commit, of whatever process on this database: it may only enqueue."""
        self._committed.add(listener)

    def _run(self) -> None:
        open_ = True
        while open_:
            first = self._queue.get()
            if first is None:
                return
            batch, count = [first], len(first.commands)
            while count < MOST_PER_COMMIT:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    open_ = False
                    break
                batch.append(following)
                count += len(following.commands)
            wanted = [one for one in batch if one.future.set_running_or_notify_cancel()]
            if wanted:
                self._began = time.monotonic()
                self._commit(wanted)
                self._began = None

    def _commit(self, submissions: list[_Submission]) -> None:
        def work(db: Connection, guarded: bool) -> Touched:  # noqa: FBT001 - the shape of booking.store.engine.Work
            batch = Batch(db, self._places, self.engine if guarded else None)
            outcomes = iter(batch.answer([command for one in submissions for command in one.commands]))
            for submission in submissions:
                submission.outcomes = list(islice(outcomes, len(submission.commands)))
            return batch.finish()

        try:
            touched = self.engine.transaction(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, this thread goes on with the next batch
            self._failing = True
            _log.exception("commit failed commands=%d", sum(len(one.commands) for one in submissions))
            for submission in submissions:
                submission.future.set_exception(StoreError(f"nothing was stored: {error}"))
            if isinstance(error, AwayError):
                self._refuse_queued(error)
            return
        self._failing = False
        for submission in submissions:
            submission.future.set_result(submission.outcomes)
        self._committed.tell(touched)

    def _refuse_queued(self, error: AwayError) -> None:
        """Let nobody wait in line for a database that is away: each batch would wait for it anew."""
        for _ in range(self._queue.qsize()):
            queued = self._queue.get()
            if queued is None:
                self._queue.put(None)
                return
            if queued.future.set_running_or_notify_cancel():
                queued.future.set_exception(StoreError(f"nothing was stored: {error}"))
