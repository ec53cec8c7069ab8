"""The report of `seatgate diagnose`: each line says what was seen and what to do; the bundle gives nothing away."""

import io
import json
import zipfile

import pytest
from click.testing import CliRunner

from onsite.diagnose import bundle, run_checks, settings_files
from onsite.diagnose_cli import diagnose
from runtime.checks import Level

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
