"""Row 7: the gate is cut off for a day. Readers come, never come, come too late, or go out and come back meanwhile.

Who was seen by the gate in time is judged by what the gate kept, however late it is told; nobody is blamed for good before.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path

from bench.faults.broker import RunningBroker
from bench.faults.edge import Booking
from bench.faults.house import PORTALS, House, library, standing
from bench.faults.ledger import reader_name
from bench.faults.server import NOW
from bench.faults.site import write_site
from booking.domain.violations import Standing

CUT = timedelta(hours=24)
SWEEP_EVERY = timedelta(minutes=20)
CLOSES = 21
"""The last hour at which a reservation of a day ends."""


class Fate(Enum):
    """What a reader does while the gate is cut off."""

    CAME = auto()
    WENT_AND_CAME = auto()
    TOO_LATE = auto()
    NEVER = auto()

    @property
    def is_blameless(self) -> bool:
        """Tell whether they were there in time."""
        return self in (Fate.CAME, Fate.WENT_AND_CAME)


@dataclass
class Outcome:
    """What the days without a gate did."""

    days: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    kept: int = 0
    """Passages that waited on the gate's disk."""
    provisional: int = 0
    """Violations that were told of as provisional meanwhile, of whom had come."""
    too_early: int = 0
    """Violations that stood while the gate was cut off."""
    false_no_shows: int = 0
    """Readers whom the gate saw in time and who are no-shows, or blamed, in the end."""
    spared: int = 0
    """Readers who were not there in time and are not blamed."""

    @property
    def good(self) -> bool:
        """Tell whether everybody is judged by what they did, and nobody before it was known."""
        return (self.too_early, self.false_no_shows, self.spared) == (0, 0, 0) and self.provisional > 0


def run(
    folder: Path, port: int, *, days: int, readers: int, seed: int, lose: bool = False, say: Callable[[str], None]
) -> Outcome:
    """Cut the gate off on `days` days, each a library of its own. `lose`: the control, in which the gate forgets all it kept."""
    dice, outcome = random.Random(seed), Outcome(days=days)
    site_file = write_site(folder, PORTALS)
    broker = RunningBroker(folder / "broker", port)
    broker.start()
    try:
        for day in range(days):
            with library(folder / f"day-{day}", site_file, broker, readers) as house:
                _day(house, readers, dice, outcome, lose=lose)
            say(f"day {day + 1}: {outcome}")
    finally:
        broker.kill()
    return outcome


def _day(house: House, readers: int, dice: random.Random, outcome: Outcome, *, lose: bool) -> None:
    fates = {number: dice.choice(list(Fate)) for number in range(readers)}
    outcome.fates.update(fates.values())
    with house.booking() as service:
        moves: list[tuple[datetime, str, int]] = []
        for number, fate in fates.items():
            start = NOW.replace(minute=0) + timedelta(hours=dice.randrange(1, CLOSES - NOW.hour - 1))
            house.book(service.store, number, start, dice.randrange(1, 3))
            moves += _moves(fate, number, start, dice)
        house.cut()
        for at, way, number in sorted(moves):
            _sweep_until(house, service, at)
            if not lose:
                house.passes(way, number, at)
        _sweep_until(house, service, NOW + CUT)
        seen = {number: standing(service.store, number, house.clock.now()) for number in fates}
        outcome.too_early += sum(Standing.STANDING in each for each in seen.values())
        outcome.provisional += sum(fates[number].is_blameless and bool(seen[number]) for number in fates)
        outcome.kept += house.edge.outbox.state().depth
        house.mend()
        house.settled(service, "what the gate kept is stored")
        for number, fate in fates.items():
            now = house.clock.now()
            (stay,) = service.store.reads.reservations(reader_name(number), now).items
            blamed = Standing.LIFTED not in (found := standing(service.store, number, now)) and bool(found)
            no_show = stay.status == "no-show"
            if fate.is_blameless:
                outcome.false_no_shows += no_show or blamed
            else:
                outcome.spared += not (no_show and found == {Standing.STANDING})


def _moves(fate: Fate, number: int, start: datetime, dice: random.Random) -> list[tuple[datetime, str, int]]:
    """Return (when, way, reader) of the passages that a fate is made of."""
    within = timedelta(seconds=dice.randrange(-29 * 60, 29 * 60))
    came = start + within
    match fate:
        case Fate.CAME:
            return [(came, "in", number)]
        case Fate.WENT_AND_CAME:
            went = max(came, start) + timedelta(minutes=dice.randrange(1, 10))
            return [(came, "in", number), (went, "out", number), (went + timedelta(minutes=12), "in", number)]
        case Fate.TOO_LATE:
            return [(start + timedelta(minutes=dice.randrange(31, 59)), "in", number)]
        case Fate.NEVER:
            return []


def _sweep_until(house: House, service: Booking, at: datetime) -> None:
    """Let time pass in steps, each written down."""
    while house.clock.now() + SWEEP_EVERY < at:
        house.clock.put(house.clock.now() + SWEEP_EVERY)
        service.sweep()
    house.clock.put(max(at, house.clock.now()))
    service.sweep()
