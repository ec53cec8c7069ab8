"""A clock that is set does not take a seat from anybody: a step is believed when it has stood for a while."""

from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import LONGEST_DOUBT, STEP, Clock, SteadyClock

START = datetime(2023, 7, 17, 2, 5, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Machine:
    """A wall clock and the time since start, which a test moves."""

    def __init__(self):
        self.wall, self.elapsed = START, 100 * SECOND
        self.clock = SteadyClock(wall=lambda: self.wall, elapsed=lambda: self.elapsed)
        assert self.clock.now() == START

    def passes(self, time, *, wall=None):
        """Let `time` go by, during which the wall clock moves by `wall`."""
        self.elapsed += time
        self.wall += time if wall is None else wall
        return self.clock.now()

    def step(self, width):
        self.wall += width
        return self.clock.now()


@pytest.fixture
def machine():
    return Machine()


@pytest.mark.parametrize("width", [2 * HOUR, -2 * HOUR, 3 * SECOND, -3 * SECOND])
def test_a_step_is_not_followed(machine, width):
    assert machine.step(width) == START
    assert machine.clock.doubt == width
    assert machine.passes(SECOND) == START + SECOND


@pytest.mark.parametrize("width", [2 * HOUR, -2 * HOUR])
def test_a_step_that_is_taken_back_never_was(machine, width, caplog):
    machine.step(width)
    machine.passes(LONGEST_DOUBT - SECOND)
    assert machine.step(-width) == START + LONGEST_DOUBT - SECOND == machine.wall
    assert machine.clock.doubt == timedelta()
    assert [record.message for record in caplog.records] == [
        f"the clock was set seconds={width.total_seconds():+.0f}: not believed yet"
    ]


@pytest.mark.parametrize(("width", "stands"), [(2 * HOUR, LONGEST_DOUBT), (-2 * HOUR, LONGEST_DOUBT), (MINUTE, MINUTE)])
def test_a_step_that_stands_is_believed_after_its_own_width_and_after_ten_minutes_at_most(machine, width, stands):
    machine.step(width)
    assert machine.passes(stands - SECOND) == START + stands - SECOND
    assert machine.passes(SECOND) == START + width + stands
    assert machine.clock.doubt == timedelta()


def test_a_second_step_begins_the_doubt_anew(machine):
    machine.step(2 * HOUR)
    machine.passes(LONGEST_DOUBT - SECOND)
    assert machine.step(-HOUR) == START + LONGEST_DOUBT - SECOND
    assert machine.passes(LONGEST_DOUBT - SECOND) == START + 2 * (LONGEST_DOUBT - SECOND)
    assert machine.clock.doubt == HOUR


def test_what_time_synchronisation_corrects_little_by_little_is_followed(machine):
    for _ in range(100):
        machine.passes(10 * SECOND, wall=11 * SECOND)
        assert machine.clock.now() == machine.wall
    assert machine.step(STEP) == machine.wall


def test_a_machine_that_slept_wakes_at_the_time_it_is(machine):
    """CLOCK_BOOTTIME counts sleep: the wall clock did not step."""
    assert machine.passes(9 * HOUR) == START + 9 * HOUR


def test_the_real_one_agrees_with_the_plain_one_and_is_moved_as_it_is():
    assert abs(SteadyClock().now() - Clock().now()) < MINUTE
    assert abs(SteadyClock.starting_at(START).now() - START) < MINUTE


class TestPace:
    """`seatgate run --speed`: the wall clock of every process goes faster, the monotonic one does not."""

    CLOCK = Clock(timedelta(days=-100), 60.0, START)

    def test_it_goes_so_many_times_faster_from_its_beginning_on(self):
        assert self.CLOCK.shown_at(START) == START - timedelta(days=100)
        assert self.CLOCK.shown_at(START + SECOND) == START - timedelta(days=100) + MINUTE

    def test_waiting_is_as_much_shorter(self):
        assert self.CLOCK.seconds(HOUR) == 60.0
        assert Clock().seconds(MINUTE) == 60.0

    def test_a_child_process_has_the_same_clock(self):
        assert Clock.from_environment(self.CLOCK.environment) == self.CLOCK
        assert Clock.from_environment({}) == Clock()
        assert Clock.from_environment(Clock(HOUR).environment) == Clock(HOUR)

    def test_a_step_is_doubted_at_any_pace(self, machine):
        steady = SteadyClock(timedelta(), 10.0, START, wall=lambda: machine.wall, elapsed=lambda: machine.elapsed)
        assert steady.now() == START
        machine.passes(SECOND)
        assert steady.now() == START + 10 * SECOND
        machine.step(HOUR)
        assert steady.now() == START + 10 * SECOND
        assert steady.doubt == HOUR
