"""What a gate says of itself: counted where it happens, told without a credential, never a reason to fail."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from gate.figures import Figures
from messages import envelope, presence
from messages.presence import OutboxState, Presence, PresenceState
from messages.topics import Family
from runtime.clock import Clock
from runtime.outbox import Row

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
EARLIER = NOW - timedelta(minutes=7)


class Line:
    def __init__(self):
        self.said = ""

    def trouble(self, _portal):
        return self.said


class Captured:
    def __init__(self):
        self.fault = ""
        self.good = Counter({"south-1": 3})

    def last_frames(self):
        return {"south-1": EARLIER}

    def good_frames(self, portal):
        return self.good[portal]

    def strangers(self, portal):
        return 5

    def bad_frames(self, portal):
        return {"checksum": 2} if portal == "south-1" else {}


class Queue:
    def __init__(self):
        self.depth, self.reads = 2, 0

    def state(self):
        return OutboxState(epoch=1, last_sequence=9, depth=self.depth, watermark=7)

    def aside(self):
        return {"bad-signature": 1}

    def pending(self, *, after=0, limit=20):
        self.reads += 1
        payload = envelope.encode(event_id="a", source="/x", event_type="t", time=EARLIER, data=AccessEventless())
        return [Row(8, "topic", payload)][after:limit]


class AccessEventless(presence.PortalFigures):
    """Some data: the time is the envelope's."""


class Way:
    joined, connected = True, True
    connected_since = NOW - timedelta(hours=1)
    clock_offset = timedelta(milliseconds=-1500)
    control_counts: ClassVar = {"denied:full": 2}

    def warnings(self):
        return {"rights": "the broker lets this account write what is another's"}


@pytest.fixture
def parts():
    return {"south-1": Line(), "south-2": Line()}, Captured(), Queue(), Way()


@pytest.fixture
def figures(parts):
    return Figures(*parts, Clock.starting_at(NOW))


def test_a_status_and_a_birth_say_the_same(figures):
    figures.look()
    status, said = figures.status(), figures.said()
    assert status.lanes["south-1"].good == said.portals["south-1"].good == 3
    assert status.lanes["south-1"].bad_frames == said.portals["south-1"].bad == {"checksum": 2}
    assert status.oldest_waiting == said.oldest_waiting == EARLIER
    assert status.set_aside == said.set_aside == 1
    assert status.clock_offset_ms == -1500
    assert said.connected_since == Way.connected_since


def test_a_device_that_was_opened_again_is_counted(figures, parts):
    lines = parts[0]
    figures.look()
    lines["south-1"].said = "/dev/ttyUSB0: No such file or directory"
    figures.look()
    assert figures.said().portals["south-1"].trouble.startswith("/dev/ttyUSB0")
    lines["south-1"].said = ""
    figures.look()
    figures.look()
    assert {name: each.opened for name, each in figures.said().portals.items()} == {"south-1": 2, "south-2": 1}


def test_what_is_news_is_told_at_once_and_counting_is_not(figures, parts):
    lines, captured, queue, _ = parts
    before = figures.news()
    captured.good["south-1"] += 5
    queue.depth = 9
    assert figures.news() == before
    lines["south-2"].said = "gone"
    assert figures.news() != before


def test_the_oldest_row_is_looked_up_once(figures, parts):
    queue = parts[2]
    assert figures.oldest_waiting() == figures.oldest_waiting() == EARLIER
    assert queue.reads == 1
    queue.depth = 0
    assert figures.oldest_waiting() is None


def test_whatever_a_driver_says_a_birth_can_be_decoded(figures, parts):
    parts[0]["south-1"].said = "a\nb\x00" + "x" * 1000
    said = Presence(PresenceState.BIRTH, 1, "0.1.0", NOW, 1, "boot", None, gate=figures.said())
    told = presence.decode(presence.encode("bjut", Family.GATES, "south", said))
    assert told.gate.portals["south-1"].trouble.startswith("a b xx")
    assert len(told.gate.portals["south-1"].trouble) == 300
