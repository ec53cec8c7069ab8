"""Reminders before something runs out: derived from the reservation alone, whenever and however often one looks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from booking.domain.reservation import Reservation, Status, due
from config.policy import Policy


class Reminder(StrEnum):
    """What a reader is reminded of. Told once for each deadline; a deadline that moves is another one."""

    CHECK_IN_SOON = "check-in-soon"
    RETURN_SOON = "return-soon"
    ENDING_SOON = "ending-soon"


REMINDER_OF: dict[Status, Reminder] = {
    Status.RESERVED: Reminder.CHECK_IN_SOON,
    Status.AWAY: Reminder.RETURN_SOON,
    Status.IN_USE: Reminder.ENDING_SOON,
}


@dataclass(frozen=True, slots=True)
class Reminding:
    """One reminder: it is told from `at` on, and no longer once `deadline` has come."""

    kind: Reminder
    at: datetime
    deadline: datetime


def lead_of(status: Status, policy: Policy) -> timedelta:
    """Return how long before its deadline a reservation in `status` is reminded of."""
    match status:
        case Status.RESERVED:
            return policy.reminders.before_check_in_closes
        case Status.AWAY:
            return policy.reminders.before_away_ends
        case _:
            return policy.reminders.before_end


def reminding(reservation: Reservation, policy: Policy) -> Reminding | None:
    """Return the reminder of what `reservation` waits for now; None where there is none.

    There is none where the lead is nothing, and none that would come with or before the reader's own last step: who has
    just booked or stepped away has just been told the time.
    """
    deadline, kind = due(reservation, policy), REMINDER_OF.get(reservation.status)
    if deadline is None or kind is None:
        return None
    at = deadline - lead_of(reservation.status, policy)
    return Reminding(kind, at, deadline) if reservation.last_change < at < deadline else None
