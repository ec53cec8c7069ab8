"""Gate events in: verify, decode, hand to the writer in batches, and acknowledge what the commit holds.

Nothing is acknowledged before its transaction is on the disk; what is lost in between the gate sends again. The
callback of the broker's thread only enqueues. While the writer commits one batch the next is read; whatever has come by
the end of that commit goes with it, and nothing waits for more. Who committed acknowledges. Card numbers are never logged here.
"""

import logging
import queue
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from booking.domain.places import Places
from booking.domain.refusals import Refusal
from booking.errors import BookingError
from booking.hearing import is_report, report_of, state_of
from booking.identity import NAME, Identity, Signed
from booking.resync import Resyncs
from booking.service.commands import KeepDeadLetter, Outcome, Recorded, RecordGateEvent
from booking.service.ports import Reads, Writer
from booking.service.violation_commands import HearGate
from booking.verifying import Unverified, Verified, Verifier
from messages import acknowledgement
from messages.acknowledgement import Acknowledgement, RejectCode, Rejected, ranges_of
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import LinkDown, Message

MOST_WAITING = 10_000
"""Messages held in memory; beyond this they are dropped, unacknowledged, and the gates send them again."""
MOST_PER_BATCH = 256
_log = logging.getLogger(__name__)


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
        self._acknowledged = 0
        self._ended = False
        self._previous: _Taking | None = None
        """What the writer was asked for last."""
        self._answering = threading.Lock()
        """Held by the one thread that answers: the writer's, or ours where it was quicker."""
        self.counts: Counter[str] = Counter()
        self._verifier = Verifier(places, reads, self.counts)
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
        while not self._ended and (first := self._queue.get()) is not None:
            batch = [first]
            self._gather(batch)
            self._take_safely(batch, self._gather)
        if self._previous is not None:
            self._previous.wait()

    def _gather(self, batch: list[Message]) -> None:
        """Add to a batch what has come."""
        while len(batch) < MOST_PER_BATCH and not self._ended:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return
            if following is None:
                self._ended = True
            else:
                batch.append(following)

    def _take_safely(self, batch: list[Message], gather: Callable[[list[Message]], None] | None = None) -> None:
        """Take a batch; when one message in it makes us fail, the others are taken without it."""
        try:
            self._take(batch, gather)
        except Exception:  # noqa: BLE001 - whatever is wrong with one message, the others are taken
            _log.exception("gate messages not taken count=%d", len(batch))
            self.counts["faults"] += 1
            for message in batch if len(batch) > 1 else ():
                self._take_safely([message])

    def take(self, batch: Iterable[Message]) -> None:
        """Store one batch in one transaction and acknowledge it; what gates say of themselves comes after it."""
        self._take(list(batch), None).wait()

    def _take(self, batch: list[Message], gather: Callable[[list[Message]], None] | None) -> "_Taking":
        """Hand one batch to the writer, whose commit has it acknowledged; `gather` adds to it what came during the one before."""
        now, taking = self._clock.now(), _Taking()
        self._verifier.forget_keys()
        self._read(batch, taking, now)
        if self._previous is not None:
            self._previous.wait()
        if gather is not None:
            read = len(batch)
            gather(batch)
            self._read(batch[read:], taking, self._clock.now())
        said = [message for message in batch if is_report(message.topic)]
        reports = self._reports(said, now) if said else []
        if taking.verified:
            stored = self._writer.submit([one.command for one in taking.verified])
            stored.add_done_callback(partial(self._stored, taking, taking.verified))
        else:
            self._finish(taking)
        self._previous = taking
        if reports:
            taking.wait()
            self._hear(reports, now)
        return taking

    def _read(self, messages: Iterable[Message], taking: "_Taking", now: datetime) -> None:
        for message in messages:
            one = None if is_report(message.topic) else self._verifier.read(message, now)
            if isinstance(one, Verified):
                taking.verified.append(one)
            elif one is not None:
                taking.answers.reject(one, one.code)
                self.counts["rejected"] += 1

    def _reports(self, messages: list[Message], now: datetime) -> list[HearGate]:
        """Learn what gates say of their clocks, before their events are stored, and return what they say of their outboxes."""
        said = [one for message in messages if (one := report_of(message, self._reads, now))]
        states = [state for message in messages if (state := state_of(message, self._reads, now))]
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

    # ---- storing and answering ---------------------------------------------------------------------------------------

    def _stored(self, taking: "_Taking", verified: list[Verified], stored: Future[list[Outcome]]) -> None:
        """Answer what a commit holds, on the thread that committed: it never waits and nothing that fails gets out.

        What booking itself fails at is kept for staff: sent again for ever it would fail for ever.
        """
        letters: list[Verified] = []
        try:
            with self._answering:
                failed = self._answer_all(taking, verified, stored.result())
            letters = [one.letter("fault") for one in failed if isinstance(one.command, RecordGateEvent)]
        except BookingError as error:
            _log.error("gate events not stored events=%d error=%s: they will be sent again", len(verified), error)
        except Exception:  # noqa: BLE001 - the writer goes on with the next batch, and the gates send this one again
            _log.exception("gate events not answered events=%d", len(verified))
            self.counts["faults"] += 1
        if letters:
            again = self._writer.submit([one.command for one in letters])
            again.add_done_callback(partial(self._stored, taking, letters))
        else:
            self._finish(taking)

    def _answer_all(self, taking: "_Taking", verified: list[Verified], outcomes: Sequence[Outcome]) -> list[Verified]:
        """Note the answers and return what was refused, which no rule does: it is a fault of ours."""
        failed = []
        for one, outcome in zip(verified, outcomes, strict=True):
            if isinstance(outcome, Refusal):
                failed.append(one)
            else:
                self._answer(one, outcome, taking.answers)
        return failed

    def _finish(self, taking: "_Taking") -> None:
        try:
            with self._answering:
                self._acknowledge(taking.answers)
        except Exception:  # noqa: BLE001 - what is stored is stored: sent again, it is acknowledged again
            _log.exception("gate events not acknowledged")
            self.counts["faults"] += 1
        finally:
            taking.finished.set()

    def _answer(self, one: Verified, outcome: Outcome, answers: "_Answers") -> None:
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

    def hold(self, one: Verified) -> None:
        """A committed transaction holds this event."""
        self._held[one.gate, one.epoch].add(one.sequence)

    def reject(self, one: Verified | Unverified, code: RejectCode) -> None:
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


@dataclass(slots=True)
class _Taking:
    """A batch on its way: what the writer is asked to store, and what is to be answered once it has."""

    verified: list[Verified] = field(default_factory=list)
    answers: _Answers = field(default_factory=_Answers)
    finished: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Return once it is stored, or cannot be, and answered."""
        self.finished.wait()
