"""Row 15: the gate, the broker and booking killed at random moments, the gate's line to the broker cut, its disk full; readers go on.

Real processes: `seatgate gate` on pseudo-terminals, mosquitto, `seatgate booking`, and a proxy before the broker. Every card is
swiped once, so that each swipe can be followed: onto the gate's disk, and from there into booking's inbox. Of a gate that is killed
each line has lost at most what it had not put on the disk yet: what was captured is a beginning of what was sent, without a hole.
"""

import hashlib
import json
import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench import proxy as proxies
from bench.faults.broker import RunningBroker
from bench.faults.gate_kill_parts import CODE, GateUnderTest, Row, Swiper, rows_of
from bench.faults.ledger import reader_name
from bench.faults.server import CEILING, NOW, Server, places_of
from booking.service.commands import Card, LoadPeople, Person, Reserve
from booking.store.sqlite import open_store
from messages import access
from onsite.files import TomlValue
from runtime.clock import SHIFT_VARIABLE, Clock
from simulator.pty_port import PtyPort

PORTALS = {"south-1": "in", "south-2": "out", "south-3": "in", "south-4": "out"}
READERS = 61
KINDS = {"gate": 40, "broker": 30, "booking": 12, "cut": 13, "disk full": 5}
_SMALL_DISK = "64m"


@dataclass
class Outcome:
    """What the campaign did and found."""

    kills: Counter[str] = field(default_factory=Counter)
    swipes: int = 0
    captured: int = 0
    in_the_wire: int = 0
    """Swipes that a killed gate had not put on its disk."""
    holes: int = 0
    """Swipes that are missing although a later one at the same line, of the same run of the gate, is there."""
    missing: int = 0
    """Events on the gate's disk that booking does not have."""
    foreign: int = 0
    """Events that booking has and the gate's disk has not, or with another digest."""
    twice: int = 0
    """Swipes captured, or events stored, or effects, more than once."""
    gaps: int = 0
    """Sequences that are not there."""
    waiting: int = 0
    effects: int = 0
    letters: int = 0
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Tell whether nothing was lost or doubled, and every sequence is accounted for."""
        wrong = (self.holes, self.missing, self.foreign, self.twice, self.gaps, self.waiting, self.letters)
        return not any(wrong) and self.effects > 0 and self.captured + self.in_the_wire == self.swipes


def run(
    folder: Path,
    site: Path,
    ports: tuple[int, int],
    *,
    kills: int,
    swipes: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Disturb `kills` times while `swipes` cards are swiped; `site` has the PORTALS. `ports`: of broker and booking."""
    folder.mkdir(parents=True, exist_ok=True)
    dice, outcome = random.Random(seed), Outcome()
    shift = Clock.starting_at(NOW).shift.total_seconds()  # one for all, so that nobody's time goes back with a restart
    broker = RunningBroker(folder / "broker", ports[0])
    codes = folder / "codes.json"
    codes.touch(mode=0o600)
    codes.write_text(json.dumps({"south": {"kind": "gate", "code": CODE}}))
    booking = Server(
        folder / "booking",
        ports[1],
        site,
        broker=(broker.port, broker.files.password_file("booking")),
        settings={"enrolment_codes_file": str(codes)},
        environment={SHIFT_VARIABLE: str(shift)},
    )
    _prepare(booking.database, site, swipes)
    lines = {name: PtyPort(folder / "lines" / name) for name in PORTALS}
    began = time.monotonic()
    with _disk(folder / "gate") as disk, proxies.in_thread(broker.port) as line:
        settings: dict[str, TomlValue] = {
            "site": str(site),
            "booking_url": booking.url,
            "broker": broker.files.client("gate-south") | {"port": line.port},
            "ports": {name: str(port.link) for name, port in lines.items()},
        }
        gate = GateUnderTest(disk, shift, settings)
        swiper, starts = Swiper(lines), [0]
        campaign = _Campaign(gate, broker, booking, swiper, line, disk, dice, starts)
        try:
            broker.start()
            booking.start()
            gate.start()
            swiper.start()
            swiper.begin()
            for number in range(kills):
                # Spread over the swipes, at a moment that nobody chose; readers go on meanwhile, but not until the end.
                swiper.most = swipes * min(number + 2, kills + 1) // (kills + 1)
                goal = swipes * (number + 1) // (kills + 1) - dice.randrange(1 + swipes // (kills + 1) // 2)
                _until(lambda goal=goal: swiper.count >= goal, "the swipes go on", 2 * CEILING)
                kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
                campaign.disturb(kind)
                outcome.kills[kind] += 1
                if number % 20 == 19:
                    say(f"{number + 1} disturbances, {swiper.count} swipes, {gate.waiting()} wait")
            swiper.most = swipes
            _until(lambda: swiper.count >= swipes, "all are swiped", 10 * CEILING)
            swiper.close()
            last_lines = {card for cards in swiper.sent.values() for card in cards[-1:]}
            _until(lambda: gate.last() > 0 and gate.waiting() == 0 and last_lines, "all is delivered", 10 * CEILING)
            _until_still(gate)
            rows = gate.rows()
        finally:
            swiper.close()
            gate.kill()
            booking.close()
            broker.kill()
            for port in lines.values():
                port.unplug()
        outcome.seconds = time.monotonic() - began
        _judge(outcome, rows, booking.database, swiper, starts)
    return outcome


@dataclass
class _Campaign:
    gate: GateUnderTest
    broker: RunningBroker
    booking: Server
    swiper: Swiper
    line: proxies.ProxyInThread
    disk: Path
    dice: random.Random
    starts: list[int]

    def disturb(self, kind: str) -> None:
        """Do one thing to them, and put it right again."""
        pause = threading.Event()
        match kind:
            case "gate":
                self.gate.kill()  # in the middle of whatever: the swiper is not told before
                self.swiper.hold()
                self.starts.append(self.gate.last())
                self.gate.start()
                self.swiper.begin()
            case "broker":
                self.broker.kill()
                pause.wait(self.dice.random() / 2)
                self.broker.start()
            case "booking":
                self.booking.kill()
                self.booking.start()
            case "cut":
                self.line.reset_all()
                if self.dice.random() < 0.3:
                    self.line.black_hole()
                    pause.wait(self.dice.random())
                    self.line.black_hole(on=False)
                    self.line.reset_all()
            case _:
                self._fill_the_disk()

    def _fill_the_disk(self) -> None:
        if os.geteuid() != 0:  # a disk of its own needs root; elsewhere this is one more cut
            self.line.reset_all()
            return
        self.swiper.hold()
        filler = self.disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65536))
        self.swiper.go_on()
        threading.Event().wait(0.05)  # some swipes find it full; more would not fit a line's buffer
        self.swiper.hold()
        filler.unlink()
        self.swiper.go_on()


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """A file system of its own that can be filled; a plain folder where only root may make one."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        yield folder
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SMALL_DISK}", "seatgate-bench", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _prepare(database: Path, site: Path, swipes: int) -> None:
    """Readers with many cards each and a reservation that is going on, so that passages do something."""
    places = places_of(site)
    seats = [seat.id for seats in places.seats_of.values() for seat in seats]
    with closing(open_store(database, places, NOW)) as store:
        for n in range(READERS):
            cards = tuple(Card("card", f"{card:010}") for card in range(n + 1, swipes + 1, READERS))
            store.writer.submit(
                [LoadPeople(at=NOW, people=(Person(reader=reader_name(n), name="r", cards=cards),))]
            ).result()
            end = NOW.replace(minute=0) + timedelta(hours=3)
            wish = Reserve(
                reader=reader_name(n), at=NOW - timedelta(minutes=5), seat=seats[n], area=None, start=None, end=end
            )
            store.writer.submit([wish]).result()


def _until(condition: Callable[[], object], what: str, ceiling: float) -> None:
    deadline, pause = time.monotonic() + ceiling, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"within {ceiling:.0f} s this never happened: {what}")
        pause.wait(0.02)


def _until_still(gate: GateUnderTest) -> None:
    """Wait until nothing comes any more from the lines, and nothing waits."""
    pause, before = threading.Event(), -1
    while (now := gate.last()) != before or gate.waiting():
        before = now
        pause.wait(1.0)


def _judge(outcome: Outcome, rows: list[Row], database: Path, swiper: Swiper, starts: list[int]) -> None:
    """Hold the lines against the gate's disk, and that against booking's."""
    sequences = [sequence for sequence, _, _ in rows]
    outcome.gaps = len(set(range(1, len(rows) + 1)) ^ set(sequences))
    outcome.waiting = sum(state != "settled" for _, _, state in rows)
    run_of: dict[int, int] = {}
    seen: Counter[int] = Counter()
    for sequence, payload, _ in rows:
        event = access.decode(_site_of(payload), "south", payload)
        card = int(event.credential.value)  # type: ignore[union-attr]
        seen[card] += 1
        run_of[card] = sum(sequence > start for start in starts)
    outcome.swipes, outcome.captured = swiper.count, len(seen)
    outcome.twice = sum(count - 1 for count in seen.values())
    for (number, _), cards in swiper.sent.items():
        there = [run_of.get(card) == number for card in cards]
        first_gone = there.index(False) if False in there else len(there)
        outcome.holes += sum(there[first_gone:])
        outcome.in_the_wire += sum(card not in run_of for card in cards)
        if number == max(run for run, _ in swiper.sent):
            outcome.missing += len(there) - first_gone  # nobody killed this run: all of it must be there
    kept = {(sequence, hashlib.sha256(payload).digest()) for sequence, payload, _ in rows}
    stored = rows_of(database, "SELECT sequence, digest FROM inbox WHERE gate = 'south'")
    outcome.missing += len(kept - set(stored))
    outcome.foreign = len(set(stored) - kept)
    outcome.twice += len(stored) - len(set(stored))
    records = rows_of(database, "SELECT sequence FROM gate_records")
    outcome.twice += len(records) - len(set(records))
    outcome.missing += len(rows) - len(records)
    effects = rows_of(database, "SELECT reservation, change, occurred_us FROM evidence WHERE source = 'gate'")
    outcome.effects = len(effects)
    outcome.twice += len(effects) - len(set(effects))
    outcome.letters = len(rows_of(database, "SELECT 1 FROM dead_letters"))


def _site_of(payload: bytes) -> str:
    return str(json.loads(payload)["source"].split("/")[2])
