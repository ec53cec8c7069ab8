"""What a passage or a scanned code does: to one reservation at most, decided by when it happened.

In: in the window → checked in; away → returned; otherwise recorded only. Out: what the site's `exit_means` says.
Late evidence (learned of more than `policy.gate.late_after` afterwards) may lift a consequence and imposes none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from booking.domain.reservation import Action, Reservation, Status, as_of, at, window_of
from config.policy import ExitMeans, Policy


@dataclass(frozen=True, slots=True)
class Decision:
    """`action` on `reservation` (as it is stored); `until` is when an absence must be over. `violation`: it is one too."""

    reservation: Reservation
    action: Action
    until: datetime | None = None
    violation: bool = False


def concerned(stays: Sequence[Reservation], policy: Policy, occurred_at: datetime) -> Reservation | None:
    """Return the one reservation that something at `occurred_at` can touch.

    The one in use or away; else, of those whose check-in window was open, the one with the nearest start.
    """
    standing = [(as_of(stay, policy, occurred_at), stay) for stay in stays]
    for then, stay in standing:
        if then.status in {Status.IN_USE, Status.AWAY}:
            return stay
    open_then = [
        stay for then, stay in standing if then.status is Status.RESERVED and occurred_at in window_of(then, policy)
    ]
    return min(open_then, key=lambda stay: abs(stay.start - occurred_at), default=None)


def on_arrival(
    stays: Sequence[Reservation], policy: Policy, occurred_at: datetime, received_at: datetime
) -> Decision | None:
    """Decide what being there at `occurred_at` does; None when it is recorded only."""
    stay = concerned(stays, policy, occurred_at)
    if stay is None:
        return None
    if stay.status is Status.AWAY and at(stay, policy, received_at).status is Status.ENDED:
        return None  # time has ended it by now, whether that is written down yet or not
    match stay.status:
        case Status.RESERVED:
            return Decision(stay, Action.CHECK_IN)
        case Status.AWAY if stay.away_at is not None and occurred_at >= stay.away_at:
            return Decision(stay, Action.RETURN)
        case Status.NO_SHOW:
            return Decision(stay, Action.REINSTATE)
        case Status.LAPSED if stay.away_at is not None and occurred_at >= stay.away_at:
            return Decision(stay, Action.REINSTATE)
        case _:
            return None


def on_exit(
    stays: Sequence[Reservation],
    policy: Policy,
    occurred_at: datetime,
    received_at: datetime,
    *,
    superseded: bool,
    zone: ZoneInfo,
) -> Decision | None:
    """Decide what going out at `occurred_at` does. `superseded`: a later passage of this reader is already known."""
    stay = concerned(stays, policy, occurred_at)
    if stay is None or superseded or occurred_at < stay.last_change:
        return None
    if at(stay, policy, received_at).status is Status.ENDED:
        return None  # time has ended it by now, whether that is written down yet or not
    means = policy.gate.exit_means
    if stay.status is Status.NOT_SIGNED_OUT and means in _ENDING:
        return Decision(stay, Action.EXCUSE)
    late = received_at - occurred_at > policy.gate.late_after
    if means is ExitMeans.AWAY and stay.status is Status.IN_USE and occurred_at < stay.end:
        return Decision(stay, Action.STEP_AWAY, away_until(stay, policy, received_at if late else occurred_at, zone))
    ends = stay.status is Status.IN_USE or (stay.status is Status.AWAY and means is ExitMeans.END)
    if means in _ENDING and ends and (not late or received_at >= stay.end):
        breaks = means is ExitMeans.VIOLATION_UNLESS_AWAY and not late and occurred_at < stay.end
        return Decision(stay, Action.END, violation=breaks)
    return None


_ENDING = frozenset({ExitMeans.END, ExitMeans.END_UNLESS_AWAY, ExitMeans.VIOLATION_UNLESS_AWAY})


def away_until(stay: Reservation, policy: Policy, counted_from: datetime, zone: ZoneInfo) -> datetime:
    """Return when an absence must be over: its clock starts no earlier than the reservation, and ends with it."""
    begins = max(counted_from, stay.start)
    return min(begins + longest_absence(policy, begins.astimezone(zone).time()), stay.end)


def longest_absence(policy: Policy, begins: time) -> timedelta:
    """Return how long an absence may last that begins at this time of day: longer at a meal."""
    meals = [meal.limit for meal in policy.away.meals if meal.starts <= begins < meal.ends]
    return max((policy.away.limit, *meals))
