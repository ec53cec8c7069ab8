"""Whether a gate has told everything: gaps in its sequences, epochs that were never closed, identities used twice; and
events whose time is not known yet. Within a transaction; what staff should look at becomes an alert.
"""

from dataclasses import replace
from datetime import datetime

import msgspec

from booking.domain.clocks import booted_at, impossible, rebuilt
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.alerts import miss, raise_alert
from booking.service.commands import KeepDeadLetter, Recorded, RecordGateEvent
from booking.service.gate_commands import AnchorClock, ReplayDeadLetter
from booking.service.gate_views import AlertKind
from booking.service.presence import record_event
from booking.service.stream_book import DeadLetter, Kept
from booking.service.unit import Unit
from booking.service.violation_commands import HearGate
from messages import access
from messages.access import AccessEvent
from messages.errors import MessageError


def take_event(unit: Unit, places: Places, command: RecordGateEvent, known: Recorded) -> None:
    """Record an event that is not known yet; one whose identity was another's alerts."""
    event = command.event
    if known.conflict:
        where = (command.gate, event.epoch, event.sequence)
        raise_alert(unit, AlertKind.DIGEST_CONFLICT, where, command.at)
    elif not known.replay:
        watch_gap(unit, places, command)
        record_in_time(unit, places, command)


def watch_letter(unit: Unit, command: KeepDeadLetter, known: Recorded) -> None:
    """Alert where a dead letter bears the number of another event."""
    if known.conflict:
        raise_alert(unit, AlertKind.DIGEST_CONFLICT, (command.gate, command.epoch, command.sequence), command.at)


def watch_gap(unit: Unit, places: Places, command: RecordGateEvent) -> None:
    """Expect the event before this one; missing for `policy.gate.gap_after`, it alerts."""
    before = command.event.sequence - 1
    if not unit.streams.holds(command.gate, command.event.epoch, before):
        where = (command.gate, command.event.epoch, before)
        miss(unit, where, command.at, places.policy.gate.gap_after)


def hear_stream(unit: Unit, places: Places, command: HearGate) -> None:
    """Hold a birth's figures against the inbox."""
    gate, epoch, now = command.gate, command.epoch, command.at
    known = unit.streams.epochs(gate)
    complete = unit.streams.hear(gate, epoch, command.last_sequence, now)
    if complete < command.last_sequence:
        miss(unit, (gate, epoch, complete + 1), now, places.policy.gate.gap_after)
    if epoch in known:
        return
    before = command.previous_epoch if command.previous_epoch is not None else next(iter(known), None)
    if before is None:
        return
    last, held = known.get(before, (None, 0))
    if last is None or held < last or (command.previous_epoch is None and known):
        raise_alert(unit, AlertKind.UNCLOSED_EPOCH, (gate, before, held + 1), now, successor=str(epoch))


def record_in_time(unit: Unit, places: Places, command: RecordGateEvent) -> None:
    """Record an event; one whose time is impossible with its time rebuilt, or held until a birth tells it."""
    event, ahead = command.event, places.policy.gate.clock_ahead
    if not isinstance(event, AccessEvent) or not impossible(event.occurred_at, command.at, ahead):
        record_event(unit, places, command)
        return
    booted = unit.streams.booted(command.gate, event.boot_id)
    if booted is None:
        unit.streams.hold(_kept(command))
    else:
        _record_rebuilt(unit, places, command, event, booted)


def anchor_clock(unit: Unit, places: Places, command: AnchorClock) -> None:
    """Learn a gate's clock from its birth: what waited for it is applied, what is of another run of its kernel never can be."""
    booted = booted_at(command.wall, command.at, command.monotonic_ns, places.policy.gate.clock_ahead)
    unit.streams.anchor(command.gate, command.boot_id, booted, command.at)
    for held in unit.streams.take_held(command.gate):
        event = access.decode(places.site.id, held.gate, held.payload)
        known = RecordGateEvent(gate=held.gate, at=command.at, event=event, payload=held.payload, digest=held.digest)
        if isinstance(event, AccessEvent) and event.boot_id == command.boot_id:
            _record_rebuilt(unit, places, known, event, booted)
        else:
            _give_up(unit, known, "clock-unknown")


def _record_rebuilt(unit: Unit, places: Places, command: RecordGateEvent, event: AccessEvent, booted: datetime) -> None:
    happened = min(rebuilt(booted, event.monotonic_ns), command.at)
    if impossible(happened, command.at, places.policy.gate.clock_ahead):
        _give_up(unit, command, "impossible-time")
        return
    right = msgspec.structs.replace(event, occurred_at=happened)
    record_event(unit, places, replace(command, event=right, said_at=event.occurred_at))


def _kept(command: RecordGateEvent) -> Kept:
    event = command.event
    return Kept(
        gate=command.gate,
        epoch=event.epoch,
        sequence=event.sequence,
        boot_id=event.boot_id,
        payload=command.payload,
        digest=command.digest,
        at=command.at,
    )


def _give_up(unit: Unit, command: RecordGateEvent, reason: str) -> None:
    event = command.event
    unit.streams.bury(_kept(command), reason)
    raise_alert(unit, AlertKind.CLOCK_UNKNOWN, (command.gate, event.epoch, event.sequence), command.at)


def replay_dead_letter(unit: Unit, places: Places, command: ReplayDeadLetter) -> Refusal | None:
    """Apply a dead letter after all, where what kept it from that is gone; it happened when it says, and we learn of it now."""
    letter = unit.streams.dead_letter(command.letter)
    if letter is None:
        return Refusal(RefusalCode.NOT_FOUND)
    if letter.settled:
        return None
    try:
        event = access.decode(places.site.id, letter.gate, letter.payload)
    except MessageError:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"reason": "unreadable"})
    refused = _why_not_yet(unit, places, letter, event, command.at)
    if refused:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"reason": refused})
    record_in_time(
        unit,
        places,
        RecordGateEvent(gate=letter.gate, at=command.at, event=event, payload=letter.payload, digest=letter.digest),
    )
    unit.streams.settle_letter(command.letter, command.staff, command.at)
    facts = {"gate": letter.gate, "reason": letter.reason}
    unit.violations.audit(command.at, command.staff, "dead-letter-replayed", command.letter, facts)
    return None


def _why_not_yet(unit: Unit, places: Places, letter: DeadLetter, event: access.GateEvent, now: datetime) -> str | None:
    gate = letter.gate
    if letter.reason == "digest-conflict":
        return letter.reason
    if not places.has_portal(gate, event.portal):
        return "unknown-portal"
    wrong = isinstance(event, AccessEvent) and impossible(event.occurred_at, now, places.policy.gate.clock_ahead)
    if wrong and unit.streams.booted(gate, event.boot_id) is None:
        return "impossible-time"
    return None
