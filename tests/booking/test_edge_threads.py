"""Maps, notifications and the sweep: after commits and when time alone changes something, in real threads."""

import queue
import threading
from datetime import timedelta

import apsw
import pytest

from booking.announce import Announcer
from booking.domain.reservation import Action
from booking.identity import Identity
from booking.notify import Notifier
from booking.service.commands import KeepTime, Sweep
from booking.sweeper import Sweeper
from kiosk.seat_map import SeatMaps
from messages import notification, seats
from messages.notification import opaque_reader
from runtime.clock import Clock
from runtime.mqtt import LinkDown, Published
from runtime.signing import verify


@pytest.fixture
def identity(tmp_path):
    return Identity.load_or_create("lib", tmp_path / "keys")


@pytest.fixture
def running():
    """`running(part)`: a thread in `part.run` until the test ends."""
    started = []

    def start(part):
        thread = threading.Thread(target=part.run)
        thread.start()
        started.append((part, thread))
        return part

    yield start
    for part, thread in started:
        part.stop()
        thread.join(30)
        assert not thread.is_alive()


class Broker:
    """Takes what is published, or is away."""

    def __init__(self):
        self.taken = queue.SimpleQueue()
        self.away = False

    def __call__(self, message):
        if self.away:
            raise LinkDown("away")
        self.taken.put(message)
        published = Published()
        published.settle(None)
        return published

    def maps(self, count):
        found = [self.taken.get(timeout=30) for _ in range(count)]
        return {area_map.area: area_map for area_map in (seats.decode(message.payload) for message in found)}


def announcer_of(areas, desk, identity, clock, broker):
    return Announcer(areas, reads=desk.reads, writer=desk.writer, identity=identity, clock=clock, publish=broker)


@pytest.fixture
def announced(desk, at, identity, running):
    broker = Broker()
    announcer = announcer_of(["centre", "east"], desk, identity, Clock.starting_at(at("09:10")), broker)
    desk.writer.on_commit(announcer.touched)
    running(announcer)
    announcer.everything()
    assert broker.maps(2).keys() == {"centre", "east"}
    return announcer, broker


def test_each_map_is_newer_than_the_one_before_and_signed(desk, announced, identity):
    _, broker = announced
    stay = desk.booked("S001", "centre-005", "now", "12:00", now="09:10")
    first = broker.taken.get(timeout=30)
    desk.act(stay, Action.CANCEL, "09:10")
    second = broker.taken.get(timeout=30)
    assert seats.decode(second.payload).newer_than(seats.decode(first.payload))
    assert verify(identity.key.public_bytes, second.topic, second.payload, second.properties["sig"])


def test_a_broker_that_comes_back_gets_every_map(desk, announced):
    announcer, broker = announced
    broker.away = True
    desk.booked("S001", "centre-005", "now", "12:00", now="09:10")
    broker.away = False
    announcer.everything()
    maps = broker.maps(2)
    assert maps.keys() == {"centre", "east"}
    assert maps["centre"].free == 8


def test_time_alone_brings_a_map_at_the_moment_it_changes(desk, at, identity, running):
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    broker = Broker()
    almost = Clock.starting_at(at("09:30") - timedelta(seconds=1))
    announcer = running(announcer_of(["centre"], desk, identity, almost, broker))
    announcer.everything()
    before, after = broker.maps(1)["centre"], broker.maps(1)["centre"]
    assert (before.free, after.free) == (8, 9)
    assert after.at >= at("09:30")
    assert after.newer_than(before)


def test_numbers_grow_with_commits_and_with_time_alike(desk, at):
    numbers = [desk.reads.area_map("centre", at("08:00")).n]
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    numbers += [desk.reads.area_map("centre", at(moment)).n for moment in ("08:11", "08:59", "09:00", "09:29", "09:30")]
    assert numbers[1] == numbers[2], "nothing changed in between"
    assert numbers[3] == numbers[4]
    assert sorted(set(numbers)) == [numbers[0], numbers[1], numbers[3], numbers[5]]
    assert desk.reads.next_change("centre", at("08:11")) == at("09:00")
    assert desk.reads.next_change("centre", at("09:00")) == at("09:30")
    assert desk.reads.next_change("centre", at("09:30")) == at("22:00")
    assert desk.status(stay, "09:30") == "no-show"


def test_a_later_start_counts_on(open_desk, at):
    first = open_desk(now="12:00")
    first.booked("S001", "centre-005", "now", "14:00", now="12:00")
    before = first.reads.area_map("centre", at("12:00"))
    first.close()
    second = open_desk(now="12:01")
    after = second.reads.area_map("centre", at("12:01"))
    assert (after.generation, after.n) == (before.generation, before.n)
    second.booked("S002", "centre-006", "now", "14:00", now="12:01")
    assert second.reads.area_map("centre", at("12:01")).newer_than(after)


def test_a_later_start_on_an_earlier_clock_begins_a_higher_generation(open_desk, at):
    first = open_desk(now="12:00")
    before = first.reads.area_map("centre", at("12:00"))
    first.close()
    second = open_desk(now="08:00")
    after = second.reads.area_map("centre", at("08:00"))
    assert after.newer_than(before)
    assert after.generation > before.generation


def test_a_database_of_the_version_before_begins_a_higher_generation(open_desk, at):
    first = open_desk(now="12:00")
    generation = first.reads.area_map("centre", at("12:00")).generation
    first.close()
    database = apsw.Connection(str(first.database))
    database.execute("DELETE FROM facts WHERE name IN ('began', 'clock')").fetchall()
    database.execute("INSERT INTO area_numbers (area, n) VALUES ('centre', 3379103999001)").fetchall()
    database.close()
    after = open_desk(now="12:01").reads.area_map("centre", at("12:01"))
    assert after.generation > generation
    assert after.n < 2**53


def test_a_sweep_that_writes_down_what_time_did_never_takes_a_number_back(desk, at):
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    missed = desk.reads.area_map("centre", at("09:30"))
    desk.do(Sweep(at=at("09:30")))
    swept = desk.reads.area_map("centre", at("09:30"))
    assert swept.n >= missed.n
    # what was asked for before a moment of time and stored after it is news all the same
    desk.booked("S002", "centre-005", "10:00", "12:00", now="09:29")
    assert desk.reads.area_map("centre", at("09:31")).newer_than(swept)


def test_a_clock_set_back_by_hours_begins_a_generation_that_is_announced_at_once(desk, at, identity, running):
    """Fault row 8: "clock ±2 h". A map that was numbered by the later time would hide every map until then."""
    broker, clock = Broker(), Clock.starting_at(at("11:00"))
    announcer = announcer_of(["centre", "east"], desk, identity, clock, broker)
    desk.writer.on_commit(announcer.touched)
    running(announcer)
    announcer.everything()
    before = broker.maps(2)
    object.__setattr__(clock, "shift", clock.shift - timedelta(hours=2))
    announcer.touched(frozenset({"centre"}))  # whatever wakes it; a minute without anything does too
    after = broker.maps(2)
    kiosk = SeatMaps()
    for area in ("centre", "east"):
        assert after[area].generation > before[area].generation
        assert kiosk.with_map(before[area]).with_map(after[area]).maps[area] is after[area]
    desk.booked("S001", "centre-005", "now", "12:00", now="09:00")
    assert broker.maps(1)["centre"].free == 8


def test_a_clock_that_is_only_corrected_begins_nothing(desk, at):
    generation = desk.reads.area_map("centre", at("09:00")).generation
    for moment in (at("09:00"), at("09:00") - timedelta(seconds=1.5), at("09:30")):
        desk.do(KeepTime(at=moment))
    assert desk.reads.area_map("centre", at("09:30")).generation == generation
    desk.do(KeepTime(at=at("09:29")))
    assert desk.reads.area_map("centre", at("09:30")).generation > generation


def test_outside_opening_hours_every_seat_is_closed_until_opening(desk, at):
    night = desk.reads.area_map("centre", at("23:00"))
    assert night.free == 0
    assert {(str(state.status), state.until) for state in night.seats} == {
        ("closed", at("08:00", 18)),
        ("closed", None),
    }
    assert desk.reads.next_change("centre", at("23:00")) == at("08:00", 18)


def test_the_sweep_happens_when_something_falls_due(desk, at, running, wait_for):
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    clock = Clock.starting_at(at("09:30") - timedelta(seconds=1))
    sweeper = running(Sweeper(desk.reads.next_due, desk.writer, clock))
    desk.writer.on_commit(lambda _: sweeper.wake())
    wait_for(
        lambda: [line.kind for line in desk.reads.notifications("S001")] == ["missed", "check-in-soon", "reserved"],
        "the reminder and then the miss are told",
    )
    assert desk.changes(stay) == ["reserved", "missed"]


def test_readers_notifications_go_out_once_in_order_under_an_opaque_name(desk, at, identity, running, wait_for):
    broker = Broker()
    broker.away = True
    notifier = running(Notifier(desk.reads, desk.writer, identity, Clock.starting_at(at("09:00")), broker))
    desk.writer.on_commit(lambda _: notifier.wake())
    stay = desk.booked("S001", "centre-005", "09:00", "12:00")
    desk.act(stay, Action.CANCEL, "09:01")
    assert len(desk.reads.untold()) == 2
    broker.away = False
    notifier.wake()
    wait_for(lambda: desk.reads.untold() == [], "both are handed on")
    sent = [broker.taken.get(timeout=30) for _ in range(2)]
    assert broker.taken.empty()
    assert {message.topic.split("/")[4] for message in sent} == {opaque_reader(identity.master, "S001")}
    told = [notification.decode(message.payload) for message in sent]
    assert [(one.kind, one.reservation) for one in told] == [("reserved", stay.id), ("cancelled", stay.id)]
    assert told[0].facts["label"] == "005"
    assert not any("S001" in message.payload.decode() for message in sent)
