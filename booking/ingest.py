"""Gate events in: verify, decode, hand to the writer in batches, and acknowledge what the commit holds.

Nothing is acknowledged before its transaction is on the disk; what is lost in between the gate sends again. The
callback of the broker's thread only enqueues. Card numbers are never logged here.
"""

import hashlib
import logging
import queue
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from booking.domain.places import Places
from booking.domain.refusals import Refusal
from booking.errors import BookingError
from booking.hearing import is_report, report_of, state_of
from booking.identity import NAME, Identity, Signed
from booking.resync import Resyncs
from booking.service.commands import Command, KeepDeadLetter, Outcome, Recorded, RecordGateEvent
from booking.service.ports import Reads, Writer
from booking.service.violation_commands import HearGate
from messages import access, acknowledgement, envelope
from messages.access import Epoch
from messages.access import Sequence as SequenceNumber
from messages.acknowledgement import Acknowledgement, RejectCode, Rejected, ranges_of
from messages.errors import MessageError
from messages.topics import Family, Leaf, build, parse
from runtime.clock import Clock
from runtime.mqtt import LinkDown, Message
from runtime.signing import KID, SIG, verify

MOST_WAITING = 10_000
"""Messages held in memory; beyond this they are dropped, unacknowledged, and the gates send them again."""
MOST_PER_BATCH = 256
_log = logging.getLogger(__name__)


class _Identity(msgspec.Struct, frozen=True):
    """What a message must tell even when nothing else in it can be used."""

    epoch: Epoch
    sequence: SequenceNumber


@dataclass(frozen=True, slots=True)
class _Verified:
    """A message of `gate` that is signed by its key, as the command that stores it."""

    gate: str
    epoch: int
    sequence: int
    command: RecordGateEvent | KeepDeadLetter


@dataclass(frozen=True, slots=True)
class _Unverified:
    """A message that is not believed."""

    gate: str
    epoch: int
    sequence: int
    code: RejectCode


class Ingest:
    """`on_message` from the broker's thread; `run` on a thread of its own until `stop`. `counts` are for metrics."""

    def __init__(
        self,
        *,
        places: Places,
        writer: Writer,
        reads: Reads,
        identity: Identity,
        clock: Clock,
        publish: Callable[[Signed], object],
    ) -> None:
        self._places = places
        self._writer = writer
        self._reads = reads
        self._identity = identity
        self._clock = clock
        self._publish = publish
        self._queue: queue.Queue[Message | None] = queue.Queue(MOST_WAITING)
        self._portals = {(gate.id, portal.id) for gate in places.site.gates for portal in gate.portals}
        self._acknowledged = 0
        self.counts: Counter[str] = Counter()
        self.resyncs = Resyncs(reads, identity, publish)

    def on_message(self, message: Message) -> None:
        """Take a message from the broker; never waits."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self.counts["dropped"] += 1

    def stop(self) -> None:
        """End `run` after the batch at hand."""
        with self._queue.mutex:
            self._queue.queue.clear()
        self._queue.put(None)

    def run(self) -> None:
        """Store and acknowledge batches until `stop`."""
        while (first := self._queue.get()) is not None:
            batch = [first]
            ended = False
            while len(batch) < MOST_PER_BATCH and not ended:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ended = True
                else:
                    batch.append(following)
            self._take_safely(batch)
            if ended:
                return

    def _take_safely(self, batch: Sequence[Message]) -> None:
        """Take a batch; when one message in it makes us fail, the others are taken without it."""
        try:
            self.take(batch)
        except Exception:  # noqa: BLE001 - whatever is wrong with one message, the others are taken
            _log.exception("gate messages not taken count=%d", len(batch))
            self.counts["faults"] += 1
            for message in batch if len(batch) > 1 else ():
                self._take_safely([message])

    def take(self, batch: Iterable[Message]) -> None:
        """Store one batch in one transaction, then acknowledge it; what gates say of themselves comes after it."""
        now, batch = self._clock.now(), list(batch)
        events = [message for message in batch if not is_report(message)]
        read = [seen for message in events if (seen := self._read(message, now)) is not None]
        verified = [one for one in read if isinstance(one, _Verified)]
        answers = _Answers()
        for one in read:
            if isinstance(one, _Unverified):
                answers.reject(one, one.code)
                self.counts["rejected"] += 1
        reports = self._reports(batch, now)
        try:
            self._store(verified, answers)
        except BookingError as error:
            _log.error("gate events not stored events=%d error=%s: they will be sent again", len(verified), error)
        self._acknowledge(answers)
        self._hear(reports, now)

    def _reports(self, batch: list[Message], now: datetime) -> list[HearGate]:
        """Learn what gates say of their clocks, before their events are stored, and return what they say of their outboxes."""
        reports = [message for message in batch if is_report(message)]
        said = [one for message in reports if (one := report_of(message, self._reads, now))]
        states = [state for message in reports if (state := state_of(message, self._reads, now))]
        if states:
            self._writer.submit([*(clock for _, clock in said), *states]).result()
        return [report for report, _ in said]

    def _hear(self, reports: list[HearGate], now: datetime) -> None:
        """Hand on how far gates have told; what is lost here a gate says again within a minute."""
        if not reports:
            return
        self._writer.submit(reports).result()
        self.resyncs.look(reports, now)
        self.counts["reports"] += len(reports)

    # ---- reading -----------------------------------------------------------------------------------------------------

    def _read(self, message: Message, now: datetime) -> _Verified | _Unverified | None:
        self.counts["received"] += 1
        try:
            gate = parse(message.topic).name
            identity = _identity_of(message.payload)
        except MessageError as error:
            self.counts["unreadable"] += 1
            _log.warning("gate message dropped bytes=%d reason=%s", len(message.payload), error)
            return None
        fault = self._signature_fault(gate, message)
        if fault is not None:
            _log.warning("gate message rejected gate=%s sequence=%d code=%s", gate, identity.sequence, fault)
            return _Unverified(gate, identity.epoch, identity.sequence, fault)
        digest = hashlib.sha256(message.payload).digest()
        try:
            event = access.decode(self._places.site.id, gate, message.payload)
        except MessageError as error:
            _log.warning("gate message malformed gate=%s sequence=%d reason=%s", gate, identity.sequence, error)
            return _Unverified(gate, identity.epoch, identity.sequence, RejectCode.MALFORMED)
        # what an event may not hold, such as a picture, ends here: only what we know of it is kept
        payload = access.encode(self._places.site.id, gate, event)
        reason = None if (gate, event.portal) in self._portals else "unknown-portal"
        command: RecordGateEvent | KeepDeadLetter
        if reason is None:
            command = RecordGateEvent(gate=gate, at=now, event=event, payload=payload, digest=digest)
        else:
            command = _dead_letter(identity, gate, now, (payload, digest), reason)
        return _Verified(gate, identity.epoch, identity.sequence, command)

    def _signature_fault(self, gate: str, message: Message) -> RejectCode | None:
        device = self._reads.device_by_kid(message.properties.get(KID, ""))
        if device is None or device.kind != "gate" or device.id != gate:
            return RejectCode.UNKNOWN_KEY
        signed = verify(device.public_key, message.topic, message.payload, message.properties.get(SIG, ""))
        return None if signed else RejectCode.BAD_SIGNATURE

    # ---- storing and answering ---------------------------------------------------------------------------------------

    def _store(self, verified: list[_Verified], answers: "_Answers") -> None:
        if not verified:
            return
        commands: list[Command] = [one.command for one in verified]
        outcomes = self._writer.submit(commands).result()
        failed = []
        for one, outcome in zip(verified, outcomes, strict=True):
            if isinstance(outcome, Refusal):
                failed.append(one)
            else:
                self._answer(one, outcome, answers)
        # what booking itself fails at is kept for staff: sent again for ever it would fail for ever
        letters: list[Command] = [
            _dead_letter(one, one.gate, one.command.at, (one.command.payload, one.command.digest), "fault")
            for one in failed
        ]
        if letters:
            for one, outcome in zip(failed, self._writer.submit(letters).result(), strict=True):
                if not isinstance(outcome, Refusal):
                    self._answer(one, outcome, answers)

    def _answer(self, one: _Verified, outcome: Outcome, answers: "_Answers") -> None:
        if isinstance(outcome, Recorded) and outcome.conflict:
            self.counts["conflicts"] += 1
            _log.error("gate identity used twice gate=%s epoch=%d sequence=%d", one.gate, one.epoch, one.sequence)
            answers.reject(one, RejectCode.DIGEST_CONFLICT)
            self.resyncs.renew(one.gate, one.epoch, one.sequence, one.command.at)
            return
        replay = isinstance(outcome, Recorded) and outcome.replay
        dead = isinstance(one.command, KeepDeadLetter)
        self.counts["replays" if replay else "dead-letters" if dead else "stored"] += 1
        answers.hold(one)

    def _acknowledge(self, answers: "_Answers") -> None:
        for gate, epoch in answers.streams():
            now = self._clock.now()
            self._acknowledged += 1
            payload = acknowledgement.encode(
                self._places.site.id,
                NAME,
                answers.of(gate, epoch, now),
                event_id=acknowledgement.now_id(now, self._acknowledged),
            )
            topic = build(self._places.site.id, Family.GATES, gate, Leaf.ACK)
            try:
                self._publish(self._identity.signed(topic, payload))
            except LinkDown:
                _log.warning("acknowledgement not sent gate=%s: the gate will send its events again", gate)


class _Answers:
    """What is to be said to each (gate, epoch)."""

    def __init__(self) -> None:
        self._held: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        self._rejected: defaultdict[tuple[str, int], dict[int, RejectCode]] = defaultdict(dict)

    def hold(self, one: _Verified) -> None:
        """A committed transaction holds this event."""
        self._held[one.gate, one.epoch].add(one.sequence)

    def reject(self, one: _Verified | _Unverified, code: RejectCode) -> None:
        """This event will never be taken."""
        self._rejected[one.gate, one.epoch][one.sequence] = code

    def streams(self) -> list[tuple[str, int]]:
        """Return each (gate, epoch) that is owed an answer."""
        return sorted({*self._held, *self._rejected})

    def of(self, gate: str, epoch: int, now: datetime) -> Acknowledgement:
        """Return one stream's acknowledgement; what is held is not rejected, whatever else bore its number."""
        held = self._held[gate, epoch]
        rejected = [
            Rejected(sequence, code)
            for sequence, code in sorted(self._rejected[gate, epoch].items())
            if sequence not in held
        ]
        return Acknowledgement(epoch, ranges_of(held), rejected, now)


def _identity_of(payload: bytes) -> _Identity:
    return envelope.decode_data(envelope.decode(payload), _Identity)


def _dead_letter(
    one: _Verified | _Identity, gate: str, at: datetime, kept: tuple[bytes, bytes], reason: str
) -> KeepDeadLetter:
    """Return what keeps a message for staff; `kept` is what we know of it, and the digest of what arrived."""
    return KeepDeadLetter(
        gate=gate,
        at=at,
        epoch=one.epoch,
        sequence=one.sequence,
        payload=kept[0],
        digest=kept[1],
        reason=reason,
    )
