"""Granted or denied: each rule by its line, then everything against a plain model."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.schema import WhenUnknown
from gate.access_rules import Ask, LaneRules, Listing, Seen, Situation, decide
from messages import access_list
from messages.access import (
    AccessEvent,
    AccessOutcome,
    AccessReason,
    AlarmEvent,
    AlarmKind,
    Credential,
    CredentialKind,
    Direction,
    PassageEvent,
)
from messages.access_list import AccessList, Grounds, Window
from messages.errors import MessageError

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANN, BEN, CID, DAN = 11, 22, 33, 44
IN, OUT, UNKNOWN = Direction.IN, Direction.OUT, Direction.UNKNOWN
OPEN, CLOSED = WhenUnknown.OPEN, WhenUnknown.CLOSED


def listing(**more):
    """Ann has reserved from an hour ago for two hours, Ben is a reader at any time, Cid is blocked."""
    fields = {
        "gate": "south",
        "generation": 1,
        "number": 1,
        "made_at": NOW - 60 * MINUTE,
        "valid_until": NOW + 60 * MINUTE,
        "key": "0" * 16,
        "windows": [
            Window(access_list.pack([ANN, CID]), Grounds.RESERVATION, NOW - 60 * MINUTE, NOW + 60 * MINUTE),
            Window(access_list.pack([BEN]), Grounds.READER),
        ],
        "blocked": access_list.pack([CID]),
    }
    return Listing(AccessList(**fields | more))


def said(mark=ANN, way=IN, now=NOW, listed=..., when=OPEN, antipassback=timedelta(), **situation):
    listed = listing() if listed is ... else listed
    decision = decide(listed, LaneRules(when, antipassback), Ask(way, mark, now), Situation(**situation))
    assert decision.granted is (decision.outcome is AccessOutcome.GRANTED)
    assert decision.outcome is not AccessOutcome.REPORTED
    return decision.granted, decision.reason


WORST = {"fire": False, "locked": True, "last_in": NOW, "own_balance": 999}


@pytest.mark.parametrize("listed", [None, listing(), listing(capacity=1), listing(valid_until=NOW - MINUTE)])
@pytest.mark.parametrize("when", WhenUnknown)
def test_out_is_never_refused(listed, when):
    """rules.md: "`out` is never refused: no antipassback, missing sign-out, lock command or lost power holds a person in"."""
    for mark in (ANN, CID, DAN):
        assert said(mark, OUT, listed=listed, when=when, antipassback=9 * MINUTE, **WORST) == (True, AccessReason.OUT)
        unknown = said(mark, UNKNOWN, listed=listed, when=when, antipassback=9 * MINUTE, **WORST)
        assert unknown == (True, AccessReason.WAY_UNKNOWN)


def test_reservations_readers_and_blocks():
    assert said(ANN) == (True, AccessReason.RESERVATION)
    assert said(BEN) == (True, AccessReason.READER)
    assert said(CID) == (False, AccessReason.BLOCKED)
    assert said(DAN) == (False, AccessReason.UNKNOWN)


def test_a_window_is_half_open():
    window = Window(access_list.pack([ANN]), Grounds.RESERVATION, NOW, NOW + MINUTE)
    listed = listing(windows=[window])
    assert said(now=NOW - timedelta(microseconds=1), listed=listed) == (False, AccessReason.NOT_NOW)
    assert said(now=NOW, listed=listed)[0]
    assert said(now=NOW + MINUTE - timedelta(microseconds=1), listed=listed)[0]
    assert said(now=NOW + MINUTE, listed=listed) == (False, AccessReason.NOT_NOW)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (None, AccessReason.LIST_MISSING),
        (listing(valid_until=NOW), AccessReason.LIST_OLD),
        (
            listing(made_at=NOW + 5 * MINUTE + timedelta(seconds=1), valid_until=NOW + 60 * MINUTE),
            AccessReason.CLOCK_WRONG,
        ),
    ],
)
def test_without_a_list_that_counts_each_portal_is_open_or_closed_for_in(listed, reason):
    """Issue: "valid offline for a configured time, fail-open or fail-closed per portal for `in`"."""
    for mark in (ANN, CID, DAN):
        assert said(mark, listed=listed, when=OPEN) == (True, reason)
        assert said(mark, listed=listed, when=CLOSED) == (False, reason)


def test_a_clock_that_is_a_little_behind_is_no_fault():
    listed = listing(made_at=NOW + 5 * MINUTE, valid_until=NOW + 60 * MINUTE)
    assert said(BEN, listed=listed) == (True, AccessReason.READER)


def test_the_fire_release_lets_everybody_in_and_says_so():
    for mark in (ANN, CID, DAN):
        for listed in (None, listing()):
            fire = said(mark, listed=listed, when=CLOSED, antipassback=9 * MINUTE, **WORST | {"fire": True})
            assert fire == (True, AccessReason.FIRE)


def test_a_lock_applies_to_in_only():
    """rules.md: "`fail_closed` and lock apply to `in` only"."""
    assert said(locked=True) == (False, AccessReason.LOCKED)
    assert said(locked=True, listed=None) == (False, AccessReason.LOCKED)
    assert said(way=OUT, locked=True)[0]


def test_antipassback_lasts_for_its_window():
    assert said(last_in=NOW - MINUTE, antipassback=2 * MINUTE) == (False, AccessReason.IN_TWICE)
    assert said(last_in=NOW - 2 * MINUTE, antipassback=2 * MINUTE)[0]
    assert said(last_in=NOW, antipassback=timedelta())[0]
    assert said(last_in=NOW + MINUTE, antipassback=2 * MINUTE)[0]  # a clock that was set: nobody is kept out by it


@pytest.mark.parametrize("capacity", [300, 250])
def test_the_one_after_the_capacity_is_denied(capacity):
    """Manual: "东校区图书馆人数限制：300人 西校区图书馆人数限制：250人"."""
    listed = listing(capacity=capacity, inside=capacity - 2)
    assert said(listed=listed, own_balance=1)[0]
    assert said(listed=listed, own_balance=2) == (False, AccessReason.FULL)
    assert said(listed=listed, own_balance=2, is_inside=True)[0]  # counted already


def test_marks_out_of_order_make_no_list():
    broken = [Window("AAAAAAAAAAIAAAAAAAAAAQ==", Grounds.READER)]
    with pytest.raises(MessageError):
        listing(windows=broken)


# ---- what was seen ---------------------------------------------------------------------------------------------------


def passed(sequence, name, way=IN, outcome=AccessOutcome.GRANTED, at=NOW):
    credential = Credential(CredentialKind.CARD, name)
    return AccessEvent("south-1", way, credential, outcome, at, 0, "boot", 7, sequence)


def word(sequence, of, *, walked):
    return PassageEvent("south-1", of, walked, NOW, 0, "boot", 7, sequence)


def test_out_resets_and_not_passed_voids():
    seen, ann = Seen(), Credential(CredentialKind.CARD, "ann")
    seen.note(passed(1, "ann"))
    assert (seen.last_in(ann), seen.balance, seen.is_inside(ann)) == (NOW, 1, True)
    seen.note(passed(2, "ann", OUT))
    assert (seen.last_in(ann), seen.balance, seen.is_inside(ann)) == (None, 0, False)
    seen.note(passed(3, "ann"))
    seen.note(word(4, 3, walked=True))
    assert seen.balance == 1
    seen.note(passed(5, "ben"))
    seen.note(word(6, 5, walked=False))
    assert (seen.balance, seen.last_in(Credential(CredentialKind.CARD, "ben"))) == (1, None)
    seen.note(passed(7, "cid", outcome=AccessOutcome.DENIED))
    assert seen.balance == 1


def test_what_the_list_has_counted_is_not_counted_again():
    seen = Seen()
    for number, name in enumerate("abcde", 1):
        seen.note(passed(number, name))
    seen.count_from(3)
    assert seen.balance == 2
    seen.note(passed(6, "a", OUT))  # was inside before
    assert seen.balance == 1
    seen.note(passed(7, "a"))
    assert seen.balance == 2
    seen.count_from(7)
    assert seen.balance == 0


def test_fire_is_over_when_every_input_is():
    seen = Seen()

    def alarm(sequence, portal, active, what=AlarmKind.FIRE):
        seen.note(AlarmEvent(portal, active, NOW, 0, "boot", 7, sequence, what))

    alarm(1, "south-1", True, AlarmKind.TAMPER)
    assert not seen.fire
    alarm(2, "south-1", True)
    alarm(3, "south-2", True)
    alarm(4, "south-1", False)
    assert seen.fire
    alarm(5, "south-2", False)
    assert not seen.fire


WAYS = st.sampled_from([IN, OUT, UNKNOWN])
STEPS = st.lists(
    st.tuples(st.just("go"), st.sampled_from("abcd"), WAYS, st.sampled_from(AccessOutcome))
    | st.tuples(st.just("void"), st.integers(1, 30))
    | st.tuples(st.just("count"), st.integers(0, 30)),
    max_size=30,
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(STEPS)
def test_the_memory_against_everything_read_anew_each_time(steps):
    """The model keeps all passages as a list and works out each figure from it."""
    seen, went, counted = Seen(), [], 0
    for number, (what, *rest) in enumerate(steps, 1):
        if what == "go":
            name, way, outcome = rest
            seen.note(passed(number, name, way, outcome))
            if outcome is not AccessOutcome.DENIED and way is not UNKNOWN:
                went.append((number, name, way, number > counted))
        elif what == "void":
            seen.note(word(number, rest[0], walked=False))
            went = [one for one in went if one[0] != rest[0]]
        else:
            counted = max(counted, min(rest[0], number))
            seen.count_from(counted)
        balance = 0
        for name in "abcd":
            ways = [way for sequence, who, way, _ in went if who == name and sequence > counted]
            balance += (ways[-1] is IN) - (ways[0] is OUT) if ways else 0
        assert seen.balance == balance


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    way=WAYS,
    mark=st.sampled_from([ANN, BEN, CID, DAN]),
    minutes=st.integers(-80, 80),
    has_list=st.booleans(),
    when=st.sampled_from(WhenUnknown),
    fire=st.booleans(),
    locked=st.booleans(),
    last=st.none() | st.integers(-20, 5),
    balance=st.integers(-3, 3),
    capacity=st.none() | st.integers(1, 4),
)
def test_the_decision_against_a_plain_model(way, mark, minutes, has_list, when, fire, locked, last, balance, capacity):
    now = NOW + minutes * MINUTE
    last_in = None if last is None else now + last * MINUTE
    listed = listing(capacity=capacity, inside=1) if has_list else None
    granted, reason = said(
        mark, way, now, listed, when, 10 * MINUTE, fire=fire, locked=locked, last_in=last_in, own_balance=balance
    )
    counts = has_list and -65 <= minutes < 60
    reserved = mark == ANN and -60 <= minutes < 60
    twice = last is not None and -10 < last <= 0
    full = capacity is not None and 1 + balance >= capacity
    if way is not IN or fire:
        expected = True
    elif locked:
        expected = False
    elif not counts:
        expected = when is OPEN
    else:
        expected = (reserved or mark == BEN) and not twice and not full
    assert granted is expected, reason
