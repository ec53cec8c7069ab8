"""What only the leader runs: everything that listens and speaks at the broker, the sweep, and the senders of messages.

An `Edge` is made and started when this process begins to lead and stopped when it no longer does; it is never started again.
Two of them may run for a moment, in two processes: each event is stored once, a notice may go out twice under the same id,
and the broker itself keeps one connection alone under our name.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from booking.access_lists import AccessLists
from booking.announce import Announcer
from booking.channels import Channels, offer_of
from booking.deliver import Letter, Sender
from booking.domain.places import Places
from booking.gate_orders import GateOrders
from booking.identity import NAME, Identity, Signed
from booking.ingest import Ingest
from booking.kiosk_commands import KioskCommands
from booking.notify import Notifier
from booking.service.ports import Touched
from booking.settings import BookingSettings
from booking.store.opened import Store
from booking.sweeper import Sweeper
from messages.topics import Family, Leaf, every
from runtime.clock import Clock
from runtime.mqtt import MqttLink, Published
from runtime.presence import Announcer as Presence
from runtime.version import version

SENDERS = 3
"""One slow mail server or webhook does not hold up the others."""
SESSION_EXPIRY = timedelta(hours=24)
"""How long the broker keeps events for us while we are away; what it loses the gates send again."""
_JOIN_SECONDS = 1.0


class _Part(Protocol):
    """What runs on a thread of its own."""

    def run(self) -> None:
        """Work until `stop`."""

    def stop(self) -> None:
        """End `run`."""


class _Woken(_Part, Protocol):
    """A part that looks when something was committed."""

    def wake(self) -> None:
        """Look again; never waits."""


class Edge:
    """One term of leading: `start`, `committed` after each commit of any process, `stop`."""

    def __init__(
        self,
        settings: BookingSettings,
        places: Places,
        *,
        identity: Identity,
        store: Store,
        clock: Clock,
        letter: Letter,
    ) -> None:
        reads, writer = store.reads, store.writer
        self._broker = settings.broker
        self._presence = Presence(places.site.id, Family.BOOKING, NAME, version(), clock, identity.key)
        self._ingest = Ingest(
            places=places, writer=writer, reads=reads, identity=identity, clock=clock, publish=self._send
        )
        self._announcer = Announcer(
            [area.id for area in places.site.areas],
            reads=reads,
            writer=writer,
            identity=identity,
            clock=clock,
            publish=self._send_retained,
        )
        self._notifier = Notifier(reads, writer, identity, clock, self._send)
        self._commands = KioskCommands(reads, identity, clock, self._send)
        self._gate_orders = GateOrders(reads, identity, clock, self._send_in_time)
        self._access_lists = AccessLists(places, reads, identity, clock, self._send_retained)
        self._sweeper = Sweeper(reads.next_due, writer, clock)
        self._senders = list(_senders(settings, store, clock, letter))
        self._link = MqttLink(
            settings.broker,
            client_id=f"booking-{places.site.id}-{NAME}",
            session_expiry=SESSION_EXPIRY,
            on_message=self._ingest.on_message,
            will=self._presence.will,
            on_connect=self._connected,
        )
        self._link.subscribe(every(places.site.id, Family.GATES, Leaf.ACCESS))
        self._link.subscribe(every(places.site.id, Family.GATES, Leaf.PRESENCE))
        self._running: list[tuple[_Part, threading.Thread]] = []

    def start(self) -> None:
        """Run all parts and connect; a broker that is away stops none of it."""
        parts: dict[str, _Part] = {
            "ingest": self._ingest,
            "announce": self._announcer,
            "notify": self._notifier,
            "commands": self._commands,
            "gate-commands": self._gate_orders,
            "access-lists": self._access_lists,
            "sweep": self._sweeper,
            **{f"deliver-{number}": sender for number, sender in enumerate(self._senders, 1)},
        }
        for name, part in parts.items():
            running = threading.Thread(target=part.run, name=f"booking-{name}", daemon=True)
            self._running.append((part, running))
            running.start()
        self._link.start()

    def stop(self) -> None:
        """Leave the broker, end all parts and wait for them; one that waits for a database that is away is not waited for."""
        self._link.stop()
        for part, _ in self._running:
            part.stop()
        patience = time.monotonic() + _JOIN_SECONDS
        for _, running in self._running:
            running.join(max(0.0, patience - time.monotonic()))

    def committed(self, touched: Touched) -> None:
        """Wake what a commit may concern; never waits."""
        self._announcer.touched(touched)
        parts: list[_Woken] = [
            self._notifier,
            self._commands,
            self._gate_orders,
            self._access_lists,
            self._sweeper,
            *self._senders,
        ]
        for part in parts:
            part.wake()

    def faults(self) -> list[str]:
        """Return what is wrong, a sentence each."""
        broker = self._broker
        return [] if self._link.connected else [f"the broker {broker.host}:{broker.port} is not connected"]

    def _connected(self, session: int) -> None:
        self._presence.announce(self._link, session)
        self._announcer.everything()
        self._notifier.wake()
        self._commands.wake()
        self._gate_orders.wake()
        self._access_lists.everything()

    def _send(self, message: Signed) -> Published:
        return self._link.publish(message.topic, message.payload, properties=message.properties)

    def _send_in_time(self, message: Signed, expiry: timedelta) -> Published:
        return self._link.publish(message.topic, message.payload, properties=message.properties, expiry=expiry)

    def _send_retained(self, message: Signed) -> None:
        self._link.publish(message.topic, message.payload, properties=message.properties, retain=True)


def _senders(settings: BookingSettings, store: Store, clock: Clock, letter: Letter) -> Iterator[Sender]:
    """Yield who sends what readers are told on their own channels; nobody where none is offered."""
    if not offer_of(settings.channels).channels:
        return
    send = Channels(settings.channels).send
    for _ in range(SENDERS):
        yield Sender(
            store.reads.next_delivery, store.writer, clock, settings=settings.channels, letter=letter, send=send
        )


@contextmanager
def thread(name: str, run: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """Run `run` on a thread until the block ends, then `stop` it and wait for its end."""
    running = threading.Thread(target=run, name=name, daemon=True)
    running.start()
    try:
        yield
    finally:
        stop()
        running.join(_JOIN_SECONDS)
