"""The broker's own authority: what is made, what is kept, what is renewed in time, and what the commands say of it."""

import signal
import ssl
import stat
from datetime import timedelta

import pytest
from click.testing import CliRunner
from cryptography import x509

from config import shipped
from onsite import broker as onsite_broker
from onsite.broker_cli import broker as broker_command
from onsite.certificates import CA_LIFE, LEAF_LIFE, RENEW_BEFORE, Authority, ends_of, now
from onsite.diagnose import run_checks
from onsite.errors import OnsiteError
from runtime.checks import Level

NAMES = ("127.0.0.1", "seats.example.edu")
BJUT = str(shipped("sites", "bjut.toml"))


@pytest.fixture
def authority(tmp_path):
    made = Authority(tmp_path / "tls")
    assert made.prepare(NAMES, ["gate-south"], now())
    return made


def contents(authority):
    return {file: file.read_bytes() for file in sorted(authority.folder.rglob("*.*"))}


def test_everything_is_signed_by_one_authority_and_closed_to_others(authority):
    ca = x509.load_pem_x509_certificate(authority.ca.read_bytes())
    server = x509.load_pem_x509_certificate(authority.server.certificate.read_bytes())
    client = x509.load_pem_x509_certificate(authority.client("gate-south").certificate.read_bytes())
    for leaf in (server, client):
        leaf.verify_directly_issued_by(ca)
        assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert client.subject.rfc4514_string() == "CN=gate-south"
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["seats.example.edu"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in contents(authority)} == {0o600}


def test_what_is_good_stays_as_it_is(authority):
    before = contents(authority)
    assert not authority.prepare(NAMES, ["gate-south"], now() + LEAF_LIFE - RENEW_BEFORE - timedelta(days=1))
    assert contents(authority) == before


def test_what_ends_soon_is_made_anew_under_the_same_authority(authority):
    before, later = contents(authority), now() + LEAF_LIFE - RENEW_BEFORE + timedelta(days=1)
    assert authority.prepare(NAMES, ["gate-south"], later)
    after = contents(authority)
    assert {file.name for file in after if after[file] != before[file]} == {
        *("server.pem", "server.key", "gate-south.pem", "gate-south.key")
    }
    assert ends_of(authority.server.certificate) > later + LEAF_LIFE - timedelta(days=1)


def test_no_leaf_outlives_its_authority(authority):
    late = now() + CA_LIFE - timedelta(days=100)
    authority.prepare(NAMES, [], late)
    assert ends_of(authority.server.certificate) <= ends_of(authority.ca)


@pytest.mark.parametrize("damage", ["another name", "broken certificate", "another's key", "another authority"])
def test_a_certificate_that_does_not_serve_any_more_is_made_anew(authority, tmp_path, damage):
    names = NAMES
    match damage:
        case "another name":
            names = ("10.1.2.3",)
        case "broken certificate":
            authority.server.certificate.write_text("rubbish")
        case "another's key":
            authority.server.key.write_bytes(authority.client("gate-south").key.read_bytes())
        case _:
            other = Authority(tmp_path / "other")
            other.prepare(NAMES, [], now())
            authority.server.certificate.write_bytes(other.server.certificate.read_bytes())
            authority.server.key.write_bytes(other.server.key.read_bytes())
    assert authority.prepare(names, ["gate-south"], now())
    assert not authority.prepare(names, ["gate-south"], now())
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(authority.server.certificate, authority.server.key)


def test_an_authority_that_cannot_be_used_is_a_sentence_and_is_left_alone(authority):
    (authority.folder / "ca.key").unlink()
    before = contents(authority)
    with pytest.raises(OnsiteError, match=r"move .* away, a new one is made"):
        authority.prepare(NAMES, [], now())
    assert contents(authority) == before


def test_a_running_broker_takes_a_renewed_certificate_without_a_restart(tmp_path, free_port, running_broker, wait_for):

    listener = onsite_broker.TlsListener("127.0.0.1", free_port(), ("127.0.0.1",))
    with running_broker(tmp_path, tls=listener) as broker:
        authority = broker.files.authority

        def shown():
            return ssl.get_server_certificate(("127.0.0.1", listener.port))

        before = shown()
        assert not broker.files.renew([])
        authority.server.certificate.unlink()
        assert broker.files.renew([])
        broker._running.send_signal(signal.SIGHUP)
        wait_for(lambda: shown() != before, "the new certificate is shown")
        assert shown().strip() == authority.server.certificate.read_text().strip()


def test_the_command_writes_a_broker_that_runs(tmp_path, free_port):
    words = ["--site", BJUT, "--folder", str(tmp_path / "b"), "--address", "seats.example.edu", "--port", "8884"]
    done = CliRunner().invoke(broker_command, [*words, "--certificates"])
    assert done.exit_code == 0, done.output
    assert f"mosquitto -c {tmp_path / 'b' / 'mosquitto.conf'}" in done.output
    assert f"every gate and kiosk pins (tls_ca): {tmp_path / 'b' / 'tls' / 'ca.pem'}" in done.output
    written = (tmp_path / "b" / "mosquitto.conf").read_text()
    assert "listener 1883 127.0.0.1" in written
    assert "listener 8884 0.0.0.0" in written
    assert "require_certificate true" in written
    again = CliRunner().invoke(broker_command, [*words, "--certificates"])
    assert again.output == done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--site", "/nowhere.toml", "--folder", "{}/b", "--address", "h"], "nowhere.toml"),
        (["--site", BJUT, "--folder", "{}/file/b", "--address", "h"], "Not a directory"),
        (["--site", BJUT, "--folder", "{}/b", "--address", "h", "--user", "nobody-here"], "no account nobody-here"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path, words, said):
    (tmp_path / "file").write_text("x")
    done = CliRunner().invoke(broker_command, [word.format(tmp_path) for word in words])
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("age", "level"),
    [(timedelta(), Level.OK), (LEAF_LIFE - timedelta(days=20), Level.WARN), (LEAF_LIFE * 2, Level.FAIL)],
)
def test_diagnose_says_how_far_a_certificate_reaches(tmp_path, age, level):
    authority = Authority(tmp_path / "tls")
    authority.prepare(NAMES, ["booking"], now() - age)
    own = authority.client("booking")
    file = tmp_path / "booking.toml"
    file.write_text(
        f'data = "{tmp_path}"\n[broker]\ntls_ca = "{authority.ca}"\ntls_certificate = "{own.certificate}"\n'
    )
    found = {check.name: check for check in run_checks([file])}
    assert found["booking: certificate tls_ca"].level is Level.OK
    assert found["booking: certificate tls_certificate"].level is level


def test_diagnose_names_a_certificate_that_is_not_there(tmp_path):
    file = tmp_path / "booking.toml"
    file.write_text(f'data = "{tmp_path}"\n[broker]\ntls_ca = "{tmp_path}/none.pem"\n')
    found = {check.name: check for check in run_checks([file])}
    assert found["booking: certificate tls_ca"].level is Level.FAIL
