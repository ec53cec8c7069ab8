"""Evidence that a reader is there or has gone: a gate's event, the turnstile's word on it, and a kiosk's code."""

from dataclasses import replace
from datetime import datetime

from booking.domain.attendance import Decision, on_arrival, on_exit
from booking.domain.evidence import CHANGE_OF, Change, Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply, at, window_of
from booking.domain.violations import left_violation
from booking.domain.window import Interval
from booking.service.alerts import raise_alert
from booking.service.answers import undo
from booking.service.commands import Changed, CheckInByCode, RecordGateEvent
from booking.service.consequences import lift_by_evidence, record_violation
from booking.service.entrance import occasion_of, position_missing
from booking.service.evacuation import alarm
from booking.service.floor import give_way
from booking.service.gate_record import GateRecord, Passage
from booking.service.gate_views import AlertKind
from booking.service.inside import look, look_at_openings
from booking.service.ledger import Occasion, carry_over, note, settle, write
from booking.service.offers import offer_facts
from booking.service.room import is_taken, settle_around
from booking.service.unit import Unit
from config.policy import InsideAtOpening
from messages.access import AccessEvent, AccessOutcome, AlarmEvent, AlarmKind, CommandEvent, Direction, PassageEvent

ALERT_OF = {
    AlarmKind.FORCED: AlertKind.FORCED,
    AlarmKind.HELD: AlertKind.HELD,
    AlarmKind.TAMPER: AlertKind.TAMPER,
    AlarmKind.POWER: AlertKind.POWER,
}
"""What staff are shown of a gate's alarms. The fire release does more: it begins an evacuation."""


def record_event(unit: Unit, places: Places, command: RecordGateEvent) -> None:
    """Store a gate's event that is not known yet, and let it do what the rules say, judged by when it happened."""
    event = command.event
    match event:
        case AlarmEvent(what=what) if what is not AlarmKind.FIRE:
            if event.active:
                where = (command.gate, event.epoch, event.sequence)
                raise_alert(unit, ALERT_OF[what], where, command.at, portal=event.portal)
        case AlarmEvent():
            if not alarm(unit, places, command.gate, event, command.at):
                where = (command.gate, event.epoch, event.sequence)
                raise_alert(unit, AlertKind.LATE_ALARM, where, command.at, portal=event.portal)
        case CommandEvent():
            unit.orders.settle(command.gate, event, command.at)
        case PassageEvent():
            _hear_of_passage(unit, places, command, event)
        case AccessEvent():
            _record_access(unit, places, command, event)


def _record_access(unit: Unit, places: Places, command: RecordGateEvent, event: AccessEvent) -> None:
    card = event.credential
    reader = unit.holder_of(card.kind, card.value, event.occurred_at) if card else None
    way = places.way_of(command.gate, event.portal, event.direction)
    word = unit.streams.take_word(command.gate, event.epoch, event.sequence)
    passage = Passage(
        gate=command.gate,
        event=event,
        way=way,
        received_at=command.at,
        reader=reader,
        said_at=command.said_at,
        passed=word,
    )
    if reader is None or event.outcome is AccessOutcome.DENIED or word is False:
        unit.keep_record(passage)
        return
    waits_until = event.occurred_at + places.policy.gate.pass_timeout
    if word is None and places.reports_passage(command.gate, event.portal):
        if waits_until > command.at:
            unit.keep_record(replace(passage, pending_until=waits_until))
            return
        passage = replace(passage, unconfirmed=True)
    done = _with_effect(unit, places, passage)
    unit.keep_record(done)
    _look_again(unit, places, done)


def _look_again(unit: Unit, places: Places, passage: Passage) -> None:
    """Look once more at a window that opened between a passage in and our learning of it."""
    if passage.effect or passage.way is not Direction.IN or not places.policy.gate.enter_checks_in:
        return
    for stay in unit.holding_of(passage.reader or ""):
        opens = window_of(stay, places.policy).opens
        if passage.event.occurred_at < opens <= passage.received_at:
            look(unit, places, stay, passage.received_at)


def _with_effect(unit: Unit, places: Places, passage: Passage) -> Passage:
    """Do what a reader's passage does, as it stood when it happened and with what we know at `received_at`."""
    reader, event, now = passage.reader or "", passage.event, passage.received_at
    settle(unit, places, unit.fallen_due(min(event.occurred_at, now), reader=reader), now)
    decision = _decide(unit, places, passage, reader)
    if decision is not None:
        facts = {"gate": passage.gate, "portal": event.portal}
        facts |= {"unconfirmed": "yes"} if passage.unconfirmed else {}
        facts |= {"clock": "rebuilt"} if passage.said_at else {}
        after, change = _carry_out(unit, places, decision, Occasion(Source.GATE, event.occurred_at, now, facts))
        before = at(decision.reservation, places.policy, now)  # as time had left it, written down yet or not
        passage = replace(passage, effect=change, before=before, after=after)
    settle(unit, places, unit.fallen_due(now, reader=reader), now)
    return passage


def _hear_of_passage(unit: Unit, places: Places, command: RecordGateEvent, event: PassageEvent) -> None:
    """Take the turnstile's word: what waited for it happens now, and nothing does whose reader never walked through."""
    record = unit.record_of(command.gate, event.epoch, event.of)
    if record is None:  # the word has overtaken its event, and counts when that comes
        unit.streams.keep_word(command.gate, event.epoch, event.of, command.at, passed=event.passed)
        return
    unit.keep_passage(event, command.gate)
    if record.passed is not None:
        return
    if event.passed and record.pending_until is not None:
        _settle_one(unit, places, record, min(command.at, record.pending_until), unconfirmed=False)
    elif not event.passed:
        _void(unit, places, command, record)


def _void(unit: Unit, places: Places, command: RecordGateEvent, record: GateRecord) -> None:
    """Undo what a swipe did whose reader never walked through, where that still stands; a reader's own answer goes first."""
    if record.answer is None and record.before is not None:
        facts = {"gate": record.gate, "portal": record.portal}
        if isinstance(undo(unit, places, record, Occasion(Source.GATE, command.at, command.at, facts)), Refusal):
            return
    if record.answer is None:
        unit.void_record(record.id)


def settle_passages(unit: Unit, places: Places, now: datetime) -> None:
    """Let what has waited long enough for the turnstile's word count as unconfirmed, at the moment the wait was over."""
    for record in unit.pending(now):
        _settle_one(unit, places, record, record.pending_until or now, unconfirmed=True)


def _settle_one(unit: Unit, places: Places, record: GateRecord, known_at: datetime, *, unconfirmed: bool) -> None:
    waited = Passage(
        gate=record.gate,
        event=record.event,
        way=record.way,
        received_at=known_at,
        reader=record.reader,
        unconfirmed=unconfirmed,
    )
    done = _with_effect(unit, places, waited)
    unit.take_effect(record.id, done)
    _look_again(unit, places, done)


def catch_up(unit: Unit, places: Places, now: datetime) -> None:
    """Write down what waits, or opens, by time alone: what is decided next stands on it."""
    if places.waits_for_passages:
        settle_passages(unit, places, now)
    if places.policy.gate.inside_at_opening is InsideAtOpening.CHECK_IN:
        look_at_openings(unit, places, now)


def foreseen(unit: Unit, places: Places, record: GateRecord) -> Reservation | None:
    """Return what a passage that has waited long enough does, before anybody writes it down; None where it does nothing."""
    known_at = record.pending_until or record.received_at
    waited = Passage(gate=record.gate, event=record.event, way=record.way, received_at=known_at, reader=record.reader)
    decision = _decide(unit, places, waited, record.reader or "")
    if decision is None:
        return None
    stay, action = decision.reservation, decision.action
    if action is Action.REINSTATE and (is_taken(unit, places, stay) or _clashes(unit, stay)):
        action = Action.DISPLACE
    after = apply(stay, action, record.event.occurred_at, until=decision.until)
    return after if isinstance(after, Reservation) else None


def _clashes(unit: Unit, stay: Reservation) -> bool:
    return unit.reader_clash(stay.reader, Interval(stay.start, stay.end), but=stay.id) is not None


def _decide(unit: Unit, places: Places, passage: Passage, reader: str) -> Decision | None:
    event, venue = passage.event, places.venue_of_gate(passage.gate)
    known = unit.stays_at(reader, event.occurred_at, venue)
    stays = [stay for stay in known if stay.created_at <= event.occurred_at]  # nobody comes to what is booked later
    match passage.way:
        case Direction.IN if places.policy.gate.enter_checks_in:
            return on_arrival(stays, places.policy, event.occurred_at, passage.received_at)
        case Direction.OUT if not (venue and unit.evacuations.at(venue, event.occurred_at)):
            superseded = unit.passed_since(reader, venue, event.occurred_at)
            return on_exit(
                stays, places.policy, event.occurred_at, passage.received_at, superseded=superseded, zone=places.zone
            )
        case _:
            return None


def _carry_out(unit: Unit, places: Places, decision: Decision, occasion: Occasion) -> tuple[Reservation, Change]:
    """Apply a decision; a stay that late evidence would bring back yields to whoever booked meanwhile."""
    stay, action = decision.reservation, decision.action
    if action is Action.REINSTATE:
        return _bring_back(unit, places, stay, occasion)
    after = _must(apply(stay, action, occasion.occurred_at, until=decision.until))
    write(unit, places, after, action, occasion)
    if action is Action.EXCUSE:
        lift_by_evidence(unit, places, stay, occasion.source, occasion.received_at)
    if decision.violation and places.policy.violations.left:
        record_violation(unit, places, left_violation(after, occasion.occurred_at), occasion.received_at)
    if at(stay, places.policy, occasion.received_at).status in {Status.NO_SHOW, Status.LAPSED}:
        # late evidence: it lifts what time had made of the stay, written down yet or not, and imposes nothing instead
        settle(unit, places, [after], occasion.received_at, blame=False)
        after = unit.stay(after.id) or after
    return after, CHANGE_OF[action]


def _bring_back(unit: Unit, places: Places, stay: Reservation, occasion: Occasion) -> tuple[Reservation, Change]:
    after, change = _where_it_stands(unit, places, stay, occasion)
    lift_by_evidence(unit, places, stay, occasion.source, occasion.received_at)
    return after, change


def _where_it_stands(unit: Unit, places: Places, stay: Reservation, occasion: Occasion) -> tuple[Reservation, Change]:
    now = occasion.received_at
    back = _must(apply(stay, Action.REINSTATE, occasion.occurred_at))
    standing = at(back, places.policy, now)
    if not standing.holds:
        # its time is over and the seat may be another's since: it goes straight to its end, never back to holding
        unit.save(standing)
        note(unit, places, standing, Change.REINSTATED, occasion)
        carry_over(unit, places, back, now)
        _carry_back(unit, places, back, now)
        return standing, Change.REINSTATED
    settle_around(unit, places, stay, now)
    if is_taken(unit, places, stay) or _clashes(unit, stay):
        displaced = _must(apply(stay, Action.DISPLACE, now))
        offer = offer_facts(unit, places, displaced, now)
        write(unit, places, displaced, Action.DISPLACE, replace(occasion, facts=occasion.facts | offer))
        return displaced, Change.DISPLACED
    write(unit, places, back, Action.REINSTATE, occasion)
    return give_way(unit, places, back, now), Change.REINSTATED


def _carry_back(unit: Unit, places: Places, before: Reservation, now: datetime) -> None:
    """Bring back the stay after `before` on the same seat, if time has made a no-show of it: who was in the one was in both."""
    for coming in unit.stays_at(before.reader, before.end, None):
        if (coming.seat, coming.start, coming.status) == (before.seat, before.end, Status.NO_SHOW) and coming.seat:
            occasion = Occasion(Source.SYSTEM, coming.start, now, {"carried": before.id})
            _bring_back(unit, places, coming, occasion)


def _must(result: Reservation | Refusal) -> Reservation:
    if isinstance(result, Refusal):
        raise TypeError(f"attendance decided what the transition table has no way for: {result.facts}")
    return result


def check_in_by_code(unit: Unit, places: Places, command: CheckInByCode) -> Changed | Refusal:
    """Check in, or return, by a kiosk's code that was seen at `seen_at`."""
    refused = position_missing(places, command)
    if refused:
        return refused
    settle(unit, places, unit.fallen_due(min(command.seen_at, command.at), reader=command.reader), command.at)
    stays = unit.stays_at(command.reader, command.seen_at, places.venue_of_kiosk(command.kiosk))
    decision = on_arrival(stays, places.policy, command.seen_at, command.at)
    if decision is None:
        return _nothing_to_do(places, stays, command.seen_at)
    if not unit.use_code(command.reader, command.kiosk, command.step, command.at):
        return Refusal(RefusalCode.CODE_USED)
    after, _ = _carry_out(unit, places, decision, occasion_of(places, command))
    settle(unit, places, unit.fallen_due(command.at, reader=command.reader), command.at)
    return Changed(unit.stay(after.id) or after)


def _nothing_to_do(places: Places, stays: list[Reservation], seen_at: datetime) -> Refusal:
    for stay in stays:
        if stay.status is Status.IN_USE:
            return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"status": stay.status, "reservation": stay.id})
    windows = [(window_of(stay, places.policy), stay) for stay in stays]
    coming = [(window, stay) for window, stay in windows if stay.status is Status.RESERVED and seen_at < window.opens]
    if coming:
        window, stay = min(coming, key=lambda pair: pair[0].opens)
        return Refusal(
            RefusalCode.WINDOW_NOT_OPEN, "policy.check_in.opens_before", window.opens, {"reservation": stay.id}
        )
    for window, stay in windows:
        if stay.status in {Status.RESERVED, Status.NO_SHOW} and seen_at >= window.closes:
            return Refusal(RefusalCode.WINDOW_CLOSED, "policy.check_in.closes_after", facts={"reservation": stay.id})
    return Refusal(RefusalCode.NOTHING_TO_CHECK_IN)
