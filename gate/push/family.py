"""The family `face-push`: a line is a listening address, a portal a door of a terminal that calls there.

Its settings and what can be wrong with them; the line itself is `gate.push.line`.
"""

import ssl
from collections.abc import Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import attrs

from config import structure
from config.errors import ConfigError
from config.schema import Portal
from config.values import Secret
from gate.push import told
from gate.push.doorman import Auth, Terminal
from gate.push.line import PushLine
from runtime.secret_file import SecretFileError, read_secret

SECRET_CHARS = 12
"""The shortest secret: whoever guesses it is a reader at will."""


@attrs.frozen
class Options:
    """`[gates.portals.options]`; docs/protocols.md explains each."""

    secret_file: str
    allow: list[str]
    user: str = ""
    auth: Auth = Auth.DIGEST
    door: int = attrs.field(default=0, validator=attrs.validators.in_(range(256)))
    faces: list[str] = attrs.field(factory=lambda: list(told.FACES))
    strangers: list[str] = attrs.field(factory=lambda: list(told.STRANGERS))
    cards: list[str] = attrs.field(factory=lambda: list(told.CARDS))
    fresh_for: timedelta = timedelta(seconds=10)
    tls_certificate: str = ""
    tls_key: str = ""


class FacePush:
    """See `wire.line_driver.Family`."""

    def line(self, device: str, portals: Sequence[Portal], folder: Path) -> PushLine:
        """See `Family.line`."""
        problems: list[str] = []
        address = _address(device, portals[0], problems)
        doors: dict[str, dict[int, str]] = {}
        terminals: dict[str, Terminal] = {}
        fresh, tls = timedelta(seconds=10), ("", "")
        for portal in portals:
            try:
                options = structure(portal.options, Options, f"portal {portal.id!r}, options")
                terminal = _terminal(portal, options, folder, doors)
            except ConfigError as error:
                problems += [f"{error.origin}: {problem}" for problem in error.problems]
                continue
            known = terminals.setdefault(terminal.user, terminal)
            if (known.secret, known.auth, known.allow, known.codes) != (
                terminal.secret,
                terminal.auth,
                terminal.allow,
                terminal.codes,
            ):
                problems.append(
                    f"portal {portal.id!r}, options: user {terminal.user!r} is one terminal: give each of its doors the same"
                )
            fresh, tls = options.fresh_for, (options.tls_certificate, options.tls_key)
        if problems:
            raise ConfigError("face-push", problems)
        return PushLine(device, address, list(terminals.values()), fresh, _tls(tls, folder))


def _address(device: str, portal: Portal, problems: list[str]) -> tuple[str, int]:
    host, _, port = device.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004 - ports
        problems.append(
            f'portal {portal.id!r}: port = {device[:60]!r} is no address to listen on: write "0.0.0.0:8090"'
        )
        return "", 0
    return host.strip("[]"), int(port)


def _terminal(portal: Portal, options: Options, folder: Path, doors: dict[str, dict[int, str]]) -> Terminal:
    where = f"portal {portal.id!r}, options"
    wrong = list(_wrong(portal, options))
    try:
        secret = read_secret(folder / options.secret_file).decode("utf-8", "replace").strip()
    except SecretFileError as error:
        secret = "-" * SECRET_CHARS
        wrong.append(f"secret_file: {error}")
    if len(secret) < SECRET_CHARS:
        wrong.append(f"secret_file: the secret has {len(secret)} characters: at least {SECRET_CHARS}, from a generator")
    user = options.user or portal.id
    taken = doors.setdefault(user, {})
    if options.door in taken:
        wrong.append(f"door: {options.door} of terminal {user!r} is portal {taken[options.door]!r} already")
    if wrong:
        raise ConfigError(where, wrong)
    taken[options.door] = portal.id
    codes = told.Codes(frozenset(options.faces), frozenset(options.strangers), frozenset(options.cards))
    allow = tuple(ip_network(each, strict=False) for each in options.allow)
    return Terminal(user, Secret(secret), options.auth, allow, taken, codes)


def _wrong(portal: Portal, options: Options) -> Iterator[str]:
    if portal.address is not None:
        yield "address: a terminal that calls has none: `allow` says from where"
    if not options.allow:
        yield 'allow: name the terminal\'s address, such as ["10.3.4.17"]: nobody else may call'
    for each in options.allow:
        try:
            ip_network(each, strict=False)
        except ValueError:
            yield f"allow: {each[:60]!r} is neither an address nor a network such as 10.3.4.0/24"
    for key in ("faces", "strangers", "cards"):
        for code in getattr(options, key):
            major, _, minor = code.partition("/")
            if not (major.isascii() and major.isdigit() and minor.isascii() and minor.isdigit()):
                yield f'{key}: {code[:60]!r} is no code: write major/minor, such as "5/75"'
    if not timedelta() < options.fresh_for <= timedelta(minutes=5):
        yield "fresh_for: more than nothing and at most 5min: what is older opens no door"
    if bool(options.tls_certificate) is not bool(options.tls_key):
        yield "tls_certificate and tls_key need each other"


def _tls(files: tuple[str, str], folder: Path) -> ssl.SSLContext | None:
    if not files[0]:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(folder / files[0], folder / files[1])
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "face-push", [f"tls_certificate and tls_key: {files[0]} with {files[1]} cannot be used: {error}"]
        ) from error
    return context


FAMILY = FacePush()
