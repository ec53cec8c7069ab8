"""Commands about violations, handed to what decides them."""

from booking.domain.places import Places
from booking.domain.refusals import Refusal
from booking.service.commands import Stored
from booking.service.judging import appeal, decide_violation, grant_amnesty, hear_gate
from booking.service.ledger import settle
from booking.service.unit import Unit
from booking.service.violation_commands import Appeal, DecideViolation, GrantAmnesty, HearGate, ViolationCommand


def judge(unit: Unit, places: Places, command: ViolationCommand) -> Stored | Refusal:
    """Carry out one command about violations."""
    reader = command.reader if isinstance(command, Appeal) else None
    if not isinstance(command, HearGate):
        # whoever judges a violation sees what time has made by now, written down yet or not
        settle(unit, places, unit.fallen_due(command.at, reader=reader), command.at)
    match command:
        case HearGate():
            return hear_gate(unit, places, command)
        case Appeal():
            return appeal(unit, places, command)
        case DecideViolation():
            return decide_violation(unit, places, command)
        case GrantAmnesty():
            return grant_amnesty(unit, places, command)
