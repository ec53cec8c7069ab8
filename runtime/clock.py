"""The one clock of a process: wall, monotonic and boot id, and the shift that `seatgate run --now` asks for.

Every other module takes a time as an argument or a `Clock`; none calls `datetime.now` or `time.time`.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

SHIFT_VARIABLE = "SEATGATE_CLOCK_SHIFT"
"""Seconds that a child process of `seatgate run --now` adds to the wall clock."""


@dataclass(frozen=True)
class Clock:
    """Wall time moved by `shift`; the monotonic clock is never moved."""

    shift: timedelta = timedelta()

    @classmethod
    def from_environment(cls) -> "Clock":
        """Return the clock that the parent process asked for; unshifted when it asked for none."""
        return cls(timedelta(seconds=float(os.environ.get(SHIFT_VARIABLE, "0"))))

    @classmethod
    def starting_at(cls, moment: datetime) -> "Clock":
        """Return a clock that reads `moment` now and runs on from there."""
        return cls(moment - datetime.now(UTC))

    def now(self) -> datetime:
        """Return the wall time in UTC."""
        return datetime.now(UTC) + self.shift

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
