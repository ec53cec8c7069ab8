"""What a terminal has told already, and whether something of what it told is missing; and how wrong its clock is. Pure.

A terminal sends an event again until it hears "200", also over a restart of ours. So the last events are remembered by
their serial number, code and time. A serial number alone is none: a terminal that is reset begins anew at 1.
"""

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta

import msgspec

from gate.push.told import LONGEST_KEPT, Notice

MOST_REMEMBERED = 1024
"""More events than a terminal ever has under way: it sends one after the other."""


class Kept(msgspec.Struct):
    """What is written down for after a restart; no person is in it."""

    told: list[str]
    highest: int | None = None
    ahead_s: float | None = None


class Serials:
    """One terminal's. One thread at a time."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._told: OrderedDict[str, None] = OrderedDict.fromkeys(kept.told[-MOST_REMEMBERED:] if kept else ())
        self._highest = kept.highest if kept else None
        self._ahead = timedelta(seconds=kept.ahead_s) if kept and kept.ahead_s is not None else None
        self.repeats = 0
        self.missing = 0

    @property
    def ahead(self) -> timedelta | None:
        """By how much the terminal's clock was ahead of ours at its last event that was sent at once; None before one."""
        return self._ahead

    def kept(self) -> Kept:
        """Return what to write down."""
        return Kept(list(self._told), self._highest, self._ahead.total_seconds() if self._ahead is not None else None)

    def is_repeat(self, notice: Notice) -> bool:
        """Whether this was told, and taken, before."""
        again = _name(notice) in self._told
        self.repeats += again
        return again

    def gap(self, notice: Notice) -> int:
        """Return how many events are missing between the last and this one, as far as a terminal's numbers say it.

        Inferred: `frontSerialNo` is the event before. A reset terminal, or one that sends what it kept, shows none.
        """
        event = notice.event
        if event is None or event.front is None or not event.current or self._highest is None:
            return 0
        missing = max(0, event.front - self._highest)
        self.missing += missing
        return missing

    def taken(self, notice: Notice) -> None:
        """Remember an event that is on the disk."""
        event = notice.event
        if event is None or event.serial is None:
            return
        self._told[_name(notice)] = None
        while len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        if event.current:
            self._highest = event.serial

    def is_late(self, notice: Notice, said_at: datetime | None, now: datetime, fresh_for: timedelta) -> bool:
        """Whether an event is of the past: the terminal says so, or it is older than `fresh_for` by what we know of its clock."""
        if notice.event is None or not notice.event.current:
            return True
        if said_at is None or self._ahead is None:
            return False
        return now - (said_at - self._ahead) > fresh_for

    def heard_live(self, said_at: datetime | None, now: datetime) -> None:
        """Learn the terminal's clock from an event that it sent at once."""
        if said_at is not None:
            self._ahead = said_at - now

    def happened(self, said_at: datetime | None, now: datetime) -> datetime | None:
        """Return when an event of the past was, by our clock; None where the terminal's clock cannot be believed."""
        if said_at is None:
            return None
        moment = said_at - (self._ahead or timedelta())
        if not timedelta() <= now - moment <= LONGEST_KEPT:
            return None
        return moment.astimezone(now.tzinfo)


def _name(notice: Notice) -> str:
    event = notice.event
    if event is None or event.serial is None:
        return ""
    return hashlib.sha256(f"{event.serial}|{event.code}|{notice.said_at}".encode()).hexdigest()[:16]
