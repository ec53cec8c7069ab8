"""Reminders follow from the data alone: each deadline is told once, before it comes, however late or often one looks."""

from datetime import timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.reservation import Action
from booking.service.commands import Channel, Sweep
from config.policy import Policy, RemindersPolicy

NONE = timedelta()


def told(desk, reader="S001"):
    """The kinds a reader was told, oldest first."""
    return [note.kind for note in reversed(desk.reads.notifications(reader))]


def reminders(desk, at, *moments):
    for now in moments:
        desk.do(Sweep(at=at(now)))
    return [(note.kind, note.at) for note in reversed(desk.reads.notifications("S001")) if note.kind.endswith("-soon")]


@pytest.fixture
def stay(desk):
    return desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")


def test_each_deadline_is_told_once_before_it_comes(desk, at, stay):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到，否则会被记录违约一次"""
    assert reminders(desk, at, "09:19:59") == []
    assert reminders(desk, at, "09:20", "09:20", "09:25") == [("check-in-soon", at("09:20"))]
    desk.act(stay, Action.CHECK_IN, "09:26", channel=Channel.KIOSK)
    assert len(reminders(desk, at, "09:29", "11:49")) == 1
    assert reminders(desk, at, "11:50", "11:55")[1:] == [("ending-soon", at("11:50"))]


def test_run_late_it_tells_the_same(desk, at, stay):
    assert reminders(desk, at, "09:29:59") == [("check-in-soon", at("09:20"))]


def test_what_is_over_is_not_reminded_of(desk, at, stay):
    assert reminders(desk, at, "09:31") == []
    assert told(desk) == ["reserved", "missed"]


def test_who_checked_in_is_not_told_to_check_in(desk, at, stay):
    desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    assert reminders(desk, at, "09:20", "09:29") == []


def test_every_absence_has_its_own_reminder(desk, at, stay):
    """可以临时暂离"""
    desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    for leaves, comes in (("09:30", "09:58"), ("10:30", "10:59")):
        desk.act(stay, Action.STEP_AWAY, leaves)
        reminders(desk, at, comes)
        desk.act(stay, Action.RETURN, comes)
    assert reminders(desk, at, "11:00") == [("return-soon", at("09:55")), ("return-soon", at("10:55"))]


def test_an_extension_moves_the_reminder_and_gives_the_new_end_its_own(desk, at, stay):
    """续约"""
    desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    desk.act(stay, Action.EXTEND, "11:30")
    assert reminders(desk, at, "11:55") == []
    assert reminders(desk, at, "12:50") == [("ending-soon", at("12:50"))]
    desk.act(stay, Action.EXTEND, "12:55")
    assert reminders(desk, at, "13:50")[1:] == [("ending-soon", at("13:50"))]


def test_who_has_just_done_it_is_not_reminded(desk, at):
    """A booking of ten minutes is told its times when it is made; a reminder with it would say the same."""
    desk.booked("S001", "centre-005", "now", "09:00", now="08:50")
    assert reminders(desk, at, "08:51", "08:59") == []


def test_the_sweeper_sleeps_until_the_next_reminder_and_never_in_the_past(desk, at, stay):
    assert desk.reads.next_due() == at("08:30"), "the window opens: is its reader inside?"
    reminders(desk, at, "08:30")
    assert desk.reads.next_due() == at("09:20")
    reminders(desk, at, "09:20")
    assert desk.reads.next_due() == at("09:30")
    desk.booked("S002", "centre-006", "now", "10:00", now="09:50")
    assert desk.reads.next_due() == at("09:50")
    reminders(desk, at, "09:54")
    assert desk.reads.next_due() == at("10:00"), "a reminder that is left out is dealt with, too"


def test_a_reminder_names_the_deadline_and_the_seat(desk, at, stay):
    reminders(desk, at, "09:20")
    note = desk.reads.notifications("S001")[0]
    assert note.facts["deadline"] == "2023-07-17T09:30:00+08:00"
    assert (note.reservation, note.facts["label"]) == (stay.id, "005")


def test_the_site_says_how_early_and_whether_at_all(open_desk, places, at):
    policy = Policy(reminders=RemindersPolicy(timedelta(minutes=20), NONE, NONE))
    desk = open_desk(Places(attrs.evolve(places.site, policy=policy), places.seats_of))
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    assert reminders(desk, at, "09:10") == [("check-in-soon", at("09:10"))]
    desk.act(stay, Action.CHECK_IN, "09:11", channel=Channel.KIOSK)
    assert desk.reads.next_due() == at("12:00")
    assert len(reminders(desk, at, "11:59")) == 1
