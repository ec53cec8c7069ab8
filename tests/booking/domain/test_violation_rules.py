"""What counts, until when it keeps a reader from booking, and whether it stands: tables, and properties over any zone."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.domain.reservation import Reservation, Status
from booking.domain.violations import (
    ALWAYS,
    NEVER,
    Because,
    Span,
    Standing,
    breach,
    excused,
    for_staff,
    heard_until,
    standing,
    suspension_at,
    violation_of,
)
from booking.domain.window import day_of
from config.policy import CountedIn, Policy, SuspendUntil, ViolationKind, ViolationPolicy, ViolationStep

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [
    "Asia/Shanghai",
    "UTC",
    "Europe/Berlin",
    "America/Havana",  # its clocks change at midnight
    "America/Asuncion",
    "Pacific/Apia",  # it lost 30 December 2011
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Kiritimati",
]
MANUAL = ViolationPolicy(
    steps=[ViolationStep(1, SuspendUntil.NEXT_DAY), ViolationStep(2, SuspendUntil.NEXT_WEEK)],
)
"""违约1次, 将隔天才能预约; 违约两次本周不能再预约; 下周可继续预约"""
US = timedelta(microseconds=1)


def stay(number=1, **changes):
    start = datetime(2023, 7, 17, 9, tzinfo=SHANGHAI)
    fields = {
        "id": f"R{number}",
        "reader": "S1",
        "area": "centre",
        "seat": "centre-065",
        "start": start,
        "end": start + timedelta(hours=3),
        "status": Status.RESERVED,
        "created_at": start - timedelta(hours=1),
    }
    return Reservation(**(fields | changes))


def missed(moment, number=1):
    return violation_of(stay(number), ViolationKind.NO_SHOW, moment - timedelta(hours=1), moment)


def local(text, zone=SHANGHAI):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("violations", "now", "until"),
    [
        # 违约1次, 将隔天才能预约
        (["2023-07-17 09:30"], "2023-07-17 09:29:59.999999", None),
        (["2023-07-17 09:30"], "2023-07-17 09:30", "2023-07-18 00:00"),
        (["2023-07-17 09:30"], "2023-07-17 23:59:59.999999", "2023-07-18 00:00"),
        (["2023-07-17 09:30"], "2023-07-18 00:00", None),
        # a minute before midnight in Shanghai is the 17th there, whatever UTC says
        (["2023-07-17 23:59"], "2023-07-17 23:59:30", "2023-07-18 00:00"),
        (["2023-07-18 00:00"], "2023-07-18 00:01", "2023-07-19 00:00"),
        # 违约两次本周不能再预约; 下周可继续预约: 2023-07-17 is a Monday
        (["2023-07-17 09:30", "2023-07-19 09:30"], "2023-07-19 10:00", "2023-07-24 00:00"),
        (["2023-07-17 09:30", "2023-07-19 09:30"], "2023-07-23 23:59", "2023-07-24 00:00"),
        (["2023-07-17 09:30", "2023-07-19 09:30"], "2023-07-24 00:00", None),
        (["2023-07-17 09:30", "2023-07-17 15:30"], "2023-07-18 10:00", "2023-07-24 00:00"),
        # 每周一至周日: Sunday's and Monday's are not of one week
        (["2023-07-16 20:00", "2023-07-17 09:30"], "2023-07-17 10:00", "2023-07-18 00:00"),
        # on a Sunday, the rest of the week and the next day end together
        (["2023-07-22 20:00", "2023-07-23 09:30"], "2023-07-23 10:00", "2023-07-24 00:00"),
        # a third one in a week is no less than the second
        (["2023-07-17 09:30", "2023-07-18 09:30", "2023-07-19 09:30"], "2023-07-19 10:00", "2023-07-24 00:00"),
    ],
)
def test_one_violation_bars_until_the_next_day_two_for_the_week(violations, now, until):
    found = suspension_at([missed(local(one)) for one in violations], MANUAL, SHANGHAI, local(now))
    assert (found and found.until) == (until and local(until))
    if found:
        assert found.policy_key == "policy.violations.steps"


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({"steps": []}, None),
        ({"steps": [ViolationStep(3, SuspendUntil.NEXT_WEEK)]}, None),
        ({"steps": [ViolationStep(1, SuspendUntil.DAY_AFTER_NEXT)]}, "2023-07-20 00:00"),  # 隔天 read the other way
        ({"steps": [ViolationStep(2, SuspendUntil.NEXT_DAY)]}, "2023-07-19 00:00"),
        ({"counted_in": CountedIn.DAY}, "2023-07-19 00:00"),
    ],
)
def test_another_value_of_the_key_gives_another_suspension(changes, until):
    violations = [missed(local("2023-07-17 09:30")), missed(local("2023-07-18 09:30"), 2)]
    found = suspension_at(violations, attrs.evolve(MANUAL, **changes), SHANGHAI, local("2023-07-18 12:00"))
    assert (found and found.until) == (until and local(until))


def test_a_month_counts_what_two_weeks_do_not():
    violations = [missed(local("2023-07-05 09:30")), missed(local("2023-07-18 09:30"), 2)]
    now = local("2023-07-18 12:00")
    assert suspension_at(violations, MANUAL, SHANGHAI, now).until == local("2023-07-19 00:00")
    monthly = attrs.evolve(MANUAL, counted_in=CountedIn.MONTH)
    assert suspension_at(violations, monthly, SHANGHAI, now).until == local("2023-07-24 00:00")


@pytest.mark.parametrize(
    ("zone", "violation", "until"),
    [
        ("Europe/Berlin", "2023-03-25T20:00+00:00", "2023-03-25T23:00+00:00"),  # the day before clocks go forward
        ("Europe/Berlin", "2023-03-26T00:30+00:00", "2023-03-26T22:00+00:00"),  # a day of 23 hours
        ("Europe/Berlin", "2023-10-29T00:30+00:00", "2023-10-29T23:00+00:00"),  # a day of 25 hours
        ("America/Havana", "2023-03-11T20:00+00:00", "2023-03-12T05:00+00:00"),  # midnight does not exist
    ],
)
def test_a_day_ends_by_the_sites_own_clock_whatever_the_clock_does(zone, violation, until):
    found = suspension_at(
        [missed(datetime.fromisoformat(violation))], MANUAL, ZoneInfo(zone), datetime.fromisoformat(violation)
    )
    assert found.until == datetime.fromisoformat(until)


MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - it wants them bare


@settings(deadline=None, derandomize=True, max_examples=300)
@given(moment=MOMENTS, zone=st.sampled_from(ZONES).map(ZoneInfo))
def test_a_suspension_to_the_next_day_ends_where_the_next_day_begins(moment, zone):
    found = suspension_at([missed(moment)], MANUAL, zone, moment)
    assert day_of(found.until - US, zone) == day_of(moment, zone)
    assert day_of(found.until, zone) > day_of(moment, zone)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    moments=st.lists(MOMENTS, max_size=6, unique=True),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    probe=MOMENTS,
    seed=st.integers(0, 1000),
)
def test_the_order_in_which_violations_are_learned_of_changes_nothing(moments, zone, probe, seed):
    violations = [missed(moment, number) for number, moment in enumerate(moments)]
    shuffled = list(violations)
    random.Random(seed).shuffle(shuffled)
    assert suspension_at(shuffled, MANUAL, zone, probe) == suspension_at(violations, MANUAL, zone, probe)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=5, unique=True), probe=MOMENTS, gone=st.integers(0, 4))
def test_lifting_a_violation_never_lengthens_a_suspension(moments, probe, gone):
    violations = [missed(moment, number) for number, moment in enumerate(moments)]
    fewer = [one for number, one in enumerate(violations) if number != gone % len(violations)]
    before, after = (suspension_at(ones, MANUAL, SHANGHAI, probe) for ones in (violations, fewer))
    assert after is None or (before is not None and after.until <= before.until)


# ---- what counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "key", "counts"),
    [
        (Status.NO_SHOW, "no-show", "policy.check_in.closes_after", "no_show"),
        (Status.LAPSED, "lapsed", "policy.away.limit", "lapsed"),
        (Status.NOT_SIGNED_OUT, "no-sign-out", "policy.sign_out.grace", "no_sign_out"),  # 违约内容: 未签到, 未签退
    ],
)
def test_a_violation_names_its_kind_and_key_and_counts_where_the_site_says_so(status, kind, key, counts):
    """在预约时间开始前30分钟到预约时间开始后30分钟内签到，否则会被记录违约一次"""
    closed = stay(status=status, closed_at=local("2023-07-17 09:30"), away_at=local("2023-07-17 09:00"))
    found = breach(closed, Policy())
    assert (found.kind, found.policy_key, found.occurred_at) == (kind, key, closed.closed_at)
    assert found.id == breach(closed, Policy()).id
    without = attrs.evolve(Policy(), violations=ViolationPolicy(**{counts: False}))
    assert breach(closed, without) is None


@pytest.mark.parametrize("status", [Status.ENDED, Status.CANCELLED, Status.DISPLACED, Status.IN_USE, Status.RESERVED])
def test_nothing_else_is_a_violation(status):
    assert breach(stay(status=status, closed_at=local("2023-07-17 09:30")), Policy()) is None


# ---- whether it stands ---------------------------------------------------------------------------------------------


def test_it_is_provisional_until_every_gate_with_a_lane_in_has_told_all(places):
    one = missed(local("2023-07-17 09:30"))
    site, before, after = places.site, one.occurred_at - US, one.occurred_at
    assert standing(one, heard_until(site, "main", {})) is Standing.PROVISIONAL
    assert standing(one, heard_until(site, "main", {"south": before})) is Standing.PROVISIONAL
    assert standing(one, heard_until(site, "main", {"annex": after})) is Standing.PROVISIONAL
    assert standing(one, heard_until(site, "main", {"south": after})) is Standing.STANDING
    without_gates = attrs.evolve(site, gates=[])
    assert heard_until(without_gates, "main", {}) == ALWAYS
    assert standing(one, ALWAYS) is Standing.STANDING


def test_what_was_confirmed_or_lifted_stays_so_whatever_gates_say_later():
    one = missed(local("2023-07-17 09:30"))
    assert standing(attrs_of(one, confirmed_at=one.occurred_at), NEVER) is Standing.STANDING
    lifted = attrs_of(one, lifted_at=one.occurred_at, lifted_because=Because.EVIDENCE, confirmed_at=one.occurred_at)
    assert standing(lifted, ALWAYS) is Standing.LIFTED


def attrs_of(violation, **changes):
    fields = {name: getattr(violation, name) for name in violation.__slots__}
    return type(violation)(**(fields | changes))


@pytest.mark.parametrize(
    ("wait", "now", "heard", "waits"),
    [
        ("24h", "2023-07-18 09:29", NEVER, False),
        ("24h", "2023-07-18 09:30", NEVER, True),
        ("24h", "2023-07-18 09:30", ALWAYS, False),
        ("1h", "2023-07-17 10:30", NEVER, True),
    ],
)
def test_when_gates_stay_silent_for_watermark_wait_staff_decide(wait, now, heard, waits):
    policy = attrs.evolve(MANUAL, watermark_wait=timedelta(hours=int(wait.removesuffix("h"))))
    one = missed(local("2023-07-17 09:30"))
    assert for_staff(one, heard, policy, local(now)) is waits
    assert for_staff(attrs_of(one, decided_at=local(now)), heard, policy, local(now)) is False
    assert for_staff(attrs_of(one, appealed_at=local(now)), heard, policy, local(now)) is True


@pytest.mark.parametrize(
    ("start", "end", "venue", "excuses"),
    [
        ("08:00", "08:30", "", False),  # over before the window opened (a span ends before its end)
        ("08:00", "08:31", "", True),
        ("08:00", "08:31", "main", True),
        ("08:00", "08:31", "other", False),
        ("09:29", "12:00", "", True),
        ("09:30", "12:00", "", False),  # it began when all was over
    ],
)
def test_an_outage_of_ours_never_costs_a_reader_anything(start, end, venue, excuses):
    one = violation_of(stay(), ViolationKind.NO_SHOW, local("2023-07-17 08:30"), local("2023-07-17 09:30"))
    span = Span(local(f"2023-07-17 {start}"), local(f"2023-07-17 {end}"), venue)
    assert excused(one, "main", [span]) is excuses
