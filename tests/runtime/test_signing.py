"""Signatures: the exact bytes, another implementation's opinion, hostile input, key files."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from messages import envelope, topics
from messages.errors import MessageError
from runtime import signing
from runtime.secret_file import SecretFileError
from runtime.signing import HttpFault, HttpProof, SigningKey, SigningKeyError, verify, verify_http

TOPIC = "seatgate/v1/bjut/gates/south/access"
PAYLOAD = b'{"specversion":"1.0"}'
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = SigningKey.generate()


def test_openssl_accepts_the_signature_over_the_documented_bytes(tmp_path):
    public = tmp_path / "public.pem"
    public.write_bytes(
        Ed25519PublicKey.from_public_bytes(KEY.public_bytes).public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    message, signature = tmp_path / "message", tmp_path / "signature"
    # Written out from the module's description, not by its code.
    message.write_bytes(TOPIC.encode() + PAYLOAD)
    signature.write_bytes(signing.from_text(KEY.sign(TOPIC, PAYLOAD)))
    command = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        public,
        "-rawin",
        "-in",
        message,
        "-sigfile",
        signature,
    ]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    message.write_bytes(message.read_bytes() + b" ")
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_openssl_reads_the_key_file_and_signs_what_we_accept(tmp_path):
    key = SigningKey.load_or_create(tmp_path / "key.pem")
    (tmp_path / "message").write_bytes(signing.signed_bytes(TOPIC, PAYLOAD))
    command = ["openssl", "pkeyutl", "-sign", "-inkey", tmp_path / "key.pem", "-rawin", "-in", tmp_path / "message"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    assert verify(key.public_bytes, TOPIC, PAYLOAD, signing.to_text(raw))


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (TOPIC, PAYLOAD + b" "),
        (TOPIC, b""),
        (TOPIC + "x", PAYLOAD),
        ("\ud800", PAYLOAD),
    ],
)
def test_a_signature_covers_topic_and_payload(topic, payload):
    assert verify(KEY.public_bytes, TOPIC, PAYLOAD, KEY.sign(TOPIC, PAYLOAD))
    assert not verify(KEY.public_bytes, topic, payload, KEY.sign(TOPIC, PAYLOAD))


@pytest.mark.parametrize("shift", [-5, -1, 1, 5])
def test_a_byte_moved_between_topic_and_payload_gives_no_message(shift):
    whole, cut = TOPIC + PAYLOAD.decode(), len(TOPIC) + shift
    reader = (topics.parse, whole[:cut]) if shift < 0 else (envelope.decode, whole[cut:].encode())
    with pytest.raises(MessageError):
        reader[0](reader[1])


def test_a_bit_changed_anywhere_in_the_signature_or_key_is_refused():
    good = signing.from_text(KEY.sign(TOPIC, PAYLOAD))
    for bit in range(0, 512, 7):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert not verify(KEY.public_bytes, TOPIC, PAYLOAD, signing.to_text(bytes(bad)))
    assert not verify(SigningKey.generate().public_bytes, TOPIC, PAYLOAD, signing.to_text(good))


@settings(deadline=None, derandomize=True)
@given(public=st.binary(max_size=64), topic=st.text(), payload=st.binary(), signature=st.text(max_size=200))
def test_verify_never_raises(public, topic, payload, signature):
    assert not verify(public, topic, payload, signature)
    assert not verify(KEY.public_bytes, topic, payload, signature)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=100))
def test_base64url_has_one_spelling(content):
    text = signing.to_text(content)
    assert signing.from_text(text) == content
    assert "=" not in text
    assert signing.from_text(text + "=") is None


@pytest.mark.parametrize("text", ["A", "A===", "AB", "é", "AA AA", "AA\n", "+/8", "\ud800"])
def test_other_spellings_are_no_base64url(text):
    assert signing.from_text(text) is None


def test_a_key_file_is_made_once_with_mode_0600_and_read_again(tmp_path):
    path = tmp_path / "keys" / "gate.pem"
    first = SigningKey.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["gate.pem"]
    assert SigningKey.load_or_create(path).public_bytes == first.public_bytes
    assert len(first.kid) == 16
    assert first.kid == signing.kid_of(first.public_bytes)
    assert repr(first) == f"SigningKey({first.kid})"


def test_a_key_file_open_to_others_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "key.pem"
    SigningKey.load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(SecretFileError, match=f"chmod 600 {path}"):
        SigningKey.load_or_create(path)


def test_a_file_that_is_no_ed25519_key_is_refused(tmp_path):
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for number, content in enumerate((b"", b"hello", other)):
        path = tmp_path / str(number)
        path.touch(mode=0o600)
        path.write_bytes(content)
        with pytest.raises(SigningKeyError, match="move it away"):
            SigningKey.load_or_create(path)


def test_a_place_where_no_file_can_be_is_a_sentence(tmp_path):
    (tmp_path / "keys").touch()
    with pytest.raises(SecretFileError, match="cannot be written"):
        SigningKey.load_or_create(tmp_path / "keys" / "key.pem")


def signed_request(**changes):
    request = {"method": "POST", "path": "/api/v1/kiosks/k1/sessions?x=1", "body": b"{}"}
    headers = KEY.sign_http(request["method"], request["path"], request["body"], device="k1", now=NOW)
    headers |= changes.pop("headers", {})
    return {**request, "headers": headers, "now": NOW, **changes}


def test_a_signed_request_proves_device_time_and_nonce():
    request = signed_request()
    assert verify_http(KEY.public_bytes, **request) == HttpProof("k1", request["headers"]["Seatgate-Nonce"], NOW)
    assert signed_request()["headers"]["Seatgate-Nonce"] != request["headers"]["Seatgate-Nonce"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"method": "GET"}, HttpFault.SIGNATURE),
        ({"path": "/api/v1/kiosks/k1/sessions"}, HttpFault.SIGNATURE),
        ({"body": b"{} "}, HttpFault.SIGNATURE),
        ({"headers": {"Seatgate-Nonce": "A" * 24}}, HttpFault.SIGNATURE),
        ({"headers": {"Seatgate-Time": "1795420801"}}, HttpFault.SIGNATURE),
        ({"headers": {"Seatgate-Signature": ""}}, HttpFault.SIGNATURE),
        ({"headers": {"Seatgate-Nonce": "short"}}, HttpFault.HEADERS),
        ({"headers": {"Seatgate-Nonce": "A" * 65}}, HttpFault.HEADERS),
        ({"headers": {"Seatgate-Device": "../k1"}}, HttpFault.HEADERS),
        ({"headers": {"Seatgate-Device": ""}}, HttpFault.HEADERS),
        ({"headers": {"Seatgate-Time": "9" * 5000}}, HttpFault.HEADERS),
        ({"headers": {"Seatgate-Time": "-1"}}, HttpFault.HEADERS),
        ({"headers": {"Seatgate-Time": "١"}}, HttpFault.HEADERS),
        ({"now": NOW + timedelta(seconds=61)}, HttpFault.CLOCK),
        ({"now": NOW - timedelta(seconds=61)}, HttpFault.CLOCK),
    ],
)
def test_an_altered_late_or_early_request_is_not_believed(changes, fault):
    assert verify_http(KEY.public_bytes, **signed_request(**changes)) is fault


@pytest.mark.parametrize("seconds", [-60, 0, 60])
def test_clocks_may_be_a_minute_apart(seconds):
    request = signed_request(now=NOW + timedelta(seconds=seconds))
    assert isinstance(verify_http(KEY.public_bytes, **request), HttpProof)


def test_fields_cannot_lend_each_other_bytes_and_kinds_cannot_stand_for_each_other():
    assert signing.http_message("POST", "/a", "1", "n", b"") != signing.http_message("POST/", "a", "1", "n", b"")
    assert signing.http_message("P", "/", "1", "n", b"x") != signing.http_message("P", "/", "1", "nx", b"")
    assert not signing.http_message("P", "/", "1", "n", b"").startswith(signing.signed_bytes(topics.PREFIX, b""))


@settings(deadline=None, derandomize=True)
@given(
    headers=st.dictionaries(
        st.sampled_from([signing.DEVICE, signing.TIME, signing.NONCE, signing.SIGNATURE]), st.text()
    )
)
def test_verify_http_never_raises(headers):
    answer = verify_http(KEY.public_bytes, method="GET", path="/\udcff\ud800", headers=headers, body=b"", now=NOW)
    assert isinstance(answer, HttpFault)
