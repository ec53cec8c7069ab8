"""What simulated readers were answered, against what the library has: every difference is a sentence."""

import pytest

from simulator.ledger import Ledger

ANSWER = {"id": "r1", "area": "2f-east", "seat": "2f-east-001", "status": "reserved"}


@pytest.fixture
def ledger():
    kept = Ledger()
    kept.answered("SIM000001", 1, ANSWER)
    return kept


def test_what_agrees_is_no_difference(ledger):
    assert ledger.differences({"SIM000001": [ANSWER], "SIM000002": []}) == []
    assert ledger.held("SIM000001", 1) == "r1"
    assert ledger.held("SIM000001", 2) is None


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"SIM000001": []}, "r1 of SIM000001 is not in the library"),
        ({"SIM000001": [ANSWER, ANSWER | {"id": "r2"}]}, "r2 of SIM000001 was never answered"),
        ({"SIM000002": [ANSWER]}, "the library has SIM000002"),
        ({"SIM000001": [ANSWER | {"seat": "2f-east-002"}]}, "the library has SIM000001 at 2f-east-002"),
    ],
)
def test_what_does_not_is_said(ledger, seen, said):
    (found,) = ledger.differences(seen)
    assert said in found


def test_nobody_is_at_two_places(ledger):
    ledger.enters("SIM000001", "east")
    with pytest.raises(ValueError, match="is inside east and cannot walk into west"):
        ledger.enters("SIM000001", "west")
    ledger.leaves("SIM000001")
    ledger.enters("SIM000001", "west")
    assert ledger.numbers()["inside"] == 1


def test_a_line_shows_what_was_not_answered_only_when_there_is_some(ledger):
    ledger.done("book")
    ledger.refused("area-full")
    assert "booked 1" in ledger.line()
    assert "refused 1" in ledger.line()
    assert "UNANSWERED" not in ledger.line()
    ledger.done("no-answer")
    assert "UNANSWERED 1" in ledger.line()
