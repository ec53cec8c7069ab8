"""Capturing over a real outbox: committed before it is told, in order, and never lost to a full disk."""

import logging
import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from config.schema import Portal, PortalDirection
from gate import capture as capturing
from gate.capture import Capture
from messages import access
from messages.access import Credential, CredentialKind
from runtime.clock import Clock
from runtime.outbox import Outbox, OutboxFull
from wire.families import protocol
from wire.frames import Frame, FrameDecoder
from wire.reads import Read, said_by

CARD = b"\x02010063E9AE25\x03"
IN, OUT = (Portal(f"south-{way}", PortalDirection(way), "rdm6300") for way in ("in", "out"))


class FullDisk:
    """An outbox whose disk is full until `freed`."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox, self.freed, self.tries = outbox, threading.Event(), 0

    def append(self, make):
        self.tries += 1
        if not self.freed.is_set():
            raise OutboxFull("the disk is full: free some space")
        return self.outbox.append(make)


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "outbox.db", Clock()) as opened:
        yield opened


@pytest.fixture
def make(outbox):
    def make(appends=outbox, *, stop=None):
        return Capture(
            "bjut",
            "south",
            ZoneInfo("Asia/Shanghai"),
            appends,
            Clock(),
            repeat_quiet=timedelta(milliseconds=500),
            stop=stop or threading.Event(),
            on_stored=stored.append,
        )

    stored = Stored()
    make.stored = stored
    return make


class Stored(list):
    """Counts the calls of `on_stored`, which come without arguments."""

    def append(self) -> None:
        super().append(True)


def take(capture, portal, raw=CARD):
    description = protocol(portal.protocol)
    for found in FrameDecoder(description).feed(raw):
        said = said_by(description, found) if isinstance(found, Frame) else found
        capture.take(portal, said, capture.instant())


def test_a_read_is_on_the_disk_before_anybody_is_told(make, outbox):
    capture = make()
    take(capture, IN)
    (row,) = outbox.pending()
    event = access.decode("bjut", "south", row.payload)
    assert (event.portal, event.sequence, event.epoch) == ("south-in", 1, outbox.epoch)
    assert len(make.stored) == 1
    assert list(capture.last_frames()) == ["south-in"]


def test_a_resting_card_is_one_row_and_the_way_back_another(make, outbox):
    capture = make()
    for lane in (IN, IN, IN, OUT, IN):
        take(capture, lane)
    portals = [access.decode("bjut", "south", row.payload).portal for row in outbox.pending()]
    assert portals == ["south-in", "south-out", "south-in"]


def test_while_the_disk_is_full_the_event_stays_in_hand_and_reading_stops(make, outbox, wait_for, monkeypatch, caplog):
    monkeypatch.setattr(capturing, "RETRY_SECONDS", 0.01)
    disk = FullDisk(outbox)
    capture = make(disk)
    one, two = (threading.Thread(target=take, args=(capture, lane)) for lane in (IN, OUT))
    one.start()
    wait_for(lambda: disk.tries > 3, "the event is tried again")
    two.start()
    assert one.is_alive()
    assert "disk is full" in capture.fault
    assert caplog.text.count("AN EVENT CANNOT BE STORED") == 1
    disk.freed.set()
    for thread in (one, two):
        thread.join(10)
    assert [row.sequence for row in outbox.pending()] == [1, 2]
    assert capture.fault == ""


def test_stopped_with_an_event_in_hand_it_says_so(make, outbox, caplog):
    stop = threading.Event()
    stop.set()
    take(make(FullDisk(outbox), stop=stop), IN)
    assert "stopped with an event that could not be stored portal=south-in card=…86" in caplog.text


def test_bad_frames_are_counted_by_portal_and_kind(make, outbox, caplog):
    capture = make()
    caplog.set_level(logging.INFO)
    take(capture, IN, b"zz" + CARD.replace(b"25", b"24") * 3 + CARD)
    assert capture.bad_frames("south-in") == {"checksum": 3, "garbage": 1}
    capture.report_bad_frames()
    assert "kind=checksum count=2 in_all=3" in caplog.text
    assert len(outbox.pending()) == 1
    assert "0006547886" not in caplog.text


BOARD = Portal("south-board", PortalDirection.FRAME, "digicon-tx1500", passage_for="south-in")
PASSED_IN, PASSED_OUT, ACCEPTED = (bytes.fromhex(text) for text in ("0202001A1A", "0202001B1B", "0202000606"))


def test_a_boards_word_is_a_second_event_of_the_read_before(make, outbox):
    capture = make()
    take(capture, IN)
    take(capture, BOARD, ACCEPTED + PASSED_OUT + PASSED_IN + PASSED_IN)
    events = [access.decode("bjut", "south", row.payload) for row in outbox.pending()]
    assert [(event.sequence, event.portal, getattr(event, "of", None)) for event in events] == [
        (1, "south-in", None),
        (2, "south-in", 1),
    ]
    assert events[1].passed
    assert capture.bad_frames("south-board") == {}
    assert "south-board" in capture.last_frames()


def test_a_word_before_any_read_is_told_and_nothing_else(make, outbox, caplog):
    caplog.set_level(logging.INFO)
    take(make(), BOARD, PASSED_IN)
    assert outbox.pending() == []
    assert "belongs to no read portal=south-board passed" in caplog.text


def test_what_no_message_says_is_a_bad_frame(make):
    capture = make()
    take(capture, BOARD, bytes.fromhex("0202007777"))
    assert capture.bad_frames("south-board") == {"not-matching": 1}


def test_what_is_not_on_the_disk_is_not_acknowledged(make, outbox):
    stop = threading.Event()
    stop.set()
    said = Read(Credential(CredentialKind.CARD, "0006547886"))
    assert make().take(IN, said, make().instant())
    full = make(FullDisk(outbox), stop=stop)
    assert not full.take(IN, said, full.instant())


TERMINAL = Portal("south-in", PortalDirection.IN, "face-55aa")
CASE_OPENED, CASE_CLOSED = bytes.fromhex("55AA040000FB"), bytes.fromhex("55AA050000FA")


def test_an_alarm_is_an_event_when_it_changes_however_often_it_is_said(make, outbox, caplog):
    capture = make()
    caplog.set_level(logging.INFO)
    for raw in (CASE_CLOSED, CASE_OPENED, CASE_OPENED, CASE_CLOSED, CASE_CLOSED, CASE_OPENED):
        take(capture, TERMINAL, raw)
    events = [access.decode("bjut", "south", row.payload) for row in outbox.pending()]
    assert [(event.what, event.active, event.portal) for event in events] == [
        ("tamper", True, "south-in"),
        ("tamper", False, "south-in"),
        ("tamper", True, "south-in"),
    ]
    assert caplog.text.count("alarm portal=south-in what=tamper on") == 2


def test_a_stranger_is_counted_and_is_no_event(make, outbox, caplog):
    capture = make()
    caplog.set_level(logging.INFO)
    for _ in range(3):
        take(capture, TERMINAL, bytes.fromhex("55AA020000FD"))
    assert (list(outbox.pending()), capture.strangers("south-in")) == ([], 3)
    capture.report_bad_frames()
    capture.report_bad_frames()
    assert caplog.text.count("faces that the terminal did not know portal=south-in count=3 in_all=3") == 1


CARDS = {
    "rdm6300": CARD,
    "line": b"CARD,0006547886,IN\r\n",
    "face-line": b"FACE,S202304125,93,IN\r\n",
    "face-55aa": bytes.fromhex("55AA01120032303233313233340000000000000000 5D01B7"),
    "stx-rs485-controller": bytes.fromhex("020124010063E9AE000003"),
}


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize(("quiet", "rows"), [(None, 1), (timedelta(0), 5), (timedelta(minutes=1), 1)])
def test_a_credential_that_rests_on_a_reader_is_one_event_in_every_family(make, outbox, name, quiet, rows):
    """A resting card is one event (configurable)"""
    capture, description = make(), protocol(name)
    portal = Portal("south-1", PortalDirection.IN, name, repeat_quiet=quiet)
    decoder = FrameDecoder(description)
    for _ in range(5):
        for found in decoder.feed(CARDS[name]):
            capture.take(portal, said_by(description, found), capture.instant())
    assert len(outbox.pending()) == rows
