"""The numbers of the areas' maps: (generation, n), stored, so that every process and every start counts on.

n is `commits * MOMENTS + moments`: how many commits have changed the area in this generation, then how long after the
generation's begin time alone last changed it. So it grows with each commit, whatever the commit's own time was, and between
two commits with the clock, without a write. What cannot count on begins another generation: a clock that was set back, or a
number that has become too large. A new database begins at the time of day, above what an older one left on a broker.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from booking.store.rows import us
from booking.store.sql import Connection

MOMENTS = 2**32
"""Moments of 10 ms: more than a year of them."""
_MOMENT_US = 10_000
MOST_COMMITS = 2**20
"""Per area and generation; n stays below 2**53."""
LONGEST = timedelta(days=365)
"""How long a generation lasts at the most."""
SET_BACK = timedelta(seconds=2)
"""A clock that is behind what it showed before by more than this was set back. Two machines differ by less."""


class Version(NamedTuple):
    """What an area's numbers are made of."""

    generation: int
    began_us: int
    commits: int

    def n(self, changed_us: int) -> int:
        """Return n when time alone changed the map last at `changed_us`."""
        moments = (changed_us - self.began_us) // _MOMENT_US
        return self.commits * MOMENTS + min(max(moments, 0), MOMENTS - 1)


def version(db: Connection, area: str) -> Version:
    """Return what this snapshot's number of an area is made of."""
    row: Any = db.execute(
        "SELECT (SELECT value FROM facts WHERE name = 'generation'), (SELECT value FROM facts WHERE name = 'began'), "
        "coalesce((SELECT n FROM area_numbers WHERE area = ?), 0)",
        (area,),
    ).fetchone()
    return Version(*row)


def count(db: Connection, areas: Iterable[str]) -> None:
    """Count this transaction as a change of `areas`."""
    for area in sorted(areas):
        db.execute(
            "INSERT INTO area_numbers (area, n) VALUES (?, 1) ON CONFLICT (area) DO UPDATE SET n = area_numbers.n + 1",
            (area,),
        )


def keep_time(db: Connection, now: datetime) -> bool:
    """Note that it is `now`; True when a new generation had to begin."""
    rows: Any = db.execute("SELECT name, value FROM facts WHERE name IN ('generation', 'began', 'clock')").fetchall()
    known: dict[str, int] = dict(rows)
    at = us(now)
    set_back = at < known.get("clock", at) - us_of(SET_BACK)
    too_old = at > known.get("began", -us_of(LONGEST)) + us_of(LONGEST)
    row: Any = db.execute("SELECT max(n) FROM area_numbers").fetchone()
    if not (set_back or too_old or (row[0] or 0) > MOST_COMMITS):
        if at > known["clock"]:
            _keep(db, "clock", at)
        return False
    _keep(db, "generation", max(known.get("generation", 0) + 1, int(now.timestamp())))
    _keep(db, "began", at)
    _keep(db, "clock", at)
    db.execute("DELETE FROM area_numbers")
    return True


def us_of(span: timedelta) -> int:
    """Return a length in microseconds."""
    return span // timedelta(microseconds=1)


def _keep(db: Connection, name: str, value: int) -> None:
    db.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
