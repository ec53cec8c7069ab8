"""A server whose disk was lost: yesterday's backup goes in, and the gates send again what it no longer knows.

"a server restored from yesterday's backup that asks for what it lost"
"""

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-swipe")]


def seatgate(library, *words):
    config = library.data / "config" / "booking.toml"
    command = [sys.executable, "-m", "seatgate", *words, "--config", str(config)]
    done = subprocess.run(command, cwd=library.root, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_gates_reported_after_the_backup_is_not_lost(library, wait_for, tmp_path):
    reader = library.reader(0)
    card, backup = reader.account["card"], str(tmp_path / "yesterday.tar")

    def passes(*portals):
        for portal in portals:
            seen = len(reader.passages())
            library.turnstiles[portal].swipe(card)
            wait_for(lambda seen=seen: len(reader.passages()) == seen + 1, f"a passage at {portal}")

    passes("south-1")
    seatgate(library, "backup", backup)
    passes("south-2", "south-1", "south-2")
    wait_for(lambda: library.outbox()[1] == 0, "booking acknowledged all")
    library.stop()
    seatgate(library, "restore", backup)
    library.start()
    reader = library.reader(0)
    wait_for(lambda: len(reader.passages()) == 4, "the gate has sent again what was lost")
    assert [record["portal"] for record in reader.passages()] == ["south-1", "south-2", "south-1", "south-2"]
    wait_for(lambda: library.outbox()[1] == 0, "and it is acknowledged once more")
    assert "booking has lost events first=2 last=4 sent_again=3" in library.log("gate-south")
