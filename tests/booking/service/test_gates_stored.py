"""What gates tell, on either database: each read and write of it once, told in one morning."""

import random
from dataclasses import replace
from datetime import timedelta

import attrs
import pytest

from booking.domain.places import Places
from booking.domain.reservation import Status
from booking.service.commands import AnswerGateRecord, KeepDeadLetter, Stored, Sweep
from booking.service.gate_commands import (
    AnchorClock,
    BeginEvacuation,
    CheckInInside,
    ClearFlag,
    EndEvacuation,
    ReplayDeadLetter,
    SeeAlert,
    TakeOffer,
)
from booking.service.gate_views import AlertKind
from booking.service.violation_commands import HearGate
from config.policy import GatePolicy, InsideAtOpening, Policy
from messages import access
from messages.access import PassageEvent

SECOND = 1_000_000_000


@pytest.fixture
def reporting(open_desk, places):
    """A desk whose south gate says whether somebody walked through, and that checks in who is inside at the opening."""
    gates = [
        attrs.evolve(gate, portals=[attrs.evolve(one, reports_passage=True) for one in gate.portals])
        for gate in places.site.gates
    ]
    policy = Policy(gate=GatePolicy(inside_at_opening=InsideAtOpening.CHECK_IN))
    return open_desk(Places(attrs.evolve(places.site, gates=gates, policy=policy), places.seats_of))


def test_an_evacuation_begins_ends_and_is_kept(desk, open_gate, at):
    gate, stay = open_gate(desk), desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    gate.passes("in", "09:00")
    gate.passes("out", "10:00")
    desk.booked("S002", "centre-006", "09:00", "12:00", now="08:00")
    desk.do(Sweep(at=at("10:01")))
    assert desk.do(BeginEvacuation(staff="S009", at=at("10:10"), venue="main", since=at("09:29"))) == Stored()
    (going,) = desk.reads.evacuations(going_on=True)
    assert desk.status(stay, "11:59") is Status.IN_USE, "its exit was within it"
    assert desk.reads.reservation("S002", desk.reads.current("S002", at("10:11")).id, at("10:11")).stands_still
    assert desk.do(EndEvacuation(staff="S009", at=at("10:30"), evacuation=going.id)) == Stored()
    assert desk.reads.evacuations(going_on=True) == []
    assert desk.reads.current("S002", at("10:31")).check_in_until == at("10:45")


def test_a_passage_that_waits_is_read_right_and_then_written(reporting, open_gate, at):
    gate, stay = open_gate(reporting), reporting.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    gate.passes("in", "08:50")
    assert reporting.status(stay, "08:50:09") is Status.RESERVED
    assert reporting.reads.next_due() == at("08:50:10")
    assert reporting.status(stay, "08:50:10") is Status.IN_USE
    reporting.do(Sweep(at=at("08:51")))
    assert reporting.changes(stay, "08:51") == ["reserved", "checked-in"]
    report = PassageEvent(
        "south-3", 1, passed=False, occurred_at=at("08:50"), monotonic_ns=0, boot_id="b", epoch=1, sequence=2
    )
    gate.send(report, "08:52")
    assert reporting.status(stay, "08:53") is Status.RESERVED


def test_who_is_inside_at_the_opening_is_read_right_and_then_written(reporting, open_gate, at):
    gate, stay = open_gate(reporting), reporting.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    gate.passes("in", "08:10", received="08:20")
    assert reporting.reads.inside(at("08:25"))[0].people == 1
    assert reporting.status(stay, "08:29") is Status.RESERVED
    assert reporting.status(stay, "08:30") is Status.IN_USE
    reporting.do(Sweep(at=at("08:31")))
    assert reporting.reads.reservation("S001", stay.id, at("08:31")).checked_in_at == at("08:30")


def test_a_prompt_an_answer_and_a_flag(desk, open_gate, at):
    gate, stay = open_gate(desk), desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    gate.passes("in", "08:10")
    desk.do(Sweep(at=at("08:31")))
    assert [note.kind for note in desk.reads.notifications("S001")] == ["inside", "reserved"]
    assert desk.do(CheckInInside(reader="S001", at=at("08:32"), reservation=stay.id)).reservation.checked_in_at
    gate.passes("out", "10:00")
    record = desk.reads.gate_records("S001")[0].id
    desk.do(AnswerGateRecord(reader="S001", at=at("10:01"), record=record, confirm=False))
    assert [flag.record for flag in desk.reads.flagged_cards()] == [record]
    assert desk.do(ClearFlag(staff="S009", at=at("10:02"), record=record)) == Stored()
    assert desk.reads.flagged_cards() == []


def test_a_lost_seat_and_the_offer_of_another(desk, open_gate, at):
    gate, stay = open_gate(desk), desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    desk.booked("S002", "centre-005", "now", "12:00", now="09:40")
    gate.passes("in", "09:10", received="10:00")
    assert desk.reads.reservation("S001", stay.id, at("10:01")).offer == "centre-004"
    taken = desk.do(TakeOffer(reader="S001", at=at("10:01"), reservation=stay.id, channel="web")).reservation
    assert (taken.seat, taken.status, taken.end) == ("centre-004", Status.IN_USE, at("12:00"))


def test_streams_clocks_alerts_and_letters(desk, open_gate, at):
    gate, stay = open_gate(desk), desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    gate.sequence = 1
    gate.passes("in", at("09:00") - timedelta(days=9000), received="09:00")
    gate.sequence = 3
    gate.passes("in", "09:01", card="0000000009")
    heard = HearGate(gate="south", at=at("09:02"), wall=at("09:02"), epoch=1, watermark=0, last_sequence=4)
    desk.do(heard, heard)
    assert desk.reads.alerts(at("09:00:59")) == []
    assert {(one.kind, one.sequence) for one in desk.reads.alerts(at("09:10"))} == {
        (AlertKind.GAP, 1),
        (AlertKind.GAP, 3),
    }
    assert desk.reads.dead_letters()[0] == 1
    clock = AnchorClock(gate="south", at=at("09:05"), boot_id="b", wall=at("09:05"), monotonic_ns=300 * SECOND)
    assert desk.do(clock) == Stored()
    assert desk.reads.reservation("S001", stay.id, at("09:06")).checked_in_at == at("09:00")
    assert desk.reads.dead_letters() == (0, [])
    name = desk.reads.alerts(at("09:10"))[0].id
    assert desk.do(SeeAlert(staff="S009", at=at("09:10"), alert=name)) == Stored()
    assert len(desk.reads.alerts(at("09:10"))) == 1
    event = desk_event(gate, at("09:20"))
    letter = KeepDeadLetter(
        gate="south", at=at("09:20"), epoch=1, sequence=77, payload=event, digest=b"d" * 32, reason="fault"
    )
    desk.do(letter)
    (kept,) = desk.reads.dead_letters()[1]
    assert desk.do(ReplayDeadLetter(staff="S009", at=at("09:21"), letter=kept.id)) == Stored()
    assert desk.reads.dead_letters() == (0, [])
    desk.do(replace(heard, epoch=2, previous_epoch=1, at=at("09:30")))
    assert AlertKind.UNCLOSED_EPOCH in {one.kind for one in desk.reads.alerts(at("09:31"))}


def flood(desk, gate, at, order):
    """Send recorded-only events in an order of the test's own; return the gaps that staff are shown ten minutes later."""
    for sequence in order:
        gate.sequence = sequence - 1
        gate.passes("in", "09:00", card="0000000099", received="09:01")
    return sorted((one.sequence, one.facts.get("last")) for one in desk.reads.alerts(at("09:11")))


def rows_of_gaps(desk):
    with desk.direct() as db:
        return db.execute("SELECT sequence, last_sequence FROM alerts ORDER BY sequence").fetchall()


def test_a_gap_is_one_alert_from_its_first_missing_event_to_its_last(desk, open_gate, at):
    """a gap alerts after 60 s"""
    gate = open_gate(desk)
    assert flood(desk, gate, at, [1, 40, 20, 30, 10]) == [(2, "39")]
    assert flood(desk, gate, at, [60]) == [(2, "39"), (41, "59")]
    late = [n for n in range(59, 1, -1) if n not in {10, 20, 30, 40, 35}]
    assert flood(desk, gate, at, late) == [(2, "39")], "one event of it is still missing"
    assert flood(desk, gate, at, [35]) == []


def test_a_shuffled_flood_makes_a_few_rows_and_not_one_for_each_event(desk, open_gate, at):
    order = list(range(1, 201))
    random.Random(7).shuffle(order)
    assert flood(desk, open_gate(desk), at, order) == []
    assert len(rows_of_gaps(desk)) < 10
    swapped = [n ^ 1 for n in range(300, 400)]
    assert flood(desk, open_gate(desk, "annex"), at, [*range(1, 300), *swapped]) == []
    assert len(rows_of_gaps(desk)) < 12


def desk_event(gate, when):
    from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction

    event = AccessEvent(
        portal="south-3",
        direction=Direction.OUT,
        credential=Credential(CredentialKind.CARD, "0000000003"),
        outcome=AccessOutcome.REPORTED,
        occurred_at=when,
        monotonic_ns=0,
        boot_id="b",
        epoch=1,
        sequence=77,
    )
    return access.encode("lib", gate.name, event)
