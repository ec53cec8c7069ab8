"""When the duties of a running gate are due, whatever becomes of the wall clock. Pure.

A wall clock may be set by hours, back to the year 2000 when a battery is empty, or far ahead. Reports go by elapsed time.
What is acknowledged is forgotten by its age, which the wall clock tells: so it is forgotten only while that clock has run as
fast as time itself since the last look.
"""

from datetime import datetime, timedelta

REPORT_EVERY, PRUNE_EVERY, FIRST_PRUNE = timedelta(minutes=1), timedelta(days=1), timedelta(hours=1)
TOLERANCE = timedelta(minutes=10)
"""By so much a clock may be corrected between two looks and still be believed."""


class DutyTimes:
    """`elapsed`: time that never steps (CLOCK_MONOTONIC)."""

    def __init__(self, wall: datetime, elapsed: timedelta) -> None:
        self._report_at = elapsed
        self._wall, self._elapsed = wall, elapsed
        self._prune_at = elapsed + FIRST_PRUNE

    def report_due(self, elapsed: timedelta, *, news: bool) -> bool:
        """Tell whether to report now, and expect it again a minute later when it is."""
        if not news and elapsed < self._report_at:
            return False
        self._report_at = elapsed + REPORT_EVERY
        return True

    def prune_due(self, wall: datetime, elapsed: timedelta) -> bool:
        """Tell whether old rows may be forgotten now. Where the clock was set meanwhile it is watched for another while first."""
        if elapsed < self._prune_at:
            return False
        steady = abs((wall - self._wall) - (elapsed - self._elapsed)) <= TOLERANCE
        self._wall, self._elapsed = wall, elapsed
        self._prune_at = elapsed + (PRUNE_EVERY if steady else FIRST_PRUNE)
        return steady
