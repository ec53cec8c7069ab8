"""Which read a turnstile's word belongs to."""

import pytest

from gate.passages import MOST, WITHIN, Passages
from messages.access import Direction

IN, OUT, UNKNOWN = Direction.IN, Direction.OUT, Direction.UNKNOWN
SECOND = 1_000_000_000


@pytest.fixture
def passages():
    return Passages()


def test_a_word_is_of_the_newest_read_and_of_no_read_twice(passages):
    passages.await_word("south-1", 1, IN, 0)
    passages.await_word("south-1", 2, IN, SECOND)
    claimed = [passages.claim("south-1", None, 2 * SECOND) for _ in range(3)]
    assert claimed == [2, 1, None]


@pytest.mark.parametrize(
    ("read", "said", "of"), [(IN, IN, 1), (IN, OUT, None), (OUT, None, 1), (UNKNOWN, OUT, 1), (IN, UNKNOWN, 1)]
)
def test_both_must_go_the_same_way_where_both_say(passages, read, said, of):
    passages.await_word("south-1", 1, read, 0)
    assert passages.claim("south-1", said, 1) == of


def test_another_lanes_read_is_not_meant(passages):
    passages.await_word("south-1", 1, IN, 0)
    assert passages.claim("south-2", None, 1) is None


def test_an_old_read_is_not_meant(passages):
    within = round(WITHIN.total_seconds() * SECOND)
    passages.await_word("south-1", 1, IN, 0)
    assert passages.claim("south-1", None, within + 1) is None
    assert passages.claim("south-1", None, within) == 1


def test_only_so_many_wait(passages):
    for sequence in range(1, 2 * MOST):
        passages.await_word("south-1", sequence, IN, 0)
    claimed = [passages.claim("south-1", None, 1) for _ in range(2 * MOST)]
    assert len([each for each in claimed if each]) == MOST
