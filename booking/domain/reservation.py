"""A reservation and its one transition table. Only this module writes a status.

The table drawn as a diagram stands in docs/architecture.md (made from it, held equal by a test).
What time does to a reservation is derived here for any moment (`at`), so that a view never waits for a sweeper.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from booking.domain.freezing import FAR, Frozen, resumed
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.window import CheckInWindow, check_in_window
from config.policy import Policy


class Status(StrEnum):
    """Where a reservation stands; the manual's words beside each."""

    RESERVED = "reserved"  # 已预约
    IN_USE = "in-use"  # 使用中 (已签到)
    AWAY = "away"  # 暂离中
    ENDED = "ended"  # 结束使用 / 完成
    CANCELLED = "cancelled"  # 已取消
    NO_SHOW = "no-show"  # 失约: not checked in within the window
    LAPSED = "lapsed"  # away longer than the limit
    NOT_SIGNED_OUT = "not-signed-out"  # 未签退: was there, and did not say on site that they went
    DISPLACED = "displaced"  # was there in time, but we learned of it after the seat was booked again: no fault


class Action(StrEnum):
    """What can happen to a reservation: a reader's action, a gate's evidence, or time."""

    CHECK_IN = "check-in"
    STEP_AWAY = "step-away"
    RETURN = "return"
    EXTEND = "extend"
    END = "end"
    CANCEL = "cancel"
    MISS = "miss"
    LAPSE = "lapse"
    COMPLETE = "complete"
    REINSTATE = "reinstate"
    """Late evidence shows that the reader was there in time: the consequence is lifted."""
    DISPLACE = "displace"
    """The same, but seat or reader were booked meanwhile: that booking stands."""
    WITHDRAW = "withdraw"
    """The library takes it back, because the place closes. No fault of the reader's."""
    MOVE = "move"
    """The reader changes to another seat; everything else stays as it is."""
    SHORTEN = "shorten"
    """The place closes before its end: it ends then."""
    FORGET_SIGN_OUT = "forget-sign-out"
    """The time to sign out is over (`policy.sign_out`)."""
    EXCUSE = "excuse"
    """Late evidence shows that the reader went out in time."""
    FREEZE = "freeze"
    """An evacuation began: its clocks stand still, and what time did since then is taken back."""
    THAW = "thaw"
    """The evacuation is over: they run on."""


TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.RESERVED, Action.CHECK_IN): Status.IN_USE,
    (Status.RESERVED, Action.CANCEL): Status.CANCELLED,
    (Status.RESERVED, Action.MISS): Status.NO_SHOW,
    (Status.RESERVED, Action.MOVE): Status.RESERVED,
    (Status.RESERVED, Action.WITHDRAW): Status.CANCELLED,
    (Status.RESERVED, Action.SHORTEN): Status.RESERVED,
    (Status.IN_USE, Action.STEP_AWAY): Status.AWAY,
    (Status.IN_USE, Action.EXTEND): Status.IN_USE,
    (Status.IN_USE, Action.MOVE): Status.IN_USE,
    (Status.IN_USE, Action.END): Status.ENDED,
    (Status.IN_USE, Action.COMPLETE): Status.ENDED,
    (Status.IN_USE, Action.WITHDRAW): Status.ENDED,
    (Status.IN_USE, Action.SHORTEN): Status.IN_USE,
    (Status.AWAY, Action.RETURN): Status.IN_USE,
    (Status.AWAY, Action.END): Status.ENDED,
    (Status.AWAY, Action.COMPLETE): Status.ENDED,
    (Status.AWAY, Action.LAPSE): Status.LAPSED,
    (Status.AWAY, Action.WITHDRAW): Status.ENDED,
    (Status.AWAY, Action.SHORTEN): Status.AWAY,
    (Status.NO_SHOW, Action.REINSTATE): Status.IN_USE,
    (Status.NO_SHOW, Action.DISPLACE): Status.DISPLACED,
    (Status.LAPSED, Action.REINSTATE): Status.IN_USE,
    (Status.LAPSED, Action.DISPLACE): Status.DISPLACED,
    (Status.IN_USE, Action.FORGET_SIGN_OUT): Status.NOT_SIGNED_OUT,
    (Status.AWAY, Action.FORGET_SIGN_OUT): Status.NOT_SIGNED_OUT,
    (Status.NOT_SIGNED_OUT, Action.EXCUSE): Status.ENDED,
    (Status.RESERVED, Action.FREEZE): Status.RESERVED,
    (Status.IN_USE, Action.FREEZE): Status.IN_USE,
    (Status.AWAY, Action.FREEZE): Status.AWAY,
    (Status.NO_SHOW, Action.FREEZE): Status.RESERVED,
    (Status.LAPSED, Action.FREEZE): Status.AWAY,
    (Status.NOT_SIGNED_OUT, Action.FREEZE): Status.IN_USE,
    (Status.RESERVED, Action.THAW): Status.RESERVED,
    (Status.IN_USE, Action.THAW): Status.IN_USE,
    (Status.AWAY, Action.THAW): Status.AWAY,
}

HOLDING = frozenset({Status.RESERVED, Status.IN_USE, Status.AWAY})
"""The statuses that hold a seat: storage keeps these from overlapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One stay on one seat, or in a capacity area (`seat` is empty there), `[start, end)`. All times are UTC with zone; `None` where it has not happened."""

    id: str
    reader: str
    area: str
    seat: str
    start: datetime
    end: datetime
    status: Status
    created_at: datetime
    checked_in_at: datetime | None = None
    away_at: datetime | None = None
    away_until: datetime | None = None
    """When the reader who is away must be back; fixed when they stepped away."""
    returned_at: datetime | None = None
    """When the absence that began at `away_at` was over."""
    closed_at: datetime | None = None
    frozen: tuple[Frozen, ...] = ()
    """The evacuations that it went through, oldest first; the last one may still go on."""

    @property
    def stands_still(self) -> bool:
        """Tell whether its clocks stand still now."""
        return bool(self.frozen) and self.frozen[-1].end is None

    @property
    def holds(self) -> bool:
        """Tell whether the status holds the seat."""
        return self.status in HOLDING

    @property
    def last_change(self) -> datetime:
        """Return when evidence last moved it: what happened before that can no longer move it."""
        return max(moment for moment in (self.checked_in_at, self.away_at, self.returned_at, self.created_at) if moment)


def apply(
    reservation: Reservation, action: Action, at: datetime, *, until: datetime | None = None
) -> Reservation | Refusal:
    """Return the reservation after `action` at `at`, or NOT_POSSIBLE_NOW when its status does not allow it.

    `until` is when the absence must be over (STEP_AWAY) or the new end (EXTEND, SHORTEN); ValueError when it is left out there.
    """
    status = TRANSITIONS.get((reservation.status, action))
    if status is None:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"status": reservation.status, "action": action})
    after = replace(reservation, status=status)
    if action in _NEEDS_UNTIL and until is None:
        raise ValueError(f"{action} needs `until`")
    match action:
        case Action.CHECK_IN:
            return replace(after, checked_in_at=at)
        case Action.STEP_AWAY:
            return replace(after, away_at=at, away_until=until, returned_at=None)
        case Action.RETURN:
            return replace(after, returned_at=at, away_until=None)
        case Action.EXTEND | Action.SHORTEN:
            return replace(after, end=until or after.end)
        case Action.MOVE:
            return after
        case Action.FREEZE | Action.THAW:
            return replace(after, frozen=_clocks(after, action, at), closed_at=None)
        case Action.REINSTATE:
            missed = reservation.status is Status.NO_SHOW
            back = {"checked_in_at": at} if missed else {"returned_at": at, "away_until": None}
            return replace(after, closed_at=None, **back)
        case _:
            return replace(after, closed_at=at)


def _clocks(reservation: Reservation, action: Action, at: datetime) -> tuple[Frozen, ...]:
    ended = tuple(one if one.end is not None else Frozen(one.start, at) for one in reservation.frozen)
    return (*ended, Frozen(at)) if action is Action.FREEZE else ended


def moved(reservation: Reservation, area: str, seat: str) -> Reservation | Refusal:
    """Return the reservation on another seat; attendance, absence and times go with it."""
    status = TRANSITIONS.get((reservation.status, Action.MOVE))
    if status is None:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"status": reservation.status, "action": Action.MOVE})
    return replace(reservation, status=status, area=area, seat=seat)


_NEEDS_UNTIL = frozenset({Action.STEP_AWAY, Action.EXTEND, Action.SHORTEN})


def window_of(reservation: Reservation, policy: Policy) -> CheckInWindow:
    """Return when it can be checked in: an evacuation moves the deadline, to the reservation's end at the latest."""
    window = check_in_window(reservation.start, reservation.end, policy.check_in)
    return CheckInWindow(window.opens, min(_miss_at(reservation, policy), reservation.end))


def _miss_at(reservation: Reservation, policy: Policy) -> datetime:
    window = check_in_window(reservation.start, reservation.end, policy.check_in)
    return resumed(window.opens, window.closes, reservation.frozen, policy.evacuation.return_within)


def back_by(reservation: Reservation, policy: Policy) -> datetime | None:
    """Return when who is away must be back; None for who is not, and while the clocks stand still."""
    if reservation.status is not Status.AWAY or reservation.away_until is None or reservation.away_at is None:
        return None
    began = max(reservation.away_at, reservation.start)
    until = resumed(began, reservation.away_until, reservation.frozen, policy.evacuation.return_within)
    return None if until == FAR else min(until, reservation.end)


def due(reservation: Reservation, policy: Policy) -> datetime | None:
    """Return when time alone changes it next; None when it is over."""
    match reservation.status:
        case Status.RESERVED:
            return window_of(reservation, policy).closes
        case Status.IN_USE | Status.AWAY:
            back = back_by(reservation, policy)
            return back if back is not None and back < reservation.end else over_at(reservation, policy)
        case _:
            return None


def over_at(reservation: Reservation, policy: Policy) -> datetime:
    """Return when a stay that its reader does not end is over: at its end, or when the time to sign out is."""
    if not policy.sign_out.required:
        return reservation.end
    grace_ends = reservation.end + policy.sign_out.grace
    return resumed(reservation.end, grace_ends, reservation.frozen, policy.evacuation.return_within)


def at(reservation: Reservation, policy: Policy, now: datetime) -> Reservation:
    """Return the reservation as it stands at `now`: missed, lapsed or completed at the very moment that fell due."""
    moment = due(reservation, policy)
    if moment is None or now < moment:
        return reservation
    return _must(apply(reservation, _by_time(reservation, policy, moment), moment))


def _by_time(reservation: Reservation, policy: Policy, moment: datetime) -> Action:
    if reservation.status is Status.RESERVED:
        # what ends before its moved deadline could not be checked in any more: nobody's fault
        return Action.MISS if _miss_at(reservation, policy) <= reservation.end else Action.WITHDRAW
    if moment < reservation.end:
        return Action.LAPSE
    return Action.FORGET_SIGN_OUT if policy.sign_out.required else Action.COMPLETE


def _must(result: Reservation | Refusal) -> Reservation:
    if isinstance(result, Refusal):
        raise TypeError(f"the transition table has no way for {result.facts}")
    return result


def as_of(reservation: Reservation, policy: Policy, moment: datetime) -> Reservation:
    """Return it as it stood at `moment`, where only time has closed it since: what late evidence is judged by."""
    if reservation.closed_at is not None and reservation.closed_at > moment:
        if reservation.status is Status.NO_SHOW:
            return replace(reservation, status=Status.RESERVED, closed_at=None)
        if reservation.status is Status.LAPSED:
            return replace(reservation, status=Status.AWAY, closed_at=None)
        if reservation.status is Status.NOT_SIGNED_OUT:
            return replace(reservation, status=Status.IN_USE, closed_at=None)
        completed = reservation.status is Status.ENDED and reservation.closed_at == reservation.end
        if (
            completed and not policy.sign_out.required
        ):  # else time forgets the sign-out: this reader signed out at the end
            status = Status.IN_USE if reservation.away_until is None else Status.AWAY
            return replace(reservation, status=status, closed_at=None)
    return at(reservation, policy, moment)


def undone(before: Reservation, policy: Policy, now: datetime) -> Reservation:
    """Return the state `before` a disputed passage as it stands at `now`; what fell due meanwhile is no penalty."""
    if not before.holds:
        return before  # the passage had lifted a miss or a lapse: that stands as it was
    after = at(before, policy, now)
    if after.status is Status.NO_SHOW:
        return _must(apply(before, Action.CANCEL, now))
    if after.status is Status.LAPSED:
        return _must(apply(before, Action.END, now))
    return after
