"""What access lists are made from, on both databases, and with a university's worth of readers."""

import time
from dataclasses import replace
from datetime import timedelta

import attrs
import pytest

from booking.access_lists import AccessLists
from booking.identity import Identity
from booking.service.commands import Card, LoadPeople, Person, RecordGateEvent
from booking.service.portal_orders import OrderPortal, PortalCommand
from config.schema import PortalMode
from gate.access_rules import Listing
from messages import access_list
from messages.access import CommandEvent, CommandResult, Credential, CredentialKind
from runtime.clock import Clock
from runtime.signing import SigningKey

READERS = 20_000


@pytest.fixture
def desk(open_desk, places):
    """A desk whose gates all decide."""
    gates = [
        attrs.evolve(gate, portals=[attrs.evolve(one, mode=PortalMode.CONTROL) for one in gate.portals])
        for gate in places.site.gates
    ]
    return open_desk(replace(places, site=attrs.evolve(places.site, gates=gates)))


def lists_of(desk, now):
    sent = []
    identity = Identity("lib", SigningKey.generate(), b"m" * 32)
    parts = AccessLists(desk.places, desk.reads, identity, Clock.starting_at(now), sent.append)
    return parts, sent


def test_facts_are_read_from_one_snapshot(desk, at, open_gate):
    now = at("09:00")
    stay = desk.booked("S001", "centre-001", "10:00", "12:00", now="09:00")
    desk.booked("S002", "annex-001", "10:00", "12:00", now="09:00")
    facts = desk.reads.access_facts("south", now, now + timedelta(hours=24))
    assert len(facts.credentials) == 80
    assert list(facts.stays) == ["S001"], "another venue's are another gate's"
    assert (facts.stays["S001"][0].start, facts.stays["S001"][0].end) == (stay.start, stay.end)
    assert (facts.inside, facts.counted, facts.suspended) == (0, None, {})
    gate = open_gate(desk)
    gate.passes("in", "09:10", received="09:10")
    facts = desk.reads.access_facts("south", at("09:11"), at("20:00"))
    assert facts.inside == 1
    assert facts.counted.sequence == 1
    assert desk.reads.access_facts("annex", at("09:11"), at("20:00")).inside == 0


def test_commands_to_gates_on_both_databases(desk, at):
    now = at("09:00")
    given = OrderPortal(
        id="command-0123456789",
        staff="S000",
        at=now,
        gate="south",
        portal="south-1",
        what=PortalCommand.OPEN,
        reason="x",
    )
    desk.do(given)
    desk.do(given)
    [one] = desk.reads.wanted_orders(now)
    assert one.deadline == now + timedelta(seconds=15)
    assert desk.reads.wanted_orders(one.deadline) == []
    event = CommandEvent("south-1", one.id, CommandResult.DONE, now, 0, "boot", 1, 1)
    desk.do(RecordGateEvent(gate="south", at=now, event=event, payload=b"{}", digest=b"d" * 32))
    assert desk.reads.order(one.id).result is CommandResult.DONE
    assert desk.reads.wanted_orders(now) == []


def test_twenty_thousand_readers_make_one_bounded_list_in_bounded_time(desk, at):
    """Issue: "grant or deny from the synced access list"; the list of a whole university fits and costs little."""
    now = at("09:00")
    people = tuple(
        Person(reader=f"U{number:05}", name="r", cards=(Card("card", f"9{number:09}"),)) for number in range(READERS)
    )
    for first in range(0, READERS, 2000):
        desk.do(LoadPeople(at=now, people=people[first : first + 2000]))
    parts, sent = lists_of(desk, now)
    costs = []
    for _ in range(3):
        began = time.thread_time()
        parts.everything()
        parts.send()
        costs.append(time.thread_time() - began)
    south = [one for one in sent if "/gates/south/" in one.topic]
    assert len(south[0].payload) < access_list.MAX_BYTES / 4
    listing = Listing(access_list.decode("south", south[0].payload))
    key = access_list.gate_key(b"m" * 32, "south")
    marks = [
        access_list.mark(key, Credential(CredentialKind.CARD, f"9{number:09}")) for number in range(0, READERS, 97)
    ]
    assert {listing.says(mark, now) for mark in marks} == {"reader"}
    before = len(sent)
    parts.send()
    assert len(sent) == before, "nothing changed"
    print(f"lists of two gates, {READERS} readers, processor seconds: {costs}")
