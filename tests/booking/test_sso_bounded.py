"""HTTP to the university's servers: what is read, and how much of it."""

import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from booking.sso import bounded
from booking.sso.vouching import SsoDownError

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OPEN = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.fixture
def serve():
    """`serve(content)`: the address of a server that answers one request with these bytes and hangs up."""
    opened = []

    def start(content):
        listener = socket.create_server(("127.0.0.1", 0))

        def answer():
            with suppress(OSError):
                taken, _ = listener.accept()
                with taken:
                    asked.append(taken.recv(65536))
                    taken.sendall(content)

        asked = []
        thread = threading.Thread(target=answer)
        thread.start()
        opened.append((listener, thread))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/", asked

    yield start
    for listener, thread in opened:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(30)


def get(address):
    with bounded.session(10.0, None) as asking:
        return asking.get(address)


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        OPEN + b"hello",
        CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ],
    ids=["length", "to the end", "chunked"],
)
def test_an_answer_of_every_form_is_read(serve, content):
    address, asked = serve(content)
    assert get(address).content == b"hello"
    assert b"Accept-Encoding: identity" in asked[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (OPEN + b"x" * (bounded.MAX_ANSWER + 1), "more than 262144 bytes"),
        (CHUNKED + b"50000\r\n" + b"x" * 0x50000 + b"\r\n0\r\n\r\n", "more than 262144 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "did not answer"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "somewhere else"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "did not answer"),
        (b"", "did not answer"),
    ],
    ids=["large", "large chunk", "cut off", "redirect", "another protocol", "nothing"],
)
def test_every_other_answer_is_none(serve, content, why):
    address, _ = serve(content)
    with pytest.raises(SsoDownError, match=why):
        get(address)


def test_an_answer_that_drips_is_given_up_at_the_deadline():
    """Each byte comes within the time-out of a read; all of them would take for ever."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            taken, _ = listener.accept()
            with taken, suppress(OSError):
                taken.sendall(OPEN)
                while not over.wait(0.01):
                    taken.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with bounded.session(0.3, None) as asking, pytest.raises(SsoDownError, match="did not end in time"):
                asking.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            over.set()
            thread.join(30)


def test_what_the_environment_says_counts_for_nothing(serve, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    address, asked = serve(OPEN + b"hello")
    assert get(address).content == b"hello"
    assert b"Authorization" not in asked[0]


@pytest.fixture
def tls_server(tmp_path):
    """A server with a certificate of its own making, and that certificate's file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate.public_bytes(Encoding.PEM))
    both = tmp_path / "both.pem"
    both.write_bytes(file.read_bytes() + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        with suppress(OSError):
            while True:
                taken, _ = listener.accept()
                with suppress(OSError), context.wrap_socket(taken, server_side=True) as secured:
                    secured.recv(65536)
                    secured.sendall(OPEN + b"hello")

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}/", file
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(30)


def test_a_certificate_counts_when_the_settings_name_who_made_it(tls_server):
    address, certificate = tls_server
    with bounded.session(10.0, certificate) as asking:
        assert asking.get(address).content == b"hello"
    for wish in (True, False):  # whoever asks cannot switch the check off
        with bounded.session(10.0, None) as asking, pytest.raises(SsoDownError, match="SSLError"):
            asking.get(address, verify=wish)


def test_a_missing_certificate_file_trusts_nobody(tls_server, tmp_path):
    with bounded.session(10.0, tmp_path / "no-such.pem") as asking, pytest.raises(SsoDownError):
        asking.get(tls_server[0])
