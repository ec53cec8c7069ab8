"""Our own mosquitto: its configuration, one account per process, and what each account may do; with TLS where that is asked for.

Writes files and says with which command mosquitto starts; starting it is `onsite.processes`' work. The rules follow
the topic table of docs/topics.md: an account reads and writes its own topics and nothing else.
"""

import base64
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from config.schema import Site
from messages.access_list import MAX_BYTES
from messages.topics import PREFIX
from onsite import certificates
from onsite.certificates import Authority
from onsite.errors import OnsiteError
from onsite.files import write_private

BOOKING = "booking"
"""The booking service's account."""
_PASSWORD_BYTES = 32
_ITERATIONS = 101
"""mosquitto's own default; the passwords are 32 random bytes, which no number of guesses reaches."""
_HEADERS_BYTES = 4096
"""Room for a packet's topic and user properties beside its payload."""

_CONFIGURATION = """\
# Written by Seatgate, and again at every start of `seatgate run` or by `seatgate broker`.
listener {port} {host}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence true
persistence_location {folder}
# Nagle's algorithm would hold every small message back for 40 ms.
set_tcp_nodelay true
# Far above any burst: past its limit mosquitto drops messages that it has already acknowledged to their sender.
# Not 0 (no limit): then mosquitto 2.0.11 cuts off a client whose publish its rights forbid, instead of answering it.
max_queued_messages 1000000
max_packet_size {size}
sys_interval 0
connection_messages true
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


_TLS = """
listener {port} {host}
cafile {authority.ca}
certfile {authority.server.certificate}
keyfile {authority.server.key}
require_certificate {certificates}
use_identity_as_username {certificates}
"""


@attrs.frozen
class Account:
    """One MQTT account: topic filters that it may read, and topic filters that it may write."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@attrs.frozen
class TlsListener:
    """A second port, for other machines. `names`: hosts and addresses that clients know it by, the first one our own processes.

    With `certificates` each client shows one, and its common name is its account; else each signs in with its password.
    """

    host: str
    port: int
    names: tuple[str, ...]
    certificates: bool = False


@attrs.frozen
class Broker:
    """A configured broker: `command` starts it, `password_file(account)` is what its clients sign in with."""

    folder: Path
    host: str
    port: int
    tls: TlsListener | None = None

    @property
    def authority(self) -> Authority:
        """Who signs the certificates of its TLS port."""
        return Authority(self.folder / "tls")

    def client(self, account: str) -> dict[str, str | int]:
        """Return the `[broker]` table of an account's settings: over TLS where there is a port for it."""
        if self.tls is None:
            reached: dict[str, str | int] = {"host": self.host, "port": self.port, "username": account}
        else:
            ca = str(self.authority.ca)
            reached = {"host": self.tls.names[0], "port": self.tls.port, "username": account, "tls_ca": ca}
        if self.tls is None or not self.tls.certificates:
            return {**reached, "password_file": str(self.password_file(account))}
        own = self.authority.client(account)
        return {**reached, "tls_certificate": str(own.certificate), "tls_key": str(own.key)}

    def renew(self, all_accounts: Iterable[Account]) -> bool:
        """Make certificates that are missing or run out soon; tell whether a running broker must read them again (SIGHUP)."""
        if self.tls is None:
            return False
        named = [account.name for account in all_accounts] if self.tls.certificates else []
        return self.authority.prepare(self.tls.names, named, certificates.now())

    @property
    def command(self) -> list[str]:
        """The command line; OnsiteError when mosquitto is not installed."""
        return [find_mosquitto(), "-c", str(self.folder / "mosquitto.conf")]

    def password_file(self, account: str) -> Path:
        """The file, readable by its owner alone, that holds an account's password."""
        return self.folder / "accounts" / account


def find_mosquitto() -> str:
    """Return mosquitto's path (Debian keeps it in /usr/sbin, which an ordinary PATH lacks)."""
    found = shutil.which(
        "mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )
    if found is None:
        raise OnsiteError("mosquitto is not installed: run `make run`, or as root: apt-get install mosquitto")
    return found


def gate_account(gate: str) -> str:
    """Name the account of one gate process."""
    return f"gate-{gate}"


def kiosk_account(kiosk: str) -> str:
    """Name the account of one kiosk."""
    return f"kiosk-{kiosk}"


def accounts(site: str, gates: Iterable[str], kiosks: Iterable[str]) -> tuple[Account, ...]:
    """Return every account of a site with its least rights; `site` may be "+"."""
    root = f"{PREFIX}/{site}"
    births = f"{root}/booking/+/presence"
    booking = Account(
        BOOKING,
        reads=tuple(
            f"{root}/{topic}"
            for topic in ("gates/+/access", "gates/+/presence", "kiosks/+/check-ins", "kiosks/+/presence")
        ),
        writes=(
            births,
            *(f"{root}/gates/+/{leaf}" for leaf in ("ack", "access-list", "command")),
            *(f"{root}/kiosks/+/{leaf}" for leaf in ("ack", "command")),
            f"{root}/areas/+/seats",
            f"{root}/readers/+/notifications",
        ),
    )
    return (
        booking,
        *(
            Account(
                gate_account(gate),
                reads=(births, *(f"{root}/gates/{gate}/{leaf}" for leaf in ("ack", "access-list", "command"))),
                writes=tuple(f"{root}/gates/{gate}/{leaf}" for leaf in ("access", "presence")),
            )
            for gate in gates
        ),
        *(
            Account(
                kiosk_account(kiosk),
                reads=(
                    births,
                    f"{root}/areas/+/seats",
                    *(f"{root}/kiosks/{kiosk}/{leaf}" for leaf in ("ack", "command")),
                ),
                writes=tuple(f"{root}/kiosks/{kiosk}/{leaf}" for leaf in ("check-ins", "presence")),
            )
            for kiosk in kiosks
        ),
    )


def accounts_of(site: Site) -> tuple[Account, ...]:
    """Return every account of a site file."""
    return accounts(site.id, (gate.id for gate in site.gates), (kiosk.id for kiosk in site.kiosks))


def prepare(
    folder: Path,
    host: str,
    port: int,
    all_accounts: Sequence[Account],
    tls: TlsListener | None = None,
    *,
    user: str = "",
) -> Broker:
    """Write mosquitto's files into `folder`. Passwords and certificates are made once and kept from start to start.

    `user`: who mosquitto becomes when root starts it.
    """
    broker = Broker(folder.resolve(), host, port, tls)
    (broker.folder / "accounts").mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = _CONFIGURATION.format(port=port, host=host, folder=broker.folder, size=MAX_BYTES + _HEADERS_BYTES)
    if tls is not None:
        configuration += _TLS.format(
            port=tls.port, host=tls.host, authority=broker.authority, certificates=str(tls.certificates).lower()
        )
        broker.renew(all_accounts)
    if user or os.geteuid() == 0:
        # As root mosquitto would turn into the user `mosquitto`, who may not read this folder.
        configuration += f"user {user or 'root'}\n"
    write_private(broker.folder / "mosquitto.conf", configuration)
    write_private(broker.folder / "acl", "\n".join(_acl(account) for account in all_accounts))
    write_private(
        broker.folder / "passwords",
        "".join(
            f"{account.name}:{_hashed(_password(broker.password_file(account.name)))}\n" for account in all_accounts
        ),
    )
    return broker


def _acl(account: Account) -> str:
    rules = [f"topic read {topic}" for topic in account.reads] + [f"topic write {topic}" for topic in account.writes]
    return "\n".join([f"user {account.name}", *rules, ""])


def _password(file: Path) -> str:
    if not file.exists():
        write_private(file, secrets.token_urlsafe(_PASSWORD_BYTES))
    return file.read_text(encoding="ascii").strip()


def _hashed(password: str) -> str:
    """Return mosquitto's password format 7: PBKDF2-HMAC-SHA-512, as `mosquitto_passwd` writes it."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
