"""Back-to-back reservations of one reader on one seat: attendance carries over, and only attendance."""

import pytest

from booking.domain.reservation import Action, Status
from booking.service.commands import Channel, Sweep


@pytest.fixture
def pair(desk):
    """09:00-10:00 in use, and 10:00-12:00 on the same seat."""
    first = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    second = desk.booked("S001", "centre-005", "10:00", "12:00", now="08:00")
    desk.act(first, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    return first, second


def test_who_is_there_need_not_check_in_again(desk, pair, at):
    """Back-to-back reservations of one reader on one seat carry attendance over."""
    first, second = pair
    assert desk.status(second, "09:59") is Status.RESERVED
    for swept in (False, True):  # a read is right for its moment, written down or not
        assert (desk.status(first, "10:00"), desk.status(second, "10:00")) == (Status.ENDED, Status.IN_USE)
        assert desk.status(second, "11:59") is Status.IN_USE
        assert desk.reads.current("S001", at("10:05")).id == second.id
        seats = {seat.seat: seat.status for seat in desk.reads.area_map("centre", at("10:05")).seats}
        assert seats["centre-005"] == "taken"
        if not swept:
            desk.do(Sweep(at=at("10:00")))
    assert desk.changes(second) == ["reserved", "checked-in"]


def test_a_sweep_hours_late_gives_the_same(desk, pair, at):
    desk.do(Sweep(at=at("15:00")))
    desk.do(Sweep(at=at("15:00")))
    assert desk.changes(pair[1]) == ["reserved", "checked-in", "ended"]
    assert desk.status(pair[1], "15:00") is Status.ENDED


def test_an_absence_carries_over_and_its_clock_starts_with_the_second(desk, pair, at):
    """no away clock of ours starts before our start"""
    first, second = pair
    desk.act(first, Action.STEP_AWAY, "09:50")
    view = desk.reads.reservation("S001", second.id, at("10:01"))
    assert (view.status, view.away_until) == (Status.AWAY, at("10:30"))
    desk.do(Sweep(at=at("10:31")))
    assert desk.changes(second) == ["reserved", "checked-in", "stepped-away", "lapsed"]


@pytest.mark.parametrize("ends", ["ended", "lapsed", "another-seat", "a-gap"])
def test_what_does_not_carry_over(desk, at, ends):
    first = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    seat, start = ("centre-006" if ends == "another-seat" else "centre-005"), ("11:00" if ends == "a-gap" else "10:00")
    second = desk.booked("S001", seat, start, "12:00", now="08:00")
    desk.act(first, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    if ends == "ended":
        desk.act(first, Action.END, "09:30")
    if ends == "lapsed":
        desk.act(first, Action.STEP_AWAY, "09:10")
    assert desk.status(second, start) is Status.RESERVED
    desk.do(Sweep(at=at("12:00")))
    assert desk.status(second, "12:00") is Status.NO_SHOW


def test_another_readers_following_one_is_their_own(desk, at):
    first = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    second = desk.booked("S002", "centre-005", "10:00", "12:00", now="08:00")
    desk.act(first, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    assert desk.status(second, "10:05") is Status.RESERVED
    desk.do(Sweep(at=at("10:05")))
    assert desk.status(second, "10:05") is Status.RESERVED


def test_going_out_after_the_first_ended_is_an_absence_in_the_second(desk, open_gate, pair, at):
    open_gate(desk).passes("out", "10:05")
    view = desk.reads.reservation("S001", pair[1].id, at("10:06"))
    assert (view.status, view.away_at) == (Status.AWAY, at("10:05"))


def test_early_check_in_proves_arrival_and_the_seat_is_the_predecessors_until_their_end(desk, open_gate, at):
    """Early check-in proves arrival; the seat is the predecessor's until their end"""
    before = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    mine = desk.booked("S002", "centre-005", "10:00", "12:00", now="08:00")
    desk.act(before, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    desk.act(mine, Action.CHECK_IN, "09:40", channel=Channel.KIOSK)
    desk.act(before, Action.STEP_AWAY, "09:45")
    shown = {seat.seat: seat.status for seat in desk.reads.area_map("centre", at("09:50")).seats}
    assert shown["centre-005"] == "away"  # theirs until 10:00
    assert desk.act(before, Action.RETURN, "09:55").reservation.status is Status.IN_USE
    assert (desk.status(before, "10:00"), desk.status(mine, "10:40")) == (Status.ENDED, Status.IN_USE)
