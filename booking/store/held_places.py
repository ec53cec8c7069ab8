"""The counts of capacity areas as storage keeps them (0003_capacity.sql): the site's limits in, levels out."""

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


def levels_of(connection: Connection, area: str, interval: Interval) -> list[Level]:
    """Return how many places of `area` are held throughout `interval`, in order and without a gap."""
    start, end = us(interval.start), us(interval.end)
    before: Any = connection.execute(
        "SELECT held FROM held_places WHERE area = ? AND from_us <= ? ORDER BY from_us DESC LIMIT 1", (area, start)
    ).fetchone()
    rows: list[Any] = connection.execute(
        "SELECT from_us, held FROM held_places WHERE area = ? AND from_us > ? AND from_us < ? ORDER BY from_us",
        (area, start, end),
    ).fetchall()
    steps: list[tuple[int, int]] = [(start, before[0] if before else 0), *rows]
    ends = [step[0] for step in rows] + [end]
    return [Level(Interval(moment(step[0]), moment(until)), step[1]) for step, until in zip(steps, ends, strict=True)]


def forget_past(connection: Connection, now_us: int) -> None:
    """Drop the steps that no count depends on any more: of those long over, an area's latest alone is needed."""
    connection.execute(
        "DELETE FROM held_places WHERE from_us < (SELECT max(from_us) FROM held_places AS later "
        "WHERE later.area = held_places.area AND later.from_us <= ?)",
        (now_us - KEEP_US,),
    )
