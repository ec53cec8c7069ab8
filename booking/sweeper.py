"""Writes down what time has done, when it is due. Nothing depends on its punctuality: reads derive the same state."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from booking.domain.refusals import Refusal
from booking.errors import BookingError
from booking.service.commands import Sweep
from booking.service.ports import Writer
from runtime.clock import Clock

GATHER = timedelta(milliseconds=500)
"""After a commit: we look what it changed when whoever waits for it is answered, and in a rush not after every one."""
LONGEST_WAIT = timedelta(minutes=5)
"""A clock that was set is noticed after this at the latest; expired sessions go as often."""
SHORTEST_WAIT = timedelta(milliseconds=100)
AFTER_FAILURE = timedelta(seconds=5)
_log = logging.getLogger(__name__)


class Sweeper:
    """`wake` from any thread; `run` on a thread of its own until `stop`."""

    def __init__(self, next_due: Callable[[], datetime | None], writer: Writer, clock: Clock) -> None:
        self._next_due = next_due
        self._writer = writer
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Look again when something falls due; never waits."""
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Sweep once now, then whenever something falls due, until `stop`."""
        swept_at = None
        while not self._stopping.is_set():
            now, due = self._clock.now(), self._next_due()
            if swept_at is None or (due is not None and due <= now) or now - swept_at >= LONGEST_WAIT:
                pause = SHORTEST_WAIT if self._sweep(now) else AFTER_FAILURE
                swept_at = now
                self._stopping.wait(pause.total_seconds())
                continue
            wait = LONGEST_WAIT if due is None else min(due - now, LONGEST_WAIT)
            if self._wake.wait(self._clock.seconds(wait)):
                self._stopping.wait(GATHER.total_seconds())
            self._wake.clear()

    def _sweep(self, now: datetime) -> bool:
        try:
            (outcome,) = self._writer.submit([Sweep(at=now)]).result()
        except BookingError as error:
            _log.warning("not swept error=%s", error)
            return False
        return not isinstance(outcome, Refusal)
