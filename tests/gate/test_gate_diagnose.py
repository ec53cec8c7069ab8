"""What `seatgate diagnose` says of a gate: every line ok, or what was seen and what to do."""

import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from config import shipped
from gate import diagnose, status
from gate.settings import GateSettings
from gate.status import GateStatus, LaneStatus
from messages.presence import OutboxState
from runtime.checks import Level
from runtime.clock import Clock
from runtime.mqtt import BrokerSettings
from simulator.pty_port import PtyPort

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    with PtyPort(tmp_path / "one") as one, PtyPort(tmp_path / "two") as two:
        broker = BrokerSettings("127.0.0.1", 1, "gate-south", tmp_path / "password")
        ports = {"south-1": str(one.link), "south-2": str(two.link)}
        yield GateSettings("south", shipped("sites", "bjut.toml"), tmp_path, "http://booking", broker, ports=ports)


def lane(*, is_open=True, age=timedelta(minutes=1), bad=None):
    return LaneStatus(is_open, NOW - age if age is not None else None, bad or {})


def write(settings, *, lanes=None, depth=0, aside=0, connected=True, joined=True, fault="", age=timedelta(seconds=9)):
    report = GateStatus(
        written_at=NOW - age,
        lanes=lanes or {"south-1": lane(), "south-2": lane()},
        outbox=OutboxState(epoch=1, last_sequence=9, depth=depth, watermark=9),
        set_aside=aside,
        broker_connected=connected,
        joined=joined,
        fault=fault,
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
        "port south-1",
        "frames south-1",
        "port south-2",
        "frames south-2",
        "clock",
        "queue",
    ]


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
