"""Commands to gates over the broker: once each, signed for that gate, and forgotten by the broker at their deadline."""

from datetime import UTC, datetime, timedelta

import pytest

from booking.gate_orders import GateOrders
from booking.identity import Identity
from booking.service.portal_orders import Order, PortalCommand
from messages import command
from messages.command import Lock, Open, Unlock
from runtime.clock import Clock
from runtime.mqtt import LinkDown
from runtime.signing import SigningKey, verify

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
KEY = SigningKey.generate()


class Standing(Clock):
    def now(self):
        return NOW


class Reads:
    def __init__(self, *orders):
        self.wanted = list(orders)

    def wanted_orders(self, now):
        return [one for one in self.wanted if one.deadline > now]


def order(ident="command-0123456789", what=PortalCommand.OPEN, seconds=15.0):
    return Order(
        id=ident, staff="STAFF01", at=NOW, gate="south", portal="south-1", what=what, reason="x",
        deadline=NOW + timedelta(seconds=seconds), result=None, detail="",
    )  # fmt: skip


@pytest.fixture
def given():
    """`given(reads)`: the part, and what it has sent; `broker["up"]` says whether the broker takes anything."""
    sent, broker = [], {"up": True}

    def publish(message, expiry):
        if not broker["up"]:
            raise LinkDown("away")
        sent.append((message, expiry))

    def make(reads):
        return GateOrders(reads, Identity("lib", KEY, b"m" * 32), Standing(), publish), sent, broker

    return make


@pytest.mark.parametrize(
    ("what", "kind"), [(PortalCommand.OPEN, Open), (PortalCommand.LOCK, Lock), (PortalCommand.UNLOCK, Unlock)]
)
def test_a_command_goes_out_once_signed_with_its_expiry(given, what, kind):
    """Contract: "booking → gate, 1, no, expiry; open, lock, resync: signed, with id and deadline"."""
    part, sent, _ = given(Reads(order(what=what)))
    part.work()
    part.work()
    [(message, expiry)] = sent
    assert message.topic == "seatgate/v1/lib/gates/south/command"
    assert verify(KEY.public_bytes, message.topic, message.payload, message.properties["sig"])
    told = command.decode(message.payload)
    assert (type(told), told.id, told.portal) == (kind, "command-0123456789", "south-1")
    assert told.deadline == NOW + timedelta(seconds=15)
    assert expiry == timedelta(seconds=15)
    assert command.given_at(message.payload) == NOW


def test_what_the_broker_does_not_take_follows_if_that_is_in_time(given):
    reads = Reads(order(), order("later-0123456789ab", seconds=0.4))
    part, sent, broker = given(reads)
    broker["up"] = False
    part.work()
    assert sent == []
    broker["up"] = True
    part.work()
    assert [expiry for _, expiry in sent] == [timedelta(seconds=15), timedelta(seconds=1)]
    reads.wanted = [order("over-0123456789abc", seconds=0)]
    part.work()
    assert len(sent) == 2
