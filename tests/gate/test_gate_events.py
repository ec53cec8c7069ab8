"""What a read at a portal becomes: direction, times, topic and bytes."""

from datetime import datetime

import pytest

from config.schema import Portal, PortalDirection
from gate.events import Instant, access_event, direction_of, outgoing
from messages import access
from messages.access import Credential, CredentialKind, Direction
from wire.reads import Read

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
