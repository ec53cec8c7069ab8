"""What a running gate says of itself to `seatgate diagnose`, as a small file. No credential is in it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from messages.presence import OutboxState

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
LONGEST_SECONDS = 60.0
"""How old the file of a running gate may be."""
SETTLE_SECONDS = 2.0
"""How long after a change it is written, so that a busy minute costs few writes."""


class LaneStatus(msgspec.Struct, frozen=True):
    """One portal since the start of the process. `trouble`: what is wrong with its device, empty when it is well.

    `good`: frames, repeats included. `opened`: how often its device was opened.
    """

    is_open: bool
    last_frame: Moment | None
    bad_frames: dict[str, int]
    trouble: str = ""
    good: int = 0
    opened: int = 0
    strangers: int = 0
    """Faces that its terminal did not know, or was not sure of."""


class GateStatus(msgspec.Struct, frozen=True):
    """The whole gate at `written_at`. `fault`: why events cannot be stored, empty when they can.

    `warnings`: what staff should look at, a sentence by its word (`messages.presence.Warned`, and "broker": why it is not connected).
    """

    written_at: Moment
    lanes: dict[str, LaneStatus]
    outbox: OutboxState
    set_aside: int
    broker_connected: bool
    joined: bool
    fault: str
    version: str = ""
    oldest_waiting: Moment | None = None
    """When the first event was captured that booking has not acknowledged."""
    clock_offset_ms: int | None = None
    """Booking's clock less ours, by its last acknowledgement."""
    warnings: dict[str, str] = {}


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


def written_at(file: Path) -> datetime | None:
    """Return when the file was written, by this machine's own clock: the gate's may be shifted (`seatgate run --now`)."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None
