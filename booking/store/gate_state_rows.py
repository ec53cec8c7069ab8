"""The last word of each gate as a row: replaced by the next one, kept over its death."""

import msgspec

from booking.service.gate_states import GateState, KeepGateState
from booking.store.pool import ReaderPool
from booking.store.rows import moment, moment_or_none, us
from booking.store.sql import Connection
from messages.presence import Presence, PresenceState

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Presence)


def keep(db: Connection, command: KeepGateState) -> None:
    """Keep a word. A death ends the connection that was heard last, never a later one."""
    said, at = command.said, us(command.at)
    if said.state is PresenceState.BIRTH:
        db.execute(
            "INSERT INTO gate_states (gate, heard_us, gone_us, session, said) VALUES (?, ?, NULL, ?, ?) "
            "ON CONFLICT (gate) DO UPDATE SET heard_us = excluded.heard_us, gone_us = NULL, "
            "session = excluded.session, said = excluded.said",
            (command.gate, at, said.session, _ENCODER.encode(said)),
        )
    else:
        db.execute(
            "UPDATE gate_states SET gone_us = ? WHERE gate = ? AND session = ? AND gone_us IS NULL",
            (at, command.gate, said.session),
        )


class GateStateRows:
    """The gates' words of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._gate_state_pool = pool

    def gate_states(self) -> dict[str, GateState]:
        """The last word of each gate that ever said one, by gate; one that this version cannot read is none."""
        with self._gate_state_pool.lend() as db:
            rows = db.execute("SELECT gate, heard_us, gone_us, said FROM gate_states ORDER BY gate").fetchall()
        found = {}
        for gate, heard, gone, said in rows:
            try:
                word = _DECODER.decode(bytes(said))
            except msgspec.MsgspecError:
                continue
            found[gate] = GateState(gate=gate, heard_at=moment(heard), gone_at=moment_or_none(gone), said=word)
        return found
