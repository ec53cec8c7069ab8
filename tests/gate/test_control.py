"""What is decided and done around the rules: the commit before the door, a full disk, a fire release, a clock that was set."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config import shipped
from config.schema import Portal, PortalDirection, PortalMode, WhenUnknown
from config.site_check import load_site
from gate.capture import Capture
from gate.control import MOST_WAITING, Control
from gate.history import past
from gate.settings import GateSettings
from messages import access_list
from messages.access import AlarmKind, Credential, CredentialKind
from messages.access_list import AccessList, Grounds, Window
from messages.command import Lock
from messages.topics import Family, Leaf, build
from runtime.clock import Clock, SteadyClock
from runtime.mqtt import BrokerSettings, Message
from runtime.outbox import Outbox, OutboxFull
from runtime.signing import SigningKey, signed_properties
from wire.reads import Alarm, Read, Walk

SITE = load_site(shipped("sites", "bjut.toml"))
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
SERVER, KEY = SigningKey.generate(), bytes(range(32))
TOPIC = build(SITE.id, Family.GATES, "south", Leaf.ACCESS_LIST)
ANN, BEN = (Credential(CredentialKind.CARD, value) for value in ("0006547886", "0006547887"))
IN = Portal("south-1", PortalDirection.IN, "rdm6300", mode=PortalMode.CONTROL, when_unknown=WhenUnknown.CLOSED)
OUT = Portal("south-2", PortalDirection.OUT, "rdm6300", mode=PortalMode.CONTROL, when_unknown=WhenUnknown.CLOSED)
LAX = Portal("south-3", PortalDirection.IN, "rdm6300", mode=PortalMode.CONTROL, when_unknown=WhenUnknown.OPEN)
REPORTS = Portal("south-4", PortalDirection.IN, "rdm6300")


class Standing(Clock):
    """A clock that tests put."""

    def __init__(self):
        object.__setattr__(self, "at", NOW)

    def now(self):
        return self.at

    def put(self, moment):
        object.__setattr__(self, "at", moment)


class Doors:
    """Notes what was opened, with how many rows the outbox then had."""

    def __init__(self, outbox):
        self.outbox, self.opened, self.shown = outbox, [], []

    def open(self, portal, way, within, done):
        self.opened.append((portal, self.outbox.state().last_sequence))
        done("")

    def show(self, portal, *, granted, within):
        self.shown.append((portal, granted))


class Disk:
    """An outbox whose disk may be full."""

    def __init__(self, outbox):
        self.outbox, self.full = outbox, threading.Event()
        self.refused = threading.Event()

    def append(self, make):
        row = self.outbox.append(make) if not self.full.is_set() else make(self.outbox.epoch, 1)
        if self.full.is_set():
            self.refused.set()
            raise OutboxFull("the disk is full: free some space")
        return row


class Gate:
    """Capture and control over a real outbox."""

    def __init__(self, folder, clock, steady=None):
        self.folder, self.clock = folder, clock
        self.stop = threading.Event()
        self.outbox = Outbox(folder / "outbox.db", clock)
        self.disk, self.doors = Disk(self.outbox), Doors(self.outbox)
        broker = BrokerSettings("127.0.0.1", 1883, "gate-south", Path("unused"))
        settings = GateSettings("south", Path("site.toml"), folder, "http://127.0.0.1:1", broker)
        self.control = Control(settings, SITE, [IN, OUT, LAX, REPORTS], steady or clock, self.doors)
        self.capture = Capture(
            SITE.id, "south", ZoneInfo("Asia/Shanghai"), self.disk, clock,
            repeat_quiet=timedelta(), stop=self.stop, on_stored=lambda: None, control=self.control,
        )  # fmt: skip
        events = list(past(SITE.id, "south", self.outbox))
        self.control.begin(SERVER.public_bytes, self.outbox.epoch, events, self.capture)
        self.capture.resume([IN, OUT, LAX, REPORTS], events)
        self.control.lists.learn_key(KEY)

    def give(self, *credentials, made=None, lasts=timedelta(hours=1), number=1):
        made = made or self.clock.now()
        marks = access_list.pack(access_list.mark(KEY, one) for one in credentials)
        windows = [Window(marks, Grounds.READER)]
        listed = AccessList("south", 1, number, made, made + lasts, access_list.key_name(KEY), windows)
        payload = access_list.encode(SITE.id, "main", listed)
        self.control.lists.take(payload, signed_properties(SERVER, TOPIC, payload)["sig"])

    def take(self, portal, said):
        return self.capture.take(portal, said, self.capture.instant())

    def reasons(self):
        events = past(SITE.id, "south", self.outbox)
        return [event.reason for event in events if hasattr(event, "reason")]

    def close(self):
        self.stop.set()
        self.outbox.close()


@pytest.fixture
def clock():
    return Standing()


@pytest.fixture
def gates(tmp_path, clock):
    opened = []

    def start(steady=None):
        if opened:
            opened[-1].close()
        opened.append(Gate(tmp_path, clock, steady))
        return opened[-1]

    yield start
    opened[-1].close()


def test_the_event_is_on_the_disk_before_the_door_opens(gates):
    """Contract: "A captured event is acknowledged by booking or in the outbox: there is no third place"."""
    gate = gates()
    gate.give(ANN)
    gate.take(IN, Read(ANN))
    gate.take(OUT, Read(BEN))
    gate.take(IN, Read(BEN))
    assert gate.doors.opened == [("south-1", 1), ("south-2", 2)]
    assert gate.doors.shown == [("south-1", True), ("south-2", True), ("south-1", False)]
    assert gate.reasons() == ["reader", "out", "unknown"]
    assert gate.control.counts["granted:reader"] == 1


def test_a_portal_that_reports_opens_nothing(gates):
    gate = gates()
    gate.give(ANN)
    gate.take(REPORTS, Read(ANN))
    assert (gate.doors.opened, gate.doors.shown, gate.reasons()) == ([], [], [None])


@pytest.mark.parametrize(("portal", "opens"), [(OUT, True), (LAX, True), (IN, False)], ids=["out", "open", "closed"])
def test_a_full_disk_holds_nobody_in(gates, portal, opens, wait_for):
    """rules.md: "`out` is never refused"; the event stays in hand, and opens nothing more once it is stored."""
    gate = gates()
    gate.give(ANN)
    gate.disk.full.set()
    taking = threading.Thread(target=gate.take, args=(portal, Read(ANN)))
    taking.start()
    assert gate.disk.refused.wait(30)
    wait_for(lambda: bool(gate.doors.opened) is opens, "opened or not")
    gate.disk.full.clear()
    taking.join(30)
    assert gate.doors.opened == [(portal.id, 0 if opens else 1)]


def test_a_fire_release_lets_everybody_in_until_it_is_over_also_after_a_restart(gates):
    """rules.md: "The fire release is hard-wired; we observe it"."""
    gate = gates()
    gate.take(IN, Alarm(AlarmKind.FIRE, active=True))
    gate.take(IN, Read(BEN))
    gate = gates()
    gate.take(IN, Read(BEN))
    gate.take(IN, Alarm(AlarmKind.FIRE, active=True))  # said again
    gate.take(IN, Alarm(AlarmKind.FIRE, active=False))
    gate.take(IN, Read(BEN))
    assert gate.reasons() == ["fire", "fire", "list-missing"]
    assert [portal for portal, _ in gate.doors.opened] == ["south-1"]


def test_not_passed_gives_the_place_back(gates):
    gate = gates()
    gate.give(ANN)
    gate.take(IN, Read(ANN))
    assert gate.control._seen.balance == 1
    gate.take(IN, Walk(passed=False))
    assert gate.control._seen.balance == 0


def test_a_clock_that_was_set_is_not_believed_at_once(gates, clock):
    """Task: "clock stepped": a list does not run out, nor a window open, because somebody set the clock."""
    elapsed = [timedelta()]
    steady = SteadyClock(wall=clock.now, elapsed=lambda: elapsed[0])
    gate = gates(steady)
    gate.give(ANN, lasts=timedelta(hours=1))
    for step in (timedelta(hours=3), timedelta(days=-9000)):
        gate.take(IN, Read(ANN))
        clock.put(NOW + step)
        elapsed[0] += timedelta(seconds=20)
        gate.take(IN, Read(ANN))
        clock.put(NOW + elapsed[0])
        gate.take(IN, Read(ANN))
    assert set(gate.reasons()) == {"reader"}


def test_a_clock_that_stays_wrong_is_a_fault_that_is_named(gates, clock, caplog):
    gate = gates()
    gate.give(ANN)
    clock.put(NOW - timedelta(days=9000))
    gate.take(IN, Read(ANN))
    clock.put(NOW + timedelta(hours=2))
    gate.take(IN, Read(ANN))
    gate.take(LAX, Read(BEN))
    clock.put(NOW)
    gate.take(IN, Read(ANN))
    assert gate.reasons() == ["clock-wrong", "list-old", "list-old", "reader"]
    assert "NO ACCESS LIST COUNTS why=clock-wrong" in caplog.text
    assert "the access list counts again" in caplog.text


def test_a_flood_of_messages_is_bounded(gates):
    gate = gates()
    for _ in range(MOST_WAITING + 10):
        gate.control.on_list(Message(TOPIC, b"{}", {}))
    assert gate.control.counts["dropped"] == 10


def test_a_lock_file_that_is_broken_locks_nobody_and_is_told(gates, tmp_path, caplog):
    (tmp_path / "locks.json").write_text("[[1]]")
    gate = gates()
    gate.give(ANN)
    gate.take(IN, Read(ANN))
    assert gate.reasons() == ["reader"]
    assert "which portals are locked cannot be read" in caplog.text


def test_staff_are_warned_of_a_list_that_does_not_count_and_of_a_lock(gates, clock):
    gate = gates()
    changes = []
    gate.control.on_change = lambda: changes.append(sorted(gate.control.warnings()))
    assert sorted(gate.control.warnings()) == ["access-list"]
    gate.give(ANN)
    assert gate.control.warnings() == {}
    gate.control._obey(Lock("lock-0123456789abc", NOW + timedelta(seconds=15), "south-1"))
    assert changes == [["locked"]]
    clock.put(NOW + timedelta(hours=1))
    assert sorted(gate.control.warnings()) == ["access-list", "locked"]
    assert "list-old" in gate.control.warnings()["access-list"]
