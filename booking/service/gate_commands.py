"""Commands about gates and who is in the house: evacuations, patrols, prompts, offers, alerts, dead letters. Facts only."""

from dataclasses import dataclass
from datetime import datetime

from booking.service.gate_states import KeepGateState
from booking.service.portal_orders import OrderPortal
from booking.service.request_key import RequestKey


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginEvacuation:
    """Staff evacuate a venue; `since` None means now. Where one goes on there, nothing changes."""

    staff: str
    at: datetime
    venue: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvacuation:
    """Staff say that an evacuation is over. Ended before: nothing changes."""

    staff: str
    at: datetime
    evacuation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInInside:
    """A reader whom a gate saw come in before their window opened checks in with one tap."""

    reader: str
    at: datetime
    reservation: str
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOffer:
    """A reader whose seat was given on takes the best free one instead."""

    reader: str
    at: datetime
    reservation: str
    channel: str
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearFlag:
    """Staff have looked at a card whose holder said "not me"."""

    staff: str
    at: datetime
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorClock:
    """A gate's birth said at `wall` (its clock) what its monotonic clock read in this run of its kernel."""

    gate: str
    at: datetime
    boot_id: str
    wall: datetime
    monotonic_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeeAlert:
    """Staff have seen to an alert."""

    staff: str
    at: datetime
    alert: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayDeadLetter:
    """Staff have a dead letter applied."""

    staff: str
    at: datetime
    letter: str


GateCommand = (
    OrderPortal
    | BeginEvacuation
    | EndEvacuation
    | CheckInInside
    | TakeOffer
    | ClearFlag
    | AnchorClock
    | SeeAlert
    | ReplayDeadLetter
    | KeepGateState
)
