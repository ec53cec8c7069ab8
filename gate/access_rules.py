"""Whether a gate in control mode lets somebody in: from the list that booking sent and what the gate itself has seen. Pure.

Nothing here knows a file, a line or a clock. `Listing` is the list made ready to be asked, `Seen` the memory of who went
which way, `decide` the rule. Out is granted before anything else is looked at, so that no fault of ours, no lock and no
antipassback can hold a person in.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from datetime import datetime, timedelta

import attrs

from config.schema import WhenUnknown
from messages.access import (
    AccessEvent,
    AccessOutcome,
    AccessReason,
    AlarmEvent,
    AlarmKind,
    Credential,
    Direction,
    GateEvent,
    PassageEvent,
)
from messages.access_list import AccessList, Grounds, Window, unpack

CLOCK_BEFORE = timedelta(minutes=5)
"""A list that was made further ahead of our clock than this tells that our clock is wrong: no window can be judged by it."""
MOST_SEEN = 100_000
"""Credentials and events that are remembered: the oldest go first."""


@attrs.frozen
class _Group:
    """The marks of one window, in order."""

    marks: "array[int]"
    grounds: Grounds
    start: datetime | None
    end: datetime | None

    @classmethod
    def of(cls, window: Window) -> "_Group":
        return cls(unpack(window.who), window.grounds, window.start, window.end)

    def is_open(self, now: datetime) -> bool:
        """Tell whether its time is now: half open, as every stretch of time here."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)


class Listing:
    """A list, ready to be asked; MessageError for one whose marks cannot be read."""

    def __init__(self, listed: AccessList) -> None:
        self.listed = listed
        self._groups = [_Group.of(window) for window in listed.windows]
        self._blocked = unpack(listed.blocked)

    def fault(self, now: datetime) -> AccessReason | None:
        """Return why nothing can be decided by it at `now`; None when it counts."""
        if now < self.listed.made_at - CLOCK_BEFORE:
            return AccessReason.CLOCK_WRONG
        return None if now < self.listed.valid_until else AccessReason.LIST_OLD

    def says(self, mark: int, now: datetime) -> AccessReason:
        """Return what it says of a credential: the grounds that it may come in on, else why not."""
        if _holds(self._blocked, mark):
            return AccessReason.BLOCKED
        open_now = [group.grounds for group in self._groups if group.is_open(now) and _holds(group.marks, mark)]
        if open_now:
            return AccessReason.RESERVATION if Grounds.RESERVATION in open_now else AccessReason.READER
        known = any(_holds(group.marks, mark) for group in self._groups)
        return AccessReason.NOT_NOW if known else AccessReason.UNKNOWN


def _holds(marks: "array[int]", mark: int) -> bool:
    at = bisect_left(marks, mark)
    return at < len(marks) and marks[at] == mark


@attrs.frozen
class LaneRules:
    """What the site file says of one portal in control mode. `antipassback`: no second `in` within it; nothing: no such rule."""

    when_unknown: WhenUnknown = WhenUnknown.OPEN
    antipassback: timedelta = timedelta()


@attrs.frozen
class Ask:
    """Somebody asks to go through. `mark`: their credential's, as the list's key makes it; of no meaning without a list."""

    way: Direction
    mark: int
    now: datetime


@attrs.frozen
class Situation:
    """How things stand at a portal when somebody asks."""

    fire: bool = False
    locked: bool = False
    last_in: datetime | None = None
    """When this credential last came in without going out since, as far as this gate saw."""
    is_inside: bool = False
    """This gate has seen it come in since the list's count: it is counted already."""
    own_balance: int = 0
    """How many more have come in than gone out at this gate since the list's count."""


@attrs.frozen
class Decision:
    """Granted or denied, and why."""

    outcome: AccessOutcome
    reason: AccessReason

    @property
    def granted(self) -> bool:
        """Whether to open."""
        return self.outcome is AccessOutcome.GRANTED


def decide(listing: Listing | None, rules: LaneRules, ask: Ask, situation: Situation) -> Decision:
    """Decide about one credential."""
    if ask.way is not Direction.IN:
        return _granted(AccessReason.OUT if ask.way is Direction.OUT else AccessReason.WAY_UNKNOWN)
    if situation.fire:
        return _granted(AccessReason.FIRE)
    if situation.locked:
        return _denied(AccessReason.LOCKED)
    fault = AccessReason.LIST_MISSING if listing is None else listing.fault(ask.now)
    if listing is None or fault is not None:
        fault = fault or AccessReason.LIST_MISSING
        return _granted(fault) if rules.when_unknown is WhenUnknown.OPEN else _denied(fault)
    said = listing.says(ask.mark, ask.now)
    if said not in (AccessReason.RESERVATION, AccessReason.READER):
        return _denied(said)
    if situation.last_in is not None and timedelta() <= ask.now - situation.last_in < rules.antipassback:
        return _denied(AccessReason.IN_TWICE)
    capacity = listing.listed.capacity
    if capacity is not None and not situation.is_inside and listing.listed.inside + situation.own_balance >= capacity:
        return _denied(AccessReason.FULL)
    return _granted(said)


def _granted(reason: AccessReason) -> Decision:
    return Decision(AccessOutcome.GRANTED, reason)


def _denied(reason: AccessReason) -> Decision:
    return Decision(AccessOutcome.DENIED, reason)


@attrs.define
class _Person:
    """What was seen of one credential: its passages that count, by sequence, and when it last came in."""

    ways: dict[int, Direction] = attrs.field(factory=dict)
    last_in: tuple[int, datetime] | None = None

    @property
    def share(self) -> int:
        """How many people more it makes since the list's count: whoever is first seen going out was counted before."""
        ways = list(self.ways.values())
        return (ways[-1] is Direction.IN) - (ways[0] is Direction.OUT) if ways else 0


class Seen:
    """Who went which way at one gate, from its own events in their order. The same from live events and from the outbox."""

    def __init__(self) -> None:
        self._people: OrderedDict[tuple[str, str], _Person] = OrderedDict()
        self._of: OrderedDict[int, tuple[str, str]] = OrderedDict()
        """Which credential an event was about: the turnstile's word comes later."""
        self._counted = 0
        self._balance = 0
        self._fires: set[str] = set()

    @property
    def fire(self) -> bool:
        """Whether a fire release of this gate is active."""
        return bool(self._fires)

    @property
    def balance(self) -> int:
        """How many more have come in than gone out since the list's count."""
        return self._balance

    def note(self, event: GateEvent) -> None:
        """Take in the next event: a passage that was not denied, or the word that nobody walked through."""
        match event:
            case AccessEvent(credential=Credential() as credential) if event.outcome is not AccessOutcome.DENIED:
                self._note_way((credential.kind, credential.value), event)
            case PassageEvent(passed=False):
                self._void(event.of)
            case AlarmEvent(what=AlarmKind.FIRE):
                change = self._fires.add if event.active else self._fires.discard
                change(event.portal)
            case _:
                pass

    def count_from(self, sequence: int) -> None:
        """Begin to count after event `sequence`: what came before is in the list's own count."""
        if sequence == self._counted:
            return
        self._counted = sequence
        for person in self._people.values():
            person.ways = {number: way for number, way in person.ways.items() if number > sequence}
        self._balance = sum(person.share for person in self._people.values())

    def begin_anew(self) -> None:
        """Forget what was counted: sequences begin again at 1, and the next list counts what was before."""
        self._counted, self._balance = 0, 0
        self._of.clear()
        for person in self._people.values():
            person.ways = {}

    def last_in(self, credential: Credential) -> datetime | None:
        """Return when a credential came in, unless it has gone out, or nobody walked through."""
        person = self._people.get((credential.kind, credential.value))
        return person.last_in[1] if person and person.last_in else None

    def is_inside(self, credential: Credential) -> bool:
        """Tell whether a credential has come in since the list's count and not gone out."""
        person = self._people.get((credential.kind, credential.value))
        return bool(person and person.ways and list(person.ways.values())[-1] is Direction.IN)

    def _note_way(self, who: tuple[str, str], event: AccessEvent) -> None:
        if event.direction is Direction.UNKNOWN:
            return
        person = self._people.setdefault(who, _Person())
        self._people.move_to_end(who)
        self._of[event.sequence] = who
        before = person.share
        if event.sequence > self._counted:
            person.ways[event.sequence] = event.direction
        person.last_in = (event.sequence, event.occurred_at) if event.direction is Direction.IN else None
        self._balance += person.share - before
        while len(self._people) > MOST_SEEN:
            self._balance -= self._people.popitem(last=False)[1].share
        while len(self._of) > MOST_SEEN:
            self._of.popitem(last=False)

    def _void(self, sequence: int) -> None:
        person = self._people.get(self._of.pop(sequence, ("", "")))
        if person is None:
            return
        before = person.share
        person.ways.pop(sequence, None)
        if person.last_in is not None and person.last_in[0] == sequence:
            person.last_in = None
        self._balance += person.share - before
