"""A living day: simulated readers at the real API, the real turnstiles' ports and the kiosk's real picture."""

import json
import re
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import pytest

from simulator.crowd import Crowd, Library
from simulator.ledger import Ledger
from simulator.phone import Phone
from simulator.scenarios import Do, Step

pytestmark = pytest.mark.journey
HELD = {"reserved", "in-use", "away"}
WRONG = re.compile(r" (ERROR|CRITICAL) |Traceback|^\[.*error", re.MULTILINE)


@pytest.fixture(scope="module")
def fast(make_library):
    """A library whose clock goes a hundred times faster, with accounts for twenty simulated readers."""
    return make_library("--now", "2023-07-17T11:00+08:00", "--speed", "100", "--readers", "20")


def count(library, query: str) -> int:
    file = library.data / "booking" / "seatgate.db"
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(query).get
    finally:
        connection.close()


def held_on_maps(library) -> set[str]:
    """Every seat that is not free on any map."""
    reader = library.reader(0)
    areas = {path.stem for path in (Path(__file__).parents[2] / "config" / "plans").glob("*.json")}
    maps = [reader.get(f"/areas/{area}/seats")["items"] for area in areas]
    return {item["seat"] for items in maps for item in items if item["status"] not in {"free", "closed"}}


def test_twenty_readers_live_two_fast_hours_and_all_that_is_told_of_them_agrees(fast, wait_for):
    console = fast.command("simulate", "readers", "--hours", "2", "--seed", "27", patience=180)
    numbers = json.loads(console[console.index("{") :])
    done = numbers["done"]
    assert numbers["differences"] == []
    assert done["book"] >= 8
    assert done["enter"] >= 8
    assert not {"no-answer", "no-turnstile"} & done.keys(), numbers
    quarters = re.findall(r"^(\d\d:\d\d)  \d+ inside", console, re.MULTILINE)
    assert len(quarters) >= 4
    assert all(line[-2:] in {"00", "15", "30", "45"} for line in quarters)

    # The database holds what the readers were answered, and every passage once.
    passages = done["enter"] + done["leave"] + done.get("strange-card", 0)
    wait_for(lambda: count(fast, "SELECT count(*) FROM gate_records") >= passages, "every passage is in the database")
    assert count(fast, "SELECT count(*) FROM gate_records") == passages
    assert count(fast, "SELECT count(*) FROM reservations") == numbers["reservations"] == done["book"]
    for gate in ("south", "north"):
        wait_for(lambda gate=gate: fast.outbox(gate)[1] == 0, "the gate's outbox is empty")

    # The maps show the seats that the readers' own lists say are theirs. The clock runs: both are asked until they agree.
    people = fast.run["simulated_readers"]
    phone = Phone(fast.run["http"])

    def held_by_readers() -> set[str]:
        lists = [phone.get(account, "/reservations?limit=100")["items"] for account in people]
        return {each["seat"] for items in lists for each in items if each["status"] in HELD}

    wait_for(lambda: held_by_readers() == held_on_maps(fast), "maps and readers agree")
    phone.close()
    for log in sorted((fast.data / "logs").glob("*.log")):
        assert not WRONG.search(log.read_text(errors="replace")), fast.logs()
    assert fast.stop() < 2


def test_more_readers_than_accounts_is_a_sentence(library):
    said = library.command("simulate", "readers", "--readers", "99", expect=(1,))
    assert "Traceback" not in said


def test_run_simulate_lives_until_it_is_stopped(make_library, wait_for):
    living = make_library("--now", "2023-07-17T09:07+08:00", "--simulate", "--readers", "5", "--speed", "60")
    assert len(living.run["simulated_readers"]) == 5
    assert len(living.run["demo_accounts"]) == 6
    wait_for(lambda: "readers: 09:" in living.console(), "the crowd says how things stand")
    assert living.stop() < 2
    assert "did not stop in time" not in living.console()


def test_the_code_is_read_off_the_kiosks_screen(library):
    account = library.run["demo_accounts"][3]
    kiosk = library.run["kiosks"][0]
    people = Library(
        {account["reader"]: account}, library.run["staff_account"], {}, {"library": urlsplit(kiosk["screen"]).path}, {}
    )
    ledger = Ledger()
    crowd, phone = Crowd(people, ledger, lambda _: 0, seed=1), Phone(library.run["http"])
    now, end = "2023-07-17T16:40:00+08:00", "2023-07-17T18:00:00+08:00"

    for do in (Do.BOOK, Do.SCAN):
        crowd.do(
            Step(
                datetime.fromisoformat(now), account["reader"], 1, do, "3f-east", "library", datetime.fromisoformat(end)
            ),
            phone,
        )
    assert ledger.numbers() == {"done": {"book": 1, "scan": 1}, "refused": {}, "reservations": 1, "inside": 1}
    (entry,) = ledger.entries().values()
    assert entry.status == "in-use"
    after = library.reader(3).reservation(next(iter(ledger.entries())))
    assert after["history"][-1]["source"] == "kiosk-code"
    phone.close()
