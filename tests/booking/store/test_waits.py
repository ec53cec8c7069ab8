"""The waiting list: "tell me when it frees". Who has waited longest is told first; nothing is held back for anybody."""

from dataclasses import replace
from datetime import timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.refusals import RefusalCode
from booking.domain.reservation import Action
from booking.service.commands import Stored, Sweep
from booking.service.telling import StartWaiting, StopWaiting, Waiting
from config.policy import Policy, WaitingPolicy

EAST = tuple(f"east-{number:03}" for number in range(1, 5))


def waiting(desk, at, reader, seat=None, *, area=None, start="10:00", end="12:00", now="08:10"):
    wish = StartWaiting(reader=reader, at=at(now), seat=seat, area=area, start=at(start), end=at(end))
    return desk.do(wish)


def found(desk, reader):
    return [note.facts["seat"] for note in desk.reads.notifications(reader) if note.kind == "seat-free"]


@pytest.fixture
def stay(desk):
    return desk.booked("S000", "centre-005", "10:00", "12:00", now="08:00")


@pytest.fixture
def full(desk):
    """Area `east` is full from ten to twelve."""
    return [desk.booked(f"S01{n}", seat, "10:00", "12:00", now="08:00") for n, seat in enumerate(EAST)]


def test_the_first_in_line_is_told_when_the_seat_is_given_back(desk, at, stay):
    assert isinstance(waiting(desk, at, "S001", "centre-005"), Waiting)
    waiting(desk, at, "S002", "centre-005", now="08:11")
    desk.act(stay, Action.CANCEL, "09:00")
    assert (found(desk, "S001"), found(desk, "S002")) == (["centre-005"], [])
    note = desk.reads.notifications("S001")[0]
    assert (note.facts["label"], note.facts["deadline"]) == ("005", "2023-07-17T09:10:00+08:00")


def test_the_next_in_line_is_told_when_the_turn_is_over(desk, at, stay):
    for number, reader in enumerate(("S001", "S002", "S003")):
        waiting(desk, at, reader, "centre-005", now=f"08:1{number}")
    desk.act(stay, Action.CANCEL, "09:00")
    assert desk.reads.next_due() == at("09:10")
    for now, told in (("09:09:59", 1), ("09:10", 2), ("09:10", 2), ("09:20", 3)):
        desk.do(Sweep(at=at(now)))
        assert sum(len(found(desk, reader)) for reader in ("S001", "S002", "S003")) == told, now
    desk.do(Sweep(at=at("09:30")))
    assert desk.reads.next_due() is None


def test_a_seat_that_was_taken_meanwhile_is_told_to_nobody(desk, at, stay):
    waiting(desk, at, "S001", "centre-005")
    waiting(desk, at, "S002", "centre-005", now="08:11")
    desk.act(stay, Action.CANCEL, "09:00")
    desk.booked("S001", "centre-005", "10:00", "12:00", now="09:05")
    desk.do(Sweep(at=at("09:10")))
    assert found(desk, "S002") == []


def test_time_frees_a_seat_as_well(desk, at, stay):
    """A reservation that nobody checks in to is over thirty minutes after its start."""
    waiting(desk, at, "S001", "centre-005")
    desk.do(Sweep(at=at("10:29")))
    assert found(desk, "S001") == []
    desk.do(Sweep(at=at("10:30")))
    assert found(desk, "S001") == ["centre-005"]


def test_only_a_seat_that_is_free_for_the_whole_wish_counts(desk, at, stay):
    desk.booked("S030", "centre-005", "12:00", "13:00", now="08:00")
    waiting(desk, at, "S001", "centre-005", end="13:00")
    desk.act(stay, Action.CANCEL, "09:00")
    assert found(desk, "S001") == []


def test_two_seats_of_a_full_area_go_to_two_readers(desk, at, full):
    for number, reader in enumerate(("S001", "S002", "S003")):
        waiting(desk, at, reader, area="east", now=f"08:1{number}")
    desk.act(full[2], Action.CANCEL, "09:00")
    desk.act(full[0], Action.CANCEL, "09:01")
    assert (found(desk, "S001"), found(desk, "S002"), found(desk, "S003")) == (["east-003"], ["east-001"], [])


def test_who_has_another_seat_by_then_is_not_told(desk, at, stay):
    waiting(desk, at, "S001", "centre-005")
    desk.booked("S001", "centre-006", "11:00", "12:00", now="08:20")
    desk.act(stay, Action.CANCEL, "09:00")
    assert found(desk, "S001") == []


def test_who_no_longer_waits_is_not_told_and_only_oneself_can_stop(desk, at, stay):
    wait = waiting(desk, at, "S001", "centre-005").wait
    stop = StopWaiting(reader="S002", at=at("08:20"), wait=wait.id)
    assert desk.do(stop).code is RefusalCode.NOT_FOUND
    assert desk.reads.waits("S001", at("08:21")) == [wait]
    assert desk.do(replace(stop, reader="S001")) == Stored()
    desk.act(stay, Action.CANCEL, "09:00")
    assert (found(desk, "S001"), desk.reads.waits("S001", at("09:01"))) == ([], [])


def test_the_same_wish_twice_is_one(desk, at, stay):
    first = waiting(desk, at, "S001", "centre-005")
    assert waiting(desk, at, "S001", "centre-005", now="08:30") == first


@pytest.mark.parametrize(
    ("seat", "area", "more", "code"),
    [
        ("centre-006", None, {}, RefusalCode.FREE_NOW),
        (None, "centre", {}, RefusalCode.FREE_NOW),
        ("centre-010", None, {}, RefusalCode.SEAT_CLOSED),
        ("centre-099", None, {}, RefusalCode.UNKNOWN_SEAT),
        (None, "nowhere", {}, RefusalCode.UNKNOWN_AREA),
        (None, None, {}, RefusalCode.UNKNOWN_AREA),
        ("centre-005", None, {"end": "23:00"}, RefusalCode.OUTSIDE_OPENING_HOURS),
        ("centre-005", None, {"end": "09:00"}, RefusalCode.TOO_SHORT),
    ],
)
def test_a_wish_that_cannot_be_waited_for_is_refused(desk, at, stay, seat, area, more, code):
    assert waiting(desk, at, "S001", seat, area=area, **more).code is code
    assert desk.reads.waits("S001", at("08:30")) == []


def test_the_site_says_how_many_and_how_long_a_turn_is(open_desk, places, at):
    policy = Policy(waiting=WaitingPolicy(max_open=1, turn=timedelta(minutes=2)))
    desk = open_desk(Places(attrs.evolve(places.site, policy=policy), places.seats_of))
    stays = [desk.booked(f"S02{n}", f"centre-00{n}", "10:00", "12:00", now="08:00") for n in (5, 6)]
    waiting(desk, at, "S001", "centre-005")
    refused = waiting(desk, at, "S001", "centre-006")
    assert (refused.code, refused.policy_key) == (RefusalCode.TOO_MANY_WAITS, "policy.waiting.max_open")
    waiting(desk, at, "S002", "centre-005", now="08:11")
    desk.act(stays[0], Action.CANCEL, "09:00")
    desk.do(Sweep(at=at("09:02")))
    assert found(desk, "S002") == ["centre-005"]
