"""Move to another seat: one step inside one transaction, never a cancellation and a hope. Attendance moves along.

"My seat is taken" (占座) is a move without blame that also gives staff a task: somebody sits where they should not.
"""

from booking.domain.booking import longest, outside_hours
from booking.domain.evidence import Change
from booking.domain.places import Places, Seat
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation, Status, moved
from booking.domain.tasks import SEAT_TAKEN, Task
from booking.domain.window import Interval
from booking.service.choice import best_for, why_not_area, why_not_seat
from booking.service.commands import Changed, MoveSeat
from booking.service.ledger import Occasion, note, settle
from booking.service.unit import Unit
from config.schema import Area


def move(unit: Unit, places: Places, command: MoveSeat) -> Changed | Refusal:
    """Decide one move on facts of this transaction, and write it."""
    stay = unit.stay(command.reservation)
    if stay is None or stay.reader != command.reader:
        return Refusal(RefusalCode.UNKNOWN_RESERVATION)
    wished = places.seat(command.seat) if command.seat else None
    if command.seat and wished is None:
        return Refusal(RefusalCode.UNKNOWN_SEAT, facts={"seat": command.seat})
    area = places.area(wished.area if wished else stay.area)
    if area is None or not stay.seat or not (wished or command.taken):
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"seat": "which one"})
    settle(unit, places, unit.fallen_due(command.at, reader=command.reader, area=area.id), command.at)
    stay = unit.stay(stay.id) or stay
    seat = _seat_for(unit, places, command, stay, area=area, wished=wished)
    if isinstance(seat, Refusal):
        return seat
    after = moved(stay, seat.area, seat.id)
    return after if isinstance(after, Refusal) else Changed(_write(unit, places, command, stay, after))


def _seat_for(
    unit: Unit, places: Places, command: MoveSeat, stay: Reservation, *, area: Area, wished: Seat | None
) -> Seat | Refusal:
    here = moved(stay, stay.area, stay.seat)
    if isinstance(here, Refusal):
        return here
    interval = Interval(max(stay.start, command.at) if stay.status is Status.IN_USE else stay.start, stay.end)
    if area.id != stay.area:
        refused = _why_not_there(unit, places, command, stay, area=area, interval=interval)
        if refused:
            return refused
    if wished is None:
        return best_for(unit, places, command, area.id, interval, near=places.seat(stay.seat))
    if wished.id == stay.seat:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"seat": "the same"})
    return why_not_seat(unit, places, command, wished, interval) or wished


def _why_not_there(
    unit: Unit, places: Places, command: MoveSeat, stay: Reservation, *, area: Area, interval: Interval
) -> Refusal | None:
    """Refuse another area where its own rules would have refused the booking."""
    if places.area(stay.area) is None or places.venue_of(area.id) != places.venue_of(stay.area):
        return Refusal(RefusalCode.OTHER_BUILDING, facts={"area": area.id})
    most, key = longest(places, area)
    if stay.end - stay.start > most:
        return Refusal(RefusalCode.TOO_LONG, key, facts={"minutes": str(int(most.total_seconds() // 60))})
    return outside_hours(places, area, interval) or why_not_area(unit, places, command, area, interval)


def _write(unit: Unit, places: Places, command: MoveSeat, stay: Reservation, after: Reservation) -> Reservation:
    unit.touch(stay.area)
    unit.save(after)
    facts = {"from": stay.seat, "from_label": places.label(stay.seat)}
    if command.taken:
        facts["taken"] = "yes"
        unit.add_task(
            Task(
                id=unit.new_id(command.at),
                kind=SEAT_TAKEN,
                area=stay.area,
                seat=stay.seat,
                reservation=stay.id,
                made_at=command.at,
            )
        )
    note(unit, places, after, Change.MOVED, Occasion(command.channel, command.at, command.at, facts))
    return after
