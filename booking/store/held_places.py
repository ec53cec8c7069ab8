"""The counts of capacity areas as storage keeps them (0003_capacity.sql): the site's limits in, levels out."""

from bisect import bisect_left
from typing import Any

from booking.domain.capacity import Level
from booking.domain.places import Places
from booking.domain.window import Interval
from booking.store.rows import moment, us
from booking.store.sql import Connection

KEEP_US = 48 * 3600 * 1_000_000
"""How long steps that are over are kept: longer than any stay that can still change."""


def set_capacities(connection: Connection, places: Places) -> None:
    """Make the site file's capacities the ones that storage enforces."""
    connection.execute("DELETE FROM capacities")
    for area in places.site.areas:
        if area.capacity is not None:
            connection.execute("INSERT INTO capacities VALUES (?, ?)", (area.id, area.capacity))


def steps_of(connection: Connection, area: str, interval: Interval) -> list[tuple[int, int]]:
    """Return from when on how many places of `area` are held, in order; the first step begins with `interval`."""
    start, end = us(interval.start), us(interval.end)
    before: Any = connection.execute(
        "SELECT held FROM held_places WHERE area = ? AND from_us <= ? ORDER BY from_us DESC LIMIT 1", (area, start)
    ).fetchone()
    rows: list[Any] = connection.execute(
        "SELECT from_us, held FROM held_places WHERE area = ? AND from_us > ? AND from_us < ? ORDER BY from_us",
        (area, start, end),
    ).fetchall()
    return [(start, before[0] if before else 0), *((row[0], row[1]) for row in rows)]


def levels_of(steps: list[tuple[int, int]], interval: Interval) -> list[Level]:
    """Return the levels that `steps` make throughout `interval`, in order and without a gap."""
    start, end = us(interval.start), us(interval.end)
    first = max(bisect_left(steps, (start + 1,)) - 1, 0)
    within = [(max(at, start), held) for at, held in steps[first:] if at < end]
    ends = [*(at for at, _ in within[1:]), end]
    return [Level(Interval(moment(at), moment(to)), held) for (at, held), to in zip(within, ends, strict=True)]


def forget_past(connection: Connection, now_us: int) -> None:
    """Drop the steps that no count depends on any more: of those long over, an area's latest alone is needed."""
    connection.execute(
        "DELETE FROM held_places WHERE from_us < (SELECT max(from_us) FROM held_places AS later "
        "WHERE later.area = held_places.area AND later.from_us <= ?)",
        (now_us - KEEP_US,),
    )
