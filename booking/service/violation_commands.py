"""Commands about violations: what gates have told, what readers ask for, what staff decide. Deciding is in consequences.py."""

from dataclasses import dataclass
from datetime import datetime

from booking.service.request_key import RequestKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HearGate:
    """A gate said at `wall` (its clock) how far its outbox was: all up to `watermark` acknowledged, the last row being
    `last_sequence`. Once we hold these rows, nothing that it captured before then is missing.
    """

    gate: str
    at: datetime
    wall: datetime
    epoch: int
    watermark: int
    last_sequence: int
    previous_epoch: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """The reader contests a violation."""

    reader: str
    at: datetime
    violation: str
    words: str
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideViolation:
    """Staff uphold or lift a violation, appealed or not."""

    staff: str
    at: datetime
    violation: str
    uphold: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantAmnesty:
    """Staff excuse everything that an outage in `[start, end)` touched, in `venue` or (empty) everywhere."""

    staff: str
    at: datetime
    start: datetime
    end: datetime
    reason: str
    venue: str = ""


ViolationCommand = HearGate | Appeal | DecideViolation | GrantAmnesty
