"""The commands of booking.service.gate_commands, handed to what decides them."""

from booking.domain.places import Places
from booking.domain.refusals import Refusal
from booking.service.commands import Stored
from booking.service.evacuation import begin_evacuation, end_evacuation
from booking.service.gate_commands import BeginEvacuation, EndEvacuation, GateCommand
from booking.service.unit import Unit


def carry_out(unit: Unit, places: Places, command: GateCommand) -> Stored | Refusal:
    """Carry out one command of this family."""
    match command:
        case BeginEvacuation():
            return begin_evacuation(unit, places, command) or Stored()
        case EndEvacuation():
            return end_evacuation(unit, places, command) or Stored()
