"""Rows 7 and 13 with many readers: a day without the gate, and a lost database, each with the protection taken away as well."""

import pytest

from bench.faults import cut_off, restored

SEED = 20230717


@pytest.mark.parametrize("lose", [False, True], ids=["", "control"])
def test_who_was_seen_by_a_gate_that_was_cut_off_is_blamed_for_nothing(tmp_path, free_port, lose):
    seen = cut_off.run(tmp_path, free_port(), days=1, readers=24, seed=SEED, lose=lose, say=lambda _text: None)
    assert (seen.too_early, seen.spared) == (0, 0)
    assert (seen.false_no_shows > 0) is lose
    assert seen.good is not lose


@pytest.mark.parametrize("ask", [True, False], ids=["", "control"])
def test_an_earlier_backup_loses_nothing_that_came_through_a_gate(tmp_path, free_port, ask):
    seen = restored.run(tmp_path, free_port(), drills=1, readers=20, seed=SEED, ask=ask, say=lambda _text: None)
    assert (seen.damaged, seen.wrong, seen.too_early) == (0, 0, 0)
    assert (seen.missing > 0) is not ask
    assert seen.good is ask
