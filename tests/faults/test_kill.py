"""Row 1: kill -9 of the real server in the middle of a rush loses nothing that was answered and books nothing twice."""

from bench.faults import kill

CYCLES = 3


def test_killed_in_a_rush_it_keeps_every_booking_that_was_answered(tmp_path, site_file, free_port):
    seen = kill.run(tmp_path, site_file, free_port(), cycles=CYCLES, seed=20230717, readers=120)
    assert seen.verdict.good, seen.verdict
    assert seen.cycles == len(seen.ready) == CYCLES
    assert seen.unanswered > CYCLES, "the kills came when nobody was waiting for an answer"
    assert seen.statuses[201] == len(seen.ledger.told) > 20 * CYCLES
    assert set(seen.statuses) == {201, 409}
