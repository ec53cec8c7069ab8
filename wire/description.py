"""What a frame family looks like, as typed data read from TOML (`config/protocols/*.toml`; docs/protocols.md teaches it).

Types and their checks only: `wire.families` reads them, and finding frames in bytes is `wire.frames`' work.
Offsets count bytes of the unpacked frame: ASCII-hex pairs are one byte, the first start byte is 0, and a negative
offset counts from the end.
"""

import re
from datetime import timedelta
from enum import StrEnum

import attrs

from messages.access import AccessOutcome, CredentialKind, Direction
from wire.cards import USUAL, CardFormat, CardNumber
from wire.checksums import ByteOrder, ChecksumKind
from wire.meanings import Conversation, Message, Says, check_messages
from wire.patterns import Pattern, compiled

MAX_FRAME_BYTES = 1024
MAX_START_BYTES = 4
HEX_DIGITS = b"0123456789ABCDEFabcdef"
FIELDS = frozenset({"value", "facility", "kind", "direction", "outcome", "score", "at"})
"""The names that mean something: `value` is the credential, `facility` the code before a card's number, `score` how sure a
terminal is of a face; `at` is the device's own time, shown but not believed."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


class Parity(StrEnum):
    """The parity bit of the serial line."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


class Encoding(StrEnum):
    """How the bytes between start and end stand on the wire."""

    BINARY = "binary"
    ASCII_HEX = "ascii-hex"


def _hex(_instance: object, attribute: "attrs.Attribute[str]", text: str) -> None:
    try:
        bytes.fromhex(text)
    except ValueError:
        raise ValueError(f'{attribute.name} = {text!r} is not hexadecimal bytes: write "02" or "55 AA"') from None


@attrs.frozen
class SerialLine:
    """How the device's serial line is set.

    `rs485`: the driver raises RTS while it sends, for an adapter that does not switch by itself; `rs485_lead` before the first
    bit, `rs485_tail` after the last one.
    """

    baud: int = attrs.field(default=9600, validator=attrs.validators.in_(range(300, 1_000_001)))
    data_bits: int = attrs.field(default=8, validator=attrs.validators.in_((7, 8)))
    parity: Parity = Parity.NONE
    stop_bits: int = attrs.field(default=1, validator=attrs.validators.in_((1, 2)))
    rs485: bool = False
    rs485_lead: timedelta = timedelta(0)
    rs485_tail: timedelta = timedelta(0)


@attrs.frozen
class LengthField:
    """A length that the frame itself states: whole frame = the number at `at` + `adds`."""

    at: int = attrs.field(validator=attrs.validators.ge(1))
    size: int = attrs.field(default=1, validator=attrs.validators.in_((1, 2)))
    order: ByteOrder = "little"
    adds: int = 0


@attrs.frozen
class LengthTable:
    """How long each kind of frame is: the byte at `at`, as hexadecimal → bytes of the whole frame."""

    at: int = attrs.field(validator=attrs.validators.ge(1))
    of: dict[str, int] = attrs.field()

    def __attrs_post_init__(self) -> None:
        for byte in self.of:
            if not re.fullmatch("[0-9A-F]{2}", byte):
                raise ValueError(f'length_table.of has {byte!r}: write a byte as "0B"')


@attrs.frozen
class FrameShape:
    """Where a frame begins and ends. `length`: bytes on the wire, start to end, when it never changes."""

    start: str = attrs.field(validator=_hex)
    end: str = attrs.field(default="", validator=_hex)
    encoding: Encoding = Encoding.BINARY
    length: int | None = None
    length_field: LengthField | None = None
    length_table: LengthTable | None = None
    max: int = attrs.field(default=256, validator=attrs.validators.in_(range(1, MAX_FRAME_BYTES + 1)))

    def __attrs_post_init__(self) -> None:
        if not 1 <= len(self.start_bytes) <= MAX_START_BYTES:
            raise ValueError(f"start must have 1 to {MAX_START_BYTES} bytes: without it no frame can be found in noise")
        stated = [self.length, self.length_field, self.length_table]
        if sum(each is not None for each in stated) > 1:
            raise ValueError("length, length_field and length_table exclude each other")
        if self.encoding is Encoding.ASCII_HEX:
            self._check_ascii_hex()
        elif not any(each is not None for each in stated):
            raise ValueError(
                "a binary frame needs length, length_field or length_table: its end byte may also occur inside it"
            )
        for byte, length in (self.length_table.of if self.length_table else {}).items():
            if not self.overhead < length <= self.max:
                raise ValueError(
                    f"length_table.of.{byte} = {length} must be more than start and end and at most max = {self.max}"
                )
        if self.length is not None and not self.overhead < self.length <= self.max:
            raise ValueError(f"length = {self.length} must be more than start and end and at most max = {self.max}")

    def _check_ascii_hex(self) -> None:
        if self.length_field is not None or self.length_table is not None:
            raise ValueError('length_field and length_table need encoding = "binary"')
        if not self.end_bytes:
            raise ValueError("an ascii-hex frame needs an end byte")
        if any(byte in HEX_DIGITS for byte in self.start_bytes[:1] + self.end_bytes[:1]):
            raise ValueError("start and end of an ascii-hex frame must not begin with a hexadecimal digit")
        if self.length is not None and (self.length - self.overhead) % 2:
            raise ValueError(f"length = {self.length} leaves half an ascii-hex byte between start and end")

    @property
    def start_bytes(self) -> bytes:
        """The bytes that every frame begins with."""
        return bytes.fromhex(self.start)

    @property
    def end_bytes(self) -> bytes:
        """The bytes that every frame ends with; none for many length-counted families."""
        return bytes.fromhex(self.end)

    @property
    def overhead(self) -> int:
        """Start and end bytes together."""
        return len(self.start_bytes) + len(self.end_bytes)

    @property
    def unpacked_length(self) -> int | None:
        """`length` once ASCII-hex pairs are bytes; None when frames differ in length."""
        if self.length is None or self.encoding is Encoding.BINARY:
            return self.length
        return self.overhead + (self.length - self.overhead) // 2


@attrs.frozen
class ChecksumRule:
    """Which bytes are summed (`covers`: first, and the one after the last) and where the check bytes stand."""

    kind: ChecksumKind
    covers: list[int]
    at: int
    order: ByteOrder = "big"

    def __attrs_post_init__(self) -> None:
        if len(self.covers) != len(("first", "after the last")):
            raise ValueError("covers must be two offsets: [first byte, the byte after the last]")


@attrs.frozen
class Field:
    """A part of the frame, read as upper-case hexadecimal text. `written`: what an encoder puts there by itself."""

    at: int = attrs.field(validator=attrs.validators.ge(0))
    size: int = attrs.field(validator=attrs.validators.in_(range(1, 65)))
    written: str = attrs.field(default="", validator=_hex)
    needed: bool = True
    """False: a shorter frame, of another kind, is without it."""


@attrs.frozen
class LineShape:
    """A text line, ended by CR or LF. `pattern` must match all of it; its named groups are the fields."""

    pattern: str
    written: str
    """The form an encoder writes, with `{value}` and the other fields in braces."""
    max: int = attrs.field(default=256, validator=attrs.validators.in_(range(1, 257)))

    def __attrs_post_init__(self) -> None:
        unknown = sorted(set(self.compiled.groupindex) - FIELDS)
        if unknown:
            raise ValueError(f"pattern has a group {unknown[0]!r}: the groups are {', '.join(sorted(FIELDS))}")
        if "value" not in self.compiled.groupindex:
            raise ValueError("pattern has no group (?P<value>…): nothing would be read")

    @property
    def compiled(self) -> Pattern:
        """The pattern, ready to match a line in time linear in its length."""
        return compiled(self.pattern)


class TextForm(StrEnum):
    """How the text of a face or a code stands in the field `value` of a frame; in a line it stands as it is."""

    HEX = "hex"
    """The digits themselves, two to a byte."""
    ASCII = "ascii"
    """A byte for each character; 00, FF or a blank after the last one fill up."""


@attrs.frozen
class Recognition:
    """When what a terminal says of a face is nobody's credential."""

    at_least: float | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(attrs.validators.and_(attrs.validators.ge(0), attrs.validators.lt(65_536))),
    )
    """Less than this in the field `score`, or no score, is a stranger. The number is as the terminal sends it."""
    nobody: list[str] = attrs.field(factory=list)
    """What `value` holds (in capitals) where the terminal knows nobody; nothing at all is one of them."""


@attrs.frozen
class Description:
    """One frame family: either `[frame]` with `[fields]`, or `[line]`."""

    title: str
    card: CardFormat = CardFormat.HEX
    """How a card's `value` becomes the canonical one; faces and codes are taken as they are."""
    card_number: CardNumber = USUAL
    serial: SerialLine = attrs.field(factory=SerialLine)
    frame: FrameShape | None = None
    line: LineShape | None = None
    checksum: ChecksumRule | None = None
    fields: dict[str, Field] = attrs.field(factory=dict)
    kinds: dict[str, CredentialKind] = attrs.field(factory=dict)
    """What the field `kind` says (text, or hexadecimal) → what was read. Without that field all are `credential`."""
    directions: dict[str, Direction] = attrs.field(factory=dict)
    """What the field `direction` says → in or out."""
    credential: CredentialKind = CredentialKind.CARD
    """What is read where no field `kind` says."""
    text: TextForm = TextForm.HEX
    recognition: Recognition | None = None
    outcomes: dict[str, AccessOutcome] = attrs.field(factory=dict)
    """What the field `outcome` says → granted or denied. Without that field the turnstile only reports."""
    messages: dict[str, Message] = attrs.field(factory=dict)
    """What each kind of frame says; without any, every frame is a read."""
    conversation: Conversation | None = None

    def __attrs_post_init__(self) -> None:
        if (self.frame is None) is (self.line is None):
            raise ValueError("a description has either a [frame] or a [line]")
        if self.line is not None:
            if self.checksum is not None or self.fields:
                raise ValueError("[checksum] and [fields] belong to a [frame]: a [line] has its pattern")
            names = set(self.line.compiled.groupindex)
        else:
            self._check_frame()
            names = set(self.fields)
        for field, table, values in (
            ("kind", "kinds", self.kinds),
            ("direction", "directions", self.directions),
            ("outcome", "outcomes", self.outcomes),
        ):
            if (field in names) is not bool(values):
                raise ValueError(f"the field {field!r} and the table [{table}] need each other")
        if "facility" in names and self.card.wiegand_bits:
            raise ValueError(f"the field 'facility' and card = \"{self.card}\" exclude each other: it holds the code")
        self._check_recognition(names)
        if self.line is not None and (self.messages or self.conversation):
            raise ValueError("[messages] and [conversation] belong to a [frame]")
        check_messages(self.messages, self.conversation, self.fields)

    @property
    def reads(self) -> bool:
        """Whether any of its frames says who was read; a board may tell of passages alone."""
        return not self.messages or any(message.says is Says.READ for message in self.messages.values())

    def _check_recognition(self, names: set[str]) -> None:
        if (self.recognition is not None and self.recognition.at_least is not None) is not ("score" in names):
            raise ValueError("the field 'score' and recognition.at_least need each other: how sure is sure enough?")
        if self.text is TextForm.ASCII and self.line is not None:
            raise ValueError('text = "ascii" is for a [frame]: a [line] is text already')

    def _check_frame(self) -> None:
        if self.reads and "value" not in self.fields:
            raise ValueError("[fields.value] is missing: nothing would be read")
        for name in self.fields:
            if not _NAME.fullmatch(name):
                raise ValueError(f"[fields.{name}]: a name is lower-case letters, digits and underscores")
        if self.frame is None or (total := self.frame.unpacked_length) is None:
            return
        for name, field in self.fields.items():
            if field.at + field.size > total - len(self.frame.end_bytes):
                raise ValueError(f"[fields.{name}] reaches beyond the frame of {total} bytes")
        if self.checksum is not None:
            first, last = (offset + total if offset < 0 else offset for offset in self.checksum.covers)
            at = self.checksum.at + total if self.checksum.at < 0 else self.checksum.at
            if not 0 <= first < last <= total or not 0 <= at <= total - self.checksum.kind.size:
                raise ValueError(f"[checksum] reaches beyond the frame of {total} bytes")
            if first < at + self.checksum.kind.size and at < last:
                raise ValueError("[checksum] covers its own check bytes")
