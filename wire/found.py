"""The nouns of decoding: what was found in the bytes of a serial line, and how a scanner says so. Pure data."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import attrs


class Fault(StrEnum):
    """Why bytes are no frame."""

    CHECKSUM = "checksum"
    LENGTH = "length"
    """Cut short, or its end is not where it should be."""
    GARBAGE = "garbage"
    """Bytes outside any frame."""
    OVERLONG = "overlong"
    NOT_MATCHING = "not-matching"
    """Whole, but not of the described form."""
    NO_ANSWER = "no-answer"
    """A device was asked and did not answer in time."""
    REFUSED = "refused"
    """A device took what it was told, and said no."""
    SEQUENCE = "sequence"
    """An answer to something else than what was asked."""
    FORGED = "forged"
    """An answer whose authentication code is wrong, or that should have had one."""


@attrs.frozen
class Checked:
    """The check bytes of a frame, as hexadecimal text: those it carries and those it should."""

    found: str
    expected: str


@attrs.frozen
class Frame:
    """One good frame. `raw` and `fields` carry card numbers and therefore stay out of the repr."""

    raw: bytes = attrs.field(repr=False)
    fields: Mapping[str, str] = attrs.field(repr=False)
    """Field name → text (of a line's group, or upper-case hexadecimal); an optional group that is absent is not there."""
    checked: Checked | None = attrs.field(default=None, repr=False)


@attrs.frozen
class BadFrame:
    """Bytes that were dropped, and why. `detail` is a sentence that holds none of the bytes."""

    fault: Fault
    raw: bytes = attrs.field(repr=False)
    detail: str
    checked: Checked | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Step:
    """What a scanner made of the buffer's front: take `consume` bytes away (at least one), and report `found`.

    Without `found` they were outside any frame, or, if `silent`, belong to something already reported.
    `spoken_for`: how many bytes after them are part of the bad frame in `found`; a good frame may begin among
    them, but they are no garbage of their own.
    """

    consume: int
    found: Frame | BadFrame | None = None
    spoken_for: int = 0
    silent: bool = False


class Scanner(Protocol):
    """Finds the next frame of one shape at the front of a buffer. What it says never depends on later bytes."""

    def scan(self, buffer: bytearray) -> Step | None:
        """Return what the front of `buffer` is; None when it takes more bytes to know."""

    def leftover(self, buffer: bytearray) -> Step:
        """Say what a front that will never be finished is."""
