"""The plan of a living day: the same seed gives the same day, nobody is at two places, everything is within the hours."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.scenarios import SETTLE, Do, Doors, Manner, Terms, chance, day, from_now, steps_of

OPENS, CLOSES = datetime(2023, 7, 17, 8, 0, tzinfo=UTC), datetime(2023, 7, 17, 22, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
GATED = Doors("library", ("south-1", "north-1"), ("south-2", "north-2"), ("2f-east", "2f-centre"))
CODED = Doors("east", (), (), ("east",))
TERMS = Terms(HOUR, 4 * HOUR, steps_away=True, extends=True, scans=True)
CROWD = [f"SIM{n:06}" for n in range(1, 201)]


def planned(seed=1, readers=CROWD, doors=(GATED,), terms=TERMS):
    return day(seed, readers, doors, terms, (OPENS, CLOSES))


def test_the_same_seed_is_the_same_day_and_another_seed_another():
    assert planned() == planned()
    assert steps_of(planned()) == steps_of(planned())
    assert planned(seed=2) != planned()


def test_a_readers_day_does_not_depend_on_the_others():
    alone = planned(readers=CROWD[:1])
    assert alone == [visit for visit in planned() if visit.reader == CROWD[0]]


def test_a_day_has_everything_in_it():
    found = steps_of(planned())
    assert {step.do for step in found} == set(Do) - {Do.SCAN_OUT, Do.RETURN}
    assert {visit.manner for visit in planned()} == set(Manner)
    assert {step.do for step in steps_of(planned(doors=(CODED,)))} >= {Do.SCAN, Do.SCAN_OUT, Do.RETURN}


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    start=st.integers(0, 14 * 60),
    doors=st.sampled_from([(GATED,), (CODED,), (GATED, CODED)]),
)
def test_nobody_is_at_two_places_and_everything_is_in_order(seed, start, doors):
    began = OPENS + timedelta(minutes=start)
    steps = [step for step in steps_of(from_now(planned(seed, CROWD[:12], doors), began)) if step.at >= began]
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    for reader in CROWD[:12]:
        inside, visit, held = "", 0, False
        for step in (one for one in steps if one.reader == reader):
            if step.visit != visit:
                assert step.visit > visit, "one visit is over before the next one begins"
                assert not inside, "whoever begins a visit is outside"
                visit, held = step.visit, False
            match step.do:
                case Do.BOOK:
                    assert not held
                    assert step.until is not None
                    assert step.at + timedelta(minutes=10) <= step.until <= CLOSES
                    assert step.until - step.at <= 4 * HOUR
                    held = True
                case Do.ENTER:
                    assert not inside
                    inside = step.venue
                case Do.LEAVE:
                    assert inside == step.venue
                    inside = ""
                case Do.STRANGE_CARD:
                    pass
                case _:
                    assert held, f"{step.do} needs a reservation"
        assert not inside


@pytest.mark.parametrize("hour", [8, 10, 16, 21])
def test_who_would_be_inside_already_comes_soon(hour):
    began = OPENS.replace(hour=hour, minute=38)
    visits = planned()
    joined = from_now(visits, began)
    early = {(visit.reader, visit.until) for visit in visits if min(visit.book_at, visit.arrive) < began}
    late = [visit for visit in joined if (visit.reader, visit.until) in early]
    assert bool(late) is (hour < 21)
    assert all(began <= min(visit.book_at, visit.arrive) < began + SETTLE for visit in late)


def test_where_nobody_can_scan_everybody_books_before_they_come():
    visits = planned(terms=Terms(HOUR, 4 * HOUR, steps_away=True, extends=True, scans=False))
    assert not any(visit.walks_in for visit in visits)
    assert Do.SCAN not in {step.do for step in steps_of(visits)}


def test_a_library_that_knows_no_stepping_away_and_no_extending_sees_none():
    found = steps_of(planned(terms=Terms(HOUR, 4 * HOUR, steps_away=False, extends=False, scans=True)))
    assert not {step.do for step in found} & {Do.STEP_AWAY, Do.EXTEND, Do.RETURN}


def test_chance_is_even():
    drawn = [chance(1, "x", n) for n in range(2000)]
    assert all(0 <= one < 1 for one in drawn)
    assert 0.47 < sum(drawn) / len(drawn) < 0.53
