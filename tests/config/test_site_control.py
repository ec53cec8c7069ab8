"""Portals in control mode in a site file: what `seatgate site check` says of one that could never open."""

from datetime import timedelta

import attrs
import pytest

from config import shipped
from config.policy import GatePolicy
from config.schema import Portal, PortalDirection, PortalMode
from config.site_check import load_site, problems

SITE = load_site(shipped("sites", "bjut.toml"))
READER = Portal("reader", PortalDirection.IN, "rdm6300", mode=PortalMode.CONTROL)
OPENS = {"open": "open_left"}


def with_portals(*portals):
    """Return what is wrong with the shipped site whose first gate has these portals."""
    first, *others = SITE.gates
    return problems(attrs.evolve(SITE, gates=[attrs.evolve(first, portals=list(portals)), *others]))


def board(**more):
    fields = {"id": "board", "direction": PortalDirection.FRAME, "protocol": "eb-tripod", "passage_for": "reader"}
    return Portal(**fields | {"options": OPENS} | more)


@pytest.mark.parametrize(
    "portals",
    [
        (READER, board()),
        (attrs.evolve(READER, options=OPENS),),
        (
            attrs.evolve(READER, open_on="board"),
            board(passage_for="other"),
            attrs.evolve(READER, id="other", mode=PortalMode.REPORT),
        ),
        (attrs.evolve(READER, protocol="my-board.toml", options={"open_in": "go"}),),
    ],
    ids=["a board beside it", "its own line", "a board that it names", "a description of one's own"],
)
def test_a_portal_that_can_open_is_well(portals):
    assert with_portals(*portals) == []


@pytest.mark.parametrize(
    ("portals", "sentence"),
    [
        (
            (READER,),
            "gates.south.reader.mode: in control mode the gate opens, and portal 'reader' does not say with which message",
        ),
        (
            (READER, board(options={})),
            "gates.south.reader.mode: in control mode the gate opens, and portal 'board' does not say",
        ),
        ((READER, board(mode=PortalMode.CONTROL)), "gates.south.board.mode: nobody is read on the line of a board"),
        (
            (attrs.evolve(READER, open_on="bord"), board()),
            "gates.south.reader.open_on: there is no portal of this gate 'bord'",
        ),
    ],
)
def test_one_that_cannot_is_named_with_what_to_write(portals, sentence):
    found = with_portals(*portals)
    assert any(one.startswith(sentence) for one in found), found


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        ({"antipassback": timedelta(days=1, seconds=1)}, "policy.gate.antipassback"),
        ({"list_valid_for": timedelta(days=8)}, "policy.gate.list_valid_for"),
        ({"list_valid_for": timedelta()}, "policy.gate.list_valid_for"),
        ({"command_within": timedelta(seconds=61)}, "policy.gate.command_within"),
        ({"command_within": timedelta()}, "policy.gate.command_within"),
        ({"admits_always": ["two words"]}, "policy.gate.admits_always"),
    ],
)
def test_rules_that_could_not_hold_are_named(rules, key):
    gate = attrs.evolve(SITE.policy.gate, **rules)
    found = problems(attrs.evolve(SITE, policy=attrs.evolve(SITE.policy, gate=gate)))
    assert [one.split(":")[0] for one in found] == [key]
    assert problems(attrs.evolve(SITE, policy=attrs.evolve(SITE.policy, gate=GatePolicy()))) == []


@pytest.mark.parametrize("capacity", [0, -1, 1_000_001])
def test_a_venues_capacity_is_a_number_of_people(capacity):
    first, *others = SITE.venues
    [one] = problems(attrs.evolve(SITE, venues=[attrs.evolve(first, capacity=capacity), *others]))
    assert one.startswith(f"venues.{first.id}.capacity: {capacity} is not between 1 and")
