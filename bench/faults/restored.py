"""Row 13: booking's disk is lost and yesterday's backup put back. What came by the gates comes again; what did not is counted.

RPO, as docs/operations.md states it: bookings and actions by HTTP since the backup are gone; no passage is.
"""

import random
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest import mock

import apsw

from bench.faults.broker import RunningBroker
from bench.faults.house import PORTALS, House, library, standing, until
from bench.faults.ledger import reader_name
from bench.faults.server import NOW
from bench.faults.site import write_site
from booking import backup
from booking.domain.violations import Standing
from booking.resync import Resyncs
from booking.settings import load_settings

PASSAGES = "SELECT count(*) FROM gate_records"
BOOKINGS = "SELECT count(*) FROM reservations"
RESTORED_AFTER = timedelta(minutes=50)
"""When booking is back: every check-in window has closed by then."""


@dataclass
class Outcome:
    """What the drills did."""

    drills: int = 0
    damaged: int = 0
    """Restored files that `integrity_check` finds fault with."""
    kept: int = 0
    """Bookings of before the backup that are there again."""
    since: int = 0
    """Bookings of after it: what is lost, as stated."""
    wrong: int = 0
    """Drills after which more or fewer bookings were there than the backup held."""
    missing: int = 0
    """Passages that did not come back."""
    came_back: int = 0
    """Passages of after the backup that came again from the gate's disk."""
    false_blame: int = 0
    """Readers whom the gate had seen and who are blamed in the end."""
    too_early: int = 0
    """Readers blamed for good before the gate had told again."""

    @property
    def good(self) -> bool:
        """Tell whether nothing is lost but what is said to be."""
        lost = (self.damaged, self.wrong, self.missing, self.false_blame, self.too_early)
        return lost == (0,) * len(lost) and self.came_back > 0


def run(
    folder: Path, port: int, *, drills: int, readers: int, seed: int, ask: bool = True, say: Callable[[str], None]
) -> Outcome:
    """Lose the disk `drills` times. `ask` False: the control, in which booking does not ask the gates for what it lost."""
    dice, outcome = random.Random(seed), Outcome(drills=drills)
    site_file = write_site(folder, PORTALS)
    broker = RunningBroker(folder / "broker", port)
    broker.start()
    try:
        for drill in range(drills):
            with library(folder / f"drill-{drill}", site_file, broker, readers) as house:
                _drill(house, site_file, readers, dice, outcome, ask=ask)
            say(f"drill {drill + 1}: {outcome}")
    finally:
        broker.kill()
    return outcome


def _drill(house: House, site_file: Path, readers: int, dice: random.Random, outcome: Outcome, *, ask: bool) -> None:
    file = house.folder / "booking.toml"
    password = house.broker.settings("booking").password_file
    file.write_text(
        f'site = "{site_file}"\ndata = "{house.data}"\ndatabase = "{house.database}"\n[broker]\npassword_file = "{password}"\n'
    )
    settings, saved = load_settings(file), house.folder / "yesterday.backup"
    early = dice.randrange(1, readers - 1)
    """Readers below this number came before the backup, the others after it; of these every second one books after it as well."""
    since = range(early, readers, 2)
    start = NOW.replace(minute=0) + timedelta(hours=1)
    with house.booking() as service:
        store = service.store
        for number in range(readers):
            house.book(store, number, start, 2)
        for number in range(early):
            house.passes("in", number, NOW + timedelta(minutes=26, seconds=number))
        until("stored before the backup", house.delivered)
        backup.save(settings, saved, house.clock.now(), lambda _done, _pages: None)
        held = house.figure(BOOKINGS)
        for number in since:
            house.book(store, number, start + timedelta(hours=3), 1)
        for number in range(early, readers):
            house.passes("in", number, NOW + timedelta(minutes=40, seconds=number))
        until("stored and acknowledged after the backup", house.delivered)
    for left in house.folder.glob(f"{house.database.name}*"):
        left.rename(house.folder / f"lost-{left.name}")
    backup.restore(settings, saved, house.clock.now())
    with closing(apsw.Connection(str(house.database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        outcome.damaged += connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
    house.clock.put(start + RESTORED_AFTER)
    with nullcontext() if ask else mock.patch.object(Resyncs, "look"):
        _come_back(house, readers, early, outcome, ask=ask)
    there = house.figure(BOOKINGS)
    outcome.kept, outcome.since = outcome.kept + there, outcome.since + len(since)
    outcome.wrong += there != held


def _come_back(house: House, readers: int, early: int, outcome: Outcome, *, ask: bool) -> None:
    """Open what was restored, let the gate report, and see what is there then."""
    with house.booking() as service:
        service.sweep()
        outcome.too_early += sum(
            Standing.STANDING in standing(service.store, number, house.clock.now()) for number in range(readers)
        )
        until("the gate is there", lambda: house.edge.connected)
        house.edge.report()
        until("booking hears how far the gate is", lambda: service.ingest.counts["reports"] > 0)
        if ask:
            until("every passage is there again", lambda: house.figure(PASSAGES) == readers)
            house.settled(service, "all of it acknowledged again")
        stored = house.figure(PASSAGES)
        outcome.missing += readers - stored
        outcome.came_back += stored - early
        now = house.clock.now()
        for number in range(readers):
            (stay,) = service.store.reads.reservations(reader_name(number), now).items
            outcome.false_blame += stay.status == "no-show"
