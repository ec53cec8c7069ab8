"""Readers who walk through the lanes of one gate, in and out, as fast as what they passed is acknowledged."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

from bench.floors import PATIENCE, bare_client, subscribe
from bench.machine import OBSERVER, Line, Machine
from bench.wishes import reader
from booking.domain.places import Places
from booking.service.commands import Card, Changed, LoadPeople, Person, Reserve
from booking.service.ports import Writer
from booking.store.sqlite import open_store
from config.plans import load_plan
from messages import acknowledgement
from messages.topics import Family, Leaf, build
from onsite.settings import RunSettings
from runtime.clock import Clock

HOUR = timedelta(hours=1)
GATE = "south"
OUTSTANDING = 256
"""Passages that may be on their way at once."""


def places_of(wanted: RunSettings) -> Places:
    """Return the places of a site."""
    return Places.of(wanted.site, {area.id: load_plan(wanted.site, area).seats for area in wanted.site.areas})


def settle_in(writer: Writer, places: Places, clock: Clock, readers: int) -> None:
    """Make readers with a card (0000000000, 0000000001, …) and a reservation from now on."""
    now = clock.now()
    seats = [
        seat.id
        for area in places.site.areas
        if not area.eligible
        for seat in places.seats_of[area.id]
        if not seat.closed
    ]
    people = tuple(
        Person(reader=reader(n), name=f"Reader {n}", cards=(Card("card", f"{n:010}"),)) for n in range(readers)
    )
    writer.submit([LoadPeople(at=now, people=people)]).result()
    end = now.replace(minute=0, second=0, microsecond=0) + 3 * HOUR
    bookings = [
        Reserve(reader=reader(n), at=now, seat=seats[n], area=None, start=None, end=end) for n in range(readers)
    ]
    outcomes = writer.submit(bookings).result()
    if not all(isinstance(outcome, Changed) for outcome in outcomes):
        raise RuntimeError(f"not everybody got a seat: {outcomes[0]}")


def fill(wanted: RunSettings, readers: int) -> None:
    """Let readers settle in before any process starts."""
    clock = Clock(wanted.shift)
    places = places_of(wanted)
    with closing(open_store(Path(wanted.database), places, clock.now())) as store:
        settle_in(store.writer, places, clock, readers)


class Passages:
    """Swipes cards at lines, half of which lead in, and counts what booking acknowledges."""

    def __init__(self, ways_in: Sequence[Line], ways_out: Sequence[Line], readers: int) -> None:
        self._ways, self._readers = (ways_in, ways_out), readers
        self._frames = [frame(f"{n:010}") for n in range(readers)]
        self._sent = 0
        self._changed = threading.Condition()
        self._held: set[int] = set()

    def on_ack(self, payload: bytes) -> None:
        """Count what an acknowledgement names."""
        ranges = acknowledgement.decode(payload).ranges
        with self._changed:
            for first, last in ranges:
                self._held.update(range(first, last + 1))
            self._changed.notify_all()

    def swipe(self, count: int) -> None:
        """Swipe `count` cards as fast as they are acknowledged; return once all of them are."""
        for _ in range(count):
            if self._sent % 16 == 0:
                self._wait(OUTSTANDING)
            self.swipe_one()
        self._wait(1)

    def swipe_one(self) -> None:
        """Swipe the next card."""
        walk, who = divmod(self._sent, self._readers)
        lines = self._ways[walk % 2]
        line = lines[(walk // 2 + who) % len(lines)]  # the same card at the same lane only after some time: no repeat
        os.write(line.end, self._frames[who])
        self._sent += 1

    def _wait(self, below: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._sent - len(self._held) < below, PATIENCE):
                raise TimeoutError(f"{self._sent} swiped, {len(self._held)} acknowledged")


def frame(card: str) -> bytes:
    """Return what an RDM6300 reader sends for a card's printed number."""
    body = f"01{int(card):08X}"
    checksum = 0
    for byte in bytes.fromhex(body):
        checksum ^= byte
    return b"\x02" + body.encode() + b"%02X" % checksum + b"\x03"


@contextmanager
def walking(machine: Machine, ways_in: Sequence[Line], ways_out: Sequence[Line], readers: int) -> Iterator[Passages]:
    """Yield passages whose acknowledgements a client on the gate's topic counts."""
    passages = Passages(ways_in, ways_out, readers)
    client = bare_client(machine.way(OBSERVER.name))
    client.on_message = lambda _client, _data, message: passages.on_ack(message.payload)
    subscribe(client, build(machine.wanted.site.id, Family.GATES, GATE, Leaf.ACK))
    yield passages
    client.disconnect()
    client.loop_stop()
