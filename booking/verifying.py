"""What arrives as a gate's event, verified and decoded: the command that stores it, or why it is not believed.

Nothing is stored or answered here. Card numbers are never logged.
"""

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import msgspec

from booking.domain.places import Places
from booking.service.commands import KeepDeadLetter, RecordGateEvent
from booking.service.ports import Reads
from booking.service.views import DeviceView
from messages import access, envelope
from messages.access import Epoch, GateEvent
from messages.access import Sequence as SequenceNumber
from messages.acknowledgement import RejectCode
from messages.envelope import Envelope
from messages.errors import MessageError
from messages.topics import parse
from runtime.mqtt import Message
from runtime.signing import KID, SIG, verify

_log = logging.getLogger(__name__)


class _Identity(msgspec.Struct, frozen=True):
    """What a message must tell even when nothing else in it can be used."""

    epoch: Epoch
    sequence: SequenceNumber


@dataclass(frozen=True, slots=True)
class Verified:
    """A message of `gate` that is signed by its key, as the command that stores it."""

    gate: str
    epoch: int
    sequence: int
    command: RecordGateEvent | KeepDeadLetter

    def letter(self, reason: str) -> "Verified":
        """Return it as what is only kept, for staff."""
        kept = self.command
        letter = KeepDeadLetter(
            gate=self.gate,
            at=kept.at,
            epoch=self.epoch,
            sequence=self.sequence,
            payload=kept.payload,
            digest=kept.digest,
            reason=reason,
        )
        return replace(self, command=letter)


@dataclass(frozen=True, slots=True)
class Unverified:
    """A message that is not believed."""

    gate: str
    epoch: int
    sequence: int
    code: RejectCode


class Verifier:
    """Reads what came, on one thread. `counts` are for metrics."""

    def __init__(self, places: Places, reads: Reads, counts: Counter[str]) -> None:
        self._site = places.site.id
        self._reads = reads
        self._counts = counts
        self._portals = {(gate.id, portal.id) for gate in places.site.gates for portal in gate.portals}
        self._keys: dict[str, DeviceView | None] = {}

    def forget_keys(self) -> None:
        """Look keys up anew from now on: each once for what came together, and a key that was replaced is not believed."""
        self._keys.clear()

    def read(self, message: Message, now: datetime) -> Verified | Unverified | None:
        """Return what came as a command to store, or why it is not believed; None for what is no message of a gate."""
        self._counts["received"] += 1
        try:
            gate = _gate_of(message.topic)
            outer = envelope.decode(message.payload)
            found = self._event(gate, outer)
            identity = envelope.decode_data(outer, _Identity) if isinstance(found, MessageError) else found
        except MessageError as error:
            self._counts["unreadable"] += 1
            _log.warning("gate message dropped bytes=%d reason=%s", len(message.payload), error)
            return None
        fault = self._signature_fault(gate, message)
        if fault is not None:
            _log.warning("gate message rejected gate=%s sequence=%d code=%s", gate, identity.sequence, fault)
            return Unverified(gate, identity.epoch, identity.sequence, fault)
        if isinstance(found, MessageError):
            _log.warning("gate message malformed gate=%s sequence=%d reason=%s", gate, identity.sequence, found)
            return Unverified(gate, identity.epoch, identity.sequence, RejectCode.MALFORMED)
        event = found
        digest = hashlib.sha256(message.payload).digest()
        # what an event may not hold, such as a picture, ends here: only what we know of it is kept
        payload = access.encode(self._site, gate, event)
        command = RecordGateEvent(gate=gate, at=now, event=event, payload=payload, digest=digest)
        one = Verified(gate, event.epoch, event.sequence, command)
        return one if (gate, event.portal) in self._portals else one.letter("unknown-portal")

    def _event(self, gate: str, outer: Envelope) -> GateEvent | MessageError:
        try:
            return access.read(self._site, gate, outer)
        except MessageError as error:
            return error

    def _signature_fault(self, gate: str, message: Message) -> RejectCode | None:
        kid = message.properties.get(KID, "")
        if kid not in self._keys:
            self._keys[kid] = self._reads.device_by_kid(kid)
        device = self._keys[kid]
        if device is None or device.kind != "gate" or device.id != gate:
            return RejectCode.UNKNOWN_KEY
        signed = verify(device.public_key, message.topic, message.payload, message.properties.get(SIG, ""))
        return None if signed else RejectCode.BAD_SIGNATURE


@lru_cache(maxsize=1024)
def _gate_of(topic: str) -> str:
    """Return the gate whose topic this is; MessageError for no topic of ours."""
    return parse(topic).name
