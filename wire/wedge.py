"""Readers that are keyboards: key codes and their times → the text of one scan → who was read. Pure; gate and kiosk use it.

A scan is a burst of keys, ended by Enter (or by a pause, for readers that send none). Keys that come slower than `gap` are no
reader's but a person's, and what they typed is dropped. Codes are those of Linux (`linux/input-event-codes.h`); the layout
is the American one, which readers are shipped with.
"""

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

import attrs

from messages.access import Credential, CredentialKind
from wire import cards
from wire.cards import CardFormat, CardNumber, canonical
from wire.found import BadFrame, Fault
from wire.reads import Read

RELEASED, PRESSED, HELD = 0, 1, 2
"""An event's value; `HELD` is the kernel's own repetition."""
ENTERS = frozenset((28, 96))
TAB = 15
SHIFTS = frozenset((42, 54))
MOST_CHARS = 64
_NS = 1_000_000_000

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (71, "789-456+1230.", "789-456+1230."),
)
KEYS = {first + n: pair for first, low, high in _ROWS for n, pair in enumerate(zip(low, high, strict=True))}
"""Code → the character, and that with a shift key."""


class Ends(StrEnum):
    """What ends a scan."""

    ENTER = "enter"
    TAB = "tab"
    PAUSE = "pause"


@attrs.frozen
class WedgeSettings:
    """How a reader types, and what."""

    kind: CredentialKind = CredentialKind.CARD
    card: CardFormat = CardFormat.DECIMAL
    """How a card's number stands in the text: decimal, hex or hex-little."""
    bits: int | None = None
    ends: Ends = Ends.ENTER
    gap: timedelta = timedelta(milliseconds=100)
    """The longest time between two keys of one scan."""
    min_length: int = attrs.field(default=4, validator=attrs.validators.in_(range(1, MOST_CHARS + 1)))
    max_length: int = attrs.field(default=MOST_CHARS, validator=attrs.validators.in_(range(1, MOST_CHARS + 1)))

    def __attrs_post_init__(self) -> None:
        if self.min_length > self.max_length:
            raise ValueError(f"min_length = {self.min_length} is more than max_length = {self.max_length}")
        if not timedelta(0) < self.gap <= timedelta(seconds=5):
            raise ValueError("gap must be more than nothing and at most 5 s")
        if self.card not in (CardFormat.DECIMAL, CardFormat.HEX, CardFormat.HEX_LITTLE):
            raise ValueError('card must be "decimal", "hex" or "hex-little": what a reader can type')


@attrs.frozen
class Key:
    """One event of a keyboard; `at_ns` on a clock that is never set."""

    code: int
    value: int
    at_ns: int


@attrs.frozen
class Scan:
    """The text of one scan. It stays out of the repr."""

    text: str = attrs.field(repr=False)


class WedgeDecoder:
    """Decodes one reader. One thread at a time."""

    def __init__(self, settings: WedgeSettings) -> None:
        self._settings = settings
        self._gap = round(settings.gap.total_seconds() * _NS)
        self._ends = {Ends.ENTER: ENTERS, Ends.TAB: frozenset((TAB,)), Ends.PAUSE: ENTERS}[settings.ends]
        self._text: list[str] = []
        self._shifts: set[int] = set()
        self._last: int | None = None
        self._skipping = False

    @property
    def held(self) -> int:
        """How many characters wait for their end."""
        return len(self._text)

    def feed(self, keys: Sequence[Key]) -> list[Scan | BadFrame]:
        """Return what these keys end."""
        found: list[Scan | BadFrame] = []
        for key in keys:
            found += self.due(key.at_ns)
            if key.code in SHIFTS:
                (self._shifts.discard if key.value == RELEASED else self._shifts.add)(key.code)
            elif key.value == PRESSED:
                self._last = key.at_ns
                found += self._pressed(key.code)
        return found

    def due(self, now_ns: int) -> list[Scan | BadFrame]:
        """Return what a pause up to now has ended."""
        if self._last is None or now_ns - self._last <= self._gap:
            return []
        skipping, text = self._begin_anew()
        if skipping or not text:
            return []
        if self._settings.ends is Ends.PAUSE:
            return [self._scan(text)]
        return [_bad(Fault.LENGTH, f"{len(text)} keys without an end, or slower than a reader types")]

    def forget(self) -> None:
        """The reader was unplugged: half a scan is none."""
        self._begin_anew()
        self._shifts.clear()

    def _begin_anew(self) -> tuple[bool, str]:
        was = self._skipping, "".join(self._text)
        self._text, self._last, self._skipping = [], None, False
        return was

    def _pressed(self, code: int) -> list[Scan | BadFrame]:
        if code in self._ends:
            skipping, text = self._begin_anew()
            return [self._scan(text)] if text and not skipping else []
        if self._skipping:
            return []
        characters = KEYS.get(code)
        if characters is None:
            return self._skip(Fault.NOT_MATCHING, f"key {code} is none that a reader types")
        if len(self._text) >= self._settings.max_length:
            return self._skip(Fault.OVERLONG, f"more than {self._settings.max_length} characters")
        self._text.append(characters[bool(self._shifts)])
        return []

    def _skip(self, fault: Fault, detail: str) -> list[Scan | BadFrame]:
        """Report what is wrong once, and pass over the rest up to its end."""
        self._skipping, self._text = True, []
        return [_bad(fault, detail)]

    def _scan(self, text: str) -> Scan | BadFrame:
        if len(text) < self._settings.min_length:
            return _bad(Fault.LENGTH, f"{len(text)} characters: at least {self._settings.min_length} are one scan")
        return Scan(text)


def read_of(settings: WedgeSettings, scan: Scan) -> Read | BadFrame:
    """Return who was read; a BadFrame when the text is no number or code of the reader's kind."""
    try:
        match settings.kind:
            case CredentialKind.CARD:
                value = canonical(settings.card, scan.text, CardNumber(bits=settings.bits))
            case CredentialKind.FACE:
                value = cards.person(scan.text)
            case CredentialKind.QR:
                value = cards.code(scan.text)
    except ValueError as error:
        return _bad(Fault.NOT_MATCHING, str(error))
    return Read(Credential(settings.kind, value))


def _bad(fault: Fault, detail: str) -> BadFrame:
    """What was typed may be a password: it is in no bad frame."""
    return BadFrame(fault, b"", detail)
