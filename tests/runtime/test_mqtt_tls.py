"""MqttLink over TLS against a real mosquitto: what connects, and a sentence for each thing that must not."""

import shutil
import socket
import threading
from datetime import timedelta

import pytest

from onsite import broker as onsite_broker
from onsite.certificates import LEAF_LIFE, Authority, now
from runtime.broker_settings import BrokerSettings
from runtime.mqtt import LinkDown, MqttLink

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def secure(tmp_path_factory, free_port, running_broker):
    """A broker with a plain port and a TLS port where passwords count."""
    with running_broker(
        tmp_path_factory.mktemp("secure"), tls=onsite_broker.TlsListener("0.0.0.0", free_port(), (HOST, "localhost"))
    ) as made:
        yield made


@pytest.fixture(scope="module")
def strict(tmp_path_factory, free_port, running_broker):
    """A broker with a TLS port where certificates count."""
    listener = onsite_broker.TlsListener(HOST, free_port(), (HOST,), certificates=True)
    with running_broker(tmp_path_factory.mktemp("strict"), tls=listener) as made:
        yield made


@pytest.fixture
def link_with(wait_for):
    """`link_with(table)`: a started link with the `[broker]` table of settings, stopped after the test."""
    opened = []

    def make(table, **changes):
        table = {**table, **changes}
        paths = {name: table.pop(name) for name in list(table) if name.startswith("tls_") or name == "password_file"}
        from pathlib import Path

        settings = BrokerSettings(**table, **{name: Path(str(path)) for name, path in paths.items() if path})
        link = MqttLink(
            settings, client_id=f"tls-{id(settings)}", session_expiry=timedelta(), on_message=lambda _: None
        )
        opened.append(link)
        link.start()
        return link

    yield make
    for link in opened:
        link.stop()


def refused(link, wait_for, words):
    wait_for(lambda: words in link.fault, f"the link says {words!r}")
    assert not link.connected
    with pytest.raises(LinkDown):
        link.publish("t", b"x")


def test_passwords_over_tls_with_the_pinned_authority(secure, link_with, wait_for, site_id):
    for host in (HOST, "localhost"):
        link = link_with(secure.files.client("gate-south"), host=host)
        wait_for(lambda link=link: link.connected, "connected")
        assert link.publish(f"seatgate/v1/{site_id}/gates/south/access", b"x").wait(30)
        assert link._connection._client.socket().version() in {"TLSv1.2", "TLSv1.3"}
        assert link._connection._client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_many_threads_publish_over_one_encrypted_socket(secure, link_with, wait_for, site_id):
    link = link_with(secure.files.client("gate-south"))
    wait_for(lambda: link.connected, "connected")
    answers = []

    def publish():
        answers.extend(link.publish(f"seatgate/v1/{site_id}/gates/south/access", bytes(5000)) for _ in range(50))

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 200
    assert all(answer.wait(30) for answer in answers)


def test_a_certificate_is_the_account_and_its_rights(strict, link_with, wait_for, site_id):
    table = strict.files.client("gate-south")
    assert "password_file" not in table
    link = link_with(table)
    wait_for(lambda: link.connected, "connected")
    assert link.publish(f"seatgate/v1/{site_id}/gates/south/access", b"x").wait(30)
    other = link.publish(f"seatgate/v1/{site_id}/gates/north/access", b"x")
    assert not other.wait(30)
    assert other.reason == "not authorized"


def test_the_plain_port_stays(secure, link_with, wait_for):
    plain = {"host": HOST, "port": secure.port, "username": "gate-south"}
    link = link_with(plain, password_file=secure.password_file("gate-south"))
    wait_for(lambda: link.connected, "connected")


def test_another_authority_is_not_believed(secure, link_with, wait_for, tmp_path):
    Authority(tmp_path).prepare([HOST], [], now())
    link = link_with(secure.files.client("gate-south"), tls_ca=tmp_path / "ca.pem")
    refused(link, wait_for, "was not signed by")


def test_another_host_is_not_believed(secure, link_with, wait_for):
    refused(link_with(secure.files.client("gate-south"), host="127.0.0.2"), wait_for, "is not for 127.0.0.2")


@pytest.mark.parametrize(
    ("made_at", "words"),
    [(-LEAF_LIFE * 2, "has run out"), (timedelta(days=30), "not valid yet by this machine's clock")],
)
def test_a_certificate_out_of_its_time_is_not_believed(
    tmp_path, free_port, running_broker, link_with, wait_for, made_at, words
):
    """As clients see it whose own clock stands elsewhere; the broker itself looks at no date of its own."""
    (tmp_path / "tls").mkdir()
    listener = onsite_broker.TlsListener(HOST, free_port(), (HOST,))
    with running_broker(tmp_path, tls=listener) as broker:
        pass
    authority = broker.files.authority
    shutil.rmtree(authority.folder)
    authority.prepare([HOST], [], now() + made_at)
    if "run out" in words:  # a young authority, an old certificate
        authority.ca.unlink()
        (authority.folder / "ca.key").unlink()
        authority._prepare_ca(now() - timedelta(days=3650))
        authority.prepare([HOST], [], now() + made_at)
    broker.start()
    refused(link_with(broker.files.client("gate-south")), wait_for, words)
    broker.kill()


def test_a_plain_client_on_the_tls_port_is_told(secure, link_with, wait_for):
    plain = {"host": HOST, "port": secure.files.tls.port, "username": "gate-south"}
    link = link_with(plain, password_file=secure.password_file("gate-south"))
    refused(link, wait_for, "if this is its TLS port, name its authority in tls_ca")


def test_a_tls_client_on_the_plain_port_is_told(secure, link_with, wait_for):
    refused(link_with(secure.files.client("gate-south"), port=secure.port), wait_for, "the port does not speak TLS")


def test_without_our_certificate_a_strict_broker_says_what_is_missing(strict, link_with, wait_for):
    table = strict.files.client("gate-south")
    link = link_with(
        {name: table[name] for name in ("host", "port", "username", "tls_ca")},
        password_file=strict.password_file("gate-south"),
    )
    refused(link, wait_for, "set tls_certificate and tls_key")


def test_a_certificate_of_another_authority_is_no_way_in(strict, link_with, wait_for, tmp_path):
    other = Authority(tmp_path)
    other.prepare([HOST], ["gate-south"], now())
    own = other.client("gate-south")
    link = link_with(strict.files.client("gate-south"), tls_certificate=own.certificate, tls_key=own.key)
    refused(link, wait_for, "our certificate")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("no authority", "cannot be read (No such file or directory): check tls_ca"),
        ("rubbish", "holds no certificate"),
        ("open key", "run `chmod 600"),
        ("another's key", "are no certificate and its key"),
    ],
)
def test_files_that_do_not_serve_are_named(strict, link_with, wait_for, tmp_path, trouble, words):
    table = strict.files.client("gate-south")
    changes = {}
    file = tmp_path / "file"
    match trouble:
        case "no authority":
            changes["tls_ca"] = file
        case "rubbish":
            file.write_text("rubbish")
            changes["tls_ca"] = file
        case "open key":
            shutil.copy(table["tls_key"], file)
            file.chmod(0o644)
            changes["tls_key"] = file
        case _:
            changes["tls_key"] = strict.files.authority.client("gate-north").key
    refused(link_with(table, **changes), wait_for, words)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "password_file is missing"),
        ({"tls_ca": "ca", "tls_certificate": "c"}, "tls_certificate and tls_key go together"),
        ({"tls_certificate": "c", "tls_key": "k"}, "tls_certificate needs tls_ca"),
    ],
)
def test_settings_that_cannot_go_together_are_refused(keys, words):
    with pytest.raises(ValueError, match=words):
        BrokerSettings("h", 1, "u", **keys)
