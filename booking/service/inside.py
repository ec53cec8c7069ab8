"""Who is inside already when their check-in window opens, or when they book within it: asked, or checked in.

A passage in that came too early is recorded only; this is where it counts after all.
"""

from datetime import datetime

from booking.domain.evidence import Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply, window_of
from booking.domain.window import day_of, midnight
from booking.service.commands import Changed
from booking.service.gate_commands import CheckInInside
from booking.service.ledger import Occasion, facts_of, settle, write
from booking.service.unit import Unit
from config.policy import InsideAtOpening

PROMPT = "inside"
"""The kind of the notification that asks."""
KEY = "policy.gate.inside_at_opening"


def look_at_openings(unit: Unit, places: Places, now: datetime) -> None:
    """Ask, or check in, whoever is inside of those whose window has opened by `now`; each opening is looked at once."""
    if places.policy.gate.inside_at_opening is InsideAtOpening.NOTHING or not places.site.gates:
        return
    for stay in unit.opened(now):
        look(unit, places, stay, now)


def look(unit: Unit, places: Places, stay: Reservation, now: datetime) -> Reservation:
    """Ask, or check in, the reader of one reservation if its window is open and they are inside."""
    if places.policy.gate.inside_at_opening is InsideAtOpening.NOTHING or not places.site.gates:
        return stay
    if now >= window_of(stay, places.policy).opens:
        unit.mark_opened(stay)
    after = checked_in_inside(unit, places, stay, now)
    if after is not None and after.checked_in_at is not None:
        facts = {"inside": "yes"}
        write(unit, places, after, Action.CHECK_IN, Occasion(Source.GATE, after.checked_in_at, now, facts))
        return after
    if places.policy.gate.inside_at_opening is InsideAtOpening.PROMPT and is_inside(unit, places, stay, now):
        until = window_of(stay, places.policy).closes.astimezone(places.zone).isoformat()
        unit.tell(stay, PROMPT, now, facts_of(places, stay) | {"deadline": until})
    return stay


def checked_in_inside(unit: Unit, places: Places, stay: Reservation, now: datetime) -> Reservation | None:
    """Return `stay` checked in at its opening where the site does that and its reader was inside then; writes nothing."""
    opened = max(window_of(stay, places.policy).opens, stay.created_at)
    if places.policy.gate.inside_at_opening is not InsideAtOpening.CHECK_IN or opened > now:
        return None
    if not is_inside(unit, places, stay, opened):
        return None
    after = apply(stay, Action.CHECK_IN, opened)
    return after if isinstance(after, Reservation) else None


def is_inside(unit: Unit, places: Places, stay: Reservation, now: datetime) -> bool:
    """Tell whether `stay` can be checked in at `now` and its reader came in today and has not gone out since."""
    if (
        stay.status is not Status.RESERVED
        or now not in window_of(stay, places.policy)
        or places.area(stay.area) is None
    ):
        return False
    since = midnight(day_of(now, places.zone), places.zone)
    return unit.inside_since(stay.reader, places.venue_of(stay.area).id, since, now) is not None


def check_in_inside(unit: Unit, places: Places, command: CheckInInside) -> Changed | Refusal:
    """Check in with one tap: the gate has seen the reader come in, so no code is needed."""
    settle(unit, places, unit.fallen_due(command.at, reader=command.reader), command.at)
    stay = unit.stay(command.reservation)
    if stay is None or stay.reader != command.reader:
        return Refusal(RefusalCode.UNKNOWN_RESERVATION)
    if places.policy.gate.inside_at_opening is InsideAtOpening.NOTHING:
        return Refusal(RefusalCode.FORBIDDEN, KEY)
    after = apply(stay, Action.CHECK_IN, command.at)
    if isinstance(after, Refusal):
        return after
    window = window_of(stay, places.policy)
    if command.at < window.opens:
        return Refusal(RefusalCode.WINDOW_NOT_OPEN, "policy.check_in.opens_before", window.opens)
    if not is_inside(unit, places, stay, command.at):
        return Refusal(RefusalCode.NOT_INSIDE, KEY)
    write(unit, places, after, Action.CHECK_IN, Occasion(Source.GATE, command.at, command.at, {"inside": "confirmed"}))
    return Changed(after)
