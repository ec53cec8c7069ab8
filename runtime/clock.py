"""The one clock of a process: wall, monotonic and boot id, and the shift that `seatgate run --now` asks for.

Every other module takes a time as an argument or a `Clock`; none calls `datetime.now` or `time.time`.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

SHIFT_VARIABLE = "SEATGATE_CLOCK_SHIFT"
"""Seconds that a child process of `seatgate run --now` adds to the wall clock."""
STEP = timedelta(seconds=2)
"""A wall clock that moves by more than this against the time elapsed was set; by less it was only corrected."""
LONGEST_DOUBT = timedelta(minutes=10)
"""A clock that was set is believed when it has stood for as long as the step was wide, and after this at the latest."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clock:
    """Wall time moved by `shift`; the monotonic clock is never moved."""

    shift: timedelta = timedelta()

    @classmethod
    def from_environment(cls) -> Self:
        """Return the clock that the parent process asked for; unshifted when it asked for none."""
        return cls(timedelta(seconds=float(os.environ.get(SHIFT_VARIABLE, "0"))))

    @classmethod
    def starting_at(cls, moment: datetime) -> Self:
        """Return a clock that reads `moment` now and runs on from there."""
        return cls(moment - datetime.now(UTC))

    def now(self) -> datetime:
        """Return the wall time in UTC."""
        return datetime.now(UTC) + self.shift

    @property
    def doubt(self) -> timedelta:
        """By how much the wall clock differs from `now`: a plain clock never doubts it."""
        return timedelta()

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never step (CLOCK_MONOTONIC)."""
        return time.monotonic_ns()

    @cached_property
    def boot_id(self) -> str:
        """Name this run of the kernel, so that two monotonic times can be compared; "unknown" outside Linux."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return "unknown"


def _wall() -> datetime:
    return datetime.now(UTC)


def _elapsed() -> timedelta:
    """Return the time since the machine started, its sleep included (CLOCK_BOOTTIME)."""
    return timedelta(microseconds=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000)


class _Belief:
    """What the wall clock would read at the start of the machine: as it is believed, and as a step claims. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._believed: datetime | None = None
        self._claimed: datetime | None = None
        self._since = timedelta()
        self.doubt = timedelta()

    def read(self, wall: datetime, elapsed: timedelta) -> datetime:
        """Return the time to go by."""
        began = wall - elapsed
        with self._lock:
            if self._believed is None or abs(began - self._believed) <= STEP:
                self._believe(began)
                return wall
            self.doubt = began - self._believed
            if self._claimed is None or abs(began - self._claimed) > STEP:
                self._claimed, self._since = began, elapsed
                _log.warning("the clock was set seconds=%+.0f: not believed yet", self.doubt.total_seconds())
            elif elapsed - self._since >= min(abs(self.doubt), LONGEST_DOUBT):
                _log.warning("the clock that was set is believed seconds=%+.0f", self.doubt.total_seconds())
                self._believe(began)
                return wall
            return self._believed + elapsed

    def _believe(self, began: datetime) -> None:
        self._believed, self._claimed, self.doubt = began, None, timedelta()


@dataclass(frozen=True)
class SteadyClock(Clock):
    """A clock for whoever takes a seat from somebody because of the time: it does not follow a step of the wall clock at once.

    It goes on by the time elapsed until the step has stood for a while. What it was when the process started it believes:
    there is nothing to compare it with.
    """

    wall: Callable[[], datetime] = _wall
    elapsed: Callable[[], timedelta] = _elapsed
    _belief: _Belief = field(default_factory=_Belief, compare=False, repr=False)

    def now(self) -> datetime:
        """Return the wall time in UTC, without a step that is not believed yet."""
        return self._belief.read(self.wall(), self.elapsed()) + self.shift

    @property
    def doubt(self) -> timedelta:
        """By how much the wall clock differs from `now` at the last reading; zero when it is believed."""
        return self._belief.doubt
