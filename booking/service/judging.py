"""What gates report, readers ask and staff decide about violations, within a transaction."""

from datetime import timedelta

from booking.domain.evidence import Change
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.violations import Because, Span, excused
from booking.service.commands import Channel, Stored
from booking.service.consequences import confirm_heard, lift, tell, venue_of
from booking.service.streams import hear_stream
from booking.service.unit import Unit
from booking.service.violation_commands import Appeal, DecideViolation, GrantAmnesty, HearGate

STORED_WITHIN = timedelta(seconds=5)
"""What a gate captured less than this before it reported may not have been in its outbox yet."""


def hear_gate(unit: Unit, places: Places, command: HearGate) -> Stored:
    """Take over how far a gate has told; a claim about rows that we do not hold proves nothing yet."""
    hear_stream(unit, places, command)
    if unit.violations.last_row(command.gate, command.epoch) < command.watermark:
        # we have lost what we acknowledged (booking.resync asks for it): nobody is to be blamed for that
        return Stored()
    if unit.violations.holds_rows(command.gate, command.epoch, command.watermark, command.last_sequence):
        unit.violations.hear(command.gate, min(command.wall, command.at) - STORED_WITHIN)
        confirm_heard(unit, places, command.at)
    return Stored()


def appeal(unit: Unit, places: Places, command: Appeal) -> Stored | Refusal:
    """Put a violation before staff, once and in time; a lifted or decided one needs no appeal."""
    violation = unit.violations.one(command.violation)
    if violation is None or violation.reader != command.reader:
        return Refusal(RefusalCode.NOT_FOUND)
    if violation.lifted_at or violation.decided_at or violation.appealed_at:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"violation": violation.id})
    if command.at >= violation.occurred_at + places.policy.violations.appeal_within:
        return Refusal(RefusalCode.APPEAL_TOO_LATE, "policy.violations.appeal_within")
    unit.violations.appeal(violation.id, command.at, command.words)
    tell(unit, places, violation, Change.APPEALED, source=Channel.WEB, now=command.at)
    return Stored()


def decide_violation(unit: Unit, places: Places, command: DecideViolation) -> Stored | Refusal:
    """Uphold or lift a violation as staff decided, once."""
    violation = unit.violations.one(command.violation)
    if violation is None:
        return Refusal(RefusalCode.NOT_FOUND)
    if violation.lifted_at or violation.decided_at:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"violation": violation.id})
    unit.violations.decide(violation.id, command.at)
    action = "uphold" if command.uphold else "lift"
    unit.violations.audit(command.at, command.staff, action, violation.id, {"note": command.note})
    if command.uphold:
        unit.violations.confirm(violation.id, violation.confirmed_at or command.at)
        tell(unit, places, violation, Change.VIOLATION_UPHELD, source=Channel.STAFF, now=command.at)
    else:
        because = Because.APPEAL if violation.appealed_at else Because.STAFF
        lift(unit, places, violation, because, source=Channel.STAFF, now=command.at)
    return Stored()


def grant_amnesty(unit: Unit, places: Places, command: GrantAmnesty) -> Stored | Refusal:
    """Excuse an outage of ours: lift what it touched, and what is yet to be recorded of that time."""
    if command.start >= command.end or (command.venue and places.site.venue(command.venue) is None):
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"span": "it must begin before it ends, in a known venue"})
    span = Span(command.start, command.end, command.venue)
    unit.violations.excuse(span, command.at)
    touched = [one for one in unit.violations.since(command.start) if excused(one, venue_of(places, one), [span])]
    for violation in touched:
        lift(unit, places, violation, Because.AMNESTY, source=Channel.STAFF, now=command.at)
    facts = {
        "start": command.start.isoformat(),
        "end": command.end.isoformat(),
        "reason": command.reason,
        "lifted": str(len(touched)),
    }
    unit.violations.audit(command.at, command.staff, "amnesty", command.venue, facts)
    return Stored()
