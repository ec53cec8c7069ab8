"""Commands to a device: signed, in time, each once; "late, repeated or unsigned is refused, never acted on"."""

from datetime import UTC, datetime, timedelta

import pytest

from messages import command
from messages.access import CommandResult
from messages.command import Lock, Open, Resync, Screenshot, Unlock
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


class Running(Clock):
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        object.__setattr__(self, "at", NOW)

    def now(self):
        return self.at


def test_whoever_gave_it_is_told_why_a_signed_command_was_refused():
    """Contract: "late, repeated or unsigned is refused, never acted on"."""
    told, clock = [], Running()
    orders = Orders(SERVER.public_bytes, clock, lambda refused, why: told.append((refused.id, why)))
    opening = Open("open-0123456789abc", NOW + timedelta(seconds=15), "south-1")
    assert orders.accept(order(opening)) == opening
    assert orders.accept(order(opening)) is None
    object.__setattr__(clock, "at", NOW + timedelta(seconds=16))
    late = Lock("late-0123456789abc", NOW + timedelta(seconds=15), "south-1")
    assert orders.accept(order(late)) is None
    assert told == [(opening.id, CommandResult.REPEATED), (late.id, CommandResult.LATE)]
    for unsigned in (order(late, key=STRANGER), order(late, topic=OTHER), order(payload=b"{}")):
        assert orders.accept(unsigned) is None
    assert len(told) == 2  # nobody is told of what may be anybody's
    assert orders.counts == {"repeated": 1, "late": 1, "signature": 2, "unreadable": 1}


def test_a_command_given_before_the_process_began_may_be_a_repetition():
    told, clock = [], Running()
    object.__setattr__(clock, "at", NOW + timedelta(seconds=5))
    orders = Orders(SERVER.public_bytes, clock, lambda refused, why: told.append(why))
    assert orders.accept(order(Unlock("unlock-0123456789a", NOW + timedelta(seconds=15), "south-1"))) is None
    assert told == [CommandResult.BEFORE_START]
    given = order(payload=command.encode("bjut", "main", ASKED, at=NOW + timedelta(seconds=4)))
    assert orders.accept(given) == ASKED
