"""What a running gate says of itself to `seatgate diagnose`, as a small file. No credential is in it."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from messages.presence import OutboxState

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
EVERY_SECONDS = 60.0
"""How old the file of a running gate may be."""


class LaneStatus(msgspec.Struct, frozen=True):
    """One portal since the start of the process."""

    is_open: bool
    last_frame: Moment | None
    bad_frames: dict[str, int]


class GateStatus(msgspec.Struct, frozen=True):
    """The whole gate at `written_at`. `fault`: why events cannot be stored, empty when they can."""

    written_at: Moment
    lanes: dict[str, LaneStatus]
    outbox: OutboxState
    set_aside: int
    broker_connected: bool
    joined: bool
    fault: str


def write(file: Path, status: GateStatus) -> None:
    """Replace the file as a whole; OSError when the disk does not take it."""
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_bytes(msgspec.json.encode(status))
    draft.replace(file)


def read(file: Path) -> GateStatus | None:
    """Return what was last written; None when there is nothing that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=GateStatus)
    except (OSError, msgspec.MsgspecError):
        return None
