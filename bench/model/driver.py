"""Many steps from one seed: plays of a few thousand steps, each on a fresh database; what differs is made shorter."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bench.model.choosing import SeededChooser
from bench.model.databases import Database
from bench.model.libraries import LIBRARIES, Library
from bench.model.proposals import Proposals
from bench.model.rules import DAY, HOUR
from bench.model.steps import DivergenceError, Step
from bench.model.twin import Twin

PLAY = 1500
"""Steps of one play."""
THOROUGH = 40
"""After every so many steps, and at the end of a play, everything is compared."""
Make = Callable[[Library], Database]
_AHEAD = 8
"""A play begins so many hours into its first day, on one of the days of its week."""


@dataclass
class Found:
    """A difference: what was played from an empty database, up to and with the step after which it showed."""

    library: str
    began: int
    steps: list[Step]
    error: DivergenceError
    seed: int = 0
    number: int = 0
    """How many steps the whole run had played by then."""


@dataclass
class Run:
    """What a run did."""

    steps: int = 0
    plays: int = 0
    seconds: float = 0.0
    found: Found | None = None
    kinds: dict[str, int] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, int] = field(default_factory=dict)
    """How often a reservation ended a play in each status: a run that never misses or lapses would prove little."""


def run(
    seed: int, steps: int, make: Make, told: Callable[[Run], None] = lambda _run: None, library: str | None = None
) -> Run:
    """Play `steps` steps of `seed`, in one library or in all by turns; stop at the first difference."""
    result, began = Run(), time.monotonic()
    names = [library] if library else sorted(LIBRARIES)
    while result.steps < steps and result.found is None:
        played = LIBRARIES[names[result.plays % len(names)]]()
        length = min(PLAY, steps - result.steps)
        result.found = _play(seed * 1_000_003 + result.plays, length, played, make, result)
        result.plays += 1
        result.seconds = time.monotonic() - began
        told(result)
    if result.found is not None:
        result.found.seed = seed
    return result


def _play(seed: int, length: int, library: Library, make: Make, result: Run) -> Found | None:
    choose = SeededChooser(seed)
    start = choose.below(7) * DAY + _AHEAD * HOUR
    database = make(library)
    database.direct = True
    played: list[Step] = []
    try:
        twin = Twin(library, database, start)
        proposals = Proposals(twin.model, choose)
        for n in range(1, length + 1):
            step = proposals.next()
            played.append(step)
            result.steps += 1
            result.kinds[step.kind] = result.kinds.get(step.kind, 0) + 1
            twin.play(step, thorough=n % THOROUGH == 0 or n == length)
        result.answers += twin.answers
        for stay in twin.model.stays:
            result.statuses[stay.status] = result.statuses.get(stay.status, 0) + 1
    except DivergenceError as error:
        return Found(library.name, start, played, error, number=result.steps)
    finally:
        database.close()
    return None


def replay(library: str, began: int, steps: Iterable[Step], make: Make, *, thorough: bool = True) -> Found | None:
    """Play a script on an empty database; what differs, or None."""
    known = LIBRARIES[library]()
    database = make(known)
    played: list[Step] = []
    try:
        twin = Twin(known, database, began)
        for step in steps:
            played.append(step)
            twin.play(step, thorough=thorough)
    except DivergenceError as error:
        return Found(library, began, played, error)
    finally:
        with contextlib.suppress(Exception):
            database.close()
    return None


def shorten(found: Found, make: Make, *, tries: int = 600) -> Found:
    """Take out whatever is not needed for the sides to differ (any difference will do): halves first, then less."""
    best = replay(found.library, found.began, found.steps, make) or found
    size = max(1, len(best.steps) // 2)
    while tries > 0:
        taken, first = False, 0
        while first < len(best.steps) and tries > 0:
            tries -= 1
            rest = best.steps[:first] + best.steps[first + size :]
            shorter = replay(found.library, found.began, rest, make) if rest else None
            if shorter is not None and len(shorter.steps) < len(best.steps):
                best, taken = shorter, True
            else:
                first += size
        if size == 1 and not taken:
            break
        size = max(1, size // 2)
    best.seed, best.number = found.seed, found.number
    return best
