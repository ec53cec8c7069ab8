"""Row 15, briefly: gate, broker and booking killed at random moments while cards are swiped; and that the judge sees what is wrong."""

import copy
import sqlite3
from contextlib import closing

import pytest

from bench.faults import gate_kill
from bench.faults.site import write_site

SWIPES, KILLS = 160, 4


@pytest.fixture(scope="module")
def played(tmp_path_factory, free_port):
    folder = tmp_path_factory.mktemp("gate-kill")
    site = write_site(folder, {name: (way, "") for name, way in gate_kill.PORTALS.items()})
    judged = []
    judge = gate_kill._judge

    def keep(outcome, rows, *rest):
        judged.append((copy.deepcopy(rows), *rest))
        judge(outcome, rows, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_kill, "_judge", keep)
        outcome = gate_kill.run(folder / "run", site, (free_port(), free_port()), kills=KILLS, swipes=SWIPES, seed=3)
    return outcome, judged[0]


def test_no_swipe_is_lost_or_doubled_and_every_sequence_is_there(played):
    outcome, _ = played
    assert outcome.good, outcome
    assert outcome.kills.total() == KILLS
    assert outcome.swipes == SWIPES
    assert outcome.captured > SWIPES / 2
    assert outcome.effects > 0


def again(judged):
    outcome = gate_kill.Outcome()
    gate_kill._judge(outcome, *judged)
    return outcome


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DELETE FROM inbox WHERE sequence = 7", "missing"),
        ("UPDATE inbox SET digest = x'00' WHERE sequence = 7", "foreign"),
        (
            "INSERT INTO inbox SELECT gate, epoch + 1, sequence, digest, payload, received_us FROM inbox LIMIT 1",
            "twice",
        ),
        ("DELETE FROM gate_records WHERE sequence = 7", "missing"),
    ],
)
def test_control_what_booking_lost_or_doubled_is_seen(played, tmp_path, sql, found):
    _, (rows, database, *rest) = played
    spoilt = tmp_path / "spoilt.sqlite"
    with closing(sqlite3.connect(database)) as whole, closing(sqlite3.connect(spoilt)) as target:
        whole.backup(target)
        target.execute("PRAGMA foreign_keys = OFF")
        with target:
            assert target.execute(sql).rowcount == 1
    outcome = again((rows, spoilt, *rest))
    assert getattr(outcome, found) == 1
    assert not outcome.good


def test_control_a_hole_on_the_gates_disk_is_seen(played):
    _, (rows, *rest) = played
    outcome = again(([row for row in rows if row[0] != len(rows) // 2], *rest))
    assert outcome.gaps > 0
    assert outcome.holes > 0
    assert not outcome.good
