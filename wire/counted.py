"""Frames that begin with start bytes and end by a length or an end byte: found, checked, and written. Pure.

Why binary frames give up only one byte when something is wrong: the length may be the wrong part, and a good frame
may begin anywhere behind the false start. ASCII-hex frames cannot hold a start byte, so they are dropped whole.
"""

from collections.abc import Mapping

from wire.checksums import checksum
from wire.description import HEX_DIGITS, ChecksumRule, Description, Encoding, Field, FrameShape
from wire.found import BadFrame, Checked, Fault, Frame, Step

UNKNOWN_KIND = -1


def _shape(description: Description) -> FrameShape:
    if description.frame is None:
        raise TypeError(f"{description.title!r} has no [frame]")
    return description.frame


class BlockScanner:
    """Finds start bytes, then the whole frame, then looks at its end and its checksum."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._shape = _shape(description)
        self._start = self._shape.start_bytes
        self._end = self._shape.end_bytes

    def scan(self, buffer: bytearray) -> Step | None:
        """See `Scanner.scan`."""
        at = buffer.find(self._start)
        if at < 0:
            kept = _beginning_of(self._start, buffer)
            return Step(len(buffer) - kept) if len(buffer) > kept else None
        if at > 0:
            return Step(at)
        return self._ascii_hex(buffer) if self._shape.encoding is Encoding.ASCII_HEX else self._binary(buffer)

    def leftover(self, buffer: bytearray) -> Step:
        """See `Scanner.leftover`."""
        return Step(1, _bad(Fault.LENGTH, buffer, "a frame without its end"), spoken_for=len(buffer) - 1)

    def _ascii_hex(self, buffer: bytearray) -> Step | None:
        fixed, body = self._shape.length, len(self._start)
        limit = (fixed or self._shape.max) - len(self._end)
        at = next((i for i in range(body, min(len(buffer), limit)) if buffer[i] not in HEX_DIGITS), limit)
        if at >= len(buffer):
            return None
        tail = bytes(buffer[at : at + len(self._end)])
        if tail != self._end and self._end.startswith(tail):
            return None
        if tail == self._end and (at == limit or fixed is None) and (at - body) % 2 == 0:
            raw = bytes(buffer[: at + len(self._end)])
            return Step(
                len(raw), self._check(raw, self._start + bytes.fromhex(raw[body:at].decode("ascii")) + self._end)
            )
        return self._broken(buffer, at, limit, ended=tail == self._end)

    def _broken(self, buffer: bytearray, at: int, limit: int, *, ended: bool) -> Step:
        """Name what is wrong with an ASCII-hex frame at its byte `at`."""
        raw = buffer[:at]
        if ended:
            return Step(at + len(self._end), _bad(Fault.LENGTH, raw + self._end, f"an end after {at} bytes"))
        if buffer[at : at + 1] == self._start[:1]:
            return Step(at, _bad(Fault.LENGTH, raw, f"cut short by a new start after {at} bytes"))
        if at == limit:
            fault = Fault.OVERLONG if self._shape.length is None else Fault.LENGTH
            return Step(at, _bad(fault, raw, f"no end byte after {at} bytes"))
        rest = (self._shape.length or at + 1) - at - 1
        bad = _bad(Fault.NOT_MATCHING, buffer[: at + 1], f"byte {at} is no hexadecimal digit")
        return Step(at + 1, bad, spoken_for=rest)

    def _binary(self, buffer: bytearray) -> Step | None:
        total = self._total(buffer)
        if total is None:
            return None
        if total == UNKNOWN_KIND:
            detail = "a kind of frame that length_table does not name"
            return Step(1, _bad(Fault.NOT_MATCHING, buffer[: len(self._start)], detail))
        if total > self._shape.max:
            return Step(1, _bad(Fault.OVERLONG, buffer[: len(self._start)], f"says it has {total} bytes"))
        if total <= self._shape.overhead:
            return Step(1, _bad(Fault.LENGTH, buffer[: len(self._start)], f"says it has {total} bytes"))
        if len(buffer) < total:
            return None
        raw = bytes(buffer[:total])
        if not raw.endswith(self._end):
            found: Frame | BadFrame = _bad(Fault.LENGTH, raw, f"no end byte after {total} bytes")
        else:
            found = self._check(raw, raw)
        return Step(total, found) if isinstance(found, Frame) else Step(1, found, spoken_for=total - 1)

    def _total(self, buffer: bytearray) -> int | None:
        if (table := self._shape.length_table) is not None:
            code = buffer[table.at : table.at + 1]
            return table.of.get(code.hex().upper(), UNKNOWN_KIND) if code else None
        field = self._shape.length_field
        if field is None:
            return self._shape.length
        stated = buffer[field.at : field.at + field.size]
        return int.from_bytes(stated, field.order) + field.adds if len(stated) == field.size else None

    def _check(self, raw: bytes, unpacked: bytes) -> Frame | BadFrame:
        """Compare the checksum and cut out the fields."""
        checked = _checked(self._description.checksum, unpacked)
        if checked is not None and checked.found != checked.expected:
            return BadFrame(Fault.CHECKSUM, raw, "the checksum does not fit", checked)
        fields, inside = {}, unpacked.removesuffix(self._end)
        rule = self._description.checksum
        before_check = unpacked[: rule.at] if rule is not None and rule.at < 0 else inside
        for name, field in self._description.fields.items():
            part = (inside if field.needed else before_check)[field.at : field.at + field.size]
            if len(part) < field.size:
                if not field.needed:
                    continue
                return BadFrame(Fault.LENGTH, raw, f"too short for its field {name!r}", checked)
            fields[name] = part.hex().upper()
        return Frame(raw, fields, checked)


def encode_block(description: Description, fields: Mapping[str, str]) -> bytes:
    """Return the frame with these fields, its length and its checksum; ValueError when something does not fit."""
    shape, rule = _shape(description), description.checksum
    present = {name: field for name, field in description.fields.items() if field.needed or name in fields}
    unpacked = bytearray(_unpacked_size(description, present, fields))
    unpacked[: len(shape.start_bytes)] = shape.start_bytes
    if shape.end_bytes:
        unpacked[-len(shape.end_bytes) :] = shape.end_bytes
    for name, field in present.items():
        part = bytes.fromhex(fields.get(name, field.written))
        if len(part) != field.size or field.at + field.size > len(unpacked):
            raise ValueError(f"the field {name!r} has {len(part)} bytes instead of {field.size}, or lies outside")
        unpacked[field.at : field.at + field.size] = part
    if (stated := shape.length_field) is not None:
        number = (len(unpacked) - stated.adds).to_bytes(stated.size, stated.order)
        unpacked[stated.at : stated.at + stated.size] = number
    if rule is not None:
        at = rule.at % len(unpacked)
        unpacked[at : at + rule.kind.size] = checksum(rule.kind, _covered(rule, unpacked), rule.order)
    if shape.encoding is Encoding.BINARY:
        return bytes(unpacked)
    body = unpacked[len(shape.start_bytes) : len(unpacked) - len(shape.end_bytes)]
    return shape.start_bytes + body.hex().upper().encode("ascii") + shape.end_bytes


def _unpacked_size(description: Description, present: Mapping[str, Field], fields: Mapping[str, str]) -> int:
    shape, rule = _shape(description), description.checksum
    if shape.unpacked_length is not None:
        return shape.unpacked_length
    if (table := shape.length_table) is not None:
        code = next((fields.get(name, field.written) for name, field in present.items() if field.at == table.at), "")
        if code[:2].upper() not in table.of:
            raise ValueError("length_table names no frame of this kind")
        return table.of[code[:2].upper()]
    parts = [len(shape.start_bytes), *(field.at + field.size for field in present.values())]
    if shape.length_field is not None:
        parts.append(shape.length_field.at + shape.length_field.size)
    return max(parts) + (-rule.at if rule is not None and rule.at < 0 else len(shape.end_bytes))


def unpack(description: Description, raw: bytes) -> bytes:
    """Return a whole frame's bytes with ASCII-hex pairs as one byte each: what offsets count."""
    shape = _shape(description)
    if shape.encoding is Encoding.BINARY:
        return raw
    body = raw[len(shape.start_bytes) : len(raw) - len(shape.end_bytes)]
    return shape.start_bytes + bytes.fromhex(body.decode("ascii")) + shape.end_bytes


def _covered(rule: ChecksumRule, unpacked: bytes | bytearray) -> bytes:
    first, last = rule.covers
    return bytes(unpacked[first:last])


def _checked(rule: ChecksumRule | None, unpacked: bytes) -> Checked | None:
    if rule is None:
        return None
    at = rule.at % len(unpacked)
    found = unpacked[at : at + rule.kind.size]
    return Checked(found.hex().upper(), checksum(rule.kind, _covered(rule, unpacked), rule.order).hex().upper())


def _beginning_of(start: bytes, buffer: bytearray) -> int:
    """How many bytes at the buffer's end may be the beginning of `start`."""
    return next((n for n in range(len(start) - 1, 0, -1) if buffer.endswith(start[:n])), 0)


def _bad(fault: Fault, raw: bytearray | bytes, detail: str) -> BadFrame:
    return BadFrame(fault, bytes(raw), detail)
