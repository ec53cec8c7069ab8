"""An expected "no" is a value of one closed enum, never an exception or a string."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RefusalCode(StrEnum):
    """Every reason for which a request of a reader is refused. The API's problem `code` is one of these."""

    SEAT_TAKEN = "seat-taken"
    SEAT_CLOSED = "seat-closed"
    READER_OVERLAP = "reader-overlap"
    AREA_FULL = "area-full"
    NOT_ELIGIBLE = "not-eligible"
    """The area is for groups of readers that this one is not of."""
    KEPT_FOR_WALK_UPS = "kept-for-walk-ups"
    """The last free places are given out at kiosks alone."""
    COOL_DOWN = "cool-down"
    """The reader has booked and cancelled this very seat too often."""
    OTHER_BUILDING = "other-building"
    """A move stays within its building; elsewhere is another reservation."""
    UNKNOWN_SEAT = "unknown-seat"
    UNKNOWN_AREA = "unknown-area"
    UNKNOWN_RESERVATION = "unknown-reservation"
    OUTSIDE_OPENING_HOURS = "outside-opening-hours"
    CLOSED = "closed"
    """The library, the area or the seat is closed then: by a date of the site file, or by staff."""
    TOO_FAR_AHEAD = "too-far-ahead"
    IN_THE_PAST = "in-the-past"
    OFF_GRID = "off-grid"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    TOO_MANY_ACTIVE = "too-many-active"
    OTHER_VENUE = "other-venue"
    """A reservation elsewhere is not over, and the site allows one venue at a time."""
    SIGN_OUT_ON_SITE = "sign-out-on-site"
    """Ending from afar where going has to be said on site."""
    SUSPENDED = "suspended"
    """Violations keep the reader from booking for a while."""
    WINDOW_NOT_OPEN = "window-not-open"
    WINDOW_CLOSED = "window-closed"
    POSITION_REQUIRED = "position-required"
    POSITION_VAGUE = "position-vague"
    OUTSIDE_GEOFENCE = "outside-geofence"
    NOTHING_TO_CHECK_OUT = "nothing-to-check-out"
    NOTHING_TO_CHECK_IN = "nothing-to-check-in"
    NOT_POSSIBLE_NOW = "not-possible-now"
    """The reservation's status does not allow this action."""
    EXTEND_TOO_EARLY = "extend-too-early"
    EXTEND_BLOCKED = "extend-blocked"
    CODE_MALFORMED = "code-malformed"
    CODE_FORGED = "code-forged"
    CODE_STALE = "code-stale"
    CODE_USED = "code-used"
    GRANT_EXPIRED = "grant-expired"
    READER_CODE_INVALID = "reader-code-invalid"
    ACTIVATION_CODE_INVALID = "activation-code-invalid"
    BINDING_PENDING = "binding-pending"
    """The app knew the code; the web session that made it has not said yes."""
    BINDING_ELSEWHERE = "binding-elsewhere"
    """Only the web session that made the code may answer."""
    BINDING_OVER = "binding-over"
    CONFIRM_TOO_LATE = "confirm-too-late"
    APPEAL_TOO_LATE = "appeal-too-late"
    FREE_NOW = "free-now"
    """There is nothing to wait for: it can be booked."""
    TOO_MANY_WAITS = "too-many-waits"
    SIGN_IN_REQUIRED = "sign-in-required"
    SIGN_IN_FAILED = "sign-in-failed"
    TOO_MANY_TRIES = "too-many-tries"
    FORBIDDEN = "forbidden"
    CROSS_SITE = "cross-site"
    KEY_REUSED = "idempotency-key-reused"
    INVALID_REQUEST = "invalid-request"
    NOT_FOUND = "not-found"
    UNAVAILABLE = "unavailable"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: the code, the policy key that decided, when it will be allowed, and facts for the sentence."""

    code: RefusalCode
    policy_key: str | None = None
    next_allowed_at: datetime | None = None
    facts: dict[str, str] = field(default_factory=dict)
