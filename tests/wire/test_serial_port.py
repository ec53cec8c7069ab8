"""A real pseudo-terminal, opened, pulled out and plugged in again under the same name."""

import fcntl
import logging
import os
import struct
import threading
from datetime import timedelta

import pytest
import serial

from simulator.pty_port import PtyPort
from wire.description import SerialLine
from wire.serial_port import FIRST_WAIT, LONGEST_WAIT, Lost, Opened, PortError, Quiet, SerialPort, _fault

TIOCGEXCL = 0x80045440


class Listener:
    """A port and the thread that listens to it; `heard` grows."""

    def __init__(self, device) -> None:
        self.heard: list = []
        self.port = SerialPort(str(device), SerialLine(), jitter=lambda: 1.0)
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        for event in self.port.listen():
            self.heard.append(event)

    @property
    def bytes(self) -> bytes:
        return b"".join(event for event in self.heard if isinstance(event, bytes))

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.heard)

    def stop(self) -> None:
        self.port.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def listen(wait_for):
    listeners = []

    def start(device) -> Listener:
        listeners.append(Listener(device))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.stop()


@pytest.fixture
def turnstile(tmp_path):
    with PtyPort(tmp_path / "south-1") as port:
        yield port


def test_bytes_come_as_they_are(listen, turnstile, wait_for):
    listener = listen(turnstile.link)
    wait_for(lambda: listener.count(Opened), "the port is open")
    everything = bytes(range(256)) * 8
    turnstile.send(everything)
    wait_for(lambda: len(listener.bytes) >= len(everything), "all bytes arrive")
    assert listener.bytes == everything


def test_pulled_out_and_plugged_in_again(listen, turnstile, wait_for):
    listener = listen(turnstile.link)
    wait_for(lambda: listener.count(Opened), "the port is open")
    for time in (1, 2, 3):
        turnstile.unplug()
        wait_for(lambda time=time: listener.count(Lost) == time, "the loss is seen")
        assert not listener.port.is_open
        turnstile.plug_in()
        wait_for(lambda time=time: listener.count(Opened) == time + 1, "the port is open again")
        turnstile.send(b"%d" % time)
        wait_for(lambda time=time: listener.bytes.endswith(b"%d" % time), "bytes arrive again")


def test_a_device_that_is_not_there_yet_is_waited_for(listen, tmp_path, wait_for, caplog):
    caplog.set_level(logging.INFO)
    listener = listen(tmp_path / "later")
    wait_for(lambda: "there is no device" in caplog.text, "the absence is told")
    with PtyPort(tmp_path / "later"):
        wait_for(lambda: listener.count(Opened), "the port is open")


@pytest.mark.parametrize("exists", [True, False])
def test_it_is_known_when_the_device_was_first_tried(listen, turnstile, tmp_path, exists):
    listener = listen(turnstile.link if exists else tmp_path / "absent")
    assert listener.port.tried.wait(30)
    assert listener.port.is_open is exists


def test_a_state_is_logged_once_however_many_tries(tmp_path, caplog, wait_for):
    caplog.set_level(logging.INFO)
    tries = threading.Semaphore(0)

    def jitter() -> float:
        tries.release()
        return 2.0  # no wait at all

    port = SerialPort(str(tmp_path / "never"), SerialLine(), jitter=jitter)
    thread = threading.Thread(target=lambda: list(port.listen()))
    thread.start()
    for _ in range(5):
        assert tries.acquire(timeout=10)
    port.stop()
    thread.join(10)
    assert caplog.text.count("there is no device") == 1


@pytest.mark.parametrize("exists", [True, False])
def test_stop_ends_the_wait_for_bytes_and_the_wait_for_a_device(turnstile, tmp_path, wait_for, exists):
    listener = Listener(turnstile.link if exists else tmp_path / "absent")
    if exists:
        wait_for(lambda: listener.count(Opened), "the port is open")
    listener.stop()
    assert not listener.port.is_open


def claimed(device) -> bool:
    """Whether the kernel keeps others out (root still gets in, and so can ask)."""
    descriptor = os.open(device, os.O_RDWR | os.O_NOCTTY)
    try:
        return bool(struct.unpack("i", fcntl.ioctl(descriptor, TIOCGEXCL, b"\0" * 4))[0])
    finally:
        os.close(descriptor)


def test_another_program_that_asks_for_the_lock_does_not_get_it(listen, turnstile, wait_for):
    listener = listen(turnstile.link)
    wait_for(lambda: listener.count(Opened), "the port is open")
    with pytest.raises(serial.SerialException):
        serial.Serial(str(turnstile.link), exclusive=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may open a claimed device and see that it is")
@pytest.mark.parametrize(("name", "expected"), [("/dev/ttyUSB0", True), ("/dev/pts/7", False)])
def test_a_device_is_claimed_and_a_pseudo_terminal_is_not(listen, turnstile, wait_for, monkeypatch, name, expected):
    monkeypatch.setattr(os, "ttyname", lambda _descriptor: name)
    listener = listen(turnstile.link)
    wait_for(lambda: listener.count(Opened), "the port is open")
    assert claimed(turnstile.link) is expected


def test_the_second_gate_on_a_port_waits_for_the_first(listen, turnstile, wait_for, caplog):
    first = listen(turnstile.link)
    wait_for(lambda: first.count(Opened), "the port is open")
    second = listen(turnstile.link)
    wait_for(lambda: "another program holds" in caplog.text, "the second is told")
    first.stop()
    wait_for(lambda: second.count(Opened), "the second has the port")


def test_bytes_go_out(listen, turnstile, wait_for):
    listener = listen(turnstile.link)
    with pytest.raises(ValueError, match="at most 1024"):
        listener.port.write(b"x" * 1025)
    wait_for(lambda: listener.count(Opened), "the port is open")
    listener.port.write(b"\xeb\x01\x00")
    wait_for(lambda: turnstile.receive() == b"\xeb\x01\x00", "the turnstile gets the bytes")
    listener.stop()
    with pytest.raises(PortError, match="not open"):
        listener.port.write(b"x")


def test_a_port_on_the_network_stops_too(wait_for):
    listener = Listener("loop://")
    wait_for(lambda: listener.count(Opened), "the port is open")
    listener.port.write(b"echo")
    wait_for(lambda: listener.bytes == b"echo", "bytes arrive")
    listener.stop()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "denied"), "add the user to group dialout"),
        (FileNotFoundError(2, "no"), "is the reader plugged in"),
        (OSError(16, "busy"), "another program holds"),
        (BlockingIOError(11, "locked"), "another program holds"),
        (ValueError("Invalid URL"), "does not work as a serial port: Invalid URL"),
    ],
)
def test_a_fault_says_what_to_do(error, sentence):
    assert sentence in str(_fault("/dev/ttyUSB0", error))


def test_a_file_is_no_serial_port(listen, tmp_path, wait_for, caplog):
    (tmp_path / "file").write_text("x")
    listen(tmp_path / "file")
    wait_for(lambda: "does not work as a serial port" in caplog.text, "it is said")


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_waits_grow_and_stay_in_bounds(jitter):
    waits = SerialPort("x", SerialLine(), jitter=lambda: jitter)._waits()
    seen = [next(waits) for _ in range(12)]
    assert seen == sorted(seen)
    assert FIRST_WAIT / 2 <= seen[0] <= FIRST_WAIT
    assert LONGEST_WAIT / 2 <= seen[-1] <= LONGEST_WAIT


def test_a_wake_ends_the_wait_without_a_tick_and_a_tick_may_change(turnstile, wait_for):
    heard, waits = [], iter([0.01, 0.01, 3600.0, 3600.0, 3600.0])
    port = SerialPort(str(turnstile.link), SerialLine())

    def listen():
        heard.extend(port.listen(lambda: next(waits)))

    thread = threading.Thread(target=listen)
    thread.start()
    wait_for(lambda: heard[1:] == [Quiet(), Quiet()], "two short ticks went by")
    port.wake()
    wait_for(lambda: len(heard) == 4, "woken from a long one")
    turnstile.send(b"x")
    wait_for(lambda: heard[4:] == [b"x"], "bytes come as ever")
    port.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_driver_that_cannot_switch_an_rs485_line_is_a_sentence(turnstile):
    """A pseudo-terminal cannot: silence on the line would be the only other sign."""
    port = SerialPort(str(turnstile.link), SerialLine(rs485=True))
    with pytest.raises(PortError, match="cannot switch the direction of an RS-485 line: take rs485 out"):
        port._open()


def test_turnaround_times_go_to_the_driver(turnstile, monkeypatch):
    settings = []
    monkeypatch.setattr(serial.Serial, "rs485_mode", property(lambda _: None, lambda _, value: settings.append(value)))
    port = SerialPort(
        str(turnstile.link),
        SerialLine(rs485=True, rs485_lead=timedelta(milliseconds=1), rs485_tail=timedelta(milliseconds=2)),
    )
    port._open().close()
    [asked] = [each for each in settings if each is not None]
    assert (asked.delay_before_tx, asked.delay_before_rx, asked.rts_level_for_tx) == (0.001, 0.002, True)


def test_a_device_that_takes_nothing_is_a_sentence_after_a_second(listen, turnstile, wait_for):
    listener = listen(turnstile.link)
    wait_for(lambda: listener.count(Opened), "it is open")

    def until_it_takes_no_more():
        while True:
            listener.port.write(bytes(512))

    with pytest.raises(PortError, match="has taken nothing for 1 s: is the device on"):
        until_it_takes_no_more()
