"""A controller that must be asked, at a real gate process: polled, fetched, stored, and only then acknowledged.

The controller is played by its bytes alone; none of the product's codec is on this side of the line.
"""

import signal
import subprocess
import sys
import threading

import pytest

from simulator.pty_port import PtyPort

ANY, FETCH, TAKEN, AGAIN = (bytes.fromhex(text) for text in ("0201202103", "0201232203", "06", "15"))
NONE, WAITS = bytes.fromhex("0201212003"), bytes.fromhex("0201222303")
RECORD = bytes.fromhex("020124010063E9AE000003")
PASSED_IN = bytes.fromhex("020125012503")
BROKEN = bytes.fromhex("020124010063E9AE000103")


@pytest.fixture
def portals():
    return {"south-1": ("frame", "stx-rs485-controller")}


class Controller:
    """Answers as its document says; `heard` is every message, `records` what waits."""

    def __init__(self, port: PtyPort) -> None:
        self.port, self.heard, self.records = port, [], []
        self.spoils = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        held = b""
        while not self._stop.is_set():
            held += self.port.wait(0.02, self._stop.wait)
            for message in (ANY, FETCH, TAKEN, AGAIN):
                if held.startswith(message):
                    held = held[len(message) :]
                    self.heard.append(message)
                    self._answer(message)

    def _answer(self, message: bytes) -> None:
        if message == TAKEN:
            self.records.pop(0)
        elif message == ANY:
            self.port.send(WAITS if self.records else NONE)
        elif self.records and self.spoils:
            self.spoils -= 1
            self.port.send(BROKEN)
        elif self.records:
            self.port.send(self.records[0])

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)


@pytest.fixture
def controller(gate_process):
    playing = Controller(gate_process.turnstiles["south-1"])
    yield playing
    playing.stop()


@pytest.fixture
def running(booking, controller, gate_process, wait_for):
    booking.open()
    gate_process.start()
    wait_for(lambda: booking.births, "the gate has announced itself")
    return gate_process


def test_a_record_is_fetched_stored_and_then_acknowledged(running, booking, controller, wait_for):
    wait_for(lambda: controller.heard.count(ANY) > 2, "the gate asks again and again")
    assert set(controller.heard) == {ANY}
    controller.records += [RECORD, PASSED_IN]
    wait_for(lambda: not controller.records, "both records were taken")
    wait_for(lambda: len(booking.events) == 2, "booking has them")
    read, passage = booking.events
    assert (read.portal, read.direction, read.outcome, read.credential.value) == (
        "south-1",
        "in",
        "granted",
        "0006547886",
    )
    assert (passage.of, passage.passed, passage.portal) == (read.sequence, True, "south-1")
    assert controller.heard.count(TAKEN) == 2
    assert set(controller.heard) == {ANY, FETCH, TAKEN}, "nothing else is ever said, no open command above all"


def test_a_broken_record_is_asked_for_again_and_comes_once(running, booking, controller, wait_for):
    controller.spoils = 2
    controller.records.append(RECORD)
    wait_for(lambda: not controller.records, "the record was taken")
    wait_for(lambda: booking.events, "booking has it")
    assert len(booking.events) == 1
    assert controller.heard.count(AGAIN) == 2


def test_a_controller_that_was_pulled_out_is_asked_again(running, booking, controller, wait_for):
    wait_for(lambda: ANY in controller.heard, "the gate asks")
    port = controller.port
    port.unplug()
    wait_for(lambda: "pulled out" in running.log, "the loss is told")
    opened = running.log.count(f"{port.link} open")
    port.plug_in()
    wait_for(lambda: running.log.count(f"{port.link} open") > opened, "the port is open again")
    controller.records.append(RECORD)
    wait_for(lambda: booking.events, "its record came")


def test_watching_a_controller_asks_and_takes_nothing_from_it(tmp_path, wait_for):
    with PtyPort(tmp_path / "port") as port, (tmp_path / "seen").open("wb") as seen:
        controller = Controller(port)
        controller.records.append(RECORD)
        command = [sys.executable, "-m", "seatgate", "frames", "--protocol", "stx-rs485-controller"]
        watching = subprocess.Popen(
            [*command, "--port", str(port.link)], stdout=seen, stderr=seen, env={"PYTHONUNBUFFERED": "1"}
        )
        try:
            wait_for(lambda: "record_waits" in (tmp_path / "seen").read_text(), "what it says is shown")
            wait_for(lambda: controller.heard.count(ANY) > 2, "it is asked again")
            watching.send_signal(signal.SIGINT)
            watching.wait(30)
        finally:
            watching.kill()
            watching.wait()
            controller.stop()
    assert set(controller.heard) == {ANY}
    assert controller.records == [RECORD]
