"""The report of `seatgate diagnose`: each line says what was seen and what to do; the bundle gives nothing away."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from onsite.diagnose import PAGES, bundle, run_checks, settings_files
from onsite.diagnose_cli import diagnose
from runtime.checks import Level, render, to_json

BOOKING = """
site = "site.toml"
data = "{data}"
http = {{ host = "127.0.0.1", port = {http} }}
broker = {{ host = "127.0.0.1", port = {mqtt}, username = "booking", password_file = "p" }}
"""


@pytest.fixture
def settings(tmp_path, free_port, broker):
    """Settings of a booking service that does not run, beside a broker that does."""
    file = tmp_path / "config" / "booking.toml"
    file.parent.mkdir()
    file.write_text(BOOKING.format(data=tmp_path, http=free_port(), mqtt=broker.port))
    return file


def test_each_part_is_a_line_with_its_advice(settings):
    disk, mqtt, service = run_checks([settings])
    assert (disk.name, disk.level, mqtt.level) == ("booking: disk", Level.OK, Level.OK)
    assert service.level is Level.FAIL
    assert "does not answer" in service.seen
    assert service.todo == "start it; its log says why it ended"


def test_a_machine_without_settings_is_told_how_to_begin(tmp_path):
    [line] = run_checks(settings_files([], tmp_path / "nothing"))
    assert line.level is Level.FAIL
    assert line.todo == "start `seatgate run` once, or name a settings file with --config"


def test_a_broken_settings_file_is_a_line(tmp_path):
    file = tmp_path / "gate-south.toml"
    file.write_text("gate = ")
    [line] = run_checks([file])
    assert (line.name, line.level) == ("gate-south", Level.FAIL)
    assert "cannot be read" in line.seen


def test_the_exit_code_is_the_worst_line(settings):
    done = CliRunner().invoke(diagnose, ["--config", str(settings), "--json"])
    report = json.loads(done.output)
    assert done.exit_code == report["exit_code"] == 2
    assert [check["level"] for check in report["checks"]] == ["ok", "ok", "fail"]


def test_the_bundle_hides_secrets_and_card_numbers(settings, tmp_path):
    settings.write_text(settings.read_text() + 'password = "hunter2-hunter2"\n')
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "gate-south.log").write_text("read card=0006547886 portal=south-1 token=abcdefgh12345678\n")
    with zipfile.ZipFile(io.BytesIO(bundle(run_checks([settings]), [settings], logs))) as archive:
        names = set(archive.namelist())
        text = "".join(archive.read(name).decode() for name in names)
    assert names == {"report.txt", "settings/booking.toml", "logs/gate-south.log"}
    assert "portal=south-1" in text
    for hidden in ("hunter2", "0006547886", "abcdefgh12345678"):
        assert hidden not in text


PLANTED = {
    "a broker's password": 'password = "hunter2-hunter2"',
    "an account in an address": 'database = "postgresql://seatgate:tigertiger@db/seatgate"',
    "a secret of single sign-on": "client_secret = 'abcdefgh-secret'",
    "a private key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPlantedKey\n-----END PRIVATE KEY-----",
    "a card in decimal": "read card=0006547886 portal=south-1",
    "a card in hexadecimal": "frame 02 card 010063E9AE 03",
    "a person number": "face=20231234 said",
    "a bearer token": "Authorization: Bearer eyJhbGciPlantedToken",
    "a session": "cookie=seatgate-session-planted",
    "a reader's code": "scanned R1" + "0123456789ABCDEFGHJKMNPQRS",
    "a check-in code": "GET /c/1A2B3C4D5E6F7G8H9J0K1M",
    "a PIN": "pin=482913",
}
HIDDEN = (
    "hunter2", "tigertiger", "abcdefgh-secret", "PlantedKey", "0006547886", "010063E9AE", "20231234",
    "PlantedToken", "seatgate-session-planted", "0123456789ABCDEFGH", "1A2B3C4D5E6F7G8H9J0K1M", "482913",
)  # fmt: skip


@pytest.mark.parametrize("where", ["settings", "log", "state"])
def test_what_is_planted_anywhere_is_not_in_the_bundle(settings, tmp_path, where):
    logs = tmp_path / "logs"
    logs.mkdir()
    planted = "\n".join(PLANTED.values())
    (logs / "gate-south.log").write_text(planted if where == "log" else "well")
    (tmp_path / "status.json").write_text(planted if where == "state" else "{}")
    if where == "settings":
        settings.write_text(settings.read_text() + "\n".join(f"# {line}" for line in planted.splitlines()))
    with zipfile.ZipFile(io.BytesIO(bundle(run_checks([settings]), [settings], logs))) as archive:
        assert "states/booking.json" in archive.namelist()
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    for hidden in HIDDEN:
        assert hidden not in text, hidden


def test_each_check_of_the_machine_names_a_page_that_is_there(settings):
    folder = Path(__file__).parents[2] / "docs" / "operations"
    assert all((folder / f"{page}.md").exists() for page in PAGES.values())
    service = run_checks([settings])[2]
    assert service.page == "server-down"
    assert set(json.loads(to_json([service]))["checks"][0]) == {"name", "level", "seen", "todo", "page"}
    assert "(docs/operations/server-down.md)" in render([service])
