"""Evidence that a reader is there or has gone: a gate's event, a kiosk's code, and the reader's answer to a passage."""

from dataclasses import replace
from datetime import datetime

from booking.domain.attendance import Decision, on_arrival, on_exit
from booking.domain.evidence import CHANGE_OF, Change, Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply, at, undone
from booking.domain.window import Interval, check_in_window
from booking.service.commands import (
    AnswerGateRecord,
    Changed,
    Channel,
    CheckInByCode,
    RecordGateEvent,
    Stored,
)
from booking.service.consequences import lift_by_evidence
from booking.service.entrance import occasion_of, position_missing
from booking.service.ledger import Occasion, note, settle, write
from booking.service.room import is_taken, settle_around
from booking.service.unit import GateRecord, Passage, Unit
from config.schema import PortalDirection
from messages.access import AccessEvent, AccessOutcome, Direction, PassageEvent


def record_event(unit: Unit, places: Places, command: RecordGateEvent) -> None:
    """Store a gate's event that is not known yet, and let it do what the rules say, judged by when it happened."""
    event = command.event
    if isinstance(event, PassageEvent):
        unit.keep_passage(event, command.gate)
        if not event.passed:
            _void(unit, places, command, event)
        return
    card = event.credential
    reader = unit.holder_of(card.kind, card.value, event.occurred_at) if card else None
    if reader is not None:
        settle(unit, places, unit.fallen_due(min(event.occurred_at, command.at), reader=reader), command.at)
    decision = _decide(unit, places, command, event, reader) if reader else None
    passage = Passage(gate=command.gate, event=event, received_at=command.at, reader=reader)
    if decision is not None:
        facts = {"gate": command.gate, "portal": event.portal}
        after, change = _carry_out(unit, places, decision, Occasion(Source.GATE, event.occurred_at, command.at, facts))
        passage = replace(passage, effect=change, before=decision.reservation, after=after)
    unit.keep_record(passage)
    if reader is not None:
        settle(unit, places, unit.fallen_due(command.at, reader=reader), command.at)


def _void(unit: Unit, places: Places, command: RecordGateEvent, event: PassageEvent) -> None:
    """Undo what a swipe did whose reader never walked through, where that still stands; a reader's own answer goes first."""
    record = unit.record_of(command.gate, event.epoch, event.of)
    if record is None or record.before is None or record.answer is not None:
        return
    facts = {"gate": command.gate, "portal": event.portal}
    _undo(unit, places, record, Occasion(Source.GATE, command.at, command.at, facts))


def direction_of(places: Places, gate: str, event: AccessEvent) -> Direction:
    """Return which way: what the event says, else what the portal's wiring says."""
    if event.direction is not Direction.UNKNOWN:
        return event.direction
    for known in places.site.gates:
        for portal in known.portals:
            if known.id == gate and portal.id == event.portal and portal.direction is not PortalDirection.FRAME:
                return Direction(portal.direction)
    return Direction.UNKNOWN


def _decide(unit: Unit, places: Places, command: RecordGateEvent, event: AccessEvent, reader: str) -> Decision | None:
    if event.outcome is AccessOutcome.DENIED:
        return None
    venue = places.venue_of_gate(command.gate)
    stays = unit.stays_at(reader, event.occurred_at, venue)
    match direction_of(places, command.gate, event):
        case Direction.IN if places.policy.gate.enter_checks_in:
            return on_arrival(stays, places.policy, event.occurred_at)
        case Direction.OUT:
            superseded = unit.passed_since(reader, venue, event.occurred_at)
            return on_exit(stays, places.policy, event.occurred_at, command.at, superseded=superseded, zone=places.zone)
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
        return standing, Change.REINSTATED
    settle_around(unit, places, stay, now)
    interval = Interval(stay.start, stay.end)
    if is_taken(unit, places, stay) or unit.reader_clash(stay.reader, interval, but=stay.id):
        displaced = _must(apply(stay, Action.DISPLACE, now))
        write(unit, places, displaced, Action.DISPLACE, occasion)
        return displaced, Change.DISPLACED
    write(unit, places, back, Action.REINSTATE, occasion)
    return back, Change.REINSTATED


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
    decision = on_arrival(stays, places.policy, command.seen_at)
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
    windows = [(check_in_window(stay.start, stay.end, places.policy.check_in), stay) for stay in stays]
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


def answer_record(unit: Unit, places: Places, command: AnswerGateRecord) -> Changed | Stored | Refusal:
    """Confirm what a passage did, or undo it where the seat is still free and nothing has happened since."""
    record = unit.gate_record(command.record)
    if record is None or record.reader != command.reader:
        return Refusal(RefusalCode.NOT_FOUND)
    until = record.received_at + places.policy.gate.confirm_for
    if command.at >= until:
        return Refusal(RefusalCode.CONFIRM_TOO_LATE, "policy.gate.confirm_for")
    if record.answer is not None:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"answer": record.answer})
    if command.confirm or record.before is None:
        unit.answer_record(record.id, "confirmed" if command.confirm else "disputed", command.at)
        return Stored()
    restored = _undo(unit, places, record, Occasion(Channel.WEB, command.at, command.at))
    if isinstance(restored, Refusal):
        return restored
    unit.answer_record(record.id, "disputed", command.at)
    return Changed(restored)


def _undo(unit: Unit, places: Places, record: GateRecord, occasion: Occasion) -> Reservation | Refusal:
    before = record.before
    if before is None or unit.stay(before.id) != record.after:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"reason": "changed-since"})
    restored = undone(before, places.policy, occasion.received_at)
    if restored.holds:
        interval = Interval(restored.start, restored.end)
        settle_around(unit, places, restored, occasion.received_at)
        if is_taken(unit, places, restored):
            return Refusal(RefusalCode.SEAT_TAKEN)
        if unit.reader_clash(restored.reader, interval, but=restored.id):
            return Refusal(RefusalCode.READER_OVERLAP)
    unit.save(restored)
    note(unit, places, restored, Change.UNDONE, occasion)
    return restored
