"""Two processes that both believe they lead: the broker keeps one of them at a time, and what is done is done once."""

import itertools
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from booking.edge import Edge
from booking.identity import Identity
from booking.service.commands import EnrolDevice, OfferEnrolment
from booking.settings import BookingSettings, HttpSettings
from booking.web.sessions import hash_of
from messages import access, acknowledgement, notification
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown, MqttLink
from runtime.signing import SigningKey, signed_properties

pytestmark = pytest.mark.databases("postgres")
SWIPES = 120


@pytest.fixture
def identity(tmp_path):
    return Identity.load_or_create("lib", tmp_path / "keys")


@pytest.fixture
def edge_of(private_broker, identity, at, places):
    """`edge_of(desk)`: a started edge, as a leading process has it."""
    started = []

    def start(desk):
        settings = BookingSettings(
            site=Path("unused"),
            data=Path("unused"),
            http=HttpSettings("127.0.0.1", 0),
            broker=private_broker.settings("booking"),
        )
        edge = Edge(
            settings,
            places,
            identity=identity,
            store=desk.store,
            clock=Clock.starting_at(at("09:00")),
            letter=lambda told, language: ("", ""),
        )
        desk.store.writer.on_commit(edge.committed)
        edge.start()
        started.append(edge)
        return edge

    yield start
    for edge in started:
        edge.stop()


class Observer:
    """At the broker: sends a gate's swipes, and notes acknowledgements and notices."""

    def __init__(self, broker, desk, at):
        self.key, self.clock = SigningKey.generate(), Clock.starting_at(at("09:00"))
        code = hash_of("gate-code-0123456789")
        desk.do(OfferEnrolment(device="south", kind="gate", at=at("09:00"), code_hash=code))
        desk.do(
            EnrolDevice(
                device="south", kind="gate", at=at("09:00"), code_hash=code, kid=self.key.kid,
                public_key=self.key.public_bytes,
            )
        )  # fmt: skip
        self.acknowledged, self.notices, self.events = set(), [], {}
        self.link = MqttLink(
            broker.settings("observer"), client_id="o", session_expiry=timedelta(), on_message=self._on_message
        )
        self.link.subscribe("seatgate/v1/lib/#")
        self.link.start()
        self.sent = itertools.count()

    def _on_message(self, message):
        if message.topic.endswith("/ack"):
            for first, last in acknowledgement.decode(message.payload).ranges:
                self.acknowledged |= set(range(first, last + 1))
        elif message.topic.endswith("/notifications"):
            self.notices.append(notification.decode(message.payload))

    def swipe(self, number):
        event = AccessEvent(
            portal="south-3",
            direction=Direction.IN if number % 2 else Direction.OUT,
            credential=Credential(CredentialKind.CARD, f"{number % 10:010}"),
            outcome=AccessOutcome.REPORTED,
            occurred_at=self.clock.now(),
            monotonic_ns=number,
            boot_id="boot",
            epoch=7,
            sequence=number,
        )
        self.events[number] = access.encode("lib", "south", event)
        self.send(number)

    def send(self, number):
        topic = build("lib", Family.GATES, "south", Leaf.ACCESS)
        payload = self.events[number]
        try:
            self.link.publish(topic, payload, properties=signed_properties(self.key, topic, payload))
        except LinkDown:
            return

    def all_acknowledged(self):
        left = sorted(self.events.keys() - self.acknowledged)
        if next(self.sent) % 100 == 0:  # now and then, as a gate does
            for number in left:
                self.send(number)
        return not left


def test_two_that_lead_at_once_store_each_event_once_and_tell_everything(
    open_desk, edge_of, private_broker, at, wait_for
):
    one, other = open_desk(now="08:00"), open_desk(now="08:00")
    seen = Observer(private_broker, one, at)
    first = edge_of(one)
    wait_for(lambda: not first.faults(), "the first has the broker")
    second = edge_of(other)
    wait_for(lambda: not second.faults(), "the second takes it over")
    stays = [one.booked(f"S{n:03}", f"centre-00{n}", "now", "12:00", now="09:00") for n in range(1, 6)]
    for number in range(1, SWIPES + 1):
        seen.swipe(number)
    wait_for(seen.all_acknowledged, "every event is acknowledged, by one or the other")
    with one.direct() as db:
        rows = db.execute("SELECT sequence FROM inbox WHERE gate = ?", ("south",)).fetchall()
    assert Counter(row[0] for row in rows) == Counter(range(1, SWIPES + 1))
    wait_for(lambda: not one.reads.untold(), "every notice is handed on")
    booked = {stay.id for stay in stays}
    wait_for(lambda: {one.reservation for one in seen.notices if one.kind == "reserved"} == booked, "and arrives")
    first.stop()
    wait_for(lambda: not second.faults(), "the other one has the broker to itself")
    seen.swipe(SWIPES + 1)
    wait_for(seen.all_acknowledged, "and goes on")
    seen.link.stop()
