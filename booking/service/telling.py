"""Telling readers things: the commands that change what is told, and the rows that are read back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking.domain.notices import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteNotice:
    """Put up a notice. The same `id` twice is one notice, so that a form sent twice writes once."""

    at: datetime
    notice: Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawNotice:
    """Take a notice down; it stays on record. Withdrawn before: nothing changes."""

    at: datetime
    notice: str
    by: str


TellingCommand = WriteNotice | WithdrawNotice


class TellingReads(Protocol):
    """The part of booking.service.ports.Reads that is about telling."""

    def notices(self, now: datetime) -> list[Notice]:
        """What is shown to everybody at `now`, newest first."""

    def every_notice(self, *, limit: int = 50) -> list[Notice]:
        """All notices with who wrote and withdrew them, newest first: for staff."""
