"""Row 6: the broker was away for ten minutes; then every passage of that time comes at once, twice, and in any order.

A real mosquitto, the real ingest and store on one side; on the other a gate that sends each event until booking has
acknowledged it, out of order and some of them again and again, through a broker that is killed once more on the way. A
spy before the writer notes in which order events were first stored: the same events handed in that order to a copy of the
database, once each and without a broker, must lead to the same state.
"""

import hashlib
import random
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import apsw

from bench.faults.broker import RunningBroker
from bench.faults.ledger import reader_name
from bench.faults.passages import GATE, OUTAGE, Gate, Spy, passages_of
from bench.faults.server import NOW, places_of
from booking.domain.places import Places
from booking.identity import Identity
from booking.ingest import Ingest
from booking.service.commands import (
    Card,
    Changed,
    EnrolDevice,
    LoadPeople,
    OfferEnrolment,
    Person,
    RecordGateEvent,
    Reserve,
    Sweep,
)
from booking.service.ports import Reads
from booking.store.sqlite import open_store
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import MqttLink
from runtime.signing import SigningKey

SWITCH_SECONDS = 0.0005
"""As in the booking process (`runtime.service`): here the gate's threads want the interpreter as well."""


@dataclass
class Outcome:
    """What the flood did."""

    events: int = 0
    sent: int = 0
    """Messages, each repetition counted."""
    replays: int = 0
    """Messages that booking recognised as known."""
    dropped: int = 0
    """Messages that the ingest had no room for; they came again."""
    stored: int = 0
    differences: list[str] = field(default_factory=list)
    """What differs from the ordered replay."""
    effects: int = 0
    """Passages that did something to a reservation."""
    out_of_order: int = 0
    """Events that were stored after a later one."""
    no_shows_before: int = 0
    """Reservations that the outage alone had made no-shows."""
    lifted: int = 0
    false_violations: int = 0
    """Violations that stand and would not in the order in which things happened."""
    seconds: float = 0.0
    control: int = 0
    """Differences from a replay in another order: none would mean that the comparison sees nothing."""

    @property
    def good(self) -> bool:
        """Tell whether each event counted once."""
        once_each = self.stored == self.events and not self.differences and self.false_violations == 0
        return once_each and self.control > 0


def run(
    folder: Path,
    site_file: Path,
    port: int,
    *,
    events: int,
    readers: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Let `events` passages of `readers` come at once."""
    sys.setswitchinterval(SWITCH_SECONDS)
    dice, places, key = random.Random(seed), places_of(site_file), SigningKey.generate()
    folder.mkdir(parents=True, exist_ok=True)
    base, flooded = folder / "before.sqlite", folder / "flooded.sqlite"
    _prepare(base, places, key, readers, dice)
    for copy in (flooded, folder / "ordered.sqlite", folder / "happened.sqlite"):
        shutil.copy(base, copy)
    passages = passages_of(events, readers, dice)
    outcome = Outcome(events=events)
    began = Clock().monotonic_ns()
    gate = Gate(places.site.id, key, passages, dice)
    first = _flood(folder, places, RunningBroker(folder / "broker", port), gate, outcome=outcome, say=say)
    outcome.seconds = (Clock().monotonic_ns() - began) / 1e9
    _replay(folder / "ordered.sqlite", places, first)
    happened = sorted(first, key=lambda command: (command.event.occurred_at, command.event.sequence))
    _replay(folder / "happened.sqlite", places, happened)
    _compare(folder, outcome)
    times = [command.event.occurred_at for command in first]
    newest = times[0] if times else NOW
    for time in times:
        outcome.out_of_order += time < newest
        newest = max(newest, time)
    return outcome


def _prepare(database: Path, places: Places, key: SigningKey, readers: int, dice: random.Random) -> None:
    """Readers with cards and a reservation each, whose check-in windows close before, during and after the outage."""
    people = tuple(Person(reader=reader_name(n), name="r", cards=(Card("card", f"{n:010}"),)) for n in range(readers))
    code = hashlib.sha256(b"code").digest()
    seats = [seat.id for seats in places.seats_of.values() for seat in seats]
    with closing(open_store(database, places, NOW)) as store:
        store.writer.submit([LoadPeople(at=NOW, people=people)]).result()
        store.writer.submit(
            [
                OfferEnrolment(device=GATE, kind="gate", at=NOW, code_hash=code),
                EnrolDevice(device=GATE, kind="gate", at=NOW, code_hash=code, kid=key.kid, public_key=key.public_bytes),
            ]
        ).result()
        for n in range(readers):
            at = NOW - timedelta(minutes=dice.randrange(40))
            end = NOW.replace(minute=0) + timedelta(hours=dice.randrange(1, 4))
            wish = Reserve(reader=reader_name(n), at=at, seat=seats[n], area=None, start=None, end=end)
            (made,) = store.writer.submit([wish]).result()
            if not isinstance(made, Changed):
                raise TypeError(f"not booked: {made}")


def _flood(
    folder: Path,
    places: Places,
    broker: RunningBroker,
    gate: Gate,
    *,
    outcome: Outcome,
    say: Callable[[str], None],
) -> list[RecordGateEvent]:
    """Let it all come; return what was stored, in the order of the first time."""
    clock = Clock.starting_at(NOW + OUTAGE)
    acks = build(places.site.id, Family.GATES, GATE, Leaf.ACK)
    gates = MqttLink(
        broker.settings("bench"), client_id="gate-south", session_expiry=timedelta(hours=1), on_message=gate.on_ack
    )
    gates.subscribe(acks)
    with closing(open_store(folder / "flooded.sqlite", places, clock.now())) as store:
        spy = Spy(store.writer)
        store.writer.submit([Sweep(at=clock.now())]).result()
        outcome.no_shows_before = _figure(folder / "flooded.sqlite", _NO_SHOWS)
        identity = Identity.load_or_create(places.site.id, folder / "keys")
        with _ingesting(
            places, spy, store.reads, identity=identity, clock=clock, broker=broker, topic=gate.topic
        ) as ingest:
            try:
                gates.start()
                for left in (gate.left * 2 // 3, gate.left // 3, 0):
                    broker.start()
                    say(f"the broker is back, {gate.left} events to come")
                    gate.send_all(gates, stop_at=left)
                    broker.kill()
            finally:
                gates.stop()
                broker.kill()
        outcome.sent = gate.sent
        outcome.replays, outcome.dropped = ingest.counts["replays"], ingest.counts["dropped"]
        store.writer.submit([Sweep(at=NOW + OUTAGE)]).result()
    return list(spy.first.values())


@contextmanager
def _ingesting(
    places: Places, writer: Spy, reads: Reads, *, identity: Identity, clock: Clock, broker: RunningBroker, topic: str
) -> Iterator[Ingest]:
    """Run booking's side of the broker, wired as `booking.app` does."""
    ingest = Ingest(
        places=places,
        writer=writer,
        reads=reads,
        identity=identity,
        clock=clock,
        publish=lambda signed: link.publish(signed.topic, signed.payload, properties=signed.properties),
    )
    link = MqttLink(
        broker.settings("booking"),
        client_id="booking",
        session_expiry=timedelta(hours=24),
        on_message=ingest.on_message,
    )
    link.subscribe(topic)
    thread = threading.Thread(target=ingest.run)
    thread.start()
    link.start()
    try:
        yield ingest
    finally:
        ingest.stop()
        thread.join(60)
        link.stop()


def _replay(database: Path, places: Places, commands: list[RecordGateEvent]) -> None:
    """Hand events to a database of their own, once each, in the order given; then let time do what is due."""
    now: datetime = NOW + OUTAGE
    with closing(open_store(database, places, now)) as store:
        store.writer.submit([Sweep(at=now)]).result()
        for start in range(0, len(commands), 256):
            store.writer.submit(commands[start : start + 256]).result()
        store.writer.submit([Sweep(at=now)]).result()


_STATE = {
    "reservations": "SELECT * FROM reservations ORDER BY id",
    "passages": "SELECT gate, epoch, sequence, reader, reservation, effect, state_before, state_after FROM gate_records "
    "ORDER BY gate, epoch, sequence",
    "ledger": "SELECT reservation, source, change, occurred_us FROM evidence ORDER BY reservation, n",
    "violations": "SELECT reservation, kind, lifted_us IS NULL FROM violations ORDER BY reservation, kind",
}
_NO_SHOWS = "SELECT count(*) FROM reservations WHERE status = 'no-show'"
_STANDING = "SELECT reservation || kind FROM violations WHERE lifted_us IS NULL"


def _compare(folder: Path, outcome: Outcome) -> None:
    flooded, happened = folder / "flooded.sqlite", folder / "happened.sqlite"
    outcome.differences = _differences(flooded, folder / "ordered.sqlite")[:10]
    outcome.control = len(_differences(flooded, happened))
    outcome.stored = _figure(flooded, "SELECT count(*) FROM gate_records")
    outcome.effects = _figure(flooded, "SELECT count(*) FROM gate_records WHERE effect <> ''")
    outcome.lifted = outcome.no_shows_before - _figure(flooded, _NO_SHOWS)
    stands, would = ({row[0] for row in _rows(file, _STANDING)} for file in (flooded, happened))
    outcome.false_violations = len(stands - would)


def _differences(one: Path, other: Path) -> list[str]:
    found = []
    for name, query in _STATE.items():
        a, b = _rows(one, query), _rows(other, query)
        found += [f"{name}: {x} instead of {y}" for x, y in zip(a, b, strict=False) if x != y]
        found += [f"{name}: {len(a)} instead of {len(b)}"] if len(a) != len(b) else []
    return found


def _rows(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return connection.execute(query).fetchall()


def _figure(database: Path, query: str) -> int:
    return int(str(_rows(database, query)[0][0]))
