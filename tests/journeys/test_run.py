"""`seatgate run` itself: ready, refused, stopped, killed; what it leaves behind is files and nothing else."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-run")]

STOP_LIMIT = 5 * 2.0
"""The contract says 2 s; the machine under a test may be busy with others."""


def refused(library, *options, **environment):
    """Start a second one; return what it printed when it ended."""
    done = subprocess.run(
        [sys.executable, "-m", "seatgate", "run", *options],
        cwd=library.root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def ports(library):
    return {
        "SEATGATE_HTTP_PORT": library.run["http"].rpartition(":")[2],
        "SEATGATE_MQTT_PORT": str(library.run["mqtt"]["port"]),
    }


def test_run_json_says_where_everything_is(library):
    run = library.run
    assert httpx.get(f"{run['http']}/readyz", trust_env=False).status_code == 200
    with socket.create_connection((run["mqtt"]["host"], run["mqtt"]["port"]), timeout=30):
        pass
    assert [portal["id"] for portal in run["portals"]] == ["south-1", "south-2", "north-1", "north-2"]
    for portal in run["portals"]:
        assert set(portal) == {"id", "gate", "direction", "device", "protocol"}
        assert Path(portal["device"]).is_char_device()
    assert run["portals"][0]["device"] == library.turnstiles["south-1"].device
    assert {"id", "role", "screen"} <= set(run["kiosks"][0])
    for account in run["demo_accounts"]:
        assert {"reader", "password", "card"} <= set(account)
    assert library.staff().http.get(run["kiosks"][0]["screen"]).content.startswith(b"\x89PNG")
    mode = stat.S_IMODE((library.data / "run.json").stat().st_mode)
    assert mode == 0o600


def test_the_console_is_short_and_tells_a_person_what_to_open(library):
    console = library.console()
    assert library.run["http"] in console
    assert library.run["demo_accounts"][0]["password"] in console
    assert len(console.strip().splitlines()) < 20


SECRETS = (
    "run.json",
    "demo-accounts.json",
    "enrolment-codes.json",
    "booking/master-secret",
    "booking/signing-key.pem",
    "booking/seatgate.db",
    "gate-south/signing-key",
    "gate-south/enrolment-code",
    "gate-south/outbox.db",
    "broker/passwords",
    "broker/accounts/booking",
)


def test_what_is_kept_is_its_owners_alone_and_no_log_has_a_password(library):
    for name in SECRETS:
        assert stat.S_IMODE((library.data / name).stat().st_mode) == 0o600, name
    for file in library.data.rglob("*"):
        assert stat.S_IMODE(file.lstat().st_mode) & 0o077 == 0 or file.is_symlink(), file
    passwords = [account["password"] for account in library.run["demo_accounts"]]
    for file in (library.data / "logs").iterdir():
        assert not [password for password in passwords if password in file.read_text(errors="replace")], file


def test_diagnose_finds_nothing_broken(library, wait_for):
    """A gate writes what it knows of itself once a minute and whenever it changes, so a look too early may see old news."""

    def broken():
        report = json.loads(library.command("diagnose", "--json", expect=(0, 1, 2)))
        return [f"{check['name']}: {check['seen']}" for check in report["checks"] if check["level"] == "fail"]

    wait_for(lambda: not broken(), "no check fails")


def test_a_second_one_on_the_same_data_is_refused(library):
    printed = refused(library, "--data", str(library.data))
    assert printed == (
        f"Error: another `seatgate run` works in {library.data}: stop that one, "
        "or give this one a folder of its own with --data\n"
    )


@pytest.mark.parametrize("variable", ["SEATGATE_HTTP_PORT", "SEATGATE_MQTT_PORT"])
def test_a_port_that_is_taken_is_one_sentence(library, ports, variable, tmp_path, free_port):
    free = {name: str(free_port()) for name in ports}
    printed = refused(library, "--data", str(tmp_path), **{**free, variable: ports[variable]})
    assert printed.startswith(f"Error: port {ports[variable]} on 127.0.0.1 cannot be opened (Address already in use)")
    assert variable in printed
    assert len(printed.splitlines()) == 1


def test_a_data_folder_that_cannot_be_written(library, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    printed = refused(library, "--data", str(tmp_path / "file" / "var"))
    assert "cannot be used" in printed
    assert "--data" in printed
    assert len(printed.splitlines()) == 1


def test_a_bad_time_and_a_missing_site(library, tmp_path):
    assert "--now soon is not a time" in refused(library, "--data", str(tmp_path), "--now", "soon")
    assert "there is no site file" in refused(library, "--data", str(tmp_path), "--site", str(tmp_path / "none.toml"))


def test_ctrl_c_stops_all_within_two_seconds_and_it_starts_again(library, wait_for):
    passwords = [account["password"] for account in library.run["demo_accounts"]]
    with httpx.stream("GET", f"{library.run['http']}/api/v1/areas/2f-centre/events", trust_env=False) as stream:
        assert stream.status_code == 200  # an open live stream does not hold the stop up
        assert library.processes()
        assert library.stop(signal.SIGINT) < STOP_LIMIT
    assert library.processes() == {}
    assert not (library.data / "run.json").exists()
    library.start()
    assert [account["password"] for account in library.run["demo_accounts"]] == passwords


def test_sigterm_does_the_same(library):
    assert library.stop(signal.SIGTERM) < STOP_LIMIT
    assert library.processes() == {}
    library.start()


def test_a_process_that_fails_is_started_again(library, wait_for):
    def ready():
        try:
            return httpx.get(f"{library.run['http']}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    for part in ("gate-south.toml", "kiosk-", "mosquitto.conf", "booking.toml"):
        before = library.pid(part)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda part=part, before=before: library.pid_or_none(part) not in {None, before}, f"{part} is back")
    wait_for(ready, "the booking service is ready again")
    reader = library.reader(0)
    booked = reader.reserve()
    library.turnstiles["south-1"].swipe(reader.account["card"])
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "all of it works together again")


def test_even_a_killed_run_leaves_no_process(library, wait_for):
    library.kill()
    wait_for(lambda: not library.processes(), "every process of it has ended")
    library.start()
    assert json.loads((library.data / "run.json").read_text())["http"] == library.run["http"]
