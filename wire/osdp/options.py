"""What a portal's options may say for OSDP, the keys beside them, and their checks. Reads the key file, opens no device."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import attrs

from config import ConfigError, structure
from config.schema import Portal
from wire.cards import CardFormat
from wire.osdp.bus import Pace
from wire.osdp.messages import CardRule
from wire.osdp.secure import DEFAULT_KEY, KEY_BYTES

MAX_ADDRESS = 0x7E
MOST_BITS = 64
INSTALL_AT_MOST = timedelta(hours=24)
INPUT_WORDS = ("", "passed", "passed-in", "passed-out", "fire", "forced", "held", "tamper", "power")
_OTHERS = 0o077
_KEY_LINE = re.compile(r"\s*(?P<portal>[a-z0-9-]{1,48})\s*=\s*\"?(?P<key>[0-9A-Fa-f]{32})\"?\s*(?:#.*)?")
_MOST_KEY_BYTES = 64 * 1024
_MS = 1_000_000
_BAUDS = (9600, 19200, 38400, 57600, 115200, 230400)


@attrs.frozen
class Options:
    """`[gates.portals.options]`; docs/protocols.md explains each."""

    secure: bool = True
    keys_file: str = ""
    install_until: str = ""
    crc: bool = True
    baud: int = 9600
    poll_every: timedelta = timedelta(milliseconds=50)
    answer_within: timedelta = timedelta(milliseconds=200)
    turnaround: timedelta = timedelta(milliseconds=2)
    card: CardFormat = CardFormat.HEX
    bits: int | None = None
    characters: CardFormat = CardFormat.DECIMAL
    inputs: list[str] = attrs.field(factory=list)
    output: int | None = None
    open_for: timedelta = timedelta(seconds=1)
    light: int = 0
    """-1: it has none."""
    sound: bool = True

    def __attrs_post_init__(self) -> None:
        bounds = (
            ("poll_every", 10, 60_000),
            ("answer_within", 20, 5_000),
            ("turnaround", 0, 1_000),
            ("open_for", 100, 60_000),
        )
        for key, least, most in bounds:
            length: timedelta = getattr(self, key)
            if not timedelta(milliseconds=least) <= length <= timedelta(milliseconds=most):
                raise ValueError(f'{key} must be from "{least}ms" to "{most}ms"')
        choices: tuple[tuple[str, object, Sequence[object]], ...] = (
            ("baud", self.baud, _BAUDS),
            ("card", self.card, ("hex", "hex-little")),
            ("characters", self.characters, ("decimal", "hex")),
            ("bits", self.bits or MOST_BITS, range(8, MOST_BITS + 1)),
            ("output", self.output or 0, range(256)),
            ("light", self.light, range(-1, 256)),
        )
        for key, value, allowed in choices:
            if value not in allowed:
                words = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
                raise ValueError(f"{key} = {value}: it is one of {words}")
        for word in self.inputs:
            if word not in INPUT_WORDS:
                raise ValueError(f'inputs: {word!r} is none of {", ".join(filter(None, INPUT_WORDS))} ("": not used)')
        if self.secure is not bool(self.keys_file):
            raise ValueError(
                'secure and keys_file need each other: write keys_file = "osdp-keys", or secure = false '
                "for a reader that cannot do it, whose line anybody may then read and write"
            )
        self.installs_until()

    def installs_until(self) -> datetime | None:
        """Return when install mode ends; ValueError when it is no date and time with a zone."""
        if not self.install_until:
            return None
        try:
            until: datetime | None = datetime.fromisoformat(self.install_until)
        except ValueError:
            until = None
        if until is None or until.tzinfo is None:
            raise ValueError(f'install_until: {self.install_until!r}: write it like "2026-11-25T18:30:00+08:00"')
        return until

    def allows_install(self, now: datetime) -> bool:
        """Whether install mode is on: until its end, and never longer than a day ahead."""
        until = self.installs_until()
        return until is not None and now < until <= now + INSTALL_AT_MOST

    @property
    def pace(self) -> Pace:
        """Return the line's pace."""
        return Pace(self.baud, *(value // timedelta(microseconds=1) * 1000 for value in self._times))

    @property
    def _times(self) -> tuple[timedelta, timedelta, timedelta]:
        return self.poll_every, self.answer_within, self.turnaround

    @property
    def rule(self) -> CardRule:
        """Return how its cards are read."""
        return CardRule(self.card, self.bits, self.characters)


@attrs.frozen
class Device:
    """One device of a line: its portal, what it shall do, and its own key."""

    portal: str
    address: int
    options: Options
    key: bytes | None = attrs.field(default=None, repr=False)


def devices(portals: Sequence[Portal], folder: Path) -> list[Device]:
    """Return the devices of a line; ConfigError with a sentence for each portal whose settings do not fit."""
    found, problems = list[Device](), list[str]()
    for portal in portals:
        try:
            found.append(_device(portal, folder))
        except ConfigError as error:
            problems += [f"{error.origin}: {problem}" for problem in error.problems]
    for one, other in pairwise(found):
        if one.options.pace != other.options.pace:
            problems.append(
                f"portal {other.portal!r}, options: baud, poll_every, answer_within and turnaround "
                f"are the line's: they must be those of {one.portal!r}"
            )
    addresses: dict[int, str] = {}
    for device in found:
        if (before := addresses.setdefault(device.address, device.portal)) != device.portal:
            problems.append(
                f"portal {device.portal!r}, address: {device.address} is that of {before!r} on the same line"
            )
    if problems:
        raise ConfigError("osdp", problems)
    return found


def _device(portal: Portal, folder: Path) -> Device:
    where = f"portal {portal.id!r}"
    if portal.address is None or not 0 <= portal.address <= MAX_ADDRESS:
        raise ConfigError(f"{where}, address", [f"write the reader's own, from 0 to {MAX_ADDRESS}"])
    options = structure(portal.options, Options, f"{where}, options")
    key = _key(portal.id, folder / options.keys_file, f"{where}, options.keys_file") if options.secure else None
    return Device(portal.id, portal.address, options, key)


def _key(portal: str, file: Path, where: str) -> bytes:
    """Return a portal's key: a line `portal = 32 hexadecimal digits` of a file that nobody else can read."""
    try:
        with file.open("rb") as opened:
            mode = file.stat().st_mode
            text = opened.read(_MOST_KEY_BYTES).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(where, [f"{file} cannot be read: {error}"]) from error
    if mode & _OTHERS:
        raise ConfigError(where, [f"{file} holds keys but other accounts may open it: run `chmod 600 {file}`"])
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if (found := _KEY_LINE.fullmatch(line)) is None:
            raise ConfigError(where, [f"{file}, line {number}: write a portal, =, and 32 hexadecimal digits"])
        if found["portal"] == portal:
            return _checked_key(bytes.fromhex(found["key"]), where, number, file)
    raise ConfigError(where, [f"{file} has no line for {portal!r}"])


def _checked_key(key: bytes, where: str, number: int, file: Path) -> bytes:
    if key == DEFAULT_KEY:
        raise ConfigError(
            where, [f"{file}, line {number}: this is the default key, printed in the standard: make one of your own"]
        )
    if len(set(key)) < KEY_BYTES // 4:
        raise ConfigError(where, [f"{file}, line {number}: a key of so few different bytes can be guessed"])
    return key
