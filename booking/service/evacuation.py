"""Evacuations within a transaction: begun by staff or by an alarm, ended by staff; what they do to who holds a seat there.

Begun twice or learned of late, the result is the same: one evacuation, and nobody is blamed for what fell due in it.
"""

from dataclasses import replace
from datetime import datetime

from booking.domain.evidence import Change, Source
from booking.domain.freezing import Evacuation
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply, due
from booking.domain.violations import Because
from booking.domain.window import Interval, day_of
from booking.service.answers import undo
from booking.service.consequences import lift_what_stood
from booking.service.gate_commands import BeginEvacuation, EndEvacuation
from booking.service.ledger import Occasion, note, settle, write
from booking.service.offers import offer_facts
from booking.service.room import is_taken, settle_around
from booking.service.unit import Unit
from messages.access import AlarmEvent


def begin_evacuation(unit: Unit, places: Places, command: BeginEvacuation) -> Refusal | None:
    """Begin an evacuation as staff ask."""
    if places.site.venue(command.venue) is None:
        return Refusal(RefusalCode.NOT_FOUND, facts={"venue": command.venue})
    since = command.since or command.at
    if since > command.at or day_of(since, places.zone) != day_of(command.at, places.zone):
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"since": "today, not later than now"})
    if unit.evacuations.open_in(command.venue) is None:
        evacuation = Evacuation(
            id=unit.new_id(command.at),
            venue=command.venue,
            start=since,
            started_by=command.staff,
            gate="",
            learned_at=command.at,
        )
        _begin(unit, places, evacuation)
        facts = {"venue": command.venue, "since": since.astimezone(places.zone).isoformat()}
        unit.violations.audit(command.at, command.staff, "evacuation-begun", evacuation.id, facts)
    return None


def alarm(unit: Unit, places: Places, gate: str, event: AlarmEvent, now: datetime) -> bool:
    """Take a gate's alarm input; False where it should be looked at by staff because it comes too late to begin anything."""
    venue = places.venue_of_gate(gate)
    if venue is None or not event.active or not places.policy.evacuation.by_alarm:
        return True
    if unit.evacuations.open_in(venue) or unit.evacuations.at(venue, event.occurred_at):
        return True
    if now - event.occurred_at > places.policy.gate.late_after:
        return False
    evacuation = Evacuation(
        id=unit.new_id(now),
        venue=venue,
        start=min(event.occurred_at, now),
        started_by="",
        gate=gate,
        learned_at=now,
    )
    _begin(unit, places, evacuation)
    unit.violations.audit(now, f"gate {gate}", "evacuation-begun", evacuation.id, {"venue": venue})
    return True


def end_evacuation(unit: Unit, places: Places, command: EndEvacuation) -> Refusal | None:
    """End an evacuation: every clock that it stopped runs on, and who is concerned today is told until when."""
    known = unit.evacuations.one(command.evacuation)
    if known is None:
        return Refusal(RefusalCode.NOT_FOUND)
    if known.end is not None:
        return None
    settle(unit, places, unit.fallen_due(command.at), command.at)
    unit.evacuations.finish(known.id, command.staff, command.at)
    for stay in _standing_in(unit, places, known.venue):
        if stay.stands_still:
            thawed = _must(apply(stay, Action.THAW, command.at))
            unit.save(thawed)
            next_due = due(thawed, places.policy)
            told = {"deadline": next_due.astimezone(places.zone).isoformat()} if next_due else {}
            occasion = Occasion("staff", command.at, command.at, {"evacuation": known.id} | told)
            note(unit, places, thawed, Change.THAWED, occasion, quiet=_no_news(places, stay, command.at))
    unit.violations.audit(command.at, command.staff, "evacuation-ended", known.id, {"venue": known.venue})
    return None


def freeze_new(unit: Unit, places: Places, stay: Reservation, now: datetime) -> Reservation:
    """Stop the clocks of what is booked while its venue is evacuated."""
    evacuation = unit.evacuations.open_in(places.venue_of(stay.area).id)
    if evacuation is None:
        return stay
    frozen = _must(apply(stay, Action.FREEZE, evacuation.start))
    occasion = Occasion(Source.SYSTEM, evacuation.start, now, {"evacuation": evacuation.id})
    unit.save(frozen)
    note(unit, places, frozen, Change.FROZEN, occasion, quiet=_no_news(places, stay, now))
    return frozen


def _begin(unit: Unit, places: Places, evacuation: Evacuation) -> None:
    """Stop every clock in the venue from the evacuation's start on, and take back what happened since."""
    now, began = evacuation.learned_at, evacuation.start
    settle(unit, places, unit.fallen_due(began), now)
    unit.evacuations.begin(evacuation)
    source = "staff" if evacuation.started_by else Source.GATE
    occasion = Occasion(source, began, now, {"evacuation": evacuation.id})
    for record in unit.evacuations.exits_since(evacuation.venue, began):
        undo(unit, places, record, Occasion(source, now, now, {"evacuation": evacuation.id}))
    areas = [area.id for area in places.site.areas if area.venue == evacuation.venue]
    for stay in unit.evacuations.closed_by_time(areas, began):
        _take_back(unit, places, stay, occasion)
    for stay in _standing_in(unit, places, evacuation.venue):
        if not stay.stands_still:
            _freeze(unit, places, stay, occasion)


def _take_back(unit: Unit, places: Places, stay: Reservation, occasion: Occasion) -> None:
    """Lift what fell due since the evacuation began; the stay comes back where its place is still free."""
    now = occasion.received_at
    lift_what_stood(unit, places, stay, Because.EVACUATION, source=Source.SYSTEM, now=now)
    settle_around(unit, places, stay, now)
    clash = is_taken(unit, places, stay) or unit.reader_clash(stay.reader, Interval(stay.start, stay.end), but=stay.id)
    if stay.status is not Status.NOT_SIGNED_OUT and clash:
        displaced = _must(apply(stay, Action.DISPLACE, now))
        offer = offer_facts(unit, places, displaced, now)
        write(unit, places, displaced, Action.DISPLACE, replace(occasion, facts=occasion.facts | offer))
    elif stay.end > now or stay.status is Status.NOT_SIGNED_OUT:
        _freeze(unit, places, stay, occasion)


def _freeze(unit: Unit, places: Places, stay: Reservation, occasion: Occasion) -> None:
    frozen = _must(apply(stay, Action.FREEZE, occasion.occurred_at))
    unit.save(frozen)
    quiet = _no_news(places, stay, occasion.received_at)
    note(unit, places, frozen, Change.FROZEN, occasion, quiet=quiet)


def _standing_in(unit: Unit, places: Places, venue: str) -> list[Reservation]:
    return [stay for area in places.site.areas if area.venue == venue for stay in unit.standing(area.id)]


def _no_news(places: Places, stay: Reservation, now: datetime) -> bool:
    """Tell whether a reservation is of a later day: its clocks stand still too, but its reader need not hear of it yet."""
    return day_of(stay.start, places.zone) > day_of(now, places.zone)


def _must(result: Reservation | Refusal) -> Reservation:
    if isinstance(result, Refusal):
        raise TypeError(f"an evacuation met what the transition table has no way for: {result.facts}")
    return result
