"""The broker's own authority: one CA of this installation, a certificate for the broker, one for each account that wants one.

Everything lies in one folder, keys with mode 0600. A certificate is made again before it runs out, and when the broker gets
another name. Dates follow this machine's real clock, which OpenSSL goes by, never the shifted one of `seatgate run --now`.
"""

import ipaddress
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from onsite.errors import OnsiteError
from onsite.files import write_private

_log = logging.getLogger(__name__)
CA_LIFE, LEAF_LIFE = timedelta(days=7300), timedelta(days=825)
RENEW_BEFORE = timedelta(days=90)
"""Nobody has to be there: a leaf is renewed at a start, or by the daily look, this long before its end."""
BACKDATED = timedelta(days=2)
"""A client whose clock is a little behind still finds the certificate valid."""

Key = ec.EllipticCurvePrivateKey


@attrs.frozen
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@attrs.frozen
class Authority:
    """The CA in `folder`."""

    folder: Path

    @property
    def ca(self) -> Path:
        """What clients pin; no secret."""
        return self.folder / "ca.pem"

    @property
    def server(self) -> Pair:
        """The broker's own."""
        return Pair(self.folder / "server.pem", self.folder / "server.key")

    def client(self, account: str) -> Pair:
        """Whoever holds this is `account`."""
        return Pair(self.folder / "clients" / f"{account}.pem", self.folder / "clients" / f"{account}.key")

    def prepare(self, names: Sequence[str], accounts: Iterable[str], now: datetime) -> bool:
        """Make what is missing, has another name or ends within RENEW_BEFORE; tell whether anything was made.

        `names`: hosts and addresses that the broker is reached by. OnsiteError for files that cannot be used.
        """
        (self.folder / "clients").mkdir(parents=True, exist_ok=True, mode=0o700)
        made = self._prepare_ca(now)
        ca = self._load(Pair(self.ca, self.folder / "ca.key"))
        if ca is None:
            raise OnsiteError(
                f"{self.ca} and ca.key beside it cannot be used: move {self.folder} away, a new one is made"
            )
        wanted = [(self.server, "broker", tuple(names)), *((self.client(name), name, ()) for name in accounts)]
        for pair, name, hosts in wanted:
            if not self._serves(pair, ca, hosts, now):
                _write(pair, *_leaf(name, hosts, ca, now))
                _log.warning("certificate made file=%s days=%d", pair.certificate, LEAF_LIFE.days)
                made = True
        return made

    def _prepare_ca(self, now: datetime) -> bool:
        if self.ca.exists():
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Seatgate broker authority {now:%Y-%m-%d}")])
        certificate = (
            _begun(name, key, now, CA_LIFE)
            .issuer_name(name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(Pair(self.ca, self.folder / "ca.key"), certificate, key)
        return True

    def _serves(self, pair: Pair, ca: tuple[x509.Certificate, Key], hosts: tuple[str, ...], now: datetime) -> bool:
        found = self._load(pair)
        if found is None:
            return False
        certificate, _ = found
        try:
            certificate.verify_directly_issued_by(ca[0])
        except (ValueError, TypeError, InvalidSignature):
            return False
        good = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - RENEW_BEFORE
        return good and _hosts_of(certificate) == {_general(host) for host in hosts}

    @staticmethod
    def _load(pair: Pair) -> tuple[x509.Certificate, Key] | None:
        """Return a certificate and its key; None when one is missing, broken, or not the other's."""
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
            key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
        except (OSError, ValueError, TypeError):
            return None
        fits = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
        return (certificate, key) if fits and isinstance(key, ec.EllipticCurvePrivateKey) else None


def ends_of(certificate: Path) -> datetime | None:
    """Return when a certificate runs out; None for a file that holds none."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def now() -> datetime:
    """Return the time that OpenSSL goes by."""
    return datetime.now(UTC)


def _begun(subject: x509.Name, key: Key, at: datetime, life: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATED)
        .not_valid_after(at + life)
    )


def _leaf(
    name: str, hosts: tuple[str, ...], ca: tuple[x509.Certificate, Key], at: datetime
) -> tuple[x509.Certificate, Key]:
    """Return a certificate of the broker (with its hosts) or of a client (without any), and its new key."""
    authority, authority_key = ca
    key = ec.generate_private_key(ec.SECP256R1())
    life = min(LEAF_LIFE, authority.not_valid_after_utc - at)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, at, life)
        .issuer_name(authority.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
    return builder.sign(authority_key, hashes.SHA256()), key


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts_of(certificate: x509.Certificate) -> set[x509.GeneralName]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return set()


def _write(pair: Pair, certificate: x509.Certificate, key: Key) -> None:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    # The key first: a certificate is there only when its key is.
    write_private(pair.key, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    write_private(pair.certificate, certificate.public_bytes(pem))
