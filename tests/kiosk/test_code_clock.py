"""The code that is due: a week without any server, across UTC midnight, hidden when it could not be valid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.code_clock import CodeClock, Due, HiddenBecause
from messages import checkin

MASTER = bytes(range(32))
START = datetime(2023, 7, 17, 8, 38, 3, tzinfo=UTC)
KIOSK = 7


def key_of(epoch, kiosk):
    return checkin.day_key(MASTER, epoch, kiosk) if kiosk == KIOSK else None


def clock_with(days=8):
    first = checkin.epoch_of(checkin.step_at(START))
    return CodeClock("https://seat.example.edu.cn", KIOSK, {e: key_of(e, KIOSK) for e in range(first, first + days)})


@settings(deadline=None, derandomize=True)
@given(st.timedeltas(timedelta(), timedelta(days=7)))
def test_for_seven_days_alone_booking_accepts_what_it_shows(later):
    now = START + later
    due = clock_with().due(now)
    assert isinstance(due, Due)
    code = checkin.code_in_url(due.url)
    assert checkin.verify(code, now, key_of) == checkin.CheckInCode(KIOSK, due.step, 0)
    assert 1 <= due.seconds_left <= 10


def test_across_utc_midnight_and_the_next_one_is_ready():
    midnight = datetime(2023, 7, 18, tzinfo=UTC)
    clock = clock_with()
    before, after = clock.due(midnight - timedelta(seconds=1)), clock.due(midnight)
    assert (before.seconds_left, after.seconds_left) == (1, 10)
    assert after.step == before.step + 1
    assert clock.following(midnight - timedelta(seconds=1)) == after.url
    for due, at in ((before, midnight - timedelta(seconds=1)), (after, midnight)):
        assert isinstance(checkin.verify(checkin.code_in_url(due.url), at, key_of), checkin.CheckInCode)


def test_the_keys_run_out_after_the_week():
    clock = clock_with(days=8)
    assert clock.days_left(START) == 8
    assert clock.due(START + timedelta(days=8)) is HiddenBecause.NO_KEY
    assert clock.following(START + timedelta(days=8)) is None


def test_without_a_number_or_a_key_there_is_no_code():
    assert CodeClock("https://x").due(START) is HiddenBecause.NO_KEY
    assert replace(clock_with(), kiosk_number=None).due(START) is HiddenBecause.NO_KEY


@pytest.mark.parametrize(("seconds", "shown"), [(0, True), (5, True), (-5, True), (5.1, False), (-6, False)])
def test_a_clock_more_than_five_seconds_off_hides_the_code(seconds, shown):
    """Clock off by more than 5 s: the kiosk hides the code and says so."""
    due = replace(clock_with(), offset=timedelta(seconds=seconds)).due(START)
    assert isinstance(due, Due) is shown
    if not shown:
        assert due is HiddenBecause.CLOCK


def test_the_code_follows_the_servers_clock():
    late = START.replace(second=9)
    ahead = replace(clock_with(), offset=timedelta(seconds=2)).due(late)
    assert ahead.step == clock_with().due(late).step + 1
    assert ahead.seconds_left == 9


def test_no_key_shows_in_a_repr():
    assert repr(next(iter(clock_with().keys.values())))[2:20] not in repr(clock_with())
