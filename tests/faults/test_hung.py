"""Row 11: a process that hangs is silent, and systemd, which hears that silence, starts it again within 15 seconds.

systemd itself is not here: `bench.faults.server.Supervisor` keeps its side of the contract (sd_watchdog_enabled(3)).
"""

import configparser
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGUSR1

import httpx
import pytest

WATCHDOG = 4
"""Seconds, where the units say 15: the process feeds at half of what it is told, also on a machine that is busy."""
UNITS = sorted((Path(__file__).parents[2] / "systemd").glob("*.service"))


@pytest.fixture
def server(make_server, tmp_path):
    started = make_server(watchdog=WATCHDOG, program=("-m", "bench.faults.broken_server", str(tmp_path / "control")))
    started.start()
    return started


def test_who_stands_still_is_silent_and_is_well_after_the_restart_that_follows(server):
    server.send(SIGSTOP)
    server.send(SIGCONT)
    assert not server.supervisor.silent(), "a moment is no reason"
    server.send(SIGSTOP)
    assert server.supervisor.silent()
    server.kill()
    server.start()
    assert server.supervisor.hear("WATCHDOG=1")
    assert httpx.get(f"{server.url}/healthz", timeout=30).status_code == 200


def test_a_handler_that_blocks_the_event_loop_stops_the_feed_although_the_process_lives(server):
    assert server.supervisor.hear("WATCHDOG=1")
    server.send(SIGUSR1)
    assert server.supervisor.silent()
    assert server.process.poll() is None
    with pytest.raises(httpx.TimeoutException):
        httpx.get(f"{server.url}/healthz", timeout=0.2)
    assert "the watchdog is not fed" in server.log_text()


@pytest.mark.parametrize("unit", UNITS, ids=lambda file: file.name)
def test_the_units_ask_for_a_restart_within_fifteen_seconds_of_silence(unit):
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.read(unit)
    service = read["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert int(service["WatchdogSec"].removesuffix("s")) <= 15
    assert int(service["RestartSec"].removesuffix("s")) <= 1
