"""What `seatgate frames` shows of each frame: the bytes, the fields, the checksum, and who was read. Pure.

It shows card numbers whole, on purpose and on the technician's own console only: the number is what is being checked.
"""

import re

from wire.description import Description
from wire.found import BadFrame, Frame
from wire.reads import read_of

_PART = re.compile(r'"(?P<text>[^"]*)"|(?P<hex>(?:0x)?[0-9A-Fa-f]{2,}(?=["\s,]|$))|(?P<space>[\s,]+)')


def bytes_of(text: str) -> bytes:
    """Read bytes as manuals print them: `02 "010063E9AE" "25" 03`; ValueError names the part that is neither."""
    content, at = b"", 0
    while at < len(text):
        part = _PART.match(text, at)
        digits = (part["hex"] or "").removeprefix("0x") if part else "?"
        if part is None or len(digits) % 2:
            raise ValueError(f'{text[at : at + 20]!r} is neither pairs of hexadecimal digits nor text in "quotes"')
        content += part["text"].encode() if part["text"] is not None else bytes.fromhex(digits)
        at = part.end()
    return content


def shown(raw: bytes) -> str:
    """Return bytes as hexadecimal pairs, with the text beside them where it is readable."""
    text = raw.decode("latin-1")
    readable = "".join(char if char.isascii() and char.isprintable() else "·" for char in text)
    return f"{raw.hex(' ').upper()}  |{readable}|"


def view(description: Description, found: Frame | BadFrame) -> tuple[str, bool]:
    """Return the lines about one frame, and whether it is good."""
    read = read_of(description, found) if isinstance(found, Frame) else found
    lines = [shown(found.raw)]
    if isinstance(found, Frame):
        lines += [f"  {name:<10} {text}" for name, text in found.fields.items()]
    if found.checked is not None:
        fits = "fits" if found.checked.found == found.checked.expected else "DOES NOT FIT"
        lines.append(f"  {'checksum':<10} found {found.checked.found}, expected {found.checked.expected}: {fits}")
    if isinstance(read, BadFrame):
        lines.append(f"  BAD        {read.fault}: {read.detail}")
        return "\n".join(lines), False
    way = f", {read.direction}" if read.direction else ""
    lines.append(f"  good       {read.credential.kind} {read.credential.value}{way}")
    return "\n".join(lines), True
