"""The ledger's entries: what was learned of a reservation, when it happened, when we learned of it, what it changed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from booking.domain.reservation import Action


class Change(StrEnum):
    """What an entry changed. Readers are told each of these, unless its entry is quiet."""

    RESERVED = "reserved"
    CHECKED_IN = "checked-in"
    STEPPED_AWAY = "stepped-away"
    RETURNED = "returned"
    EXTENDED = "extended"
    ENDED = "ended"
    CANCELLED = "cancelled"
    MISSED = "missed"
    LAPSED = "lapsed"
    REINSTATED = "reinstated"
    DISPLACED = "displaced"
    NOT_SIGNED_OUT = "not-signed-out"
    EXCUSED = "excused"
    UNDONE = "undone"
    MOVED = "moved"
    WITHDRAWN = "withdrawn"
    SHORTENED = "shortened"
    FROZEN = "frozen"
    """An evacuation began: no clock of the reservation runs."""
    THAWED = "thawed"
    VIOLATION = "violation"
    """A violation is no longer provisional: it counts."""
    VIOLATION_LIFTED = "violation-lifted"
    APPEALED = "appealed"
    VIOLATION_UPHELD = "violation-upheld"


class Source(StrEnum):
    """Where an entry comes from, beside the channels of `booking.service.commands`."""

    GATE = "gate"
    KIOSK_CODE = "kiosk-code"
    ENTRANCE_CODE = "entrance-code"
    SYSTEM = "system"


CHANGE_OF: dict[Action, Change] = {
    Action.CHECK_IN: Change.CHECKED_IN,
    Action.STEP_AWAY: Change.STEPPED_AWAY,
    Action.RETURN: Change.RETURNED,
    Action.EXTEND: Change.EXTENDED,
    Action.END: Change.ENDED,
    Action.CANCEL: Change.CANCELLED,
    Action.MISS: Change.MISSED,
    Action.LAPSE: Change.LAPSED,
    Action.COMPLETE: Change.ENDED,
    Action.REINSTATE: Change.REINSTATED,
    Action.DISPLACE: Change.DISPLACED,
    Action.MOVE: Change.MOVED,
    Action.WITHDRAW: Change.WITHDRAWN,
    Action.SHORTEN: Change.SHORTENED,
    Action.FORGET_SIGN_OUT: Change.NOT_SIGNED_OUT,
    Action.EXCUSE: Change.EXCUSED,
    Action.FREEZE: Change.FROZEN,
    Action.THAW: Change.THAWED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One entry. `facts` fill the sentence that explains it (seat label, times, portal)."""

    reservation: str
    reader: str
    source: str
    change: Change
    occurred_at: datetime
    received_at: datetime
    facts: dict[str, str] = field(default_factory=dict)
    quiet: bool = False
    """Kept and explained, but the reader is not told: it is no news to them yet."""


OF_VIOLATIONS = frozenset({Change.VIOLATION, Change.VIOLATION_LIFTED, Change.APPEALED, Change.VIOLATION_UPHELD})
"""Entries about a consequence: they leave the reservation itself as it is."""
