"""The transition table carried out, and what time does to a reservation: derived, in one step or in many the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from booking.domain.refusals import RefusalCode
from booking.domain.reservation import (
    HOLDING,
    TRANSITIONS,
    Action,
    Reservation,
    Status,
    apply,
    as_of,
    at,
    due,
    undone,
)
from config.policy import Policy

POLICY = Policy()
MIN = timedelta(minutes=1)
START = datetime(2023, 7, 17, 8, tzinfo=UTC)


@pytest.fixture
def at_time(request):
    """The conftest's clock times; `at` itself is the function under test here."""
    return request.getfixturevalue("at")


@pytest.fixture
def stay(at_time):
    return make(at_time("16:38"), at_time("18:00"))


def make(start, end, status=Status.RESERVED, **more):
    return Reservation(
        id="1",
        reader="S1",
        area="centre",
        seat="centre-065",
        start=start,
        end=end,
        status=status,
        created_at=start - MIN,
        **more,
    )


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", Action)
def test_every_pair_follows_the_table_or_is_refused(stay, status, action):
    standing = replace(stay, status=status)
    result = apply(standing, action, stay.start, until=stay.end)
    if (status, action) in TRANSITIONS:
        assert result.status is TRANSITIONS[status, action]
    else:
        assert result.code is RefusalCode.NOT_POSSIBLE_NOW
        assert result.facts == {"status": status, "action": action}


def test_an_absence_without_its_deadline_is_a_mistake_of_ours(stay):
    with pytest.raises(ValueError, match="step-away needs"):
        apply(replace(stay, status=Status.IN_USE), Action.STEP_AWAY, stay.start)


@pytest.mark.parametrize(
    ("start", "end", "deadline"),
    [("16:00", "18:00", "16:30"), ("16:38", "17:00", "17:00"), ("16:30", "17:00", "17:00")],
)
def test_the_deadline_is_thirty_minutes_after_the_start_and_never_after_the_end(at_time, start, end, deadline):
    """请在预约时间开始前30分钟到预约时间开始后30分钟内签到，否则会被记录违约一次"""
    stay = make(at_time(start), at_time(end))
    assert due(stay, POLICY) == at_time(deadline)
    assert at(stay, POLICY, at_time(deadline) - timedelta(microseconds=1)) is stay
    missed = at(stay, POLICY, at_time("23:00"))
    assert (missed.status, missed.closed_at) == (Status.NO_SHOW, at_time(deadline))


def test_a_reservation_of_16_38_to_17_00_cannot_be_checked_in_at_17_08(at_time):
    stay = at(make(at_time("16:38"), at_time("17:00")), POLICY, at_time("17:08"))
    assert apply(stay, Action.CHECK_IN, at_time("17:08")).code is RefusalCode.NOT_POSSIBLE_NOW


def test_in_use_completes_at_the_end_and_away_lapses_at_its_limit(at_time):
    used = make(at_time("16:00"), at_time("18:00"), Status.IN_USE, checked_in_at=at_time("16:05"))
    assert at(used, POLICY, at_time("18:00")).status is Status.ENDED
    away = apply(used, Action.STEP_AWAY, at_time("17:00"), until=at_time("17:30"))
    lapsed = at(away, POLICY, at_time("17:30"))
    assert (lapsed.status, lapsed.closed_at) == (Status.LAPSED, at_time("17:30"))
    late = apply(used, Action.STEP_AWAY, at_time("17:50"), until=at_time("18:00"))
    assert at(late, POLICY, at_time("19:00")).status is Status.ENDED, "ending while within the limit is completion"


def test_late_evidence_sees_what_time_closed_as_it_stood_then(at_time):
    stay = make(at_time("16:00"), at_time("18:00"))
    missed = at(stay, POLICY, at_time("17:00"))
    assert as_of(missed, POLICY, at_time("16:29")).status is Status.RESERVED
    assert as_of(missed, POLICY, at_time("16:30")).status is Status.NO_SHOW
    cancelled = apply(stay, Action.CANCEL, at_time("16:10"))
    assert as_of(cancelled, POLICY, at_time("16:05")) is cancelled, "what a reader did is not undone by looking back"


def test_who_signed_out_in_the_very_second_of_the_end_did_so_themselves(at_time):
    """Where 签退 is asked for time forgets it and never ends a stay: looking back does not undo what the reader did."""
    used = make(at_time("16:00"), at_time("18:00"), Status.IN_USE, checked_in_at=at_time("16:00"))
    signing_out = evolve(POLICY, sign_out=evolve(POLICY.sign_out, required=True))
    ended = apply(used, Action.END, at_time("18:00"))
    assert as_of(ended, signing_out, at_time("17:59")) is ended
    assert as_of(ended, POLICY, at_time("17:59")).status is Status.IN_USE, (
        "here time alone ends what nobody ended before"
    )


def test_undoing_never_ends_in_a_penalty(at_time):
    stay = make(at_time("16:00"), at_time("18:00"))
    assert undone(stay, POLICY, at_time("16:10")) == stay
    assert undone(stay, POLICY, at_time("16:40")).status is Status.CANCELLED
    used = replace(stay, status=Status.IN_USE, checked_in_at=at_time("16:00"))
    away = apply(used, Action.STEP_AWAY, at_time("16:10"), until=at_time("16:40"))
    assert undone(away, POLICY, at_time("16:50")).status is Status.ENDED


MOMENTS = st.integers(-120, 600).map(lambda minutes: minutes * MIN)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    length=st.integers(10, 300),
    actions=st.lists(st.tuples(st.sampled_from(sorted(Action)), st.integers(0, 90)), max_size=6),
    first=MOMENTS,
    second=MOMENTS,
)
def test_time_in_one_step_or_in_two_is_the_same_and_never_brings_anything_back(length, actions, first, second):
    stay = make(START, START + length * MIN)
    moment = START
    for action, minutes in actions:
        moment += minutes * MIN
        standing = at(stay, POLICY, moment)
        result = apply(standing, action, moment, until=min(moment + 30 * MIN, standing.end))
        if isinstance(result, Reservation) and action is not Action.EXTEND:
            stay = result
    early, late = sorted([START + first, START + second])
    assert at(at(stay, POLICY, early), POLICY, late) == at(stay, POLICY, late)
    over = at(stay, POLICY, early)
    if over.status not in HOLDING:
        assert due(over, POLICY) is None
        assert at(over, POLICY, late) == over
