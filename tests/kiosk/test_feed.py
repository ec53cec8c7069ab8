"""MQTT → inputs: over a real broker for the map, and message by message for what must be refused."""

import queue
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from display.scene import damage
from kiosk import flow
from kiosk.feed import Feed
from kiosk.inputs import BookingChanged, MapArrived, PictureWanted, Tick
from kiosk.screens import every
from kiosk.state import AreaView
from messages import command, presence, seats, topics
from messages.presence import Presence, PresenceState
from messages.seats import AreaMap, SeatState, SeatStatus
from messages.topics import Family, Leaf
from runtime.mqtt import Message, MqttLink
from runtime.signing import SigningKey, signed_properties

from .conftest import NOW as SHOWN_AT
from .conftest import busy_maps, state_at, view_of

NOW = datetime(2023, 7, 17, 8, 38, tzinfo=UTC)
KEY, FOREIGN = SigningKey.generate(), SigningKey.generate()
COMMAND = topics.build("bjut", Family.KIOSKS, "k-2s", Leaf.COMMAND)
PRESENCE = topics.build("bjut", Family.BOOKING, "booking", Leaf.PRESENCE)
SEATS = topics.build("bjut", Family.AREAS, "2f-centre", Leaf.SEATS)
ID = "command-0123456789"


@dataclass
class StoppedClock:
    at: datetime = NOW

    def now(self):
        return self.at


@pytest.fixture
def heard():
    return []


@pytest.fixture
def feed(heard):
    return Feed("bjut", "k-2s", KEY.public_bytes, StoppedClock(), heard.append)


def order(key=KEY, topic=COMMAND, seconds=5, command_id=ID, retained=False):
    payload = command.encode(
        "bjut", "booking", command.Screenshot(command_id, NOW + timedelta(seconds=seconds)), at=NOW
    )
    return Message(topic, payload, signed_properties(key, topic, payload), retained)


def test_a_signed_command_is_done_once(feed, heard):
    feed.on_message(order())
    feed.on_message(order())
    assert heard == [PictureWanted(ID)]


OTHER_KIOSK = topics.build("bjut", Family.KIOSKS, "k-2n", Leaf.COMMAND)


@pytest.mark.parametrize(
    "message",
    [
        order(key=FOREIGN),
        Message(COMMAND, order().payload, {}),
        Message(COMMAND, order().payload.replace(b"screenshot", b"restart"), order().properties),
        Message(COMMAND, order().payload, order(topic=OTHER_KIOSK).properties),
        order(topic=OTHER_KIOSK),
        order(seconds=-1),
        order(seconds=3600),
        order(retained=True),
        Message(COMMAND, b"{", signed_properties(KEY, COMMAND, b"{")),
        Message(COMMAND, b"", {}),
    ],
    ids=[
        "foreign-key", "unsigned", "altered", "signed-for-another", "another-kiosks", "late", "too-far-ahead", "retained",
        "no-json", "empty",
    ],
)  # fmt: skip
def test_every_other_command_is_refused(feed, heard, message):
    """late, repeated or unsigned is refused, never acted on"""
    feed.on_message(message)
    assert heard == []


def being(state, key=KEY):
    payload = presence.encode("bjut", Family.BOOKING, "booking", Presence(state, 1, "1", NOW, 1, "boot"))
    return Message(PRESENCE, payload, signed_properties(key, PRESENCE, payload), retained=True)


def test_bookings_birth_and_death(feed, heard):
    feed.on_message(being(PresenceState.BIRTH))
    feed.on_message(being(PresenceState.DEATH))
    feed.on_message(being(PresenceState.BIRTH, FOREIGN))
    assert heard == [BookingChanged(up=True), BookingChanged(up=False)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (SEATS, b""),
        (SEATS, b"\xff\xfe"),
        (SEATS, b"{}" * 200_000),
        ("seatgate/v1/bjut/areas/2f-east/seats", seats.encode("bjut", "b", AreaMap("2f-centre", 1, 1, NOW, 0, 0, []))),
        ("seatgate/v1/bjut/areas/2f-centre/unheard-of", b"{}"),
        ("x" * 5000, b"{}"),
    ],
)
def test_what_is_no_map_is_dropped(feed, heard, topic, payload):
    feed.on_message(Message(topic, payload))
    assert heard == []


def test_a_map_on_a_real_broker_repaints_one_seat(broker, site_id, place):
    """The server's map arrives over MQTT, and only the seat that changed and the count are painted again."""
    inputs, ready = queue.Queue(), queue.Queue()
    feed = Feed(site_id, "k-2s", KEY.public_bytes, StoppedClock(), inputs.put)
    settings = broker.settings("observer")
    kiosk = MqttLink(
        settings,
        client_id=f"{site_id}-k",
        session_expiry=timedelta(0),
        on_message=feed.on_message,
        on_connect=ready.put,
    )
    for topic_filter in feed.filters:
        kiosk.subscribe(topic_filter)
    booking = MqttLink(
        settings, client_id=f"{site_id}-b", session_expiry=timedelta(0), on_message=lambda _: None, on_connect=ready.put
    )
    kiosk.start()
    booking.start()
    try:
        ready.get(timeout=30)
        ready.get(timeout=30)
        before = state_at(place, screen=AreaView("2f-centre"), maps=busy_maps(place))
        old = before.maps.maps["2f-centre"]
        changed = old.seats[0]
        status = SeatStatus.TAKEN if changed.status is SeatStatus.FREE else SeatStatus.FREE
        newer = AreaMap(
            old.area, old.generation, old.n + 1, old.at, old.total, old.free + 1,
            [SeatState(changed.seat, status), *old.seats[1:]],
        )  # fmt: skip
        topic = topics.build(site_id, Family.AREAS, "2f-centre", Leaf.SEATS)
        published = booking.publish(topic, seats.encode(site_id, "booking", newer), retain=True)
        assert published.wait(30)
        arrived = inputs.get(timeout=30)
    finally:
        kiosk.stop()
        booking.stop()
    assert arrived == MapArrived(newer)
    after, _ = flow.step(flow.step(before, Tick(SHOWN_AT, 0.0))[0], arrived)
    scenes = [every.draw(view_of(place, state)) for state in (before, after)]
    label = changed.seat.removeprefix("2f-centre-")
    allowed = [
        item.rect
        for scene in scenes
        for item in scene.items
        if item.key.startswith(f"seat/{label}") or item.key == "map/figures"
    ]
    rects = damage(*scenes)
    assert rects
    assert all(rect in allowed for rect in rects)
