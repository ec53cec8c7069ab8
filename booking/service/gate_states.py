"""How gates said they are, kept so that whichever process is asked can show it: a word a minute for each gate."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from messages.presence import Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepGateState:
    """A gate's birth or report (`said.state` birth), or its death: its last will, or a clean stop."""

    gate: str
    at: datetime
    said: Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What a gate last said of itself, heard at `heard_at`; `gone_at` once it has left since."""

    gate: str
    heard_at: datetime
    gone_at: datetime | None
    said: Presence


class GateStateReads(Protocol):
    """The gates' words of booking.service.ports.Reads."""

    def gate_states(self) -> dict[str, GateState]:
        """The last word of each gate that ever said one, by gate."""
