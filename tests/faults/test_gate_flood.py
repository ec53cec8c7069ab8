"""Row 6: after the broker was away every passage comes at once, twice and out of order, and counts once."""

from bench.faults import flood
from bench.faults.site import write_site

EVENTS, READERS = 300, 40


def test_a_flood_after_an_outage_counts_each_passage_once_as_an_ordered_replay_does(tmp_path, free_port):
    """Replay runs in received order with `occurred_at` as data and gives the same state."""
    site = write_site(tmp_path, {"south-1": ("in", ""), "south-2": ("out", "")})
    seen = flood.run(tmp_path / "run", site, free_port(), events=EVENTS, readers=READERS, seed=20230717)
    assert seen.differences == []
    assert (seen.stored, seen.false_violations) == (EVENTS, 0)
    assert seen.control > 0, "another order gives the same state: the comparison sees nothing"
    assert seen.replays > EVENTS // 5
    assert seen.out_of_order > EVENTS // 2
    assert seen.lifted > 0, "An outage of ours never costs a reader anything"
