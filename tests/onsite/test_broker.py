"""Our mosquitto on a real machine: its accounts' rights, as MQTT 5 reports them, and what survives a restart."""

import stat
import subprocess

import pytest

from onsite import broker as onsite_broker

ROOT = "seatgate/v1/{site}"

ALLOWED = [
    ("gate-south", "gates/south/access"),
    ("gate-south", "gates/south/presence"),
    ("kiosk-second-floor", "kiosks/second-floor/check-ins"),
    ("kiosk-second-floor", "kiosks/second-floor/presence"),
    ("booking", "gates/south/ack"),
    ("booking", "gates/south/command"),
    ("booking", "kiosks/second-floor/command"),
    ("booking", "areas/2f-centre/seats"),
    ("booking", "readers/abc/notifications"),
    ("booking", "booking/main/presence"),
]
FORBIDDEN = [
    ("gate-south", "gates/north/access"),  # another gate's passages
    ("gate-south", "gates/south/ack"),  # its own acknowledgement
    ("gate-south", "gates/north/command"),
    ("gate-south", "booking/main/presence"),
    ("kiosk-second-floor", "areas/2f-centre/seats"),
    ("kiosk-second-floor", "gates/south/access"),
    ("kiosk-second-floor", "kiosks/third-floor/check-ins"),
    ("booking", "gates/south/access"),  # a server that invents passages
    ("booking", "kiosks/second-floor/check-ins"),
]


def publish(broker, account, topic, *, password=None):
    """Publish once with mosquitto's own client; return what it printed about the PUBACK."""
    done = subprocess.run(
        [
            *("mosquitto_pub", "-V", "5", "-q", "1", "-d", "-h", broker.host, "-p", str(broker.port)),
            *("-u", account, "-P", password or broker.password(account), "-t", topic, "-m", "x"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("account", "topic"), ALLOWED)
def test_an_account_writes_its_own_topics(broker, site_id, account, topic):
    code, printed = publish(broker, account, f"{ROOT.format(site=site_id)}/{topic}")
    assert code == 0
    assert "Not authorized" not in printed


@pytest.mark.parametrize(("account", "topic"), FORBIDDEN)
def test_an_account_writes_nothing_else(broker, site_id, account, topic):
    _, printed = publish(broker, account, f"{ROOT.format(site=site_id)}/{topic}")
    assert "Not authorized" in printed or "RC:135" in printed, printed


@pytest.mark.parametrize(("account", "password"), [("gate-south", "wrong"), ("nobody", "wrong")])
def test_a_stranger_is_refused(broker, site_id, account, password):
    code, printed = publish(broker, account, f"{ROOT.format(site=site_id)}/gates/south/access", password=password)
    assert code != 0
    assert "not authorised" in printed.lower() or "not authorized" in printed.lower(), printed


def test_passwords_are_made_once_and_only_their_owner_reads_them(tmp_path):
    accounts = onsite_broker.accounts("one", ["south"], [])
    first = onsite_broker.prepare(tmp_path, "127.0.0.1", 1, accounts)
    before = first.password_file("gate-south").read_text()
    second = onsite_broker.prepare(tmp_path, "127.0.0.1", 1, accounts)
    assert second.password_file("gate-south").read_text() == before
    assert before not in (tmp_path / "passwords").read_text()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_it_comes_back_after_a_power_cut(private_broker, site_id):
    private_broker.kill()
    private_broker.start()
    code, _ = publish(private_broker, "gate-south", f"{ROOT.format(site=site_id)}/gates/south/access")
    assert code == 0
