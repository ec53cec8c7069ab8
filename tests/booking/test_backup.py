"""`seatgate backup` and `seatgate restore`: a whole service in one file while it runs, and back again; nothing half done."""

import io
import json
import tarfile
import threading

import pytest
from click.testing import CliRunner

from booking import backup
from booking.backup import DATABASES
from booking.backup_cli import backup as backup_command
from booking.backup_cli import restore as restore_command
from booking.errors import BookingError
from booking.identity import Identity

pytestmark = pytest.mark.databases("sqlite", "postgres")
EVIDENCE_ALONE = "SELECT count(*) FROM reservations WHERE id NOT IN (SELECT reservation FROM evidence)"


@pytest.fixture
def service(desk, tmp_path):
    """A service with its keys; `.config` is its settings file."""
    data = tmp_path / "data"
    identity = Identity.load_or_create("lib", data)
    config = tmp_path / "booking.toml"
    config.write_text(
        f'site = "site.toml"\ndata = "{data}"\ndatabase = "{getattr(desk.database, "value", desk.database)}"\n[broker]\npassword_file = "mqtt"\n',
        encoding="utf-8",
    )
    desk.identity, desk.data, desk.config = identity, data, config
    return desk


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def saved(service, file):
    done = run(backup_command, file, "--config", service.config)
    assert done.exit_code == 0, done.output
    return file


def rewritten(file, target, change):
    """Copy a backup with `change(name, content)` applied to each of its files; None leaves one out."""
    with tarfile.open(file) as old, tarfile.open(target, "w") as new:
        for member in old:
            content = change(member.name, old.extractfile(member).read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return target


def test_what_was_booked_before_it_is_in_it_and_comes_back(service, open_desk, tmp_path, at):
    kept = service.booked("S001", "centre-001", "09:00", "11:00", now="08:10")
    file = saved(service, tmp_path / "monday.tar")
    later = service.booked("S002", "centre-002", "09:00", "11:00", now="08:20")
    announced = service.reads.area_map("centre", at("08:20"))
    service.close()
    assert file.stat().st_mode & 0o777 == 0o600

    done = run(restore_command, file, "--config", service.config)
    assert done.exit_code == 0, done.output
    assert "set aside: " in done.output
    again = open_desk(service.places)
    assert again.status(kept, "08:30") == "reserved"
    assert again.reads.reservation("S002", later.id, at("08:30")) is None
    assert again.reads.area_map("centre", at("08:30")).newer_than(announced)  # or no kiosk would show it
    taken = again.book("S003", "centre-001", "10:00", "12:00", now="08:30")
    assert taken.code == "seat-taken"
    again.booked("S002", "centre-002", "09:00", "11:00", now="08:30")
    assert [path for path in tmp_path.rglob("*") if ".before-restore-" in path.name]


def test_a_backup_of_a_service_at_work_is_one_moment_of_it(service, tmp_path):
    """Every booking comes with its entry in the ledger, in one transaction: a copy that mixed moments would part them."""
    stop = threading.Event()

    def work():
        turn = 0
        while not stop.is_set():
            stay = service.booked(f"S{turn % 40:03}", f"centre-00{turn // 80 % 9 + 1}", "09:00", "10:00", now="08:10")
            service.act(stay, "cancel", "08:11")
            turn += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        files = [saved(service, tmp_path / f"{number}.tar") for number in range(5)]
    finally:
        stop.set()
        worker.join(30)
    service.close()
    for file in files:
        done = run(restore_command, file, "--config", service.config)
        assert done.exit_code == 0, done.output
        with service.direct() as database:
            assert database.execute(EVIDENCE_ALONE).fetchone()[0] == 0
        for old in (*tmp_path.glob("*.before-restore-*"), *service.data.glob("*.before-restore-*")):
            old.unlink()


def test_the_keys_come_back_with_it(service, tmp_path):
    file = saved(service, tmp_path / "a.tar")
    service.close()
    for name in ("signing-key.pem", "master-secret"):
        (service.data / name).unlink()
    stranger = Identity.load_or_create("lib", service.data)
    assert stranger.key.kid != service.identity.key.kid
    done = run(restore_command, file, "--config", service.config)
    assert done.exit_code == 0, done.output
    again = Identity.load_or_create("lib", service.data)
    assert (again.key.kid, again.master) == (service.identity.key.kid, service.identity.master)
    assert done.output.count("set aside: ") == 3


def test_a_running_service_is_not_replaced(service, tmp_path):
    kept = service.booked("S001", "centre-001", "09:00", "11:00", now="08:10")
    file = saved(service, tmp_path / "a.tar")
    done = run(restore_command, file, "--config", service.config)
    assert done.exit_code == 1
    assert "another booking process is using" in done.output or "is in use: stop every" in done.output
    assert service.status(kept, "08:30") == "reserved"


def test_it_replaces_no_file_and_leaves_no_half_one(service, tmp_path):
    file = saved(service, tmp_path / "a.tar")
    done = run(backup_command, file, "--config", service.config)
    assert (done.exit_code, "a backup replaces nothing" in done.output) == (1, True)
    (service.data / "master-secret").unlink()
    done = run(backup_command, tmp_path / "b.tar", "--config", service.config)
    assert (done.exit_code, "master-secret" in done.output) == (1, True)
    assert not (tmp_path / "b.tar").exists()
    assert not [left for left in tmp_path.iterdir() if left.name.startswith(".seatgate-backup-")]


def test_checking_reads_it_all_and_changes_nothing(service, tmp_path):
    file = saved(service, tmp_path / "a.tar")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    done = run(restore_command, file, "--config", service.config, "--check")
    assert (done.exit_code, ": whole. " in done.output) == (0, True), done.output
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def with_manifest(**changes):
    def change(name, content):
        return json.dumps(json.loads(content) | changes).encode() if name == "manifest.json" else content

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda name, content: None if name == "master-secret" else content, "master-secret is missing"),
        (lambda name, content: None if name == "manifest.json" else content, "its first file is not manifest.json"),
        (lambda name, content: content[:-1] + b"!" if name in DATABASES else content, "not what was saved"),
        (lambda name, content: content[:-1] if name in DATABASES else content, "not what its manifest says"),
        (lambda name, content: b"{}" if name == "manifest.json" else content, "its manifest cannot be read"),
        (with_manifest(form=9), "form 9"),
        (with_manifest(schema=9999), "schema"),
        (with_manifest(parts={"../../etc/passwd": {"bytes": 1, "sha256": "x"}}), "it should hold"),
    ],
)
def test_a_damaged_backup_is_told_apart_and_nothing_is_changed(service, tmp_path, change, said):
    kept = service.booked("S001", "centre-001", "09:00", "11:00", now="08:10")
    bad = rewritten(saved(service, tmp_path / "a.tar"), tmp_path / "bad.tar", change)
    service.close()
    done = run(restore_command, bad, "--config", service.config)
    assert done.exit_code == 1
    assert said in done.output
    assert not [path for path in tmp_path.rglob("*") if ".before-restore-" in path.name]
    assert kept


def test_a_file_that_is_no_backup_is_named(service, tmp_path):
    for content in (b"", b"hello", b"\0" * 2048):
        (tmp_path / "x.tar").write_bytes(content)
        with pytest.raises(BookingError, match="is no backup of this service"):
            backup.check(tmp_path / "x.tar")


def test_a_backup_of_the_other_kind_of_database_is_refused(service, tmp_path):
    file = saved(service, tmp_path / "a.tar")
    service.close()
    text = service.config.read_text(encoding="utf-8")
    other = str(tmp_path / "x.sqlite") if "postgresql://" in text else "postgresql://nobody@127.0.0.1:9/none"
    service.config.write_text(
        "\n".join(f'database = "{other}"' if line.startswith("database") else line for line in text.splitlines()),
        encoding="utf-8",
    )
    done = run(restore_command, file, "--config", service.config)
    assert (done.exit_code, "name one as `database`" in done.output) == (1, True), done.output
