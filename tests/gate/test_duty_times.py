"""A gate's duties under a wall clock that is set: reports go on, and nothing is forgotten by a clock that jumped."""

from datetime import UTC, datetime, timedelta

import pytest

from gate.duty_times import FIRST_PRUNE, PRUNE_EVERY, DutyTimes

START = datetime(2026, 11, 25, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BACK_TO_2000 = datetime(2000, 1, 1, tzinfo=UTC) - START


def played(steps, hours=72):
    """Let a gate look every minute for some hours; `steps` (hour → by how much) set the wall clock. Returns the hours it forgot at."""
    times, shift, pruned, reports = DutyTimes(START, timedelta()), timedelta(), [], 0
    for minute in range(hours * 60):
        elapsed = minute * MINUTE
        shift += steps.get(minute / 60, timedelta())
        reports += times.report_due(elapsed, news=False)
        if times.prune_due(START + elapsed + shift, elapsed):
            pruned.append(minute / 60)
    assert reports == hours * 60, "a report every minute, whatever the clock says"
    return pruned


def test_on_a_clock_that_runs_well_once_a_day():
    assert played({}) == [1, 25, 49]


@pytest.mark.parametrize("step", [3 * HOUR, -3 * HOUR, BACK_TO_2000, 12 * 365 * DAY])
def test_a_clock_that_was_set_is_not_believed_at_once(step):
    assert played({10: step}) == [1, 26, 50], "an hour later than otherwise: by then it has run well again"


def test_a_clock_that_is_set_again_and_again_forgets_nothing():
    assert played(dict.fromkeys(range(72), 3 * HOUR)) == []


def test_a_correction_by_seconds_is_no_step():
    assert played({10: timedelta(seconds=40)}) == [1, 25, 49]


def test_a_clock_that_was_2000_at_the_start_and_is_put_right_meanwhile():
    times = DutyTimes(START + BACK_TO_2000, timedelta())
    assert not times.prune_due(START + FIRST_PRUNE, FIRST_PRUNE)
    assert times.prune_due(START + 2 * FIRST_PRUNE, 2 * FIRST_PRUNE)
    assert PRUNE_EVERY == DAY


def test_news_are_reported_at_once_and_the_minute_begins_anew():
    times = DutyTimes(START, timedelta())
    assert times.report_due(timedelta(), news=False)
    assert times.report_due(timedelta(seconds=30), news=True)
    assert not times.report_due(timedelta(seconds=61), news=False)
    assert times.report_due(timedelta(seconds=90), news=False)
