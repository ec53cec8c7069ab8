"""The release second as the rush benches play it: many readers, few seats, and most want the same ones.

The same seed gives the same wishes to both sides of a comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from config.plans import load_plan, seat_id
from config.schema import Site

READERS, SEATS, TRIES = 3000, 300, 5
AREAS = ("2f-reserved", "2f-east")
SKEW = 0.8
"""Weight of the n-th favourite: n to the power of minus this; the first is wanted forty times as often as the last."""
DAY = date(2023, 7, 18)
"""The day after `bench.machine.NOW`: the one whose booking has just opened."""


@dataclass(frozen=True)
class Seat:
    """A seat that can be wished for."""

    area: str
    id: str


def seats_of(site: Site) -> list[Seat]:
    """Return the seats of the rush: the favourites first, whichever area they are in."""
    found = [
        Seat(area.id, seat_id(area.id, seat.label))
        for area in site.areas
        if area.id in AREAS
        for seat in load_plan(site, area).seats
        if seat.label not in area.closed_seats
    ]
    Random(7).shuffle(found)
    return found[:SEATS]


def wishes(seats: Sequence[Seat], seed: int, readers: int = READERS) -> list[list[Seat]]:
    """Return, for each reader, the seats in the order in which they try them."""
    random = Random(seed)
    weights = [(rank + 1) ** -SKEW for rank in range(len(seats))]
    drawn = []
    for _ in range(readers):
        mine: dict[str, Seat] = {}
        while len(mine) < TRIES:
            [seat] = random.choices(seats, weights)
            mine.setdefault(seat.id, seat)
        drawn.append(list(mine.values()))
    return drawn


def reader(n: int) -> str:
    """Return the n-th reader's id."""
    return f"R{n:06}"


def hour(site: Site, number: int) -> tuple[datetime, datetime]:
    """Return an hour of the opened day: a fresh one for each round, in which every seat is still free."""
    start = datetime.combine(DAY, datetime.min.time(), site.timezone) + timedelta(hours=8 + number)
    return start, start + timedelta(hours=1)
