"""Back-to-back reservations of one reader on one seat: who is there when the first ends is there when the second begins."""

from datetime import datetime
from zoneinfo import ZoneInfo

from booking.domain.attendance import away_until
from booking.domain.reservation import Action, Reservation, Status, apply, at
from config.policy import Policy


def carried(
    before: Reservation, after: Reservation, policy: Policy, zone: ZoneInfo
) -> list[tuple[Action, Reservation]]:
    """Return what the end of `before` does to `after`, step by step; nothing where attendance does not carry over.

    An absence carries over too, and its clock starts with `after`: no away clock of ours starts before our start.
    """
    follows = (after.reader, after.seat, after.start) == (before.reader, before.seat, before.end)
    there = before.status in {Status.IN_USE, Status.AWAY} and at(before, policy, before.end).status is Status.ENDED
    if not (follows and there and after.seat and after.status is Status.RESERVED):
        return []
    steps: list[tuple[Action, datetime | None]] = [(Action.CHECK_IN, None)]
    if before.status is Status.AWAY:
        steps.append((Action.STEP_AWAY, away_until(after, policy, after.start, zone)))
    done: list[tuple[Action, Reservation]] = []
    for action, until in steps:
        stepped = apply(done[-1][1] if done else after, action, after.start, until=until)
        if not isinstance(stepped, Reservation):
            return []
        done.append((action, stepped))
    return done
