"""Row 2: the power goes in the middle of booking. What was answered must be on every disk that a cut can leave behind.

A store books over the logging disk of `vfs`; each image is opened as after a restart and compared with what had been
answered by then. The controls are the same store with `synchronous` turned down: they must lose, or the disk shows nothing.
"""

import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bench.faults.ledger import Told, Verdict, judge, reader_name
from bench.faults.server import NOW, places_of
from bench.faults.vfs import Image, PowerCut, Step, disk, images
from booking.domain.places import Places
from booking.service.commands import Changed, LoadPeople, Person, Reserve
from booking.store.sqlite import open_store

HOURS = 14
"""Hours in which a seat can be booked tomorrow."""
MEMORY = Path("/dev/shm")
"""Images are rebuilt in memory: that they are on a disk adds nothing."""


@dataclass
class Outcome:
    """What a number of images showed."""

    images: int = 0
    lost: int = 0
    """Images in which something that had been answered is missing."""
    corrupt: int = 0
    wrong: int = 0
    """Images with a double booking or half a transaction."""
    examples: list[str] = field(default_factory=list)

    def add(self, image: Image, verdict: Verdict) -> None:
        """Count one image."""
        self.images += 1
        self.lost += verdict.lost > 0
        self.corrupt += bool(verdict.corrupt)
        self.wrong += bool(verdict.torn or verdict.doubles)
        if not verdict.good and len(self.examples) < 5:
            self.examples.append(f"cut before step {image.cut}: {verdict}")


def book(folder: Path, places: Places, *, synchronous: str, rounds: int, batch: int) -> list[Step]:
    """Book `rounds` times `batch` seats over a logging disk and return everything that happened to it.

    The file is checkpointed often, so that cuts fall into checkpoints and into a log that starts again.
    """
    seats = [seat.id for seats in places.seats_of.values() for seat in seats]
    folder.mkdir(parents=True)
    with disk(PowerCut(f"power-cut-{synchronous}")) as cut:
        store = open_store(folder / "booking.sqlite", places, NOW)
        connection = store.writer.engine.connection
        connection.pragma("synchronous", synchronous)  # the one thing that a control changes
        connection.wal_autocheckpoint(60)
        people = tuple(Person(reader=reader_name(n), name="r") for n in range((rounds // HOURS + 1) * batch))
        store.writer.submit([LoadPeople(at=NOW, people=people)]).result()
        for round_ in range(rounds):
            start = NOW.replace(hour=8, minute=0) + timedelta(days=1, hours=round_ % HOURS)
            futures = []
            for n in range(round_ // HOURS * batch, (round_ // HOURS + 1) * batch):
                wish = Reserve(
                    reader=reader_name(n),
                    at=NOW,
                    seat=seats[n],
                    area=None,
                    start=start,
                    end=start + timedelta(hours=1),
                )
                future = store.writer.submit([wish])
                future.add_done_callback(lambda done: cut.mark(_told(done.result()[0])))
                futures.append(future)
            for future in futures:
                _told(future.result()[0])
        steps = list(cut.steps)
        store.close()
    return steps


def _told(outcome: object) -> Told:
    if not isinstance(outcome, Changed):
        raise TypeError(f"not booked: {outcome}")
    stay = outcome.reservation
    return Told(stay.id, stay.reader, stay.seat or "", stay.start)


def examine(steps: list[Step], places: Places, *, count: int, seed: int) -> Outcome:
    """Rebuild `count` images and open each as a restart would."""
    outcome = Outcome()
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="seatgate-images-", dir=where) as name:
        folder = Path(name) / "image"
        for image in images(steps, count, seed):
            folder.mkdir()
            image.write(folder)
            outcome.add(image, _reopened(folder / "booking.sqlite", places, NOW, image))
            shutil.rmtree(folder)
    return outcome


def _reopened(database: Path, places: Places, now: datetime, image: Image) -> Verdict:
    """Start on an image; a store that cannot be opened is lost with everything in it."""
    told = [mark for mark in image.marks if isinstance(mark, Told)]
    try:
        with contextlib.closing(open_store(database, places, now)):
            pass
    except Exception as error:  # noqa: BLE001 - whatever it is, the library stands still
        return Verdict(lost=len(told), corrupt=f"not opened: {error}")
    return judge(database, told)


def campaign(folder: Path, site: Path, *, rounds: int, batch: int, count: int, seed: int, synchronous: str) -> Outcome:
    """Book and examine with one setting of `synchronous`."""
    places = places_of(site)
    steps = book(folder / synchronous, places, synchronous=synchronous, rounds=rounds, batch=batch)
    return examine(steps, places, count=count, seed=seed)
