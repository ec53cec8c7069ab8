"""Both sides of the broker in one process, at times that a test sets: a gate with its outbox, and booking's ingest and sweep.

The parts are those of the two processes, wired as `gate.app` and `booking.app` wire them; between them is a real mosquitto
and, before it, a proxy that can cut the gate off.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from booking.domain.places import Places
from booking.identity import NAME, Identity, Signed
from booking.ingest import Ingest
from booking.service.commands import EnrolDevice, OfferEnrolment, Sweep
from booking.store.opened import Store
from booking.store.sqlite import open_store
from config.schema import Site
from gate.control import Control
from gate.delivery import Delivery
from gate.doors import Doors
from gate.enrolment import Joined
from gate.events import outgoing
from gate.settings import GateSettings
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction
from messages.topics import Family, Leaf, every
from runtime.booking_http import Enrolment
from runtime.clock import Clock
from runtime.mqtt import BrokerSettings, MqttLink, Published
from runtime.outbox import Outbox
from runtime.presence import Announcer
from runtime.signing import SigningKey, to_text
from runtime.version import version

GATE = "south"
_CODE = hashlib.sha256(b"code").digest()


class SetClock(Clock):
    """A wall clock that stands where it was put."""

    def put(self, moment: datetime) -> None:
        """Stand at `moment`."""
        object.__setattr__(self, "moment", moment)

    def now(self) -> datetime:
        """Return where it stands."""
        moment: datetime = self.moment  # type: ignore[attr-defined]
        return moment


def clock_at(moment: datetime) -> SetClock:
    """Return a clock that stands at `moment`."""
    clock = SetClock()
    clock.put(moment)
    return clock


class Edge:
    """A gate: its outbox on the disk and its delivery on a thread, between `start` and `close`."""

    def __init__(
        self,
        folder: Path,
        site: Site,
        broker: BrokerSettings,
        server_key: bytes,
        clock: SetClock,
        *,
        key: SigningKey | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._site, self._clock = site, clock
        settings = GateSettings(GATE, folder / "no-site", folder, "http://nobody", broker)
        settings.enrolment.write_bytes(msgspec.json.encode(Joined(to_text(server_key), "")))
        self.key = key or SigningKey.generate()
        self.outbox = Outbox(settings.outbox, clock)
        control = Control(settings, site, (), clock, Doors({}, (), clock))
        self._delivery = Delivery(
            settings, site, outbox=self.outbox, key=self.key, booking=_Nobody(), clock=clock, control=control
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._delivery.run, args=(self._stop, lambda: None))

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def passes(self, direction: Direction, card: str, portal: str = "south-1") -> None:
        """Take a passage at the clock's time, as the gate's capture does."""

        def make(epoch: int, sequence: int) -> tuple[str, bytes]:
            event = AccessEvent(
                portal=portal,
                direction=direction,
                credential=Credential(CredentialKind.CARD, card),
                outcome=AccessOutcome.REPORTED,
                occurred_at=self._clock.now(),
                monotonic_ns=self._clock.monotonic_ns(),
                boot_id=self._clock.boot_id,
                epoch=epoch,
                sequence=sequence,
            )
            return outgoing(self._site.id, GATE, event)

        self.outbox.append(make)
        self._delivery.send_stored()

    def report(self) -> None:
        """Say how far the outbox is, as the gate does every minute."""
        self._delivery.report()

    @property
    def connected(self) -> bool:
        """Whether the gate believes that it reaches the broker."""
        return self._delivery.connected

    def close(self) -> None:
        """Stop delivering; what was not acknowledged stays in the file."""
        self._stop.set()
        self._delivery.wake()
        if self._thread.ident is not None:
            self._thread.join(30)
        self.outbox.close()


class _Nobody:
    """Booking's HTTP side: this gate has joined already."""

    def enrol(self, kind: str, code: str) -> Enrolment:
        """Never asked."""
        raise NotImplementedError(kind, code)


@dataclass(frozen=True, slots=True)
class Booking:
    """Booking's side: an open store, its ingest at work, and a clock to set."""

    store: Store
    ingest: Ingest
    clock: SetClock

    def sweep(self) -> None:
        """Write down what time has done by now."""
        self.store.writer.submit([Sweep(at=self.clock.now())]).result(30)


@contextmanager
def booking(database: Path, keys: Path, places: Places, broker: BrokerSettings, clock: SetClock) -> Iterator[Booking]:
    """Open the database and listen at the broker until the block ends."""
    identity = Identity.load_or_create(places.site.id, keys)
    site = places.site.id

    def send(message: Signed) -> Published:
        return link.publish(message.topic, message.payload, properties=message.properties)

    with ExitStack() as stack:
        store = open_store(database, places, clock.now())
        stack.callback(store.close)
        ingest = Ingest(
            places=places, writer=store.writer, reads=store.reads, identity=identity, clock=clock, publish=send
        )
        presence = Announcer(site, Family.BOOKING, NAME, version(), clock, identity.key)
        link = MqttLink(
            broker,
            client_id=f"booking-{site}",
            session_expiry=timedelta(hours=24),
            on_message=ingest.on_message,
            will=presence.will,
            on_connect=lambda session: presence.announce(link, session),
        )
        link.subscribe(every(site, Family.GATES, Leaf.ACCESS))
        link.subscribe(every(site, Family.GATES, Leaf.PRESENCE))
        thread = threading.Thread(target=ingest.run)
        thread.start()
        stack.callback(thread.join, 30)
        stack.callback(ingest.stop)
        stack.callback(link.stop)
        link.start()
        yield Booking(store, ingest, clock)


def enrolment_of(key: SigningKey, at: datetime) -> list[OfferEnrolment | EnrolDevice]:
    """Return the commands that make a gate's key known."""
    return [
        OfferEnrolment(device=GATE, kind="gate", at=at, code_hash=_CODE),
        EnrolDevice(device=GATE, kind="gate", at=at, code_hash=_CODE, kid=key.kid, public_key=key.public_bytes),
    ]
