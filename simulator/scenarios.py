"""A day of readers as a plan: who books, comes, steps away, comes back, forgets. Pure: the same seed gives the same day.

What happens then is the library's business: a step that the rules refuse is a refusal, as it is for anybody
(`simulator.crowd` does the steps). Chance is a digest of the seed and of what it is asked for, so that one reader's
day does not depend on how many others there are.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

HOURS = {8: 14, 9: 18, 10: 12, 11: 7, 12: 6, 13: 12, 14: 12, 15: 8, 16: 7, 17: 6, 18: 12, 19: 9, 20: 4}
"""How many of a hundred readers come in which hour; a library's morning and the hour after supper are its rush."""
MEALS = ((11.5, 12.6), (17.0, 18.3))
"""From and until when (hours of the day) somebody goes out to eat."""
SETTLE = timedelta(minutes=15)
"""Who would already be inside when the plan begins comes within this time."""
SHORTEST_VISIT = timedelta(minutes=20)
COMES_AGAIN, WALKS_IN, EXTENDS, STRANGE_CARD = 0.5, 0.3, 0.2, 0.1
"""Shares of readers, or of visits."""


class Do(StrEnum):
    """What a reader does."""

    BOOK = "book"
    CANCEL = "cancel"
    ENTER = "enter"
    """Swipe at a turnstile that leads in."""
    LEAVE = "leave"
    STRANGE_CARD = "strange-card"
    """Hold a card against the turnstile that nobody knows: a wrong card, or a visitor's."""
    SCAN = "scan"
    """Scan the kiosk's code: check in."""
    SCAN_OUT = "scan-out"
    """Scan the code at the door on going: sign out."""
    STEP_AWAY = "step-away"
    RETURN = "return"
    EXTEND = "extend"
    END = "end"


class Manner(StrEnum):
    """How a visit goes."""

    ORDERLY = "orderly"
    """Ends it when going."""
    FORGETS_TO_END = "forgets-to-end"
    """Goes home without a word: the seat waits for them until it lapses."""
    NO_SHOW = "no-show"
    """Books and does not come."""
    CANCELS = "cancels"
    VISITOR = "visitor"
    """Walks in with a card that nobody knows, and out again; books nothing."""


WEIGHTS = {
    Manner.ORDERLY: 74,
    Manner.FORGETS_TO_END: 10,
    Manner.NO_SHOW: 6,
    Manner.CANCELS: 5,
    Manner.VISITOR: 5,
}


@dataclass(frozen=True, slots=True)
class Doors:
    """How one gets into a venue: the portals that lead in and out (none: a code at the door), and its open areas."""

    venue: str
    ways_in: tuple[str, ...]
    ways_out: tuple[str, ...]
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a library's rules a reader knows before they book."""

    grid: timedelta
    longest: timedelta
    steps_away: bool
    extends: bool
    scans: bool
    """Whether anybody can scan: a code is shown for ten seconds of a clock that may go fast."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One reader's stay in the building, from `arrive` to `leave`; `book_at` before it, or just after where they walk in."""

    reader: str
    doors: Doors
    manner: Manner
    book_at: datetime
    until: datetime
    """The end that is asked for when booking."""
    arrive: datetime
    leave: datetime
    meal: tuple[datetime, datetime] | None
    extend_at: datetime | None
    walks_in: bool
    """Comes first, then books, then scans the kiosk's code."""
    strange_card: bool


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """At `at`, `reader` does `do`. `visit` numbers the reader's visits of the plan; `where` is a portal or an area."""

    at: datetime
    reader: str
    visit: int
    do: Do
    where: str = ""
    venue: str = ""
    until: datetime | None = None


def chance(seed: int, *what: object) -> float:
    """Return a number in [0, 1) that depends on the seed and on what it is for, and on nothing else."""
    digest = hashlib.sha256("/".join(map(str, (seed, *what))).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def day(
    seed: int, readers: Sequence[str], doors: Sequence[Doors], terms: Terms, hours: tuple[datetime, datetime]
) -> list[Visit]:
    """Return the visits of one day between opening and closing (`hours`), by arrival. Nobody is at two places at once."""
    visits = [visit for reader in readers for visit in _visits_of(seed, reader, doors, terms, hours)]
    return sorted(visits, key=lambda visit: (visit.arrive, visit.reader))


def from_now(visits: Sequence[Visit], start: datetime) -> list[Visit]:
    """Return what of a day is still to come at `start`: who would be inside already comes within `SETTLE`."""
    return [late for visit in visits if (late := _joined(visit, start)) is not None]


def steps_of(visits: Sequence[Visit]) -> list[Step]:
    """Return what everybody does, in the order of time; one reader's steps keep theirs."""
    counted: dict[str, int] = {}
    found = []
    for visit in visits:
        number = counted[visit.reader] = counted.get(visit.reader, 0) + 1
        found += _steps(visit, number)
    return sorted(found, key=lambda step: step.at)  # stable: what one reader does in one moment stays in order


def _visits_of(
    seed: int, reader: str, doors: Sequence[Doors], terms: Terms, open_hours: tuple[datetime, datetime]
) -> list[Visit]:
    opens, closes = open_hours
    count = 1 + sum(chance(seed, reader, opens.date(), "again", n) < COMES_AGAIN for n in range(2))
    found: list[Visit] = []
    after = opens
    for number in range(count):
        said = (seed, reader, opens.date(), number)
        visit = _visit(said, doors, terms, (after, closes))
        if visit is not None and (visit.book_at >= after or not found):
            found.append(visit)
            after = max(visit.leave, visit.until) + timedelta(minutes=10)
    return found


def _visit(
    said: tuple[int, str, date, int], doors: Sequence[Doors], terms: Terms, between: tuple[datetime, datetime]
) -> Visit | None:
    def draw(what: str) -> float:
        return chance(*said, what)

    after, closes = between
    door = doors[int(draw("venue") * len(doors))]
    arrive = max(_arrival(draw("hour"), draw("minute"), after), after + draw("hold") * timedelta(minutes=30))
    manner = _manner(draw("manner"))
    walks_in = bool(terms.scans and door.ways_in) and draw("walks in") < WALKS_IN
    book_at = arrive + timedelta(minutes=2) if walks_in else arrive - timedelta(minutes=2 + 8 * draw("ahead"))
    wanted = timedelta(hours=1 + 3 * draw("length"))
    until = _on_grid(book_at + min(wanted, terms.longest), terms.grid, opens=after)
    while until - book_at > terms.longest or until > closes:
        until -= terms.grid
    if until - arrive < SHORTEST_VISIT:
        return None
    extends = terms.extends and until + terms.grid <= closes and draw("extend") < EXTENDS
    end = until + terms.grid if extends else until
    leave = max(end - timedelta(minutes=3 + 12 * draw("leave")), arrive + SHORTEST_VISIT / 2)
    return Visit(
        said[1],
        door,
        manner,
        book_at,
        until,
        arrive,
        leave,
        meal=_meal(arrive, leave, draw("meal")) if terms.steps_away else None,
        extend_at=until - timedelta(minutes=10 + 20 * draw("when")) if extends else None,
        walks_in=walks_in,
        strange_card=bool(door.ways_in) and draw("card") < STRANGE_CARD,
    )


def _arrival(hour_drawn: float, minute: float, after: datetime) -> datetime:
    """Return a moment of that day, by how many come in which hour."""
    left = hour_drawn * sum(HOURS.values())
    for hour, weight in HOURS.items():
        if left < weight:
            return after.replace(hour=hour, minute=0, second=0, microsecond=0) + minute * timedelta(hours=1)
        left -= weight
    raise ValueError(f"{hour_drawn} is no chance")


def _manner(drawn: float) -> Manner:
    left = drawn * sum(WEIGHTS.values())
    for manner, weight in WEIGHTS.items():
        if left < weight:
            return manner
        left -= weight
    return Manner.ORDERLY


def _on_grid(moment: datetime, grid: timedelta, *, opens: datetime) -> datetime:
    """Return the first moment of the grid, counted from midnight, that is not before `moment`."""
    midnight = opens.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + math.ceil((moment - midnight) / grid) * grid


def _meal(arrive: datetime, leave: datetime, drawn: float) -> tuple[datetime, datetime] | None:
    """Return when somebody who stays over a meal is out for it: shorter than a seat is kept."""
    midnight = arrive.replace(hour=0, minute=0, second=0, microsecond=0)
    for begins, ends in MEALS:
        out = midnight + timedelta(hours=begins + drawn * (ends - begins))
        back = out + timedelta(minutes=14 + 12 * drawn)
        if arrive + SHORTEST_VISIT < out and back + SHORTEST_VISIT < leave:
            return out, back
    return None


def _joined(visit: Visit, start: datetime) -> Visit | None:
    if min(visit.book_at, visit.arrive) >= start:
        return visit
    if visit.until - start < SHORTEST_VISIT + SETTLE or visit.manner is Manner.CANCELS:
        return None
    begun = start + chance(0, visit.reader, visit.arrive) * SETTLE * 0.6
    walk = timedelta(minutes=2)
    book_at, arrive = (begun + walk, begun) if visit.walks_in else (begun, begun + walk)
    if visit.leave - arrive < SHORTEST_VISIT / 2:
        return None
    meal = visit.meal if visit.meal and visit.meal[0] > arrive + SHORTEST_VISIT else None
    extend_at = visit.extend_at if visit.extend_at and visit.extend_at > arrive + walk * 3 else None
    return replace(visit, book_at=book_at, arrive=arrive, meal=meal, extend_at=extend_at)


_MOMENT = timedelta(seconds=20)
"""From one thing to the next, such as a tap on the phone and a swipe at the turnstile."""


def _steps(visit: Visit, number: int) -> list[Step]:
    def step(at: datetime, do: Do, where: str = "", until: datetime | None = None) -> Step:
        return Step(at, visit.reader, number, do, where, visit.doors.venue, until)

    def drawn(what: str, of: Sequence[str]) -> str:
        return of[int(chance(0, visit.reader, visit.arrive, what) * len(of))] if of else ""

    way_in, way_out = drawn("way in", visit.doors.ways_in), drawn("way out", visit.doors.ways_out)
    if visit.manner is Manner.VISITOR:
        found = [step(visit.arrive, Do.STRANGE_CARD, way_in), step(visit.leave, Do.STRANGE_CARD, way_out)]
        return [one for one in found if one.where]
    book = step(visit.book_at, Do.BOOK, drawn("area", visit.doors.areas), visit.until)
    if visit.manner is Manner.NO_SHOW:
        return [book]
    if visit.manner is Manner.CANCELS:
        return [book, step(visit.book_at + timedelta(minutes=4), Do.CANCEL)]
    return sorted([book, *_inside(visit, way_in, way_out, step)], key=lambda one: one.at)


def _inside(visit: Visit, way_in: str, way_out: str, step: Callable[..., Step]) -> list[Step]:
    found = [step(visit.arrive, Do.ENTER, way_in)] if way_in else []
    if visit.strange_card:
        found.insert(0, step(visit.arrive - _MOMENT, Do.STRANGE_CARD, way_in))
    if visit.walks_in or not way_in:
        found.append(step(max(visit.arrive, visit.book_at) + 2 * _MOMENT, Do.SCAN))
    if visit.meal:
        found.append(step(visit.meal[0], Do.STEP_AWAY))
        found += _out_and_back(visit.meal, way_in, way_out, step)
    if visit.extend_at:
        found.append(step(visit.extend_at, Do.EXTEND))
    if visit.manner is not Manner.FORGETS_TO_END:
        found.append(step(visit.leave, Do.END if way_out else Do.SCAN_OUT))
    if way_out:
        found.append(step(visit.leave + _MOMENT, Do.LEAVE, way_out))
    return found


def _out_and_back(meal: tuple[datetime, datetime], way_in: str, way_out: str, step: Callable[..., Step]) -> list[Step]:
    out, back = meal
    if way_in and way_out:
        return [step(out + _MOMENT, Do.LEAVE, way_out), step(back, Do.ENTER, way_in)]
    return [step(back, Do.RETURN, "")]
