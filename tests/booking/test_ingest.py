"""Gate events over a real broker into a real file: stored once each, acknowledged after the commit, by ranges."""

import hashlib
import queue
import threading
from datetime import timedelta

import pytest

from booking.domain.reservation import Status
from booking.identity import Identity
from booking.ingest import Ingest
from booking.service.commands import EnrolDevice, OfferEnrolment, Stored
from messages import access, acknowledgement, presence
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction
from messages.acknowledgement import RejectCode
from messages.presence import OutboxState, Presence, PresenceState
from messages.topics import Family, Leaf, build, every
from runtime.clock import Clock
from runtime.mqtt import Message, MqttLink
from runtime.signing import SigningKey, signed_properties, verify


class Gate:
    """A gate's side: makes signed messages and collects acknowledgements."""

    def __init__(self, desk, at, name="south"):
        self.key, self.name, self.epoch, self.sequence = SigningKey.generate(), name, 4711, 0
        code = hashlib.sha256(name.encode()).digest()
        assert desk.do(
            OfferEnrolment(device=name, kind="gate", at=at("08:00"), code_hash=code),
            EnrolDevice(
                device=name,
                kind="gate",
                at=at("08:00"),
                code_hash=code,
                kid=self.key.kid,
                public_key=self.key.public_bytes,
            ),
        ) == [Stored(), Stored()]
        self.topic = build("lib", Family.GATES, name, Leaf.ACCESS)

    def event(self, occurred_at, card="0000000001", direction=Direction.IN, portal="south-1", sequence=None):
        self.sequence = sequence or self.sequence + 1
        return AccessEvent(
            portal=portal,
            direction=direction,
            credential=Credential(CredentialKind.CARD, card),
            outcome=AccessOutcome.REPORTED,
            occurred_at=occurred_at,
            monotonic_ns=1,
            boot_id="b",
            epoch=self.epoch,
            sequence=self.sequence,
        )

    def message(self, event, key=None, topic=None):
        payload = access.encode("lib", self.name, event)
        topic = topic or self.topic
        return Message(topic, payload, signed_properties(key or self.key, topic, payload))


class Bench:
    """An ingest whose acknowledgements are kept, at a time that the test sets."""

    def __init__(self, desk, at, tmp_path, now="09:00"):
        self.desk, self.sent = desk, []
        self.identity = Identity.load_or_create("lib", tmp_path / "keys")
        self.clock = Clock.starting_at(at(now))
        self.ingest = Ingest(
            places=desk.places,
            writer=desk.writer,
            reads=desk.reads,
            identity=self.identity,
            clock=self.clock,
            publish=self.sent.append,
        )
        self.gate = Gate(desk, at)

    def take(self, *messages):
        self.sent.clear()
        self.ingest.take(messages)
        for signed in self.sent:
            assert verify(self.identity.key.public_bytes, signed.topic, signed.payload, signed.properties["sig"])
        return [acknowledgement.decode(signed.payload) for signed in self.sent if signed.topic.endswith("/ack")]


@pytest.fixture
def bench(desk, at, tmp_path):
    return Bench(desk, at, tmp_path)


def test_a_batch_is_acknowledged_by_ranges_and_a_replay_again_but_applied_once(bench, desk, at):
    events = [bench.gate.event(at("08:59")) for _ in range(5)]
    messages = [bench.gate.message(event) for event in events]
    (first,) = bench.take(*messages[:2], *messages[3:])
    assert first.ranges == [(1, 2), (4, 5)]
    assert first.rejected == []
    (again,) = bench.take(*messages)
    assert again.ranges == [(1, 5)]
    assert len(desk.reads.gate_records("S001")) == 5
    assert bench.ingest.counts == {"received": 9, "stored": 5, "replays": 4}


def test_what_cannot_be_verified_is_rejected_and_leaves_no_trace(bench, desk, at):
    good = bench.gate.message(bench.gate.event(at("08:59")))
    forged = bench.gate.message(bench.gate.event(at("08:59")), key=SigningKey.generate())
    altered = bench.gate.message(bench.gate.event(at("08:59")))
    altered = Message(altered.topic, altered.payload.replace(b"0000000001", b"0000000002"), altered.properties)
    unsigned = Message(good.topic, bench.gate.message(bench.gate.event(at("08:59"))).payload, {})
    noise = Message(good.topic, b"{}", {})
    (answer,) = bench.take(good, forged, altered, unsigned, noise)
    assert answer.ranges == [(1, 1)]
    assert [(one.sequence, one.code) for one in answer.rejected] == [
        (2, RejectCode.UNKNOWN_KEY),
        (3, RejectCode.BAD_SIGNATURE),
        (4, RejectCode.UNKNOWN_KEY),
    ]
    assert len(desk.reads.gate_records("S001")) == 1
    assert desk.reads.dead_letters() == (0, [])


def test_a_gate_cannot_speak_for_another(bench, desk, at):
    other = Gate(desk, at, "annex")
    event = bench.gate.event(at("08:59"))
    payload = access.encode("lib", "south", event)
    stolen = Message(bench.gate.topic, payload, signed_properties(other.key, bench.gate.topic, payload))
    (answer,) = bench.take(stolen)
    assert [one.code for one in answer.rejected] == [RejectCode.UNKNOWN_KEY]


def test_a_known_identity_with_other_content_is_a_conflict_for_staff_and_not_applied(bench, desk, at):
    bench.take(bench.gate.message(bench.gate.event(at("08:58"), sequence=1)))
    (answer,) = bench.take(bench.gate.message(bench.gate.event(at("08:59"), card="0000000002", sequence=1)))
    assert [(one.sequence, one.code) for one in answer.rejected] == [(1, RejectCode.DIGEST_CONFLICT)]
    assert desk.reads.gate_records("S002") == []
    total, (letter,) = desk.reads.dead_letters()
    assert (total, letter.reason) == (1, "digest-conflict")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"portal": "west-9"}, "unknown-portal"),
        ({"hours": 2}, "impossible-time"),
        ({"hours": -24 * 500}, "impossible-time"),
    ],
)
def test_what_cannot_be_applied_is_kept_for_staff_and_acknowledged(bench, desk, at, change, reason):
    occurred = at("09:00") + timedelta(hours=change.get("hours", 0))
    message = bench.gate.message(bench.gate.event(occurred, portal=change.get("portal", "south-1")))
    for _ in range(2):
        (answer,) = bench.take(message)
        assert (answer.ranges, answer.rejected) == ([(1, 1)], [])
    total, (letter,) = desk.reads.dead_letters()
    assert (total, letter.reason) == (1, reason)


def test_an_unknown_card_is_a_plain_record_and_never_a_dead_letter(bench, desk, at):
    """Unknown, visitor and staff cards are records and count inside."""
    (answer,) = bench.take(bench.gate.message(bench.gate.event(at("08:59"), card="9999999999")))
    assert answer.ranges == [(1, 1)]
    assert desk.reads.dead_letters() == (0, [])
    (passage,) = desk.reads.passages()
    assert (passage.reader, passage.credential, passage.effect) == (None, "…99", "")


def test_nothing_is_acknowledged_when_nothing_was_stored(bench, desk, at):
    message = bench.gate.message(bench.gate.event(at("08:59")))
    desk.writer.stop()
    assert bench.take(message) == []


def test_a_message_that_makes_us_fail_takes_no_other_with_it(bench, desk, at, monkeypatch):
    poison, good = (bench.gate.message(bench.gate.event(at("08:59"))) for _ in range(2))
    read = bench.ingest._verifier.read

    def fail_at_the_first(message, now):
        if message is poison:
            raise RuntimeError("a fault of ours")
        return read(message, now)

    monkeypatch.setattr(bench.ingest._verifier, "read", fail_at_the_first)
    bench.ingest.on_message(poison)
    bench.ingest.on_message(good)
    bench.ingest._queue.put(None)
    bench.ingest.run()
    (signed,) = bench.sent
    assert acknowledgement.decode(signed.payload).ranges == [(2, 2)]
    assert bench.ingest.counts["faults"] == 2


def test_over_a_real_broker_a_swipe_checks_in_and_is_acknowledged(broker, desk, at, tmp_path, wait_for):
    stay = desk.booked("S001", "centre-005", "09:00", "12:00")
    identity = Identity.load_or_create("lib", tmp_path / "keys")
    ingest = Ingest(
        places=desk.places,
        writer=desk.writer,
        reads=desk.reads,
        identity=identity,
        clock=Clock.starting_at(at("09:05")),
        publish=lambda signed: link.publish(signed.topic, signed.payload, properties=signed.properties),
    )
    link = MqttLink(
        broker.settings("booking"),
        client_id="booking-test",
        session_expiry=timedelta(minutes=5),
        on_message=ingest.on_message,
    )
    link.subscribe(every("lib", Family.GATES, Leaf.ACCESS))
    thread = threading.Thread(target=ingest.run)
    thread.start()
    answers = queue.SimpleQueue()
    gate = Gate(desk, at)
    gate_link = MqttLink(
        broker.settings("gate-south"),
        client_id="gate-test",
        session_expiry=timedelta(minutes=5),
        on_message=answers.put,
    )
    gate_link.subscribe(build("lib", Family.GATES, "south", Leaf.ACK))
    link.start()
    gate_link.start()
    wait_for(lambda: link.connected and gate_link.connected, "both are connected")
    message = gate.message(gate.event(at("09:04")))
    gate_link.publish(message.topic, message.payload, properties=message.properties)
    answer = acknowledgement.decode(answers.get(timeout=30).payload)
    assert answer.ranges == [(1, 1)]
    assert desk.status(stay, "09:05") is Status.IN_USE
    assert desk.reads.reservation("S001", stay.id, at("09:05")).checked_in_at == at("09:04")
    ingest.stop()
    gate_link.stop()
    link.stop()
    thread.join(30)
    assert not thread.is_alive()


# ---- what gates say of themselves ------------------------------------------------------------------------------------


def report(gate, clock, *, key=None, retained=False, state="birth", **outbox):
    topic = build("lib", Family.GATES, gate.name, Leaf.PRESENCE)
    figures = {"epoch": gate.epoch, "last_sequence": gate.sequence, "depth": 0, "watermark": 0} | outbox
    said = Presence(PresenceState(state), 1, "1.0", clock.now(), 1, "b", OutboxState(**figures))
    payload = presence.encode("lib", Family.GATES, gate.name, said)
    return Message(topic, payload, signed_properties(key or gate.key, topic, payload), retained=retained)


@pytest.mark.parametrize(
    ("more", "standing"),
    [
        ({}, "standing"),
        ({"last_sequence": 1}, "provisional"),  # a row of before then is still on its way
        ({"last_sequence": 1, "watermark": 1}, "provisional"),  # it was acknowledged, and we have lost it
        ({"state": "death"}, "provisional"),
        ({"retained": True}, "provisional"),  # the broker kept it: nobody knows from when
        ({"key": SigningKey.generate()}, "provisional"),
    ],
    ids=[
        "told",
        "not-all",
        "lost-by-us",
        "died",
        "kept-by-the-broker",
        "forged",
    ],  # a key's own name differs between workers
)
def test_a_violation_stands_once_the_gate_has_told_all_up_to_its_deadline(desk, at, tmp_path, more, standing):
    """A violation is provisional until every entry portal of its venue has reported a watermark past the deadline."""
    desk.booked("S001", "centre-005", "08:00", "09:00", now="08:00")
    bench = Bench(desk, at, tmp_path, now="08:31")
    assert bench.take(report(bench.gate, bench.clock, **more)) == []
    (found,) = desk.reads.violations("S001", at("08:31")).items
    assert found.standing == standing


def test_events_of_a_batch_are_stored_before_a_report_that_counts_on_them(desk, at, tmp_path):
    desk.booked("S001", "centre-005", "08:00", "09:00", now="08:00")
    bench = Bench(desk, at, tmp_path, now="08:31")
    event = bench.gate.message(bench.gate.event(at("08:10"), card="0000000007"))
    (answer,) = bench.take(report(bench.gate, bench.clock), event)
    assert answer.ranges == [(1, 1)]
    (found,) = desk.reads.violations("S001", at("08:31")).items
    assert found.standing == "standing"
