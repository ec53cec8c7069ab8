"""What `seatgate frames` shows of each frame: the bytes, the fields, the checksum, and what it says. Pure.

It shows card numbers whole, on purpose and on the technician's own console only: the number is what is being checked.
"""

import re
from collections.abc import Sequence

from messages.access import AccessOutcome
from wire.description import Description
from wire.fitting import fitting_rules
from wire.found import BadFrame, Frame
from wire.meanings import Says
from wire.reads import Alarm, Read, Remark, Said, Walk, said_by

MOST_RULES = 6
"""Shown: the usual ones come first."""
ENOUGH_FRAMES = 3
"""Different frames that leave hardly a rule by chance."""

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
    said = said_by(description, found) if isinstance(found, Frame) else found
    lines = [shown(found.raw)]
    if isinstance(found, Frame):
        lines += [f"  {name:<10} {text}" for name, text in found.fields.items()]
    if found.checked is not None:
        fits = "fits" if found.checked.found == found.checked.expected else "DOES NOT FIT"
        lines.append(f"  {'checksum':<10} found {found.checked.found}, expected {found.checked.expected}: {fits}")
    if isinstance(said, BadFrame):
        lines.append(f"  BAD        {said.fault}: {said.detail}")
        return "\n".join(lines), False
    if said.message:
        lines.append(f"  {'message':<10} {said.message}")
    lines.append(f"  good       {meaning(said)}")
    return "\n".join(lines), True


def meaning(said: Said) -> str:
    """Return in words what was said."""
    way = f", {said.direction}" if isinstance(said, Read | Walk) and said.direction else ""
    match said:
        case Read():
            outcome = "" if said.outcome is AccessOutcome.REPORTED else f", {said.outcome}"
            return f"{said.credential.kind} {said.credential.value}{way}{outcome}"
        case Walk():
            return ("somebody passed" if said.passed else "nobody passed") + way
        case Alarm():
            return f"alarm: {said.what}" + ("" if said.active else ", over")
        case Remark():
            return _REMARKS.get(said.says, f"{said.says}: said by the gate")


_REMARKS = {
    Says.NOTHING: "known, nothing follows",
    Says.STRANGER: "a face that the terminal does not know or is not sure of: nobody's credential",
    Says.OPEN: "an open command: sent only where a portal names it",
    Says.COMMAND: "a command: sent only where a portal names it",
}


def advice(description: Description, frames: Sequence[bytes]) -> str:
    """Return which checksum rules would fit `frames` (whole ones, good and bad), for a description whose own does not."""
    different = len(set(frames))
    these = f"these {different} different frames" if different > 1 else "this frame"
    rules = fitting_rules(description, frames)
    if not rules:
        return (
            f"No known checksum rule fits {these}: noise on the line, a misprinted example, or a rule of the maker's own.\n"
            "Let the device itself decide: seatgate frames --port …"
        )
    lines = [f"Of the known checksum rules, {len(rules)} would fit {these}:"]
    for rule in rules[:MOST_RULES]:
        order = f' order = "{rule.order}"' if rule.kind.size > 1 else ""
        lines.append(f'  kind = "{rule.kind}"  covers = {rule.covers}  at = {rule.at}{order}')
    if different < ENOUGH_FRAMES:
        lines.append("So few frames fit by chance: give more, with different contents.")
    return "\n".join(lines)
