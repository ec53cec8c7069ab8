"""Repeats: a resting card is one read; another portal, another card or a pause makes a new one."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messages.access import Credential, CredentialKind
from wire.repeats import Repeats

QUIET = timedelta(milliseconds=500)
MS = 1_000_000
ANN, BEN = (Credential(CredentialKind.CARD, value) for value in ("0006547886", "0006547887"))
FACE = Credential(CredentialKind.FACE, "0006547886")


@pytest.mark.parametrize(
    ("reads", "kept"),
    [
        ([(ANN, "in", 0)], [0]),
        ([(ANN, "in", 0), (ANN, "in", 499)], [0]),
        ([(ANN, "in", 0), (ANN, "in", 500)], [0, 1]),
        ([(ANN, "in", 50 * n) for n in range(200)], [0]),  # ten seconds on the reader
        ([(ANN, "in", 0), (ANN, "in", 499), (ANN, "in", 998)], [0]),  # the window slides
        ([(ANN, "in", 0), (ANN, "out", 10), (ANN, "in", 20)], [0, 1, 2]),
        ([(ANN, "in", 0), (BEN, "in", 10), (ANN, "in", 20)], [0, 1]),
        ([(ANN, "in", 0), (FACE, "in", 10)], [0, 1]),
    ],
)
def test_which_reads_count(reads, kept):
    repeats = Repeats(QUIET)
    counted = [n for n, (who, portal, at) in enumerate(reads) if not repeats.is_repeat(who, portal, at * MS)]
    assert counted == kept


@pytest.mark.parametrize(("quiet", "kept"), [(0, [0, 1, 2, 3]), (100, [0, 2, 3]), (3000, [0])])
def test_a_portal_may_have_its_own_quiet(quiet, kept):
    """A resting card is one event (configurable)"""
    repeats = Repeats(QUIET)
    reads = [0, 60, 200, 900]
    own = timedelta(milliseconds=quiet)
    assert [n for n, at in enumerate(reads) if not repeats.is_repeat(ANN, "in", at * MS, own)] == kept


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.lists(st.integers(0, 2**31), min_size=600, max_size=600, unique=True))
def test_memory_is_bounded_whatever_is_read(numbers):
    repeats = Repeats(QUIET)
    for at, number in enumerate(numbers):
        repeats.is_repeat(Credential(CredentialKind.CARD, str(number)), "in", at * 10 * MS)
    assert len(repeats) <= 257
