"""What `seatgate diagnose` says of a gate: every line ok, or what was seen and what to do."""

import os
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from config import shipped
from gate import diagnose, machine, status
from gate.settings import GateSettings
from gate.status import GateStatus, LaneStatus
from messages.presence import OutboxState
from runtime.checks import Level
from runtime.clock import Clock
from runtime.mqtt import BrokerSettings
from simulator.pty_port import PtyPort

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"


class Server:
    """A booking service that answers, with a clock of its own."""

    def __init__(self):
        self.date = NOW
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response_only(200 if self.path == "/healthz" else 404)
                self.send_header("Date", format_datetime(server.date, usegmt=True))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server():
    answering = Server()
    yield answering
    answering.close()


@pytest.fixture
def settings(tmp_path, server):
    with PtyPort(tmp_path / "one") as one, PtyPort(tmp_path / "two") as two:
        broker = BrokerSettings("127.0.0.1", 1, "gate-south", tmp_path / "password")
        ports = {"south-1": str(one.link), "south-2": str(two.link)}
        yield GateSettings("south", shipped("sites", "bjut.toml"), tmp_path, server.url, broker, ports=ports)


def lane(*, is_open=True, age=timedelta(minutes=1), bad=None, good=20):
    return LaneStatus(is_open, NOW - age if age is not None else None, bad or {}, "", good)


def write(
    settings,
    *,
    lanes=None,
    depth=0,
    aside=0,
    connected=True,
    joined=True,
    fault="",
    age=timedelta(seconds=9),
    oldest=None,
    runs="",
    warnings=None,
):
    report = GateStatus(
        written_at=NOW - age,
        lanes=lanes or {"south-1": lane(), "south-2": lane()},
        outbox=OutboxState(epoch=1, last_sequence=9, depth=depth, watermark=9),
        set_aside=aside,
        broker_connected=connected,
        joined=joined,
        fault=fault,
        version=runs,
        oldest_waiting=NOW - oldest if oldest else None,
        warnings=warnings or {},
    )
    status.write(settings.status, report)
    os.utime(settings.status, times=((NOW - age).timestamp(),) * 2)


def found(settings):
    return {check.name: check for check in diagnose.checks(settings, Clock.starting_at(NOW))}


def test_a_gate_that_is_well(settings):
    write(settings)
    checks = found(settings)
    assert {check.level for check in checks.values()} == {Level.OK}
    assert list(checks) == [
        "gate south",
        "version",
        "port south-1",
        "frames south-1",
        "port south-2",
        "frames south-2",
        "clock",
        "server",
        "clock offset",
        "fsync",
        "enrolment",
        "queue",
        "broker",
        "rights",
    ]
    pages = {check.page for check in checks.values()}
    assert "" not in pages
    assert all((OPERATIONS / f"{page}.md").exists() for page in pages)


@pytest.mark.parametrize(
    ("told", "name", "level", "seen"),
    [
        ({"fault": "the disk is full"}, "gate south", Level.FAIL, "the disk is full"),
        ({"age": timedelta(hours=1)}, "gate south", Level.FAIL, "does not run"),
        ({"lanes": {"south-1": lane(is_open=False)}}, "port south-1", Level.FAIL, "the gate cannot open it"),
        ({"lanes": {"south-1": lane(age=None, bad={"checksum": 3})}}, "frames south-1", Level.WARN, "3 checksum"),
        ({"lanes": {"south-1": lane(age=timedelta(days=2))}}, "frames south-1", Level.WARN, "last 2026-11-29"),
        ({"lanes": {"south-1": lane(bad={"garbage": 2})}}, "frames south-1", Level.OK, "2 garbage"),
        ({"depth": 7, "connected": False}, "queue", Level.WARN, "7 events wait for booking; no broker"),
        ({"depth": 700}, "queue", Level.WARN, "700 events wait"),
        ({"joined": False}, "enrolment", Level.WARN, "does not know this gate"),
        ({"aside": 1}, "set aside", Level.FAIL, "1 events that booking refused"),
        (
            {"lanes": {"south-1": lane(bad={"checksum": 3})}},
            "frames south-1",
            Level.WARN,
            "20 good; bad since the start",
        ),
        (
            {"depth": 3, "oldest": timedelta(minutes=6)},
            "queue",
            Level.WARN,
            "3 events wait for booking, the first for 3",
        ),
        ({"runs": "0.0.9"}, "version", Level.WARN, "0.0.9 runs"),
        ({"warnings": {"rights": "too wide: write them anew"}}, "rights", Level.WARN, "too wide"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(settings, told, name, level, seen):
    write(settings, **told)
    check = found(settings)[name]
    assert check.level is level
    assert seen in check.seen
    assert bool(check.todo) is (level is not Level.OK)


def test_a_gate_that_never_ran_and_a_reader_that_is_not_there(settings, tmp_path):
    (tmp_path / "one").unlink()
    (tmp_path / "two").unlink()
    (tmp_path / "two").write_text("")
    checks = found(settings)
    assert checks["gate south"].seen == "has never run here"
    assert "No such file" in checks["port south-1"].seen
    assert "is not a device" in checks["port south-2"].seen


@pytest.mark.parametrize("by", ["file", "build"])
def test_a_clock_in_the_past_is_seen(settings, monkeypatch, by):
    write(settings, age=timedelta(days=-400) if by == "file" else timedelta())
    if by == "build":
        monkeypatch.setattr(diagnose, "BUILT", NOW + timedelta(days=1))
    assert found(settings)["clock"].level is Level.FAIL


def test_a_gate_on_a_shifted_clock_is_well(settings):
    write(settings)
    report = status.read(settings.status)
    past = NOW - timedelta(days=1000)
    lanes = {name: LaneStatus(True, past, {}) for name in report.lanes}
    status.write(settings.status, msgspec.structs.replace(report, written_at=past, lanes=lanes))
    os.utime(settings.status, times=(NOW.timestamp(),) * 2)
    assert {check.level for check in found(settings).values()} == {Level.OK}


def test_wrong_settings_are_a_line_too(settings):
    import attrs

    (check,) = diagnose.checks(attrs.evolve(settings, gate="east"), Clock())
    assert check.level is Level.FAIL
    assert "has no gate 'east'" in check.seen


@pytest.mark.parametrize(("ahead", "level"), [(0, Level.OK), (4, Level.OK), (3600, Level.FAIL), (-8, Level.FAIL)])
def test_the_clock_is_compared_with_the_servers(settings, server, ahead, level):
    write(settings)
    server.date = NOW + timedelta(seconds=ahead)
    check = found(settings)["clock offset"]
    assert check.level is level
    assert f"{-ahead:+d} s" in check.seen


def test_a_server_that_does_not_answer_is_a_line(settings, free_port):
    import attrs

    write(settings)
    checks = found(attrs.evolve(settings, booking_url=f"http://127.0.0.1:{free_port()}"))
    assert checks["server"].level is Level.WARN
    assert "does not answer (" in checks["server"].seen
    assert "clock offset" not in checks


def test_who_holds_a_device_is_named(settings):
    device = settings.ports["south-1"]
    with open(device, "rb", buffering=0) as held:  # noqa: PTH123 - a device
        assert any(f"({os.getpid()})" in each for each in machine.holders(device))
        assert "has it" in found(settings)["port south-1"].seen
        assert held.fileno() >= 0
    assert machine.holders(device) == []


def test_the_disks_word_is_timed_and_a_folder_that_is_not_there_fails(settings, tmp_path, monkeypatch):
    write(settings)
    assert found(settings)["fsync"].level is Level.OK
    assert not list(tmp_path.glob(".diagnose-*"))
    monkeypatch.setattr(diagnose, "SLOW_COMMIT_S", 0.0)
    assert found(settings)["fsync"].level is Level.WARN
    with pytest.raises(OSError):
        machine.commit_seconds(tmp_path / "nothing")


def test_every_name_of_a_check_has_a_page_that_is_there():
    assert all((OPERATIONS / f"{page}.md").exists() for page in diagnose.PAGES.values())
    assert diagnose.page_of("port south-1") == "port-unplugged"
    assert diagnose.page_of("clock offset") == "clock-wrong"
    for word in ("broker", "rights", "outbox-lost", "outbox-damaged", "access-list", "locked"):
        assert (OPERATIONS / f"{diagnose.page_of(word)}.md").exists(), word
