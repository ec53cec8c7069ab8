"""Maps go out after commits and when time alone changes them; only the areas concerned are read and sent."""

from datetime import datetime

import pytest

from booking.announce import Announcer
from booking.domain.reservation import Action
from booking.identity import Identity
from messages import seats, topics


class SetClock:
    """A clock that the test sets."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class Board:
    """An announcer over a real store, and what it sent since last asked."""

    def __init__(self, desk, at, tmp_path):
        self.desk, self.at, self.sent = desk, at, []
        self.clock = SetClock(at("09:00"))
        identity = Identity.load_or_create("lib", tmp_path / "keys")
        self.announcer = Announcer(
            ("centre", "east", "annex"),
            reads=desk.reads,
            writer=desk.writer,
            identity=identity,
            clock=self.clock,
            publish=self.sent.append,
        )
        desk.writer.on_commit(self.announcer.touched)

        self.announcer.everything()  # as the app does at every connection

    def maps(self, now):
        self.clock.moment = self.at(now)
        self.sent.clear()
        self.announcer.announce()
        return {topics.parse(signed.topic).name: seats.decode(signed.payload) for signed in self.sent}


@pytest.fixture
def board(desk, at, tmp_path):
    return Board(desk, at, tmp_path)


def status_of(area_map, seat):
    return next(state.status for state in area_map.seats if state.seat == seat)


def test_at_first_every_map_goes_out_and_then_only_what_a_commit_changed(board):
    assert set(board.maps("09:00")) == {"centre", "east", "annex"}
    assert board.maps("09:00") == {}
    stay = board.desk.booked("S001", "centre-001", "09:00", "11:00")
    (booked,) = board.maps("09:00").values()
    assert status_of(booked, "centre-001") == seats.SeatStatus.RESERVED
    board.desk.act(stay, Action.CANCEL, "09:01")
    (freed,) = board.maps("09:01").values()
    assert status_of(freed, "centre-001") == seats.SeatStatus.FREE
    assert freed.newer_than(booked)


def test_a_missed_booking_frees_its_seat_on_the_map_at_the_minute_without_any_commit(board):
    # 请在预约时间开始前 30 分钟到预约时间开始后 30 分钟内签到,否则会被记录违约一次
    board.desk.booked("S001", "centre-001", "10:00", "12:00", now="09:00")
    board.maps("09:00")
    assert board.maps("09:59") == {}
    started = board.maps("10:00")["centre"]
    assert status_of(started, "centre-001") == seats.SeatStatus.RESERVED
    assert board.maps("10:29") == {}
    missed = board.maps("10:30")
    assert set(missed) == {"centre"}
    assert status_of(missed["centre"], "centre-001") == seats.SeatStatus.FREE
    assert missed["centre"].newer_than(started)


def test_the_maps_of_closing_time_go_out_by_themselves(board):
    board.maps("09:00")
    board.desk.booked("S001", "centre-001", "10:00", "12:00", now="09:00")
    board.maps("21:59")
    late = board.maps("22:00")
    assert set(late) == {"centre", "east"}
    assert {status_of(late[area], f"{area}-001") for area in late} == {seats.SeatStatus.CLOSED}


def test_everything_goes_out_again_when_asked(board):
    board.maps("09:00")
    board.announcer.everything()
    assert set(board.maps("09:00")) == {"centre", "east", "annex"}
