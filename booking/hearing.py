"""How far each gate has told: its births, verified and read. What a report proves is decided in booking.service.judging."""

from datetime import datetime
from functools import lru_cache

from booking.service.gate_commands import AnchorClock
from booking.service.gate_states import KeepGateState
from booking.service.ports import Reads
from booking.service.violation_commands import HearGate
from messages.errors import MessageError
from messages.presence import PresenceState
from messages.topics import Family, Leaf, parse
from runtime.mqtt import Message
from runtime.presence import read_presence
from runtime.signing import KID


@lru_cache(maxsize=1024)
def is_report(topic: str) -> bool:
    """Tell whether a message of this topic is a gate's word about itself."""
    try:
        parsed = parse(topic)
    except MessageError:
        return False
    return (parsed.family, parsed.leaf) == (Family.GATES, Leaf.PRESENCE)


def state_of(message: Message, reads: Reads, now: datetime) -> KeepGateState | None:
    """Return how a gate is; None for a stranger's word. A birth that the broker kept is none either: who knows from when."""
    gate = parse(message.topic).name
    device = reads.device_by_kid(message.properties.get(KID, ""))
    if device is None or (device.kind, device.id) != ("gate", gate):
        return None
    said = read_presence(message, device.public_key)
    if said is None or (message.retained and said.state is PresenceState.BIRTH):
        return None
    return KeepGateState(gate=gate, at=now, said=said)


def report_of(message: Message, reads: Reads, now: datetime) -> tuple[HearGate, AnchorClock] | None:
    """Return what a gate reports; None for a death, a stranger's word, or one that the broker kept from we know not when."""
    gate = parse(message.topic).name
    device = reads.device_by_kid(message.properties.get(KID, ""))
    if message.retained or device is None or (device.kind, device.id) != ("gate", gate):
        return None
    said = read_presence(message, device.public_key)
    if said is None or said.state is not PresenceState.BIRTH or said.outbox is None:
        return None
    return HearGate(
        gate=gate,
        at=now,
        wall=said.wall,
        epoch=said.outbox.epoch,
        watermark=said.outbox.watermark,
        last_sequence=said.outbox.last_sequence,
        previous_epoch=said.outbox.previous_epoch,
    ), AnchorClock(gate=gate, at=now, boot_id=said.boot_id, wall=said.wall, monotonic_ns=said.monotonic_ns)
