"""Stop signals and sd_notify, over a real datagram socket and a real process."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runtime.service import Service, notify, watchdog_interval

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["path", "abstract"])
def supervisor(request, tmp_path, monkeypatch):
    """What a supervisor reads: a datagram socket named by NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(30)
        if request.param == "path":
            channel.bind(str(tmp_path / "notify"))
            address = str(tmp_path / "notify")
        else:
            name = f"seatgate-test-{os.getpid()}-{tmp_path.name}"
            channel.bind("\0" + name)
            address = "@" + name
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield channel


def test_notices_reach_the_supervisor(supervisor):
    with Service() as service:
        service.ready("42 seats\nWATCHDOG=trigger")
        service.status("busy")
        service.watchdog()
    received = [supervisor.recv(4096).decode() for _ in range(4)]
    # "STATUS=… a single-line UTF-8 status string" - sd_notify(3)
    assert received == ["READY=1\nSTATUS=42 seats WATCHDOG=trigger", "STATUS=busy", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "vsock:2:1"])
def test_without_a_supervisor_nothing_happens(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert notify("READY=1") is False


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("30000000", None, 15.0),
        ("30000000", "ours", 15.0),
        ("30000000", "1", None),
        (None, None, None),
        ("", None, None),
        ("0", None, None),
        ("soon", None, None),
        ("-5", None, None),
        ("²", None, None),
    ],
)
def test_watchdog_interval_is_half_of_what_systemd_allows(microseconds, pid, seconds):
    assert watchdog_interval(microseconds, str(os.getpid()) if pid == "ours" else pid) == seconds


def test_the_watchdog_is_fed_only_while_healthy(supervisor, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    with Service() as service:
        looks = iter([True, False, True])

        def healthy():
            answer = next(looks, None)
            if answer is None:
                service.stop.set()
            return bool(answer)

        service.wait(healthy)
    received = [supervisor.recv(4096).decode() for _ in range(3)]
    assert received == ["WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_of_every_thread_and_handlers_are_given_back(number):
    before = signal.getsignal(number)
    with Service() as service:
        waiter = threading.Thread(target=service.stop.wait)
        waiter.start()
        os.kill(os.getpid(), number)
        assert service.stop.wait(30)
        waiter.join(30)
        assert not waiter.is_alive()
    assert signal.getsignal(number) is before


def test_a_storm_of_signals_while_the_main_thread_touches_the_event_does_not_hang():
    program = (
        "from runtime.service import Service\n"
        "service = Service()\n"
        "print('up', flush=True)\n"
        "while not service.stop.wait(0.0001): pass\n"
        "for _ in range(20000): service.stop.wait(0)\n"
        "print('out', flush=True)\n"
        "import sys; sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "up\n"
        for _ in range(300):
            child.send_signal(signal.SIGTERM)
        assert child.stdout.readline() == "out\n"
        child.stdin.close()
        assert child.wait(30) == 0
