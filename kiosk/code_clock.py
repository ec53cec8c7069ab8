"""Which check-in code is due. Pure: the time is an argument, the keys are those that booking gave this kiosk.

A kiosk holds a week of its own day keys, so the code goes on changing for that long without any server.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from messages import checkin

MAX_OFFSET = timedelta(seconds=5)
"""A clock that is further off would draw codes that booking refuses: the kiosk says so instead."""


class HiddenBecause(StrEnum):
    """Why there is no code to show."""

    NO_KEY = "no-key"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Due:
    """The code of this moment: what the QR holds, its step, and the seconds until the next (1-10)."""

    url: str
    step: int
    seconds_left: int


@dataclass(frozen=True, slots=True)
class CodeClock:
    """Keys by epoch (UTC day number); `offset` is server time minus ours, None while nobody has measured it."""

    public_url: str
    kiosk_number: int | None = None
    keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    offset: timedelta | None = None

    def due(self, now: datetime) -> Due | HiddenBecause:
        """Return the code that is due at `now` (this machine's clock), or why it is hidden."""
        if self.offset is not None and abs(self.offset) > MAX_OFFSET:
            return HiddenBecause.CLOCK
        moment = self._server_time(now)
        step = checkin.step_at(moment)
        url = self._url(step)
        if url is None:
            return HiddenBecause.NO_KEY
        return Due(url, step, math.ceil((step + 1) * checkin.STEP_SECONDS - moment.timestamp()))

    def following(self, now: datetime) -> str | None:
        """Return the code after the one that is due, so that it can be made ready; None where there is no key."""
        return self._url(checkin.step_at(self._server_time(now)) + 1)

    def days_left(self, now: datetime) -> int:
        """Return how many days, today included, the keys last."""
        first = checkin.epoch_of(checkin.step_at(self._server_time(now)))
        days = 0
        while first + days in self.keys:
            days += 1
        return days

    def _server_time(self, now: datetime) -> datetime:
        return now + (self.offset or timedelta())

    def _url(self, step: int) -> str | None:
        key = self.keys.get(checkin.epoch_of(step))
        if key is None or self.kiosk_number is None:
            return None
        return checkin.url(self.public_url, checkin.mint(key, self.kiosk_number, step))
