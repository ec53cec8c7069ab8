"""The commands of booking.service.floor and patrol, dispatched: every one answers Stored or why not."""

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import Stored
from booking.service.floor import (
    CloseFloor,
    FloorCommand,
    KeepHours,
    OpenFloor,
    SettleTask,
    close_floor,
    keep_hours,
    open_floor,
)
from booking.service.patrol import MarkSeat, mark_seat
from booking.service.unit import Unit


def carry_out(unit: Unit, places: Places, command: FloorCommand | MarkSeat) -> Stored | Refusal:
    """Carry out one command of this family."""
    match command:
        case CloseFloor():
            return close_floor(unit, places, command) or Stored()
        case OpenFloor():
            return open_floor(unit, command) or Stored()
        case SettleTask():
            found = unit.settle_task(command.task, command.staff, command.at)
            return Stored() if found else Refusal(RefusalCode.NOT_FOUND)
        case MarkSeat():
            return mark_seat(unit, places, command) or Stored()
        case KeepHours():
            keep_hours(unit, places, command)
            return Stored()
