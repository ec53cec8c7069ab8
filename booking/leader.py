"""Leads while it is this process's turn: an edge for each term, as `store.leadership` says. On SQLite that is always."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from booking.errors import BookingError
from booking.service.ports import Touched
from booking.store.leadership import Leadership

_MOMENT_SECONDS = 0.5
UNLED = 20.0
"""Seconds after which it is a fault that no process leads; one that stands still is replaced within 15."""
NOBODY = (
    'no process leads: passages, maps and messages wait. The logs of all workers say why none can ("cannot stand for the '
    'lead"); a pooler before PostgreSQL has to pool sessions, not transactions'
)
_log = logging.getLogger(__name__)


class Term(Protocol):
    """What runs for one term of leading (booking.edge.Edge)."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, and wait for the end."""

    def committed(self, touched: Touched) -> None:
        """A process has committed something; may only enqueue."""

    def faults(self) -> list[str]:
        """Return what is wrong, a sentence each."""


class Leader:
    """`run` on a thread of its own until `stop`; `begin` makes the parts of a new term."""

    def __init__(self, leadership: Leadership, begin: Callable[[], Term], on_failure: Callable[[], None]) -> None:
        self._leadership = leadership
        self._begin = begin
        self._on_failure = on_failure
        self.failure: Exception | None = None
        """Why this process cannot lead, and then had better end."""
        self._term: Term | None = None
        self._settled = threading.Event()
        self._unled_since: float | None = None

    @property
    def leading(self) -> bool:
        """Whether the parts run in this process."""
        return self._term is not None

    def run(self) -> None:
        """Stand for the lead, again and again, until `stop`; what runs is stopped before this returns."""
        try:
            for leading in self._leadership.changes():
                self._end()
                if leading:
                    self._term = self._begin()
                    self._term.start()
                self._settled.set()
        except Exception as error:  # noqa: BLE001 - whatever it is, a process that only seems to lead must not stay
            _log.error("this process cannot lead error=%s", error)
            self.failure = error
            self._settled.set()
            self._on_failure()
        finally:
            self._end()

    def wait_a_moment(self) -> None:
        """Return once this process leads, or after a moment when another does: so that what is served first tells it."""
        self._settled.wait(_MOMENT_SECONDS)

    def stop(self) -> None:
        """Let another process lead and end `run`."""
        self._leadership.resign()

    def committed(self, touched: Touched) -> None:
        """Hand a commit of any process on to what runs; never waits."""
        term = self._term
        if term is not None:
            term.committed(touched)

    def faults(self) -> list[str]:
        """Return what is wrong with what runs here; where that is nothing, whether another process leads."""
        term = self._term
        if term is not None:
            self._unled_since = None
            return term.faults()
        try:
            led = self._leadership.led()
        except BookingError:
            return []  # the database is away, and whoever reads says so
        if led:
            self._unled_since = None
            return []
        now = time.monotonic()
        self._unled_since = self._unled_since or now
        return [NOBODY] if now - self._unled_since >= UNLED else []

    def _end(self) -> None:
        term, self._term = self._term, None
        if term is not None:
            term.stop()
