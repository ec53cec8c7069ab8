"""Both ends of the flood: a gate that repeats itself in any order, and a spy that notes what was stored first."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta

from bench.faults.server import NOW
from booking.service.commands import Command, Outcome, RecordGateEvent
from booking.service.ports import Writer
from messages import access, acknowledgement
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction
from messages.topics import Family, Leaf, build
from runtime.mqtt import LinkDown, Message, MqttLink
from runtime.signing import SigningKey, signed_properties

GATE, EPOCH = "south", 4711
OUTAGE = timedelta(minutes=10)
WINDOW = 12_000
"""Events under way at once, more than the ingest holds in memory: some are dropped, and come again."""
AGAIN_SECONDS = 20.0


class Spy:
    """Stands before the writer and notes each event command in the order in which it was handed in."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.first: dict[tuple[int, int], RecordGateEvent] = {}
        """(epoch, sequence) → the command that was stored first, in that order."""

    def submit(self, commands: Sequence[Command]) -> "Future[list[Outcome]]":
        """Hand on."""
        for command in commands:
            if isinstance(command, RecordGateEvent):
                self.first.setdefault((command.event.epoch, command.event.sequence), command)
        return self._writer.submit(commands)

    def on_commit(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Hand on."""
        self._writer.on_commit(listener)


class Gate:
    """Sends every event until it is acknowledged, in an order of its own and some of them several times."""

    def __init__(self, site: str, key: SigningKey, events: list[AccessEvent], dice: random.Random) -> None:
        topic = build(site, Family.GATES, GATE, Leaf.ACCESS)
        self.topic, self._dice = topic, dice
        self._waiting: dict[int, tuple[bytes, dict[str, str]]] = {}
        for event in events:
            payload = access.encode(site, GATE, event)
            self._waiting[event.sequence] = (payload, signed_properties(key, topic, payload))
        self.sent = 0
        self._changed = threading.Condition()

    def on_ack(self, message: Message) -> None:
        """Take what booking says it holds."""
        found = acknowledgement.decode(message.payload)
        with self._changed:
            for first, last in found.ranges:
                for sequence in range(first, last + 1):
                    self._waiting.pop(sequence, None)
            self._changed.notify_all()

    @property
    def left(self) -> int:
        """How many are not acknowledged yet."""
        return len(self._waiting)

    def send_all(self, link: MqttLink, stop_at: int = 0) -> None:
        """Send in waves until at most `stop_at` are left."""
        while self.left > stop_at:
            wave = list(self._waiting.items())[:WINDOW]
            wave += self._dice.choices(wave, k=len(wave) // 3)
            self._dice.shuffle(wave)
            for _, (payload, properties) in wave:
                try:
                    link.publish_async(self.topic, payload, properties=properties, on_done=lambda _reason: None)
                except LinkDown:
                    break
                self.sent += 1
            before = self.left
            goal = max(stop_at, before - len(wave) * 3 // 4 + 1)
            with self._changed:
                # whatever is still not acknowledged after this goes again: it may be lost, or only late
                self._changed.wait_for(lambda goal=goal: self.left < goal or self.left <= stop_at, AGAIN_SECONDS)


def passages_of(count: int, readers: int, dice: random.Random) -> list[AccessEvent]:
    """Return the events of the outage, numbered in the order in which they happened."""
    times = sorted(dice.random() for _ in range(count))
    return [
        AccessEvent(
            portal="south-1",
            direction=dice.choice([Direction.IN, Direction.OUT]),
            credential=Credential(CredentialKind.CARD, f"{dice.randrange(readers):010}"),
            outcome=AccessOutcome.REPORTED,
            occurred_at=NOW + share * OUTAGE,
            monotonic_ns=0,
            boot_id="b",
            epoch=EPOCH,
            sequence=number,
        )
        for number, share in enumerate(times, 1)
    ]
