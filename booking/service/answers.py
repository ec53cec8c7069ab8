"""Taking back what a passage did: the reader's answer ("更正"), the turnstile's word, or an evacuation that was going on."""

from dataclasses import replace

from booking.domain.evidence import Change, Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation, undone
from booking.domain.violations import Because, left_violation
from booking.domain.window import Interval
from booking.service.commands import AnswerGateRecord, Changed, Channel, Stored
from booking.service.consequences import lift_known
from booking.service.floor import give_way
from booking.service.gate_record import GateRecord
from booking.service.ledger import Occasion, note, settle
from booking.service.room import is_taken, settle_around
from booking.service.unit import Unit


def answer_record(unit: Unit, places: Places, command: AnswerGateRecord) -> Changed | Stored | Refusal:
    """Confirm what a passage did, or undo it where the seat is still free and nothing has happened since.

    "Not me" flags the card for the desk, whether there was anything to undo or not; nobody is blamed for it.
    """
    record = unit.gate_record(command.record)
    if record is None or record.reader != command.reader:
        return Refusal(RefusalCode.NOT_FOUND)
    until = record.received_at + places.policy.gate.confirm_for
    if command.at >= until:
        return Refusal(RefusalCode.CONFIRM_TOO_LATE, "policy.gate.confirm_for")
    if record.answer is not None:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"answer": record.answer})
    if not command.confirm and places.policy.gate.flag_disputed:
        unit.flag_card(record.id, command.at)
    if command.confirm or record.before is None:
        unit.answer_record(record.id, "confirmed" if command.confirm else "disputed", command.at)
        return Stored()
    restored = undo(unit, places, record, Occasion(Channel.WEB, command.at, command.at))
    if isinstance(restored, Refusal):
        return restored
    unit.answer_record(record.id, "disputed", command.at)
    return Changed(restored)


def undo(unit: Unit, places: Places, record: GateRecord, occasion: Occasion) -> Reservation | Refusal:
    """Restore what was before a passage, as it would stand now; why not, where something happened since or others came."""
    before, now = record.before, occasion.received_at
    if before is not None:
        settle(unit, places, unit.fallen_due(now, reader=before.reader), now)
    stored = unit.stay(before.id) if before is not None else None
    if before is None or stored is None or record.after is None:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"reason": "changed-since"})
    if replace(stored, frozen=()) != replace(record.after, frozen=()):
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"reason": "changed-since"})
    restored = undone(replace(before, frozen=stored.frozen), places.policy, occasion.received_at)
    if restored.holds:
        interval = Interval(restored.start, restored.end)
        settle_around(unit, places, restored, occasion.received_at)
        if is_taken(unit, places, restored):
            return Refusal(RefusalCode.SEAT_TAKEN)
        if unit.reader_clash(restored.reader, interval, but=restored.id):
            return Refusal(RefusalCode.READER_OVERLAP)
    unit.save(restored)
    note(unit, places, restored, Change.UNDONE, occasion)
    if record.after.closed_at is not None:
        left = left_violation(record.after, record.after.closed_at)
        lift_known(unit, places, left.id, Because.EVIDENCE, source=Source.GATE, now=occasion.received_at)
    return give_way(unit, places, restored, now) if restored.holds else restored
