"""The one clock of a process: wall, monotonic and boot id, and what `seatgate run --now --speed` asks of it.

Every other module takes a time as an argument or a `Clock`; none calls `datetime.now` or `time.time`.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Self

SHIFT_VARIABLE = "SEATGATE_CLOCK_SHIFT"
"""Seconds that a child process of `seatgate run --now` adds to the wall clock."""
PACE_VARIABLE = "SEATGATE_CLOCK_PACE"
"""Under `seatgate run --speed`: how many times faster the wall clock goes, and since when, as "60@1764086400.5" (Unix time)."""
STEP = timedelta(seconds=2)
"""A wall clock that moves by more than this against the time elapsed was set; by less it was only corrected."""
LONGEST_DOUBT = timedelta(minutes=10)
"""A clock that was set is believed when it has stood for as long as the step was wide, and after this at the latest."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Clock:
    """Wall time moved by `shift`, and `rate` times faster from `since` on; the monotonic clock is never moved."""

    shift: timedelta = timedelta()
    rate: float = 1.0
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the clock that the parent process asked for; unshifted and as fast as any when it asked for none."""
        shift = timedelta(seconds=float(environment.get(SHIFT_VARIABLE, "0")))
        rate, _, since = environment.get(PACE_VARIABLE, "1@0").partition("@")
        return cls(shift, float(rate), datetime.fromtimestamp(float(since), UTC))

    @property
    def environment(self) -> dict[str, str]:
        """What makes `from_environment` of a child process return this clock."""
        shift = {SHIFT_VARIABLE: str(self.shift.total_seconds())}
        return shift if self.rate == 1.0 else {**shift, PACE_VARIABLE: f"{self.rate}@{self.since.timestamp()}"}

    @classmethod
    def starting_at(cls, moment: datetime) -> Self:
        """Return a clock that reads `moment` now and runs on from there."""
        return cls(moment - datetime.now(UTC))

    def now(self) -> datetime:
        """Return the wall time in UTC."""
        return self.shown_at(datetime.now(UTC))

    def shown_at(self, wall: datetime) -> datetime:
        """Return what this clock shows when the machine's own shows `wall`."""
        return wall + self.shift if self.rate == 1.0 else self.since + (wall - self.since) * self.rate + self.shift

    def seconds(self, span: timedelta) -> float:
        """Return how many seconds to wait until this clock has gone on by `span`."""
        return span.total_seconds() / self.rate

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
        return self.shown_at(self._belief.read(self.wall(), self.elapsed()))

    @property
    def doubt(self) -> timedelta:
        """By how much the wall clock differs from `now` at the last reading; zero when it is believed."""
        return self._belief.doubt
