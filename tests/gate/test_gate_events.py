"""What a read at a portal becomes: direction, times, topic and bytes."""

from datetime import datetime

import pytest

from config.schema import Portal, PortalDirection
from gate.events import access_event, direction_of, outgoing, passage_event
from messages import access
from messages.access import AccessOutcome, Credential, CredentialKind, Direction
from wire.line_driver import Instant
from wire.reads import Read, Walk

ANN = Credential(CredentialKind.CARD, "0006547886")
AT = Instant(datetime.fromisoformat("2023-07-17T16:38:00+08:00"), 1_000, "boot")


@pytest.mark.parametrize(
    ("portal", "frame", "way"),
    [
        ("in", None, "in"),
        ("out", None, "out"),
        ("frame", Direction.OUT, "out"),
        ("frame", Direction.IN, "in"),
        ("frame", None, "unknown"),
        # How the lane is built is stronger than what its board says.
        ("in", Direction.OUT, "in"),
        ("out", Direction.IN, "out"),
    ],
)
def test_direction(portal, frame, way):
    assert direction_of(Portal("p", PortalDirection(portal), "line"), Read(ANN, frame)) == way


def test_the_event_is_what_is_kept_and_sent():
    portal = Portal("south-1", PortalDirection.IN, "rdm6300")
    event = access_event(portal, Read(ANN), AT, epoch=7, sequence=3)
    topic, payload = outgoing("bjut", "south", event)
    assert topic == "seatgate/v1/bjut/gates/south/access"
    assert access.decode("bjut", "south", payload) == event
    assert b"2023-07-17T16:38:00+08:00" in payload
    assert event.outcome == "reported"
    assert "0006547886" not in repr(event)


def test_what_the_board_decided_is_told():
    portal = Portal("south-1", PortalDirection.IN, "mine.toml")
    event = access_event(portal, Read(ANN, outcome=AccessOutcome.DENIED), AT, epoch=7, sequence=3)
    assert event.outcome == "denied"


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize(
    "portal",
    [
        Portal("south-1", PortalDirection.IN, "mine.toml"),
        Portal("south-1-board", PortalDirection.IN, "digicon-tx1500", passage_for="south-1"),
    ],
)
def test_a_passage_is_told_of_the_readers_lane(portal, passed):
    event = passage_event(portal, Walk(passed), 3, AT, epoch=7, sequence=4)
    _, payload = outgoing("bjut", "south", event)
    assert access.decode("bjut", "south", payload) == event
    assert (event.portal, event.of, event.passed, event.sequence) == ("south-1", 3, passed, 4)
