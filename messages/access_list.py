"""Who may come in at a gate, for a gate that decides by itself: a numbered list of keyed hashes, never names or card numbers.

A credential stands in it as its mark: the first 8 bytes of BLAKE2b over kind and value, keyed with a secret that only
booking and this gate have. Without the key nobody can try out the few digits of a card number; two of 100,000 marks are
the same once in four thousand million lists. Marks of one window travel together, sorted, as one text: 20,000 readers are
some 215 KB. A list counts until `valid_until`, and only if it is newer than the one before it.
"""

import base64
import binascii
import hashlib
import sys
from array import array
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import msgspec

from messages import envelope
from messages.access import Credential, Epoch
from messages.envelope import Moment
from messages.errors import MessageError
from messages.topics import Family, check_name

TYPE = "org.seatgate.access-list.v1"
KEY_BYTES = 32
MARK_BYTES = 8
MAX_BYTES = 1024 * 1024
"""Of the whole payload: some 98,000 credentials."""
MOST_WINDOWS = 20_000

Number = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
KeyName = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z")]
Packed = Annotated[str, msgspec.Meta(max_length=MAX_BYTES, pattern=r"^[A-Za-z0-9+/]*=*\Z")]
"""Marks, sorted, each 8 bytes, highest first, as base64."""


class Grounds(StrEnum):
    """Why somebody may come in."""

    RESERVATION = "reservation"
    READER = "reader"
    """Any time: a reader where no reservation is needed, or of a group that needs none."""


class Window(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whoever is in `who` may come in from `start` until `end`; None: at any time on that side."""

    who: Packed
    grounds: Grounds
    start: Moment | None = None
    end: Moment | None = None


class Counted(msgspec.Struct, frozen=True):
    """Up to which of the gate's own events `inside` counts: what it has seen since is its own to add."""

    epoch: Epoch
    sequence: Number


class AccessList(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a gate needs to decide. `key` names the secret of the marks (`key_name`)."""

    gate: Annotated[str, msgspec.Meta(min_length=1, max_length=48)]
    generation: Number
    number: Number
    made_at: Moment
    valid_until: Moment
    key: KeyName
    windows: Annotated[list[Window], msgspec.Meta(max_length=MOST_WINDOWS)] = []
    blocked: Packed = ""
    """Whoever is in it does not come in, whatever window they are in."""
    capacity: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How many may be inside the gate's venue; None: no such limit."""
    inside: Number = 0
    """How many its gates have counted inside."""
    counted: Counted | None = None

    def newer_than(self, other: "AccessList | None") -> bool:
        """Tell whether this one comes after `other`."""
        return other is None or (self.generation, self.number) > (other.generation, other.number)


def gate_key(master: bytes, gate: str) -> bytes:
    """Return the secret of one gate's marks: `master` is booking's, and no gate learns another's."""
    return hashlib.blake2b(b"access-list-v1\0" + check_name(gate).encode(), key=master[:64], digest_size=32).digest()


def key_name(key: bytes) -> str:
    """Name a secret without telling it."""
    return hashlib.blake2b(key, digest_size=8, person=b"seatgate-keyname").hexdigest()


def mark(key: bytes, credential: Credential) -> int:
    """Return the mark of a canonical credential."""
    said = f"{credential.kind}\0{credential.value}".encode()
    return int.from_bytes(hashlib.blake2b(said, key=key, digest_size=MARK_BYTES).digest())


def pack(marks: Iterable[int]) -> str:
    """Return marks as they travel, each once."""
    content = array("Q", sorted(set(marks)))
    if sys.byteorder == "little":
        content.byteswap()
    return base64.b64encode(content.tobytes()).decode("ascii")


def unpack(packed: str) -> "array[int]":
    """Return the marks in ascending order; MessageError for a text that holds none or has them out of order."""
    content = array("Q")
    try:
        content.frombytes(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError) as error:
        raise MessageError(f"an access list has marks that are none: {error}") from error
    if sys.byteorder == "little":
        content.byteswap()
    if any(content[at] >= content[at + 1] for at in range(len(content) - 1)):
        raise MessageError("an access list has marks out of order")
    return content


def encode(site: str, booking: str, listed: AccessList) -> bytes:
    """Return the payload bytes; MessageError for a list that is longer than a gate reads."""
    payload = envelope.encode(
        event_id=f"{listed.gate}-{listed.generation}-{listed.number}",
        source=envelope.source_of(site, Family.BOOKING, booking),
        event_type=TYPE,
        time=listed.made_at,
        data=listed,
    )
    if len(payload) > MAX_BYTES:
        raise MessageError(f"an access list of {len(payload)} bytes: at most {MAX_BYTES} are read")
    return payload


def decode(gate: str, payload: bytes) -> AccessList:
    """Decode the list of `gate`; MessageError for anything else."""
    outer = envelope.decode(payload, most=MAX_BYTES)
    if outer.type != TYPE:
        raise MessageError(f"{outer.type!r} is no access list")
    listed = envelope.decode_data(outer, AccessList)
    if listed.gate != gate:
        raise MessageError(f"the access list is gate {listed.gate!r}'s")
    envelope.check_times(listed.made_at, listed.valid_until)
    for window in listed.windows:
        envelope.check_times(window.start, window.end)
    return listed
