"""A gate that decides, in a running library: booking's list, a simulated turnstile that obeys, and the server killed.

The issue: "grant or deny from the synced access list …, valid offline …; the turnstile's "passed" signal as a second event that
confirms or voids …; signed commands with id, expiry and deadline".
"""

import contextlib
import os
import signal

import httpx
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-control")]

BOARD = """
[[gates.portals]]
id = "south-1-board"
direction = "frame"
protocol = "digicon-tx1500"
passage_for = "south-1"
options = { open = "open_one_way" }
port = ""
"""
"""Left to the simulator of `seatgate run`: told to open, it says that somebody passed."""


@pytest.fixture(scope="module")
def library(library_with):
    """The south gate's way in decides, lets in who has reserved, and waits for its board's word. A card may come again at once."""

    def change(site: str) -> str:
        before, named, after = site.partition('id = "south-1"\n')
        site = (
            before
            + named
            + 'reports_passage = true\nmode = "control"\nwhen_unknown = "closed"\nrepeat_quiet = "0s"\n'
            + after
        )
        before, named, after = site.partition('[[gates]]\nid = "north"\n')
        site = before + BOARD + "\n" + named + after
        assert 'admits = "reader"' in site
        return site.replace('admits = "reader"', 'admits = "reservation"')

    return library_with(change, "south-1")


def decisions(library):
    return [line.split("card=")[1].split(" ", 1)[1] for line in library.log("gate-south").splitlines() if "reason=" in line and "event stored" in line]  # fmt: skip


def lists(library):
    return library.log("gate-south").count("access list generation=")


def has_reserved(library, wait_for):
    """Return the first reader, who has reserved, once the gate's list says so."""
    reader, known = library.reader(0), "the key of the access list is known"
    wait_for(lambda: lists(library) and known in library.log("gate-south"), "the gate has a list and its key")
    if not [one for one in reader.get("/reservations")["items"] if one["status"] in {"reserved", "in-use", "away"}]:
        before = lists(library)
        reader.reserve()
        wait_for(lambda: lists(library) > before, "the list tells of the reservation")
    return reader


def test_who_has_reserved_is_let_in_and_who_has_not_is_not(library, wait_for):
    reader, other, lines = library.reader(0), library.reader(1), library.turnstiles
    known = "the key of the access list is known"
    wait_for(lambda: lists(library) and known in library.log("gate-south"), "the gate has a list and its key")
    before = lists(library)
    booked = reader.reserve()
    wait_for(lambda: lists(library) > before, "the list tells of the reservation")
    lines["south-1"].swipe(other.account["card"])
    wait_for(lambda: decisions(library) == ["denied reason=unknown"], "the other is denied")
    lines["south-1"].swipe(reader.account["card"])
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "in, and the board said passed")
    assert decisions(library)[1:] == ["granted reason=reservation"]
    [record] = reader.passages()
    assert (record["outcome"], record["effect"], record["passed"]) == ("granted", "checked-in", True)
    [record] = other.passages()
    assert (record["outcome"], record["effect"]) == ("denied", "")


def test_staff_open_the_portal_and_hear_that_it_was_done(library, wait_for):
    staff = library.staff()
    wish = {"portal": "south-1", "command": "open", "reason": "a visitor"}
    given = staff.post("/staff/gates/south/commands", wish, expect=202)
    path = f"/staff/gate-commands/{given['id']}"
    wait_for(lambda: staff.get(path)["result"] == "done", "the gate tells that it was done")
    wish |= {"portal": "south-2", "command": "lock"}
    refused = staff.post("/staff/gates/south/commands", wish, expect=400)
    assert refused["policy_key"] == "gates.portals.mode"


def test_with_the_server_killed_the_gate_decides_by_its_list_and_tells_it_later(library, wait_for):
    reader, other, lines = has_reserved(library, wait_for), library.reader(2), library.turnstiles
    before, known = len(decisions(library)), len(reader.passages())
    broker = library.pid("mosquitto.conf")
    os.kill(broker, signal.SIGSTOP)
    os.kill(library.pid("booking.toml"), signal.SIGKILL)
    try:
        lines["south-1"].swipe(reader.account["card"])
        wait_for(lambda: len(decisions(library)) == before + 1, "decided without the server")
        lines["south-1"].swipe(other.account["card"])
        wait_for(lambda: len(decisions(library)) == before + 2, "and this one")
    finally:
        os.kill(broker, signal.SIGCONT)
    assert decisions(library)[before:] == ["granted reason=reservation", "denied reason=unknown"]

    def told():
        with contextlib.suppress(httpx.HTTPError):
            return len(reader.passages()) == known + 1
        return False

    wait_for(told, "booking is back and has the passage")
