"""CSV files of people and cards ⇄ rows: encodings, headings in either language, card formats. Pure but for its caller.

Every bad line is named with its number and a sentence; a value of a card is never repeated in one.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from booking.errors import BookingError
from booking.service.people import CardRow, Fault, ReaderRow
from wire import cards
from wire.cards import CardFormat

MAX_ROWS = 500_000
MAX_CHARS = 64
_GROUP = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_FACILITY_BITS = 16
"""Of Wiegand 26: eight bits of facility code above sixteen of card number."""
_HEADINGS = {
    "reader": "reader", "学号": "reader", "工号": "reader", "学工号": "reader", "读者证号": "reader",
    "name": "name", "姓名": "name",
    "role": "role", "角色": "role",
    "groups": "groups", "组别": "groups",
    "kind": "kind", "类型": "kind",
    "value": "value", "卡号": "value", "card": "value",
    "format": "format", "格式": "format",
    "width": "width", "位数": "width",
    "facility": "facility", "区码": "facility",
    "valid_from": "valid_from", "生效日期": "valid_from",
    "valid_until": "valid_until", "失效日期": "valid_until",
}  # fmt: skip
_ROLES = {"reader": "reader", "读者": "reader", "staff": "staff", "馆员": "staff"}
_KINDS = {"card": "card", "卡": "card", "face": "face", "人脸": "face", "qr": "qr", "二维码": "qr"}


Row = TypeVar("Row", ReaderRow, CardRow)


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Row]):
    """A file as rows, with what is wrong in it."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]


def readers(content: bytes) -> "Sheet[ReaderRow]":
    """Read people: `reader`, `name`, and `role` and `groups` where the file has them."""
    return _sheet(content, {"reader", "name"}, {"role", "groups"}, _reader, lambda row: row.reader)


def credentials(content: bytes, zone: ZoneInfo, form: CardFormat = CardFormat.DECIMAL) -> "Sheet[CardRow]":
    """Read cards: `reader`, `value`; `kind`, `format`, `width`, `facility`, `valid_from`, `valid_until` where given."""
    optional = {"kind", "format", "width", "facility", "valid_from", "valid_until"}
    return _sheet(
        content,
        {"reader", "value"},
        optional,
        lambda line, cells: _card(line, cells, zone, form),
        lambda row: (row.kind, row.value, row.valid_from),
    )


def text_of(content: bytes) -> str:
    """Return a file's text: UTF-8 with or without its mark, UTF-16 with its mark, else GB18030 as spreadsheets save it."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise BookingError("this is no text file: save it as CSV, encoded as UTF-8 or GB18030")


def _sheet(
    content: bytes,
    needed: set[str],
    optional: set[str],
    read: Callable[[int, dict[str, str]], Row],
    key: Callable[[Row], object],
) -> "Sheet[Row]":
    text = text_of(content)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    lines = _lines(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    _, heading = next(lines, (0, []))
    columns = [_HEADINGS.get(cell.strip().lower(), "") for cell in heading]
    missing = sorted(needed - set(columns))
    if missing:
        known = ", ".join(sorted(needed | optional))
        raise BookingError(f"the heading lacks {', '.join(missing)}: the first line names the columns, of {known}")
    rows: list[Row] = []
    faults: list[Fault] = []
    seen: dict[object, int] = {}
    for line, cells in lines:
        if len(rows) + len(faults) >= MAX_ROWS:
            raise BookingError(f"more than {MAX_ROWS} lines: import the file in parts")
        try:
            if len(cells) != len(columns):
                raise ValueError(f"has {len(cells)} columns, the heading {len(columns)}")  # noqa: TRY301 - one way out
            row = read(line, {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if name})
            first = seen.setdefault(key(row), line)
            if first != line:
                raise ValueError(f"says again what line {first} says")  # noqa: TRY301 - one way out
            rows.append(row)
        except ValueError as error:
            faults.append(Fault(line, str(error)))
    return Sheet(tuple(rows), tuple(faults))


def _lines(source: Any) -> Iterator[tuple[int, list[str]]]:
    """Give the lines that hold something, with the number of their last line in the file."""
    try:
        for cells in source:
            if any(cell.strip() for cell in cells):
                yield source.line_num, cells
    except csv.Error as error:
        raise BookingError(f"line {source.line_num}: {error}: nothing after it can be read") from error


def _reader(line: int, cells: dict[str, str]) -> ReaderRow:
    role = cells.get("role", "")
    if role and role.lower() not in _ROLES:
        raise ValueError("role is reader or staff")
    groups = tuple(cells["groups"].split()) if "groups" in cells else None
    if any(not _GROUP.fullmatch(group) for group in groups or ()):
        raise ValueError("groups are words of small letters, digits and hyphens, with spaces between")
    person, name = _person(cells["reader"]), _short("name", cells["name"])
    return ReaderRow(line, person, name, _ROLES.get(role.lower()), groups)


def _card(line: int, cells: dict[str, str], zone: ZoneInfo, form: CardFormat) -> CardRow:
    kind = _KINDS.get(cells.get("kind", "").lower() or "card")
    if kind is None:
        raise ValueError("kind is card, face or qr")
    begins, ends = (_moment(name, cells.get(name, ""), zone) for name in ("valid_from", "valid_until"))
    if begins and ends and ends <= begins:
        raise ValueError("valid_until is not after valid_from")
    match kind:
        case "card":
            value = _card_number(cells, form)
        case "face":
            value = cards.person(cells["value"])
        case _:
            value = cards.code(cells["value"])
    return CardRow(line, _person(cells["reader"]), kind, value, begins, ends)


def _card_number(cells: dict[str, str], form: CardFormat) -> str:
    """Return the canonical value; `width` (bits) catches numbers that a spreadsheet shortened, `facility` stands above."""
    written = cells.get("format", "").lower()
    if written:
        if written not in list(CardFormat):
            raise ValueError(f"format is one of {', '.join(CardFormat)}")
        form = CardFormat(written)
    text, width, facility = cells["value"], cells.get("width", ""), cells.get("facility", "")
    if "E+" in text.upper() or text.endswith(".0"):
        raise ValueError("a spreadsheet has rounded this card number: format the column as text and export it again")
    value = cards.canonical(form, text)
    if facility:
        code, number = int(cards.canonical(CardFormat.DECIMAL, facility)), int(value)
        if code >> 8 or number >> _FACILITY_BITS:
            raise ValueError("with a facility code (0-255) the card number is 0-65535")
        value = cards.canonical(CardFormat.DECIMAL, str(code << _FACILITY_BITS | number))
    if width:
        if not width.isdigit() or not 8 <= int(width) <= 64:  # noqa: PLR2004 - bits of a card number
            raise ValueError("width is the number's bits, 8 to 64")
        short = form is not CardFormat.DECIMAL and not facility and len(text) * 4 != int(width)
        if short or int(value) >> int(width):
            raise ValueError(f"the card number does not have {width} bits")
    return value


def _person(text: str) -> str:
    return cards.person(_short("reader", text))


def _short(name: str, text: str) -> str:
    if not text:
        raise ValueError(f"{name} is empty")
    if len(text) > MAX_CHARS or not text.isprintable():
        raise ValueError(f"{name} has more than {MAX_CHARS} characters or strange ones")
    return text


def _moment(name: str, text: str, zone: ZoneInfo) -> datetime | None:
    """Return a day's beginning in the site's zone, or a written moment."""
    if not text:
        return None
    try:
        written = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise ValueError(f"{name} is written 2026-09-01 or 2026-09-01T08:00:00+08:00") from None
    return written if written.tzinfo else written.replace(tzinfo=zone)
