"""The store against a model of a few lines: whatever readers do in whatever order, both say the same at every moment."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from booking.domain.places import Places
from booking.domain.reservation import Action
from booking.service.commands import Act, Changed, Channel, LoadPeople, Person, Reserve, Sweep
from booking.store.sqlite import open_store
from config.policy import Policy
from config.schema import Area, Site, Venue
from config.values import Text

MIDNIGHT = datetime(2023, 7, 16, 16, tzinfo=UTC)  # 2023-07-17 00:00 in Beijing
READERS, SEATS = ("A", "B", "C"), ("hall-1", "hall-2", "hall-3")
OPENS, CLOSES, MOST_ACTIVE, WINDOW, AWAY = 8 * 60, 22 * 60, 2, 30, 30
STEPS = {
    ("reserved", "check-in"): "in-use",
    ("reserved", "cancel"): "cancelled",
    ("in-use", "step-away"): "away",
    ("in-use", "end"): "ended",
    ("away", "return"): "in-use",
    ("away", "end"): "ended",
}


@dataclass
class Stay:
    """A reservation of the model; times in minutes since midnight."""

    reader: str
    seat: str
    start: int
    end: int
    status: str = "reserved"
    away_until: int = 0

    def pass_time(self, now):
        if self.status == "reserved" and now >= min(self.start + WINDOW, self.end):
            self.status = "no-show"
        if self.status == "away" and now >= self.away_until and self.away_until < self.end:
            self.status = "lapsed"
        if self.status in ("in-use", "away") and now >= self.end:
            self.status = "ended"

    @property
    def holds(self):
        return self.status in ("reserved", "in-use", "away")

    def meets(self, start, end):
        return self.holds and self.start < end and start < self.end


def moment(minutes):
    return MIDNIGHT + timedelta(minutes=minutes)


class Library(RuleBasedStateMachine):
    """Three readers, three seats, one day."""

    def __init__(self):
        super().__init__()
        site = Site(
            id="lib",
            name=Text("", ""),
            timezone=ZoneInfo("Asia/Shanghai"),
            venues=[Venue("main", Text("", ""), time(8), time(22))],
            areas=[Area("hall", Text("", ""), "main", 1, "hall.json")],
            policy=Policy(),
        )
        self.folder = tempfile.TemporaryDirectory()
        plan = [SimpleNamespace(label=seat[-1], x=0.0, y=0.0) for seat in SEATS]
        self.now = OPENS
        self.store = open_store(Path(self.folder.name) / "db", Places.of(site, {"hall": plan}), moment(self.now))
        self.do(LoadPeople(at=moment(0), people=tuple(Person(reader=name, name=name) for name in READERS)))
        self.model = {}

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    def do(self, command):
        return self.store.writer.submit([command]).result(30)[0]

    @rule(minutes=st.sampled_from([1, 10, 29, 30, 31, 60]))
    @precondition(lambda self: self.now < CLOSES - 90)
    def time_passes(self, minutes):
        self.now += minutes
        for stay in self.model.values():
            stay.pass_time(self.now)

    @rule(
        reader=st.sampled_from(READERS),
        seat=st.sampled_from(SEATS),
        wait=st.sampled_from([-1, 0, 1, 2]),
        hours=st.integers(1, 4),
    )
    def reserve(self, reader, seat, wait, hours):
        hour = self.now // 60
        start = self.now if wait < 0 else (hour + wait) * 60
        end = (hour + max(wait, 0) + hours) * 60
        outcome = self.do(
            Reserve(
                reader=reader,
                at=moment(self.now) + timedelta(seconds=17),
                seat=seat,
                area=None,
                start=None if wait < 0 else moment(start),
                end=moment(end),
            )
        )
        expected = self.verdict(reader, seat, start, end)
        if expected is None:
            assert isinstance(outcome, Changed), outcome
            self.model[outcome.reservation.id] = Stay(reader, seat, start, end)
        else:
            assert outcome.code == expected

    def verdict(self, reader, seat, start, end):
        own = [stay for stay in self.model.values() if stay.holds and stay.reader == reader]
        if start < self.now:
            return "in-the-past"
        if start < OPENS or end > CLOSES:
            return "outside-opening-hours"
        if end - start < 10:
            return "too-short"
        if any(stay.meets(start, end) for stay in own):
            return "reader-overlap"
        if len(own) >= MOST_ACTIVE:
            return "too-many-active"
        if any(stay.seat == seat and stay.meets(start, end) for stay in self.model.values()):
            return "seat-taken"
        return None

    @rule(number=st.integers(0, 20), action=st.sampled_from(["check-in", "step-away", "return", "end", "cancel"]))
    @precondition(lambda self: self.model)
    def do_anything(self, number, action):
        self.act(list(self.model)[-1 - number % len(self.model)], action)

    @rule(number=st.integers(0, 20), prefer_second=st.booleans())
    @precondition(lambda self: any(stay.holds for stay in self.model.values()))
    def do_what_is_possible(self, number, prefer_second):
        held = [name for name, stay in self.model.items() if stay.holds]
        name = held[-1 - number % len(held)]
        ways = [action for status, action in STEPS if status == self.model[name].status]
        self.act(name, ways[prefer_second])

    def act(self, name, action):
        stay = self.model[name]
        outcome = self.do(
            Act(
                reader=stay.reader,
                at=moment(self.now),
                reservation=name,
                action=Action(action),
                channel=Channel.KIOSK,
            )
        )
        becomes = STEPS.get((stay.status, action))
        if becomes is None:
            assert outcome.code == "not-possible-now"
        elif action == "check-in" and self.now < stay.start - WINDOW:
            assert outcome.code == "window-not-open"
        else:
            assert isinstance(outcome, Changed), outcome
            stay.status = becomes
            stay.away_until = min(max(self.now, stay.start) + AWAY, stay.end)

    @rule()
    def sweep(self):
        self.do(Sweep(at=moment(self.now)))

    @invariant()
    def both_say_the_same(self):
        for name, stay in self.model.items():
            view = self.store.reads.reservation(stay.reader, name, moment(self.now))
            assert (view.status, view.seat) == (stay.status, stay.seat)
            assert (view.start, view.end) == (moment(stay.start), moment(stay.end))

    @invariant()
    def the_map_shows_who_sits_where(self):
        shown = {state.seat: str(state.status) for state in self.store.reads.area_map("hall", moment(self.now)).seats}
        words = {"reserved": "reserved", "in-use": "taken", "away": "away"}
        for seat in SEATS:
            here = [stay for stay in self.model.values() if stay.holds and stay.seat == seat]
            now = [stay for stay in here if stay.start <= self.now]
            early = sorted((stay for stay in here if stay.status != "reserved"), key=lambda stay: stay.start)
            expected = words[(now or early)[0].status] if now or early else "free"
            assert shown[seat] == expected
        free = sum(status == "free" for status in shown.values())
        assert self.store.reads.area_map("hall", moment(self.now)).free == free

    @invariant()
    def nobody_is_in_two_places_and_no_seat_has_two_readers(self):
        held = [stay for stay in self.model.values() if stay.holds]
        for one in held:
            for other in held:
                if one is not other and one.meets(other.start, other.end):
                    assert one.seat != other.seat
                    assert one.reader != other.reader


Library.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, derandomize=True)
TestLibrary = pytest.mark.timeout(300)(Library.TestCase)
