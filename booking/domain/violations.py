"""What counts against a reader (违约), whether it stands yet, and how long it keeps them from booking.

Nothing here is stored as a state: a suspension is derived from the violations that stand, so that lifting one lifts
what followed from it, and evidence that arrives in another order ends in the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from booking.domain.reservation import Reservation, Status
from booking.domain.window import check_in_window, day_of, midnight
from config.policy import CountedIn, Policy, SuspendUntil, ViolationKind, ViolationPolicy
from config.schema import PortalDirection, Site

ALWAYS = datetime.max.replace(tzinfo=UTC)
NEVER = datetime.min.replace(tzinfo=UTC)
STEPS = "policy.violations.steps"
_DAY = timedelta(days=1)
_KEYS = {
    ViolationKind.NO_SHOW: "policy.check_in.closes_after",
    ViolationKind.LAPSED: "policy.away.limit",
    ViolationKind.NO_SIGN_OUT: "policy.sign_out.grace",
    ViolationKind.LEFT: "policy.gate.exit_means",
}


class Standing(StrEnum):
    """How far a violation has come."""

    PROVISIONAL = "provisional"
    """Recorded, without any consequence: a gate may still bring evidence from before the deadline."""
    STANDING = "standing"
    LIFTED = "lifted"


class Because(StrEnum):
    """Why a violation was lifted."""

    EVIDENCE = "evidence"
    AMNESTY = "amnesty"
    APPEAL = "appeal"
    STAFF = "staff"
    EVACUATION = "evacuation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One violation of a reservation's reader. Its id is made of what it is: found twice, it is one."""

    id: str
    reader: str
    reservation: str
    area: str
    kind: ViolationKind
    policy_key: str
    since: datetime
    """From when the reader could have avoided it: an outage of ours between then and `occurred_at` excuses it."""
    occurred_at: datetime
    confirmed_at: datetime | None = None
    """When it stopped being provisional."""
    lifted_at: datetime | None = None
    lifted_because: Because | None = None
    appealed_at: datetime | None = None
    appeal: str = ""
    """The reader's own words."""
    decided_at: datetime | None = None
    """When staff upheld or lifted it."""


@dataclass(frozen=True, slots=True)
class Span:
    """`[start, end)` in one venue, or in all where `venue` is empty: a time in which our own machines failed."""

    start: datetime
    end: datetime
    venue: str = ""


@dataclass(frozen=True, slots=True)
class Suspension:
    """No booking until `until`, because of `count` violations, the last of which is `violation`."""

    until: datetime
    count: int
    violation: str
    policy_key: str = STEPS


def breach(stay: Reservation, policy: Policy) -> Violation | None:
    """Return the violation that a reservation's present state is; None when it is none or the site counts it as none."""
    if stay.closed_at is None:
        return None
    if stay.status is Status.NO_SHOW and policy.violations.no_show:
        since = check_in_window(stay.start, stay.end, policy.check_in).opens
        return violation_of(stay, ViolationKind.NO_SHOW, since, stay.closed_at)
    if stay.status is Status.LAPSED and policy.violations.lapsed:
        return violation_of(stay, ViolationKind.LAPSED, stay.away_at or stay.start, stay.closed_at)
    if stay.status is Status.NOT_SIGNED_OUT and policy.violations.no_sign_out:
        return violation_of(stay, ViolationKind.NO_SIGN_OUT, stay.end, stay.closed_at)
    return None


def violation_of(stay: Reservation, kind: ViolationKind, since: datetime, occurred_at: datetime) -> Violation:
    """Return the violation of `kind` by the reader of `stay`."""
    return Violation(
        id=f"{stay.id}.{kind}.{int(occurred_at.timestamp())}",
        reader=stay.reader,
        reservation=stay.id,
        area=stay.area,
        kind=kind,
        policy_key=_KEYS[kind],
        since=since,
        occurred_at=occurred_at,
    )


def left_violation(stay: Reservation, occurred_at: datetime) -> Violation:
    """Return the violation of going out at `occurred_at` without stepping away first."""
    return violation_of(stay, ViolationKind.LEFT, occurred_at, occurred_at)


def excused(violation: Violation, venue: str, spans: Iterable[Span]) -> bool:
    """Tell whether some outage of ours touched the time in which the reader could have avoided it."""
    return any(
        span.venue in {"", venue} and span.start < violation.occurred_at and violation.since < span.end
        for span in spans
    )


def standing(violation: Violation, heard: datetime) -> Standing:
    """Return how far a violation has come. `heard`: until when its venue's gates have told everything."""
    if violation.lifted_at is not None:
        return Standing.LIFTED
    if violation.confirmed_at is not None or heard >= violation.occurred_at:
        return Standing.STANDING
    return Standing.PROVISIONAL


def heard_until(site: Site, venue: str, heard: Mapping[str, datetime]) -> datetime:
    """Return until when every gate of `venue` with a lane in has told all it captured; ALWAYS where there is none."""
    entries = [
        gate.id
        for gate in site.gates
        if gate.venue == venue and any(portal.direction is not PortalDirection.OUT for portal in gate.portals)
    ]
    return min((heard.get(gate, NEVER) for gate in entries), default=ALWAYS)


def for_staff(violation: Violation, heard: datetime, policy: ViolationPolicy, now: datetime) -> bool:
    """Tell whether a violation waits for staff: appealed, or provisional for longer than gates may take to report."""
    if standing(violation, heard) is Standing.LIFTED or violation.decided_at is not None:
        return False
    overdue = standing(violation, heard) is Standing.PROVISIONAL
    return violation.appealed_at is not None or (overdue and now >= violation.occurred_at + policy.watermark_wait)


def suspensions(
    standing_ones: Iterable[Violation], policy: ViolationPolicy, zone: ZoneInfo
) -> list[tuple[Violation, Suspension]]:
    """Return what follows from each of one reader's violations that stand, oldest first; none for the others."""
    found, counted = [], dict[date, int]()
    for one in sorted(standing_ones, key=lambda each: (each.occurred_at, each.id)):
        day = day_of(one.occurred_at, zone)
        stretch = _stretch(day, policy.counted_in)
        count = counted[stretch] = counted.get(stretch, 0) + 1
        reached = max((step for step in policy.steps if step.after <= count), key=lambda s: s.after, default=None)
        if reached is not None:
            found.append((one, Suspension(midnight(_first_day(day, reached.suspend), zone), count, one.id)))
    return found


def suspension_at(
    standing_ones: Iterable[Violation], policy: ViolationPolicy, zone: ZoneInfo, now: datetime
) -> Suspension | None:
    """Return the suspension in force at `now`, the longest of several; None when the reader may book."""
    running = [
        suspension
        for one, suspension in suspensions(standing_ones, policy, zone)
        if one.occurred_at <= now < suspension.until
    ]
    return max(running, key=lambda each: (each.until, each.count), default=None)


def _stretch(day: date, counted_in: CountedIn) -> date:
    """Return the first day of the stretch in which violations of `day` are counted together."""
    match counted_in:
        case CountedIn.DAY:
            return day
        case CountedIn.WEEK:
            return day - day.weekday() * _DAY
        case CountedIn.MONTH:
            return day.replace(day=1)


def _first_day(day: date, until: SuspendUntil) -> date:
    """Return the first day on which who violated on `day` can book again."""
    match until:
        case SuspendUntil.NEXT_DAY:
            return day + _DAY
        case SuspendUntil.DAY_AFTER_NEXT:
            return day + 2 * _DAY
        case SuspendUntil.NEXT_WEEK:
            return day + (7 - day.weekday()) * _DAY
