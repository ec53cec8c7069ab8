"""Row 8: the wall clock of the running server is set by two hours, and back; no seat is released and nobody is blamed.

libfaketime moves the wall clock of the real process while it runs; the time elapsed is left alone, as a real step leaves it.
"""

from pathlib import Path

import httpx
import pytest

from bench.faults.broken_server import PLAIN_CLOCK
from bench.faults.callers import PATH
from bench.faults.ledger import prefill, token_of
from bench.faults.server import NOW, places_of

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
MINE, SEAT, OTHER, UNTIL = 0, "2f-centre-065", "2f-centre-066", "2023-07-17T13:00:00+08:00"


class Room:
    """A server whose wall clock a test sets, and readers at its API."""

    def __init__(self, make_server, folder, site_file, **environment):
        self._clock = folder / "clock"
        self.step("+0")
        library = next(iter(LIBRARIES), None) or pytest.fail("libfaketime is not installed: run tools/install test")
        self.server = make_server(
            program=("-m", "bench.faults.broken_server", str(folder / "control")),
            environment={
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "TZ": "America/New_York",  # whatever the machine's zone is: the library's counts
                **environment,
            },
        )
        prefill(self.server.database, places_of(site_file), 3, NOW)
        self.server.start()
        self.http = httpx.Client(base_url=self.server.url, timeout=30, trust_env=False)
        answer = self.book(MINE, SEAT)
        assert answer.status_code == 201, answer.text

    def step(self, by):
        """Set the wall clock by so much against the right time, such as "+7200"."""
        draft = self._clock.with_suffix(".draft")
        draft.write_text(by)
        draft.replace(self._clock)

    def book(self, number, seat):
        return self.http.post(PATH, json={"seat": seat, "end": UNTIL}, headers=self.signed_in(number))

    def mine(self):
        """What reader MINE reads of their reservation: (status, number of violations)."""
        (stay,) = self.http.get(PATH, headers=self.signed_in(MINE)).json()["items"]
        violations = self.http.get("/api/v1/violations", headers=self.signed_in(MINE)).json()["items"]
        return stay["status"], len(violations)

    def signed_in(self, number):
        return {"Authorization": f"Bearer {token_of(number)}"}


@pytest.fixture
def open_room(make_server, tmp_path, site_file):
    opened = []

    def make(**environment):
        opened.append(Room(make_server, tmp_path, site_file, **environment))
        return opened[-1]

    yield make
    for room in opened:
        room.http.close()


@pytest.mark.parametrize("steps", [("+7200", "+0"), ("-7200", "+0"), ("+7200", "-7200", "+0")], ids=" ".join)
def test_no_step_of_the_clock_releases_a_seat_or_blames_its_reader(open_room, steps):
    room = open_room()
    for step in steps:
        room.step(step)
        assert room.mine() == ("reserved", 0)
        taken = room.book(1, SEAT)  # the commit also wakes the sweep, which would write a no-show down
        assert (taken.status_code, taken.json()["code"]) == (409, "seat-taken")
    booked = room.book(2, OTHER)
    assert booked.status_code == 201
    assert booked.json()["start"].startswith("2023-07-17T10:"), "now is now"
    assert room.mine() == ("reserved", 0)
    assert "seatgate_clock_doubt_seconds 0.0" in room.http.get("/metrics").text, "it is right again"
    assert f"the clock was set seconds={int(steps[0]):+}" in room.server.log_text()
    room.server.kill()


def test_the_control_that_follows_the_step_gives_the_seat_away(open_room):
    room = open_room(**{PLAIN_CLOCK: "1"})
    room.step("+7200")
    assert room.mine() == ("no-show", 1)
    taken = room.book(1, SEAT)
    assert taken.status_code == 201, taken.text
    assert taken.json()["start"].startswith("2023-07-17T12:")
