"""The turnstile boards beside the readers, at a real gate process: a reader is checked in when the board says "passed"."""

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-families")]

PASSED_IN = bytes.fromhex("0202001A1A")
"""The Tx1500's "return command" of one direction; its manual's other example of a return, 02 02 00 06 06, is "accepted"."""
ACCEPTED = bytes.fromhex("0202000606")
OPEN_LEFT = bytes.fromhex("EB014000AA")
"""From the manual of the EB tripod: what an older controller on the same line says."""

BOARDS = """
[[gates.portals]]
id = "south-1-board"
direction = "frame"
protocol = "digicon-tx1500"
passage_for = "south-1"
port = ""

[[gates.portals]]
id = "south-2-board"
direction = "frame"
protocol = "eb-tripod"
passage_for = "south-2"
port = ""
"""


CONTROLLER = """
[[gates.portals]]
id = "north-3"
direction = "frame"
protocol = "stx-rs485-controller"
port = ""
"""
"""Left to the simulator of `seatgate run`."""


OSDP = """
[[gates.portals]]
id = "north-4"
direction = "in"
protocol = "osdp"
port = ""
address = 4
options = {{ keys_file = "{keys}", output = 0 }}
"""
"""With its own key: the simulator reads the same key file as the gate."""


@pytest.fixture(scope="module")
def library(library_with, tmp_path_factory):
    """The south gate with a board beside each reader; the first one's lane waits for its board's word."""

    def change(site: str) -> str:
        before, named, after = site.partition('id = "south-1"\n')
        site = before + named + "reports_passage = true\n" + after
        before, named, after = site.partition('[[gates]]\nid = "north"\n')
        site = before + BOARDS + "\n" + named + after
        before, named, after = site.partition("# --- Kiosks.")
        keys = tmp_path_factory.mktemp("osdp") / "keys"
        keys.write_text(f"north-4 = {bytes(range(16)).hex()}\n")
        keys.chmod(0o600)
        return before + CONTROLLER + OSDP.format(keys=keys) + "\n" + named + after

    return library_with(change, "south-1", "south-2", "south-1-board", "south-2-board")


def test_a_board_that_reports_passages_decides_when_the_reader_is_checked_in(library, wait_for):
    reader, lines = library.reader(0), library.turnstiles
    booked = reader.reserve()
    lines["south-1-board"].write(ACCEPTED)
    lines["south-1"].swipe(reader.account["card"])
    wait_for(reader.passages, "booking has the swipe")
    assert reader.reservation(booked["id"])["status"] == "reserved", "nobody has walked through yet"

    lines["south-1-board"].write(PASSED_IN)
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the reader is checked in")
    [record] = reader.passages()
    assert (record["portal"], record["effect"]) == ("south-1", "checked-in")
    assert reader.told()[-1] == "checked-in"


def test_a_board_that_reports_nothing_is_heard_and_the_reader_beside_it_counts(library, wait_for):
    reader, lines = library.reader(1), library.turnstiles
    booked = reader.reserve("2f-centre-066")
    lines["south-1"].swipe(reader.account["card"])
    wait_for(reader.passages, "booking has the swipe")
    lines["south-1-board"].write(PASSED_IN)
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the reader is in")
    lines["south-2-board"].write(OPEN_LEFT)
    lines["south-2"].swipe(reader.account["card"])
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "away", "the reader is away")
    log = library.log("gate-south")
    assert "portal=south-2-board kind=" not in log, "what the board's manual prints is no bad frame"


def test_a_controller_that_must_be_asked_checks_a_reader_in(library, wait_for):
    reader = library.reader(2)
    booked = reader.reserve("2f-centre-067")
    words = ("--portal", "north-3", "--card", reader.account["card"], "--direction", "in")
    library.command("simulate", "turnstile", "swipe", *words)
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the reader is checked in")
    [record] = reader.passages()
    assert (record["portal"], record["direction"]) == ("north-3", "in")


def test_an_osdp_reader_with_its_own_key_checks_a_reader_in(library, wait_for):
    reader = library.reader(3)
    booked = reader.reserve("2f-centre-068")
    wait_for(lambda: "osdp device portal=north-4 address=4 is well" in library.log("gate-north"), "the reader is well")
    library.command("simulate", "turnstile", "swipe", "--portal", "north-4", "--card", reader.account["card"])
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the reader is checked in")
    [record] = reader.passages()
    assert (record["portal"], record["direction"]) == ("north-4", "in")
    assert bytes(range(16)).hex() not in library.log("gate-north")
