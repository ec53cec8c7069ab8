"""Which free seat is the best one: near the wished seat, else away from taken neighbours. The same facts, the same seat."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import hypot

from booking.domain.places import Seat


def best_seat(seats: Sequence[Seat], held: AbstractSet[str], wished: Seat | None) -> Seat | None:
    """Return the best seat of an area's `seats` that is neither closed nor in `held`; None when there is none.

    With a wished seat the nearest to it on the plan; without one a seat whose neighbours in the row of numbers are
    free. Ties go to the plan's order.
    """
    free = [seat for seat in seats if not seat.closed and seat.id not in held]
    if wished is not None:
        return min(free, key=lambda seat: (hypot(seat.x - wished.x, seat.y - wished.y), seat.rank), default=None)
    taken = {seat.rank for seat in seats if seat.id in held}
    return min(free, key=lambda seat: ((seat.rank - 1 in taken) + (seat.rank + 1 in taken), seat.rank), default=None)
