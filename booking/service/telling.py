"""Telling readers things: the commands that change what is told, and the rows that are read back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from booking.domain.notices import Notice
from booking.domain.telling import TellingChannel
from booking.domain.waiting import Wait
from booking.service.views import NotificationView


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChannel:
    """A reader wants to be told on `channel`. `address` None keeps the one there is; `muted` kinds stay off it."""

    reader: str
    at: datetime
    channel: TellingChannel
    address: str | None
    language: str
    muted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropChannel:
    """A reader no longer wants to be told on `channel`; what still waits for it is dropped."""

    reader: str
    at: datetime
    channel: TellingChannel


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimDelivery:
    """Take the delivery that has waited longest, for a sender. Unless it is settled, it waits again after `lease`,
    doubled with each try up to `longest`: a sender that dies loses nothing.
    """

    at: datetime
    lease: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleDelivery:
    """A claimed delivery went out (`error` ""), or did not; `last`: then it is given up and shown to staff."""

    at: datetime
    n: int
    error: str = ""
    last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StartWaiting:
    """A reader wants to be told when `seat`, or any seat of `area`, is free for the whole of `[start, end)`; `start`
    None means now. The same wish twice is one.
    """

    reader: str
    at: datetime
    seat: str | None
    area: str | None
    start: datetime | None
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWaiting:
    """A reader no longer waits."""

    reader: str
    at: datetime
    wait: str


WaitingCommand = StartWaiting | StopWaiting


@dataclass(frozen=True, slots=True)
class Waiting:
    """The reader waits."""

    wait: Wait


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCalendar:
    """Give the reader's calendar feed another secret (its hash), or none; `turn` is one more than before."""

    reader: str
    at: datetime
    turn: int
    secret_hash: bytes | None


TellingCommand = SetCalendar | WriteNotice | WithdrawNotice | SetChannel | DropChannel | ClaimDelivery | SettleDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification on its way to one address. `key` is the same in every try."""

    n: int
    key: str
    channel: TellingChannel
    address: str
    language: str
    tries: int
    note: NotificationView


@dataclass(frozen=True, slots=True)
class Claimed:
    """The delivery that a sender may try now; None when none waits."""

    delivery: Delivery | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView:
    """A reader's own channel. `address` is masked."""

    channel: TellingChannel
    address: str
    language: str
    muted: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDelivery:
    """A delivery that was given up, as staff see it: whose, what and why; no address."""

    reader: str
    kind: str
    channel: TellingChannel
    tries: int
    given_up_at: datetime
    error: str


class TellingReads(Protocol):
    """The part of booking.service.ports.Reads that is about telling."""

    def notices(self, now: datetime) -> list[Notice]:
        """What is shown to everybody at `now`, newest first."""

    def every_notice(self, *, limit: int = 50) -> list[Notice]:
        """All notices with who wrote and withdrew them, newest first: for staff."""

    def waits(self, reader: str, now: datetime) -> list[Wait]:
        """What the reader waits for, and what they were told of in the last turn, oldest first."""

    def calendar_turn(self, reader: str) -> tuple[int, bool]:
        """How often the reader's calendar feed was set, and whether there is one now."""

    def reader_of_calendar(self, secret_hash: bytes) -> str | None:
        """Whose feed has this secret."""

    def channels(self, reader: str) -> list[ChannelView]:
        """Where the reader wants to be told."""

    def next_delivery(self) -> datetime | None:
        """When the next delivery may be tried; None when none waits."""

    def lost_deliveries(self, *, limit: int = 20) -> tuple[int, int, list[LostDelivery]]:
        """How many deliveries wait, how many were given up, and the newest of those: for staff."""
