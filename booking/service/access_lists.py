"""Who may come in at a gate, and when: from what is stored to the windows of its access list. Facts in, windows out."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from booking.domain.places import Places
from booking.domain.window import Interval
from config.policy import Admits, GatePolicy
from config.schema import Gate, PortalMode, Site
from messages.access_list import Counted, Grounds, Window, pack


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """All that a list is made from, read together. Credentials are (kind, value, reader, valid from, valid until)."""

    until: datetime
    """Until when the list counts: what begins later is another's to tell."""
    credentials: list[tuple[str, str, str, datetime, datetime | None]]
    always: frozenset[str]
    """Staff, and readers of the groups that come in at any time."""
    stays: dict[str, list[Interval]]
    """What each reader has reserved in the venue and still holds, by its start and end."""
    suspended: Mapping[str, datetime]
    """Until when who is suspended now."""
    inside: int
    counted: Counted | None
    generation: int


class AccessReads(Protocol):
    """The part of booking.service.ports.Reads that access lists are made from."""

    def access_facts(self, gate: str, now: datetime, until: datetime) -> AccessFacts:
        """What decides who may come in at `gate` between `now` and `until`, as one snapshot."""


def controlled(site: Site) -> list[Gate]:
    """Return the gates that decide at one of their portals."""
    return [gate for gate in site.gates if any(portal.mode is PortalMode.CONTROL for portal in gate.portals)]


def capacity_of(places: Places, venue_id: str) -> int | None:
    """Return how many may be inside a venue: as its site file says, else what its areas hold where all have a capacity."""
    venue = places.site.venue(venue_id)
    if venue is not None and venue.capacity is not None:
        return venue.capacity
    held = [area.capacity for area in places.site.areas if area.venue == venue_id]
    return sum(one or 0 for one in held) if held and all(held) else None


Mark = Callable[[str, str], int]
"""(kind, value) → the mark of a credential."""
_Span = tuple[Grounds, datetime | None, datetime | None]


def windows_of(facts: AccessFacts, places: Places, now: datetime, mark: Mark) -> tuple[list[Window], str]:
    """Return the windows of a list made at `now`, and the marks of who is blocked, packed."""
    marks: defaultdict[_Span, list[int]] = defaultdict(list)
    blocked = []
    policy = places.policy
    before = policy.check_in.opens_before
    for kind, value, reader, valid_from, valid_until in facts.credentials:
        spans = list(_spans(facts, policy.gate, reader))
        if not spans:
            if reader in facts.suspended:
                blocked.append(mark(kind, value))
            continue
        for grounds, start, end in spans:
            begins = start - before if start is not None and grounds is Grounds.RESERVATION else start
            if valid_from > now and (begins is None or begins < valid_from):
                begins = valid_from
            ends = end if valid_until is None or (end is not None and end < valid_until) else valid_until
            if begins is None or ends is None or begins < ends:
                marks[grounds, begins, ends].append(mark(kind, value))
    return [Window(pack(who), *span) for span, who in sorted(marks.items(), key=_order)], pack(blocked)


def _spans(facts: AccessFacts, gate: GatePolicy, reader: str) -> Iterator[_Span]:
    """Yield when a reader may come in. Who is suspended may come to what they have reserved, and after the suspension."""
    for stay in facts.stays.get(reader, ()):
        yield Grounds.RESERVATION, stay.start, stay.end
    if reader in facts.always:
        yield Grounds.READER, None, None
    elif gate.admits is Admits.READER:
        until = facts.suspended.get(reader)
        if until is None:
            yield Grounds.READER, None, None
        elif until < facts.until:
            yield Grounds.READER, until, None


def _order(item: tuple[_Span, list[int]]) -> tuple[str, str, str]:
    grounds, start, end = item[0]
    return grounds, start.isoformat() if start else "", end.isoformat() if end else ""
