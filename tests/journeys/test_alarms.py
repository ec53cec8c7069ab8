"""Alarms at a running library, from the wire to the staff: a case that is opened, and the fire release on an I/O board.

Terminal and board are played by their bytes alone; none of the product's codecs is on this side of the lines.
"""

import os
import select
import threading

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-alarms")]

CASE_OPENED = bytes.fromhex("55AA040000FB")
BOARD = 'address = 7\noptions = { board = "io-8" }\n'


def crc(content: bytes) -> bytes:
    """CRC-16 of Modbus, bit by bit as its standard tells (2.5.1.2 of the serial line guide)."""
    register = 0xFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


class Board:
    """Station 7: eight inputs, of which `closed` carry current; it takes every output and remembers it."""

    def __init__(self, turnstile) -> None:
        self.line, self.closed, self.written = turnstile, 0b1100, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not select.select([self.line._ours], [], [], 0.05)[0]:
                continue
            try:
                asked = os.read(self.line._ours, 256)
            except OSError:  # nobody has the device open yet
                self._stop.wait(0.05)
                continue
            if len(asked) == 8 and asked[0] == 7 and crc(asked[:-2]) == asked[-2:]:
                if asked[1] == 5:
                    self.written.append(asked[2:6])
                answer = asked[:6] if asked[1] == 5 else bytes([7, 2, 1, self.closed])
                self.line.write(answer + crc(answer))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.fixture(scope="module")
def library(library_with):
    def at(site: str, portal: str, protocol: str, more: str = "") -> str:
        above, named, below = site.partition(f'id = "{portal}"\n')
        before, _, after = below.partition('protocol = "')
        return f'{above}{named}{before}protocol = "{protocol}"\nport = ""\n{more}{after.partition("port = ")[2].partition(chr(10))[2]}'

    def change(site: str) -> str:
        return at(at(site, "south-1", "face-55aa"), "south-2", "modbus-rtu", BOARD)

    return library_with(change, "south-1", "south-2")


@pytest.fixture(scope="module")
def board(library):
    board = Board(library.turnstiles["south-2"])
    yield board
    board.stop()


def test_a_case_that_is_opened_is_put_before_staff(library, wait_for):
    staff = library.staff()
    library.turnstiles["south-1"].write(CASE_OPENED * 5)
    wait_for(lambda: staff.get("/staff/alerts")["items"], "staff see it")
    (alert,) = staff.get("/staff/alerts")["items"]
    assert (alert["kind"], alert["gate"], alert["facts"]) == ("tamper", "south", {"portal": "south-1"})
    staff.http.post(f"/api/v1/staff/alerts/{alert['id']}/seen").raise_for_status()
    assert staff.get("/staff/alerts")["items"] == []


def test_the_fire_release_on_a_board_begins_an_evacuation_and_no_relay_moves(library, board, wait_for):
    """The fire release is hard-wired; we observe it"""
    staff = library.staff()
    wait_for(lambda: board.written, "the gate speaks with the board")
    assert set(board.written) == {b"\x00\x00\x00\x00"}, "what may have been left on is switched off, and nothing on"
    assert staff.get("/staff/evacuations")["items"] == []
    board.closed = 0b1000
    wait_for(lambda: staff.get("/staff/evacuations")["items"], "an evacuation has begun")
    (evacuation,) = staff.get("/staff/evacuations")["items"]
    assert (evacuation["gate"], evacuation["started_by"], evacuation["end"]) == ("south", "", None)
    board.closed = 0b1100
    wait_for(lambda: "alarm portal=south-2 what=fire over" in library.log("gate-south"), "it is over at the board")
    assert staff.get("/staff/evacuations")["items"][0]["end"] is None, "staff end it"
    assert set(board.written) == {b"\x00\x00\x00\x00"}
