"""Violations over a real store: recorded when time makes them so, confirmed by gates, lifted by evidence, staff, amnesty."""

import itertools
from datetime import timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.refusals import RefusalCode
from booking.domain.reservation import Action, Status
from booking.domain.violations import Because, Standing
from booking.service.commands import AnswerGateRecord, Changed, Channel, Stored, Sweep
from booking.service.violation_commands import Appeal, DecideViolation, GrantAmnesty, HearGate
from config.policy import ExitMeans, GatePolicy, Policy, SignOutPolicy, SuspendUntil, ViolationPolicy, ViolationStep

SUSPENDING = ViolationPolicy(steps=[ViolationStep(1, SuspendUntil.NEXT_DAY), ViolationStep(2, SuspendUntil.NEXT_WEEK)])
"""违约1次, 将隔天才能预约; 违约两次本周不能再预约; 下周可继续预约"""


def with_policy(places, **changes):
    policy = Policy(violations=attrs.evolve(SUSPENDING, **changes))
    return Places(attrs.evolve(places.site, policy=policy), places.seats_of)


@pytest.fixture
def desk(open_desk, places):
    return open_desk(with_policy(places))


@pytest.fixture
def gate(desk, open_gate):
    return open_gate(desk)


@pytest.fixture
def stay(desk):
    return desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")


def hear(desk, at, until, *, gate="south", day=17, **more):
    claim = {"epoch": 1, "watermark": 0, "last_sequence": 0} | more
    return desk.do(HearGate(gate=gate, at=at(until, day), wall=at(until, day), **claim))


def violations(desk, at, now, reader="S001", day=17):
    return desk.reads.violations(reader, at(now, day)).items


def only(desk, at, now, **more):
    (found,) = violations(desk, at, now, **more)
    return found


# ---- recorded ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swept", [False, True])
def test_not_checking_in_is_one_violation_with_its_evidence_at_once(desk, stay, at, swept):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到，否则会被记录违约一次"""
    assert violations(desk, at, "09:29:59") == []
    if swept:
        desk.do(Sweep(at=at("09:40")))
        desk.do(Sweep(at=at("09:40")))
    found = only(desk, at, "09:40")
    assert (found.kind, found.reservation, found.occurred_at) == ("no-show", stay.id, at("09:30"))
    assert found.policy_key == "policy.check_in.closes_after"
    assert [line.change for line in found.evidence][:1] == ["reserved"]
    assert violations(desk, at, "09:40", reader="S002") == []


def test_read_before_and_after_it_is_written_down_it_is_the_same_one(desk, stay, at):
    before = only(desk, at, "09:40")
    desk.do(Sweep(at=at("11:00")))
    assert only(desk, at, "11:00").id == before.id


def test_staying_away_too_long_is_a_violation_where_the_site_counts_it(open_desk, places, at):
    """可以临时暂离"""
    for counts, kinds in ((True, ["lapsed"]), (False, [])):
        desk = open_desk(with_policy(places, lapsed=counts), name=f"{counts}.sqlite")
        stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
        desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
        desk.act(stay, Action.STEP_AWAY, "10:00")
        assert violations(desk, at, "10:29") == []
        assert [one.kind for one in violations(desk, at, "10:30")] == kinds


def test_coming_cancelling_and_ending_in_time_are_none(desk, at):
    came = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    desk.act(came, Action.CHECK_IN, "09:29", channel=Channel.KIOSK)
    cancelled = desk.booked("S001", "centre-005", "11:00", "12:00", now="08:00")
    desk.act(cancelled, Action.CANCEL, "11:20")
    assert violations(desk, at, "23:00") == []


# ---- suspended -----------------------------------------------------------------------------------------------------


def test_one_violation_bars_new_bookings_until_the_next_day_and_keeps_the_others(desk, stay, at):
    """违约1次, 将隔天才能预约. A suspension blocks new bookings and keeps existing ones."""
    kept = desk.booked("S001", "centre-005", "14:00", "15:00", now="08:00")
    hear(desk, at, "09:31")
    refused = desk.book("S001", "centre-006", "16:00", "17:00", now="09:32")
    assert refused.code is RefusalCode.SUSPENDED
    assert (refused.policy_key, refused.next_allowed_at) == ("policy.violations.steps", at("00:00", 18))
    assert refused.facts["violations"] == "1"
    assert desk.status(kept, "09:31") is Status.RESERVED
    assert isinstance(desk.act(kept, Action.CHECK_IN, "14:00", channel=Channel.KIOSK), Changed)
    assert isinstance(desk.book("S002", "centre-006", "16:00", "17:00", now="09:32"), Changed)


def test_without_steps_a_violation_is_recorded_only(open_desk, places, at):
    """否则会被记录违约一次: the first manual says nothing of what follows"""
    desk = open_desk(with_policy(places, steps=[]))
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    hear(desk, at, "09:31")
    assert isinstance(desk.book("S001", "centre-006", "16:00", "17:00", now="09:32"), Changed)
    assert desk.reads.violations("S001", at("09:32")).count == 1


# ---- provisional ---------------------------------------------------------------------------------------------------


def test_nothing_follows_until_every_gate_has_told_all_up_to_the_deadline(desk, stay, at):
    """A violation is provisional until every entry portal of its venue has reported a watermark past the deadline."""
    assert only(desk, at, "09:40").standing is Standing.PROVISIONAL
    assert isinstance(desk.book("S001", "centre-006", "16:00", "17:00", now="09:40"), Changed)
    hear(desk, at, "09:30:04")
    assert only(desk, at, "09:41").standing is Standing.PROVISIONAL
    hear(desk, at, "09:41", gate="annex")
    assert only(desk, at, "09:41").standing is Standing.PROVISIONAL
    hear(desk, at, "09:42")
    assert only(desk, at, "09:42").standing is Standing.STANDING
    assert "violation" in desk.changes(stay)
    assert desk.reads.notifications("S001")[0].kind == "violation"
    assert desk.book("S001", "centre-007", "18:00", "19:00", now="09:42").code is RefusalCode.SUSPENDED


def test_a_claim_about_rows_that_we_do_not_hold_proves_nothing(desk, gate, stay, at):
    hear(desk, at, "10:00", last_sequence=1)
    assert only(desk, at, "10:00").standing is Standing.PROVISIONAL
    gate.passes("in", "09:10", received="10:01")
    hear(desk, at, "10:02", last_sequence=1)
    assert [one.standing for one in violations(desk, at, "10:02")] in ([], [Standing.LIFTED])


def test_a_gate_whose_clock_is_ahead_has_told_no_more_than_until_now(desk, stay, at):
    desk.do(HearGate(gate="south", at=at("09:00"), wall=at("23:00"), epoch=1, watermark=0, last_sequence=0))
    assert only(desk, at, "09:40").standing is Standing.PROVISIONAL


def test_after_watermark_wait_staff_decide(desk, stay, at):
    assert desk.reads.contested(at("09:29", 18)) == []
    (waiting,) = desk.reads.contested(at("09:30", 18))
    decide(desk, at, waiting, uphold=True)
    assert only(desk, at, "10:01", day=18).standing is Standing.STANDING
    assert desk.reads.contested(at("10:01", 18)) == []


# ---- lifted --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [False, True])
def test_late_evidence_lifts_the_violation_and_its_suspension(desk, gate, stay, at, taken):
    """that booking stands: the violation and the suspension go"""
    hear(desk, at, "09:31")
    assert desk.book("S001", "centre-006", "16:00", "17:00", now="09:32").code is RefusalCode.SUSPENDED
    if taken:
        desk.booked("S002", "centre-005", "now", "12:00", now="09:40")
    gate.passes("in", "09:10", received="10:00")
    found = only(desk, at, "10:01")
    assert (found.standing, found.lifted_because) == (Standing.LIFTED, Because.EVIDENCE)
    assert desk.status(stay, "10:01") is (Status.DISPLACED if taken else Status.IN_USE)
    assert isinstance(desk.book("S001", "centre-006", "16:00", "17:00", now="10:01"), Changed)
    assert desk.changes(stay)[-1] == "violation-lifted"


def test_whatever_arrives_first_the_end_is_the_same(open_desk, open_gate, places, at):
    """Replay in any order gives the same: two misses, evidence for one of them, and the gates' reports."""
    ends = set()
    for number, order in enumerate(itertools.permutations(("evidence", "sweep", "heard"))):
        desk = open_desk(with_policy(places), name=f"{number}.sqlite")
        desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
        desk.booked("S001", "centre-005", "11:00", "12:00", now="08:00")
        gate = open_gate(desk)
        steps = {
            "evidence": lambda gate=gate: gate.passes("in", "11:10", received="13:00"),
            "sweep": lambda desk=desk: desk.do(Sweep(at=at("13:00"))),
            "heard": lambda desk=desk: hear(desk, at, "13:00"),
        }
        for step in order:
            steps[step]()
        hear(desk, at, "13:01", watermark=1, last_sequence=1)
        record = desk.reads.violations("S001", at("13:02"))
        standing = [one.occurred_at for one in record.items if one.standing is Standing.STANDING]
        ends.add((tuple(standing), record.suspension.until))
    assert ends == {((at("09:30"),), at("00:00", 18))}


def test_not_me_after_a_lifted_miss_restores_the_miss_without_a_penalty(desk, gate, stay, at):
    """ "not me" restores the earlier state where still free, flags the card, never penalises."""
    desk.do(Sweep(at=at("09:31")))
    hear(desk, at, "09:31")
    gate.passes("in", "09:10", received="10:00")
    (record,) = desk.reads.gate_records("S001")
    answer = desk.do(AnswerGateRecord(reader="S001", at=at("10:05"), record=record.id, confirm=False))
    assert answer.reservation.status is Status.NO_SHOW
    assert only(desk, at, "10:06").standing is Standing.LIFTED


@pytest.mark.parametrize(("start", "end", "excuses"), [("08:00", "08:40", True), ("07:00", "08:30", False)])
@pytest.mark.parametrize("recorded", [False, True])
def test_an_outage_that_staff_excuse_costs_nobody_anything(desk, stay, at, start, end, excuses, recorded):
    """An outage of ours never costs a reader anything."""
    if recorded:
        hear(desk, at, "09:31")
        desk.do(Sweep(at=at("09:31")))
    span = {"start": at(start), "end": at(end), "reason": "断电"}
    assert desk.do(GrantAmnesty(staff="S030", at=at("09:20" if not recorded else "10:00"), **span)) == Stored()
    found = only(desk, at, "10:01")
    assert (found.lifted_because is Because.AMNESTY) is excuses
    desk.do(Sweep(at=at("10:02")))
    assert (only(desk, at, "10:03").lifted_because is Because.AMNESTY) is excuses
    (line,) = desk.reads.staff_actions()
    assert (line.staff, line.action, line.facts["reason"]) == ("S030", "amnesty", "断电")


@pytest.mark.parametrize("required", [True, False])
def test_not_signing_out_is_a_violation_that_late_evidence_lifts(open_desk, open_gate, places, at, required):
    """违约内容: 未签到, 未签退"""
    rules = Policy(
        violations=SUSPENDING,
        sign_out=SignOutPolicy(required=required, grace=timedelta(minutes=20)),
        gate=GatePolicy(exit_means=ExitMeans.END),
    )
    desk = open_desk(Places(attrs.evolve(places.site, policy=rules), places.seats_of))
    stay = desk.booked("S001", "centre-005", "09:00", "10:00", now="08:00")
    desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    assert violations(desk, at, "10:19") == []
    desk.do(Sweep(at=at("10:20")))
    found = [(one.kind, one.policy_key) for one in violations(desk, at, "10:20")]
    assert found == ([("no-sign-out", "policy.sign_out.grace")] if required else [])
    open_gate(desk).passes("out", "09:50", received="11:00")
    assert [one.standing for one in violations(desk, at, "11:01")] == ([Standing.LIFTED] if required else [])


# ---- appealed ------------------------------------------------------------------------------------------------------


def decide(desk, at, violation, *, uphold, now="10:00", day=18):
    return desk.do(
        DecideViolation(staff="S030", at=at(now, day), violation=violation.id, uphold=uphold, note="看过记录")
    )


def appeals(desk, at, violation, now="10:00", reader="S001", day=17):
    return desk.do(Appeal(reader=reader, at=at(now, day), violation=violation.id, words="我在场"))


@pytest.mark.parametrize(
    ("uphold", "standing", "told"),
    [(True, Standing.STANDING, "violation-upheld"), (False, Standing.LIFTED, "violation-lifted")],
)
def test_staff_decide_an_appeal_once_and_the_reader_is_told(desk, stay, at, uphold, standing, told):
    hear(desk, at, "09:31")
    found = only(desk, at, "09:40")
    assert appeals(desk, at, found, reader="S002").code is RefusalCode.NOT_FOUND
    assert appeals(desk, at, found) == Stored()
    assert appeals(desk, at, found).code is RefusalCode.NOT_POSSIBLE_NOW
    (waiting,) = desk.reads.contested(at("10:01"))
    assert (waiting.id, waiting.appeal) == (found.id, "我在场")
    assert decide(desk, at, found, uphold=uphold) == Stored()
    assert only(desk, at, "10:01", day=18).standing is standing
    assert desk.reads.notifications("S001")[0].kind == told
    assert decide(desk, at, found, uphold=not uphold).code is RefusalCode.NOT_POSSIBLE_NOW
    assert desk.reads.contested(at("10:01", 18)) == []
    assert [line.action for line in desk.reads.staff_actions()] == ["uphold" if uphold else "lift"]


@pytest.mark.parametrize(("days", "day", "late"), [(7, 24, True), (7, 23, False), (1, 18, True)])
def test_an_appeal_is_possible_for_as_long_as_the_site_says(open_desk, places, at, days, day, late):
    desk = open_desk(with_policy(places, appeal_within=timedelta(days=days)))
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    hear(desk, at, "09:31")
    found = only(desk, at, "09:40")
    answer = appeals(desk, at, found, now="10:00", day=day)
    if late:
        assert (answer.code, answer.policy_key) == (RefusalCode.APPEAL_TOO_LATE, "policy.violations.appeal_within")
    else:
        assert answer == Stored()
    assert only(desk, at, "10:00", day=day).can_appeal is False
