"""The commands of booking.service.gate_commands, handed to what decides them."""

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Changed, Stored
from booking.service.evacuation import begin_evacuation, end_evacuation
from booking.service.gate_commands import (
    AnchorClock,
    BeginEvacuation,
    CheckInInside,
    ClearFlag,
    EndEvacuation,
    GateCommand,
    ReplayDeadLetter,
    SeeAlert,
    TakeOffer,
)
from booking.service.gate_states import KeepGateState
from booking.service.inside import check_in_inside
from booking.service.offers import take_offer
from booking.service.portal_orders import OrderPortal, order_portal
from booking.service.streams import anchor_clock, replay_dead_letter
from booking.service.unit import Unit


def carry_out(unit: Unit, places: Places, command: GateCommand) -> Changed | Stored | Refusal:  # noqa: C901 - one line per command
    """Carry out one command of this family."""
    match command:
        case OrderPortal():
            return order_portal(unit, places, command) or Stored()
        case BeginEvacuation():
            return begin_evacuation(unit, places, command) or Stored()
        case EndEvacuation():
            return end_evacuation(unit, places, command) or Stored()
        case CheckInInside():
            return check_in_inside(unit, places, command)
        case TakeOffer():
            return take_offer(unit, places, command)
        case AnchorClock():
            anchor_clock(unit, places, command)
            return Stored()
        case KeepGateState():
            unit.streams.keep_state(command)
            return Stored()
        case ReplayDeadLetter():
            return replay_dead_letter(unit, places, command) or Stored()
        case SeeAlert():
            if not unit.streams.see(command.alert, command.staff, command.at):
                return Refusal(RefusalCode.NOT_FOUND)
            unit.violations.audit(command.at, command.staff, "alert-seen", command.alert, {})
            return Stored()
        case ClearFlag():
            if not unit.clear_flag(command.record, command.staff, command.at):
                return Refusal(RefusalCode.NOT_FOUND)
            unit.violations.audit(command.at, command.staff, "card-flag-cleared", command.record, {})
            return Stored()
