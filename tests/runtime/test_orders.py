"""Commands to a device: signed, in time, each once; "late, repeated or unsigned is refused, never acted on"."""

from datetime import UTC, datetime, timedelta

import pytest

from messages import command
from messages.command import Resync, Screenshot
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.orders import MAX_LIFE, Orders
from runtime.signing import SigningKey, signed_properties

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SERVER, STRANGER = SigningKey.generate(), SigningKey.generate()
TOPIC, OTHER = (build("bjut", Family.GATES, gate, Leaf.COMMAND) for gate in ("south", "north"))
ASKED = Resync("resync-0123456789", NOW + timedelta(seconds=30), 77, 3, 9)


class Standing(Clock):
    def now(self):
        return NOW


def order(what=ASKED, *, key=SERVER, topic=TOPIC, sent_on=TOPIC, payload=None, **more):
    payload = payload or command.encode("bjut", "main", what, at=NOW)
    return Message(sent_on, payload, signed_properties(key, topic, payload), **more)


@pytest.fixture
def orders():
    return Orders(SERVER.public_bytes, Standing())


def test_a_good_command_is_given_once(orders):
    assert orders.accept(order()) == ASKED
    assert orders.accept(order()) is None
    shot = Screenshot("another-0123456789", NOW + timedelta(seconds=1))
    assert orders.accept(order(shot)) == shot


@pytest.mark.parametrize(
    "message",
    [
        order(key=STRANGER),
        Message(TOPIC, command.encode("bjut", "main", ASKED, at=NOW), {}),
        order(topic=OTHER),  # signed for another gate
        order(payload=b"{}"),
        order(Resync("late-0123456789abc", NOW - timedelta(seconds=1), 77, 1, 2)),
        order(Resync("far-0123456789abcd", NOW + MAX_LIFE + timedelta(seconds=1), 77, 1, 2)),
        order(retained=True),
    ],
    ids=["stranger", "unsigned", "other gate", "unreadable", "late", "too far ahead", "retained"],
)
def test_every_other_is_refused_and_the_good_one_still_counts(orders, message, caplog):
    assert orders.accept(message) is None
    assert "command refused" in caplog.text
    assert orders.accept(order()) == ASKED
