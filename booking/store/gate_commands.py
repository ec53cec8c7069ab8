"""The commands of booking.service.gate_commands, handed to what decides them."""

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Changed, Stored
from booking.service.evacuation import begin_evacuation, end_evacuation
from booking.service.gate_commands import (
    BeginEvacuation,
    CheckInInside,
    ClearFlag,
    EndEvacuation,
    GateCommand,
    TakeOffer,
)
from booking.service.inside import check_in_inside
from booking.service.offers import take_offer
from booking.service.unit import Unit


def carry_out(unit: Unit, places: Places, command: GateCommand) -> Changed | Stored | Refusal:
    """Carry out one command of this family."""
    match command:
        case BeginEvacuation():
            return begin_evacuation(unit, places, command) or Stored()
        case EndEvacuation():
            return end_evacuation(unit, places, command) or Stored()
        case CheckInInside():
            return check_in_inside(unit, places, command)
        case TakeOffer():
            return take_offer(unit, places, command)
        case ClearFlag():
            if not unit.clear_flag(command.record, command.staff, command.at):
                return Refusal(RefusalCode.NOT_FOUND)
            unit.violations.audit(command.at, command.staff, "card-flag-cleared", command.record, {})
            return Stored()
