"""Claim: a gate in control mode opens a few commits after the last byte of a card, whether the server is there or not.

From the frame's write to the reader's pseudo-terminal until the open command can be read on the turnstile board's: the list is
asked, the event committed (WAL, synchronous=FULL), and the board told.
"""

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.card_to_ack import frame
from bench.floors import PATIENCE, RawCommits
from bench.machine import Line, alone, prepare, running, site_text
from bench.measure import Result, compare, in_turns, timed

SWIPES = 600
WARM_UP = 60
PAYLOAD = b"x" * 600  # as long as an access event's
OPEN = bytes.fromhex("EB014000AA")
LANE = """
[[gates.portals]]
id = "{portal}"
direction = "{way}"
protocol = "rdm6300"
port = "{reader}"
mode = "control"
when_unknown = "closed"

[[gates.portals]]
id = "{portal}-board"
direction = "frame"
protocol = "eb-tripod"
port = "{board}"
passage_for = "{portal}"
options = {{ open = "open_left" }}
"""


def run(data: Path) -> Result:
    """Swipe one reader in and out, in turns with raw commits; then again with nothing but the gate running."""
    lanes = {"south-1": (Line.open(), Line.open()), "south-2": (Line.open(), Line.open())}
    ways = {"south-1": "in", "south-2": "out"}
    portals = "".join(
        LANE.format(portal=name, way=ways[name], reader=reader.device, board=board.device)
        for name, (reader, board) in lanes.items()
    )
    wanted = prepare(data, site_text({}, portals=portals))
    floor = RawCommits(data / "floor.db")
    cases: dict[str, list[float]] = {}
    with ExitStack() as stack:
        for line in (each for lane in lanes.values() for each in lane):
            stack.callback(line.close)
        with running(wanted) as machine:
            _wait_for_list(wanted.data)
            card = frame(machine.accounts[0].card)
            cases |= _measure("up", _swiping(list(lanes.values()), card), floor)
            broker = machine.broker
        with alone(wanted, broker, "gate-south"):
            cases |= _measure("down", _swiping(list(lanes.values()), card), floor)
    lines = [
        compare(f"card to open command, {words}, {name}", cases[case], cases[f"{case} floor"], aim=aim, percent=percent)
        for case, words in (("up", "all running"), ("down", "broker and booking down"))
        for name, percent, aim in (("p50", 50, None), ("p99", 99, 5.0))
    ]
    return Result(
        "Card to open command",
        f"{SWIPES} swipes of a reader in and out by turns at a gate in control mode, each decided from the access list and "
        "each an event: from the RDM6300 frame's write to one pseudo-terminal until the turnstile board's open frame can be "
        "read on another. Real processes: mosquitto, `seatgate booking`, `seatgate gate`; then the gate alone, started afresh "
        "with its list from the disk. The floor, taken between the swipes: one single-row commit to a bare SQLite file (WAL, "
        "synchronous=FULL).",
        lines,
    )


def _wait_for_list(data: Path) -> None:
    """Wait until the gate has its list and the list's key."""
    log, until = data / "logs" / "gate-south.log", time.monotonic() + PATIENCE
    wanted = ("access list generation=", "the key of the access list is known")
    while not all(line in log.read_text(encoding="utf-8") for line in wanted):
        if time.monotonic() > until:
            raise TimeoutError(f"the gate has no list: see {log}")
        time.sleep(0.05)


def _measure(name: str, swipe: Callable[[], float], floor: RawCommits) -> dict[str, list[float]]:
    taken = in_turns(
        SWIPES,
        {name: lambda: [swipe()], f"{name} floor": lambda: [timed(lambda: floor.commit("bench", PAYLOAD))]},
        warm_up=WARM_UP,
    )
    return dict(taken)


def _swiping(lanes: list[tuple[Line, Line]], card: bytes) -> Callable[[], float]:
    """Return what swipes at one lane after the other and returns the seconds until its board was told to open."""
    turns = _turns(lanes)

    def swipe() -> float:
        reader, board = next(turns)
        began = time.perf_counter()
        os.write(reader.end, card)
        heard = b""
        while len(heard) < len(OPEN):
            if not select.select([board.end], [], [], PATIENCE)[0]:
                raise TimeoutError("the board was not told to open: the gate's log says why")
            heard += os.read(board.end, 64)
        took = time.perf_counter() - began
        if heard != OPEN:
            raise RuntimeError(f"the board heard {heard.hex(' ')}")
        return took

    return swipe


def _turns(lanes: list[tuple[Line, Line]]) -> Iterator[tuple[Line, Line]]:
    while True:
        yield from lanes
