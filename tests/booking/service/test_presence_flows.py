"""Gate and code over a real store: each passage does what the rules say, judged by when it happened."""

from datetime import time, timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.refusals import RefusalCode
from booking.domain.reservation import Action, Status
from booking.service.commands import (
    AnswerGateRecord,
    Changed,
    Channel,
    CheckInByCode,
    Recorded,
    Stored,
    Sweep,
)
from config.policy import AwayPolicy, ExitMeans, GatePolicy, MealTime, Policy
from messages.access import CredentialKind, PassageEvent


@pytest.fixture
def gate(desk, open_gate):
    return open_gate(desk)


@pytest.fixture
def stay(desk):
    return desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")


def effects(desk):
    return [record.effect for record in reversed(desk.reads.gate_records("S001"))]


def test_in_checks_in_out_is_away_in_again_returns(desk, gate, stay, at):
    """系统会依据门禁记录辅助签到、暂离"""
    gate.passes("in", "08:50")
    assert desk.status(stay, "08:51") is Status.IN_USE
    gate.passes("out", "10:00")
    away = desk.reads.reservation("S001", stay.id, at("10:01"))
    assert (away.status, away.away_at, away.away_until) == (Status.AWAY, at("10:00"), at("10:30"))
    gate.passes("in", "10:20")
    back = desk.reads.reservation("S001", stay.id, at("10:21"))
    assert (back.status, back.returned_at, back.away_until) == (Status.IN_USE, at("10:20"), None)
    assert effects(desk) == ["checked-in", "stepped-away", "returned"]
    assert desk.changes(stay, "10:21") == ["reserved", "checked-in", "stepped-away", "returned"]
    told = desk.reads.notifications("S001")
    assert [note.kind for note in reversed(told)] == ["reserved", "checked-in", "stepped-away", "returned"]
    assert {note.facts["label"] for note in told} == {"005"}
    assert told[0].facts["source"] == "gate"
    assert told[0].facts["portal"] == "south-3"


def test_a_face_does_the_same_as_a_card(desk, gate, stay):
    """读者出入图书馆的刷卡或刷脸数据"""
    gate.passes("in", "08:50", card="F1", kind=CredentialKind.FACE)
    assert desk.status(stay, "08:51") is Status.IN_USE


@pytest.mark.parametrize(
    ("when", "status"), [("08:29:59", "reserved"), ("08:30", "in-use"), ("09:29:59", "in-use"), ("09:30", "no-show")]
)
def test_the_window_is_from_thirty_minutes_before_to_thirty_after(desk, gate, stay, when, status):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到"""
    gate.passes("in", when)
    assert desk.status(stay, when) == status


@pytest.mark.parametrize(
    ("direction", "more"),
    [
        ("out", {}),
        ("unknown", {}),
        ("in", {"outcome": "denied"}),
        ("in", {"card": "0000000002"}),
        ("in", {"card": "8888888888"}),
    ],
)
def test_what_is_recorded_only(desk, gate, stay, direction, more):
    assert gate.passes(direction, "08:50", **more) == Recorded()
    assert desk.status(stay, "08:51") is Status.RESERVED
    assert len(desk.reads.passages()) == 1


def test_the_wiring_says_the_direction_where_the_frame_does_not(desk, gate, stay):
    gate.passes("unknown", "08:50", portal="south-1")
    assert desk.status(stay, "08:51") is Status.IN_USE
    gate.passes("unknown", "09:50", portal="south-2")
    assert desk.status(stay, "09:51") is Status.AWAY


def test_a_passage_touches_its_own_venue_only(desk, at, stay, open_gate):
    open_gate(desk, "annex").passes("in", "08:50", portal="annex-1")
    assert desk.status(stay, "08:51") is Status.RESERVED


def test_the_one_in_use_comes_before_the_one_whose_window_is_open(desk, gate, stay, at):
    gate.passes("in", "09:00")
    following = desk.booked("S001", "centre-006", "12:00", "14:00", now="11:00")
    gate.passes("in", "11:45")
    assert desk.status(following, "11:46") is Status.RESERVED
    assert effects(desk) == ["checked-in", ""]
    gate.passes("in", "12:05")
    assert desk.status(following, "12:06") is Status.IN_USE


def test_a_late_event_is_judged_by_when_it_happened(desk, gate, stay, at):
    gate.passes("in", "09:10", received="09:25")
    assert desk.reads.reservation("S001", stay.id, at("09:26")).checked_in_at == at("09:10")


def test_an_arrival_learned_of_after_the_deadline_lifts_the_miss(desk, gate, stay, at):
    """An outage of ours never costs a reader anything."""
    sweep(desk, at("10:00"))
    assert desk.changes(stay) == ["reserved", "missed"]
    gate.passes("in", "09:10", received="10:30")
    back = desk.reads.reservation("S001", stay.id, at("10:31"))
    assert (back.status, back.checked_in_at, back.closed_at) == (Status.IN_USE, at("09:10"), None)
    assert [line.change for line in back.history] == ["reserved", "missed", "reinstated"]


def test_an_unswept_miss_is_never_told_when_the_arrival_comes_first(desk, gate, stay, at):
    gate.passes("in", "09:10", received="10:30")
    assert desk.changes(stay, "10:31") == ["reserved", "checked-in"]


def test_who_booked_the_seat_meanwhile_keeps_it(desk, gate, stay, at):
    other = desk.booked("S002", "centre-005", "now", "12:00", now="09:40")
    gate.passes("in", "09:10", received="10:00")
    assert desk.status(stay, "10:01") is Status.DISPLACED
    assert desk.status(other, "10:01") is Status.RESERVED
    assert effects(desk) == ["displaced"]


def test_a_stay_that_is_over_by_now_ends_without_a_fault(desk, gate, stay, at):
    sweep(desk, at("10:00"))
    desk.booked("S002", "centre-005", "10:00", "13:00")
    gate.passes("in", "09:10", received="12:30")
    assert desk.status(stay, "12:31") is Status.ENDED


def test_a_late_exit_starts_the_away_clock_when_we_learn_of_it(desk, gate, stay, at):
    """Late evidence may lift a consequence, never impose one."""
    gate.passes("in", "09:00")
    gate.passes("out", "10:00", received="11:00")
    away = desk.reads.reservation("S001", stay.id, at("11:01"))
    assert (away.status, away.away_at, away.away_until) == (Status.AWAY, at("10:00"), at("11:30"))
    gate.passes("in", "10:10", received="11:00")
    assert desk.status(stay, "11:01") is Status.IN_USE


def test_an_exit_older_than_a_known_entry_is_recorded_only(desk, gate, stay, at):
    gate.passes("in", "09:00")
    gate.passes("in", "10:10")
    gate.passes("out", "10:00", received="10:11")
    assert desk.status(stay, "10:12") is Status.IN_USE


def test_a_return_learned_of_after_the_lapse_lifts_it(desk, gate, stay, at):
    gate.passes("in", "09:00")
    gate.passes("out", "10:00")
    sweep(desk, at("10:40"))
    assert desk.status(stay, "10:40") is Status.LAPSED
    gate.passes("in", "10:20", received="10:50")
    assert desk.status(stay, "10:51") is Status.IN_USE
    gate.passes("out", "11:00")
    assert desk.status(stay, "11:31") is Status.LAPSED
    gate.passes("in", "11:31")
    assert desk.status(stay, "11:32") is Status.LAPSED, "back too late is too late"


def test_away_before_the_start_counts_from_the_start(desk, gate, stay, at):
    gate.passes("in", "08:40")
    gate.passes("out", "08:45")
    assert desk.reads.reservation("S001", stay.id, at("08:46")).away_until == at("09:30")


def test_where_leaving_is_ending(open_desk, places, at, open_gate):
    policy = Policy(gate=GatePolicy(exit_means=ExitMeans.END))
    desk = open_desk(Places(attrs.evolve(places.site, policy=policy), places.seats_of))
    gate, stay = open_gate(desk), desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    gate.passes("in", "09:00")
    gate.passes("out", "10:00", received="10:20")
    assert desk.status(stay, "10:21") is Status.IN_USE, "late evidence ends no stay"
    gate.passes("out", "10:30")
    assert desk.status(stay, "10:31") is Status.ENDED


def test_a_replay_is_known_and_applied_once(desk, gate, stay, at):
    gate.passes("in", "09:00")
    gate.sequence = 0
    assert gate.passes("in", "09:00") == Recorded(replay=True)
    gate.sequence = 0
    assert gate.passes("in", "09:01") == Recorded(conflict=True)
    assert effects(desk) == ["checked-in"]


def test_a_passage_report_is_kept_with_its_event(desk, gate, stay, at):
    gate.passes("in", "09:00")
    report = PassageEvent(
        "south-3", 1, passed=True, occurred_at=at("09:00"), monotonic_ns=0, boot_id="b", epoch=1, sequence=2
    )
    assert gate.send(report, "09:01") == Recorded()
    assert gate.send(report, "09:01") == Recorded(replay=True)


@pytest.mark.parametrize(
    ("passed", "answered", "status"),
    [(False, False, Status.RESERVED), (True, False, Status.IN_USE), (False, True, Status.IN_USE)],
)
def test_a_swipe_whose_reader_never_walked_through_is_void(desk, gate, stay, at, passed, answered, status):
    """`passed = false` voids it."""
    gate.passes("in", "09:00")
    if answered:
        answer(desk, at, "09:00:02", confirm=True)
    report = PassageEvent(
        "south-3", 1, passed=passed, occurred_at=at("09:00"), monotonic_ns=0, boot_id="b", epoch=1, sequence=2
    )
    gate.send(report, "09:00:05")
    assert desk.status(stay, "09:01") is status
    assert desk.changes(stay)[1:] == ["checked-in", "undone"][: 2 if status is Status.RESERVED else 1]


def test_what_happened_since_is_not_undone_by_a_late_report(desk, gate, stay, at):
    gate.passes("in", "09:00")
    desk.act(stay, Action.STEP_AWAY, "09:10")
    report = PassageEvent(
        "south-3", 1, passed=False, occurred_at=at("09:00"), monotonic_ns=0, boot_id="b", epoch=1, sequence=2
    )
    gate.send(report, "09:11")
    assert desk.status(stay, "09:12") is Status.AWAY


@pytest.mark.parametrize(("passed", "status"), [(False, Status.RESERVED), (True, Status.IN_USE)])
def test_a_word_that_overtakes_its_own_swipe_counts_when_that_comes(desk, gate, stay, at, passed, status):
    """`passed = false` voids it."""
    report = PassageEvent(
        "south-3", 7, passed=passed, occurred_at=at("09:00:02"), monotonic_ns=0, boot_id="b", epoch=1, sequence=8
    )
    assert gate.send(report, "09:00:03") == Recorded()
    gate.sequence = 6
    gate.passes("in", "09:00", received="09:00:04")
    assert desk.status(stay, "09:01") is status
    assert [record.passed for record in desk.reads.gate_records("S001")] == [passed]
    assert desk.reads.inside(at("09:01"))[0].people == int(passed)
    gate.sequence = 6
    assert gate.passes("in", "09:00", received="09:05") == Recorded(replay=True)
    assert desk.status(stay, "09:06") is status
    # it was about that one event: the next swipe knows nothing of it
    gate.sequence = 8
    gate.passes("in", "09:10")
    assert desk.status(stay, "09:11") is Status.IN_USE


# ---- confirm or undo -------------------------------------------------------------------------------------------------


def answer(desk, at, now, *, confirm, reader="S001"):
    record = desk.reads.gate_records("S001")[0]
    return desk.do(AnswerGateRecord(reader=reader, at=at(now), record=record.id, confirm=confirm))


def test_a_passage_can_be_confirmed_once_for_thirty_minutes_and_by_its_reader_alone(desk, gate, stay, at):
    """请通过闸机辅助签到、暂离的同学通过预约系统确认签到、暂离状态"""
    gate.passes("in", "09:00")
    assert answer(desk, at, "09:30", confirm=True).code is RefusalCode.CONFIRM_TOO_LATE
    assert answer(desk, at, "09:10", confirm=True, reader="S002").code is RefusalCode.NOT_FOUND
    assert answer(desk, at, "09:10", confirm=True) == Stored()
    assert desk.reads.gate_records("S001")[0].answer == "confirmed"
    assert answer(desk, at, "09:11", confirm=False).code is RefusalCode.NOT_POSSIBLE_NOW
    assert desk.status(stay, "09:11") is Status.IN_USE


def test_not_me_restores_what_was_before(desk, gate, stay, at):
    gate.passes("in", "08:50")
    restored = answer(desk, at, "08:55", confirm=False)
    assert restored.reservation == stay
    assert desk.status(stay, "09:31") is Status.NO_SHOW
    assert desk.changes(stay, "08:56") == ["reserved", "checked-in", "undone"]


def test_not_me_after_the_window_is_no_penalty(desk, gate, stay, at):
    gate.passes("in", "09:20")
    assert answer(desk, at, "09:40", confirm=False).reservation.status is Status.CANCELLED


def test_what_changed_since_is_not_undone(desk, gate, stay, at):
    gate.passes("in", "09:00")
    desk.act(stay, Action.END, "09:05")
    assert answer(desk, at, "09:10", confirm=False).code is RefusalCode.NOT_POSSIBLE_NOW
    assert desk.status(stay, "09:11") is Status.ENDED


# ---- the kiosk's code ------------------------------------------------------------------------------------------------


def scan(desk, at, seen, *, posted=None, step=1, kiosk=7, reader="S001"):
    return desk.do(CheckInByCode(reader=reader, at=at(posted or seen), seen_at=at(seen), kiosk=kiosk, step=step))


def test_a_code_checks_in_once_and_returns_from_away(desk, stay, at):
    """扫描馆内选座机（或三层北、四层北查询机）动态二维码实现签到功能"""
    assert isinstance(scan(desk, at, "09:00"), Changed)
    assert desk.status(stay, "09:01") is Status.IN_USE
    assert scan(desk, at, "09:01", step=2).facts["status"] == "in-use"
    desk.act(stay, Action.STEP_AWAY, "10:00")
    assert scan(desk, at, "10:10", step=1).code is RefusalCode.CODE_USED
    assert scan(desk, at, "10:10", step=3).reservation.status is Status.IN_USE
    assert desk.reads.reservation("S001", stay.id, at("10:11")).history[-1].source == "kiosk-code"


def test_the_check_in_counts_at_the_time_of_the_scan_although_signing_in_took_minutes(desk, stay, at):
    sweep(desk, at("09:31"))
    after = scan(desk, at, "09:29", posted="09:33").reservation
    assert (after.status, after.checked_in_at) == (Status.IN_USE, at("09:29"))


@pytest.mark.parametrize(
    ("seen", "kiosk", "code", "key", "next_allowed"),
    [
        ("08:10", 7, "window-not-open", "policy.check_in.opens_before", "08:30"),
        ("09:30", 7, "window-closed", "policy.check_in.closes_after", None),
        ("09:00", 8, "nothing-to-check-in", None, None),  # a kiosk of the other venue
    ],
)
def test_a_code_that_cannot_check_in_says_why_and_when(desk, stay, at, seen, kiosk, code, key, next_allowed):
    refusal = scan(desk, at, seen, kiosk=kiosk)
    assert (refusal.code, refusal.policy_key) == (code, key)
    assert refusal.next_allowed_at == (at(next_allowed) if next_allowed else None)


def test_without_a_reservation_there_is_nothing_to_check_in(desk, at):
    assert scan(desk, at, "09:00").code is RefusalCode.NOTHING_TO_CHECK_IN


def test_on_the_web_alone_nobody_checks_in_and_at_the_kiosk_from_now_everybody_does(desk, stay, at):
    assert desk.act(stay, Action.CHECK_IN, "09:00").code is RefusalCode.FORBIDDEN
    assert desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK).reservation.status is Status.IN_USE
    assert desk.booked("S002", "centre-006", "now", "12:00", now="09:03", channel=Channel.KIOSK).status is Status.IN_USE
    assert (
        desk.booked("S003", "centre-007", "10:00", "12:00", now="09:03", channel=Channel.KIOSK).status
        is Status.RESERVED
    )


def sweep(desk, moment):
    desk.do(Sweep(at=moment))


def test_a_gate_counts_a_meal_too(open_desk, open_gate, places, at):
    """away limits longer at meals"""
    meals = [MealTime(time(11, 30), time(13), timedelta(hours=1))]
    site = attrs.evolve(places.site, policy=Policy(away=AwayPolicy(meals=meals)))
    desk = open_desk(Places(site, places.seats_of), name="meals.sqlite")
    stay = desk.booked("S001", "centre-005", "11:00", "15:00", now="08:00")
    desk.act(stay, Action.CHECK_IN, "11:00", channel=Channel.KIOSK)
    open_gate(desk).passes("out", "12:00")
    assert desk.reads.reservation("S001", stay.id, at("12:01")).away_until == at("13:00")
