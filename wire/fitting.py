"""Which checksum rules would fit the frames that a device really sends, when the one in its manual does not. Pure."""

from collections.abc import Iterator, Sequence

from wire.checksums import ByteOrder, ChecksumKind, checksum
from wire.counted import unpack
from wire.description import ChecksumRule, Description

FIRST_BYTES = 6
"""Ranges that begin at the start byte or up to so many bytes behind it are tried."""
LAST_BYTES = 2
"""Ranges that end at the check bytes, or up to so many bytes before them, are tried."""


def fitting_rules(description: Description, frames: Sequence[bytes]) -> list[ChecksumRule]:
    """Return the rules that fit every one of `frames` (whole, as on the wire), the usual ones first; [] for none.

    One frame is fitted by chance by some of the one-byte rules: two or three different frames leave one, or none.
    """
    shape = description.frame
    if shape is None or not frames:
        return []
    whole = [unpack(description, frame) for frame in dict.fromkeys(frames)]
    candidates = _candidates(len(shape.end_bytes), len(shape.start_bytes), min(map(len, whole)))
    return [rule for rule in candidates if all(_fits(rule, frame) for frame in whole)]


def _candidates(end: int, start: int, shortest: int) -> Iterator[ChecksumRule]:
    """Yield rules, those first whose range begins with the frame or just behind its start and ends at the check bytes."""
    firsts = sorted(range(FIRST_BYTES + 1), key=lambda first: (first not in (0, start), first))
    for before in range(LAST_BYTES + 1):
        for first in firsts:
            for kind in ChecksumKind:
                at = -end - kind.size
                orders: tuple[ByteOrder, ...] = ("little", "big") if kind.size > 1 else ("big",)
                if shortest + at - before - first > 1:  # one byte covered would be a copy of it, not a sum
                    yield from (ChecksumRule(kind, [first, at - before], at, order) for order in orders)


def _fits(rule: ChecksumRule, frame: bytes) -> bool:
    first, last = rule.covers
    at = rule.at + len(frame)
    return checksum(rule.kind, frame[first:last], rule.order) == frame[at : at + rule.kind.size]
