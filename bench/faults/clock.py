"""Row 8: the wall clock of the running service is set again and again, by minutes to a day, forwards and backwards.

Readers who still have to check in are looked at after each step: nobody's seat may be released, nobody may be blamed, and
what is booked "from now" starts now. The control follows every step (`bench.faults.broken_server`).
"""

import random
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.faults.broken_server import PLAIN_CLOCK
from bench.faults.callers import PATH
from bench.faults.ledger import prefill, token_of
from bench.faults.server import NOW, Server, places_of

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
READERS = 20
WIDTHS = (600, 1_800, 3_600, 7_200, 86_400)
"""Seconds; smaller steps are believed sooner, and right so."""
UNTIL = "2023-07-17T14:00:00+08:00"


@dataclass
class Outcome:
    """What the steps did."""

    steps: int = 0
    released: int = 0
    """Readings in which a reservation no longer waited for its reader."""
    blamed: int = 0
    """Readings that showed a violation."""
    given_away: int = 0
    """Seats that somebody else could book although their reader's time had not come."""


def run(folder: Path, site: Path, port: int, *, steps: int, seed: int, plain: bool = False) -> Outcome:
    """Step the clock `steps` times."""
    if not LIBRARIES:
        raise RuntimeError("libfaketime is not installed: run tools/install test")
    outcome, dice = Outcome(), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "clock"
    file.write_text("+0")
    environment = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    environment |= {PLAIN_CLOCK: "1"} if plain else {}
    program = ("-m", "bench.faults.broken_server", str(folder / "control"))
    server = Server(folder, port, site, environment=environment, program=program)
    prefill(server.database, places_of(site), READERS + 1, NOW)
    server.start()
    try:
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as http:
            for reader in range(READERS):
                _book(http, reader, _seat(reader))
            for _ in range(steps):
                draft = file.with_suffix(".draft")
                draft.write_text(f"{dice.choice((1, -1)) * dice.choice(WIDTHS):+}")
                draft.replace(file)
                outcome.steps += 1
                _look(http, outcome, dice)
    finally:
        server.close()
    return outcome


def _seat(reader: int) -> str:
    return f"2f-centre-{reader + 1:03}"


def _signed_in(reader: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(reader)}"}


def _book(http: httpx.Client, reader: int, seat: str) -> int:
    return http.post(PATH, json={"seat": seat, "end": UNTIL}, headers=_signed_in(reader)).status_code


def _look(http: httpx.Client, outcome: Outcome, dice: random.Random) -> None:
    # whoever tries to book makes a commit, and a commit wakes the sweep
    outcome.given_away += _book(http, READERS, _seat(dice.randrange(READERS))) == 201
    for reader in dice.sample(range(READERS), 5):
        (stay,) = http.get(PATH, headers=_signed_in(reader)).json()["items"]
        outcome.released += stay["status"] != "reserved"
        outcome.blamed += len(http.get("/api/v1/violations", headers=_signed_in(reader)).json()["items"])
