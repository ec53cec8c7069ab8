"""32 portals in one process: a line that hangs in a write, and one that is not there, hold up none of the others."""

import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from config.schema import Portal, PortalDirection
from gate.capture import Capture
from runtime.clock import Clock
from runtime.outbox import Outbox
from simulator.pty_port import PtyPort
from wire.families import family
from wire.line_driver import Action, Wanted
from wire.serial_port import SerialPort

LINES, SWIPES = 32, 12


def frame(number):
    """An RDM6300 frame of a card."""
    text = f"{number:010X}"
    check = 0
    for byte in bytes.fromhex(text):
        check ^= byte
    return b"\x02" + text.encode() + f"{check:02X}".encode() + b"\x03"


class House:
    def __init__(self, capture, portals):
        self.capture, self.portals, self.instant = capture, portals, capture.instant

    def take(self, portal, said, at):
        return self.capture.take(self.portals[portal], said, at)

    def changed(self):
        pass


@pytest.fixture
def stuck(monkeypatch):
    """Have one port's writes hang until the test ends: an adapter whose far end takes nothing, without a time limit."""
    begun, let_go, write = threading.Event(), threading.Event(), SerialPort.write

    def hanging(port, content):
        if port.device.endswith("p-00"):
            begun.set()
            let_go.wait(60)
        else:
            write(port, content)

    monkeypatch.setattr(SerialPort, "write", hanging)
    yield begun
    let_go.set()


def test_a_line_that_hangs_in_a_write_holds_up_no_other(tmp_path, stuck, wait_for):
    names = [f"p-{number:02}" for number in range(LINES)]
    portals = {name: Portal(name, PortalDirection.IN, "rdm6300") for name in names}
    portals["p-00"] = Portal("p-00", PortalDirection.FRAME, "eb-tripod", options={"open": "open_left"})
    ports = {name: PtyPort(tmp_path / name) for name in names[:-1]}  # the last one is not plugged in
    with Outbox(tmp_path / "outbox.db", Clock()) as outbox:
        capture = Capture(
            "bjut",
            "south",
            ZoneInfo("Asia/Shanghai"),
            outbox,
            Clock(),
            repeat_quiet=timedelta(milliseconds=1),
            stop=threading.Event(),
            on_stored=lambda: None,
        )
        house = House(capture, portals)
        drivers = {
            name: family(portals[name].protocol).line(str(tmp_path / name), [portals[name]], tmp_path) for name in names
        }
        threads = [threading.Thread(target=driver.run, args=(house,), daemon=True) for driver in drivers.values()]
        for thread in threads:
            thread.start()
        assert all(driver.tried.wait(30) for driver in drivers.values())
        far = Clock().monotonic_ns() + 60_000_000_000
        drivers["p-00"].act(Wanted("p-00", Action.OPEN, far))
        assert stuck.wait(30), "one line hangs"
        for swipe in range(SWIPES):
            for number, name in enumerate(names[1:-1], 1):
                ports[name].send(frame(number * 1000 + swipe))
        wait_for(
            lambda: outbox.state().last_sequence == (LINES - 2) * SWIPES, "every swipe at the other lines is stored"
        )
        assert drivers["p-31"].trouble("p-31").startswith("not open: there is no device")
        for driver in drivers.values():
            driver.stop()
        for name, thread in zip(names, threads, strict=True):
            if name != "p-00":
                thread.join(30)
                assert not thread.is_alive(), name
    for port in ports.values():
        port.unplug()
