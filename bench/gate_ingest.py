"""Claim: a gate's event costs booking no more than some raw rows: verified, decoded, judged, stored, acknowledged.

Ours is the real ingest over the real writer, fed as the broker's thread feeds it; what it says goes nowhere. The floor is
the same number of rows of the same bytes put into a bare table, 64 in a commit that is as durable.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from bench.floors import RawCommits
from bench.lanes import GATE, places_of, settle_in
from bench.machine import prepare, site_text
from bench.measure import Result, compare_rates, in_turns
from booking.domain.places import Places
from booking.identity import Identity
from booking.ingest import MOST_PER_BATCH, Ingest
from booking.service.commands import EnrolDevice, OfferEnrolment
from booking.service.ports import Writer
from booking.store.sqlite import open_store
from messages import access
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.signing import SigningKey, signed_properties

ROUNDS, READERS = 8, 256
PER_ROUND = 4 * READERS
EPOCH = 4711


def run(data: Path) -> Result:
    """Take whole rounds of passages and as many raw rows in turns."""
    wanted = prepare(data, site_text({"south-1": ("in", ""), "south-2": ("out", "")}))
    site, clock = wanted.site, Clock(wanted.shift)
    places = places_of(wanted)
    raw = RawCommits(data / "raw.db")
    with closing(open_store(data / "ours.db", places, clock.now())) as store:
        key = SigningKey.generate()
        _fill(store.writer, places, clock, key)
        identity = Identity.load_or_create(site.id, data)
        ingest = Ingest(
            places=places,
            writer=store.writer,
            reads=store.reads,
            identity=identity,
            clock=clock,
            publish=lambda _: None,
        )
        gate = _Gate(site.id, key, clock.now())

        def ours() -> Iterator[float]:
            batches = [gate.batch() for _ in range(PER_ROUND // MOST_PER_BATCH)]
            began = time.perf_counter()
            for batch in batches:
                ingest.take(batch)
            yield PER_ROUND / (time.perf_counter() - began)

        def floor() -> Iterator[float]:
            began = time.perf_counter()
            raw.commit_many(PER_ROUND, "access", gate.payload)
            yield PER_ROUND / (time.perf_counter() - began)

        samples = in_turns(ROUNDS, {"ours": ours, "floor": floor})
        if ingest.counts["stored"] != ingest.counts["received"]:
            raise RuntimeError(f"not every event was stored: {ingest.counts}")
    return Result(
        "Gate events",
        f"{PER_ROUND:,} passages a round of {READERS} readers with a reservation, each in or out and so a change of it: signed "
        f"events from the broker's thread to the acknowledgement, {MOST_PER_BATCH} in a batch, on SQLite; against as many rows "
        f"of the same {len(gate.payload)} bytes into a bare table, 64 in a commit (WAL, synchronous=FULL). {ROUNDS} rounds in turns.",
        [compare_rates("events stored and acknowledged", samples["ours"], samples["floor"])],
    )


class _Gate:
    """Makes the signed events of one gate, each reader out, in, out, …"""

    def __init__(self, site: str, key: SigningKey, now: datetime) -> None:
        self._site, self._key, self._now = site, key, now
        self._topic = build(site, Family.GATES, GATE, Leaf.ACCESS)
        self._sequence = 0
        self.payload = b""

    def batch(self) -> list[Message]:
        """Return one passage of each reader, as the broker brings them."""
        return [self._message(n) for n in range(MOST_PER_BATCH)]

    def _message(self, n: int) -> Message:
        self._sequence += 1
        coming = (self._sequence - 1) // READERS % 2 == 0
        event = AccessEvent(
            portal="south-1" if coming else "south-2",
            direction=Direction.IN if coming else Direction.OUT,
            credential=Credential(CredentialKind.CARD, f"{n:010}"),
            outcome=AccessOutcome.REPORTED,
            occurred_at=self._now + timedelta(milliseconds=20 * self._sequence),
            monotonic_ns=self._sequence * 20_000_000,
            boot_id="bench",
            epoch=EPOCH,
            sequence=self._sequence,
        )
        self.payload = access.encode(self._site, GATE, event)
        return Message(self._topic, self.payload, signed_properties(self._key, self._topic, self.payload))


def _fill(writer: Writer, places: Places, clock: Clock, key: SigningKey) -> None:
    """Make readers with cards and a reservation from now on, and enrol the gate."""
    now, code = clock.now(), hashlib.sha256(b"bench").digest()
    settle_in(writer, places, clock, READERS)
    enrol = EnrolDevice(device=GATE, kind="gate", at=now, code_hash=code, kid=key.kid, public_key=key.public_bytes)
    writer.submit([OfferEnrolment(device=GATE, kind="gate", at=now, code_hash=code), enrol]).result()
