"""Claim: in the second in which a day is released nobody gets a seat twice, nobody an error, and everybody an answer soon.

Thousands of readers hold open connections and fire together at a few hundred seats. Ours is the real booking process with
everything on; the floor is `bench.bare_rush`. Afterwards SQL looks for what must not be there.
"""

import os
import secrets
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import bare_rush, load
from bench.booking_post import PATH, fill
from bench.machine import free_port, prepare, running, site_text
from bench.measure import ROOT, Line, Result, compare_rounds, in_turns, percentile
from bench.postgres import running_postgres
from bench.volley import Volley, fire
from bench.wishes import AREAS, READERS, SEATS, TRIES, Seat, hour, reader, seats_of, wishes
from config.plans import load_plan
from config.schema import Site
from config.values import Secret

ROUNDS = 4
DOUBLES = (
    "SELECT count(*) FROM reservations a JOIN reservations b ON a.{same} = b.{same} AND a.id < b.id AND a.start_us < b.end_us "
    "AND b.start_us < a.end_us WHERE a.holding = 1 AND b.holding = 1 AND a.seat <> ''"
)


def run(data: Path) -> Result:
    """Fire both kinds of volley at both servers in turns."""
    rules = site_text({}, {"max_active = 2": "max_active = 20"})
    tokens = [secrets.token_urlsafe(32) for _ in range(READERS)]
    bearers = [f"Bearer {token}" for token in tokens]
    bare_database = data / "bare.db"
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres(data))
        url = server.url(server.create())
        sites = {SQLITE: prepare(data / "sqlite", rules), POSTGRES: prepare(data / "postgresql", rules, url)}
        sides = {}
        for name, wanted in sites.items():
            fill(wanted, Path(wanted.database) if name == SQLITE else Secret(url), tokens)
            stack.enter_context(running(wanted, core_of_booking=0))
            sides[name] = Side(wanted.http_port, bearers, wanted.site)
        site = sites[SQLITE].site
        bare_rush.prepare(bare_database, [(seat.area, seat.id) for seat in seats_of(site)])
        bare_port = stack.enter_context(_bare_server(bare_database))
        sides[FLOOR] = Side(bare_port, [reader(n) for n in range(READERS)], site)
        for kind in NAMES:
            in_turns(ROUNDS, {name: getattr(side, kind) for name, side in sides.items()})
        doubles = {SQLITE: count_doubles(Path(sites[SQLITE].database)), POSTGRES: count_doubles_of(url), FLOOR: None}
    if any(doubles.values()):
        raise RuntimeError(f"pairs of reservations overlap on a seat or on a reader: {doubles}")
    return Result(
        "The rush",
        f"{READERS:,} readers with open connections fire in one second at {SEATS} seats, skewed to favourites: up to {TRIES} "
        "tries each, or one request each for “this seat, else the best free one in this area”. The real booking process "
        "(sign-in, policy, idempotency, notification outbox, live maps) on SQLite and on PostgreSQL 15 (on the same "
        "machine), against a bare ASGI application over a bare SQLite writer (check and insert, up to 256 in a commit, as "
        f"durable); the process on one core, the generator on the other, {ROUNDS} volleys of each kind in turns. Double "
        "bookings are counted by SQL afterwards.",
        [
            line
            for name in (SQLITE, POSTGRES)
            for kind in NAMES
            for line in compare(name, sides[name], sides[FLOOR], kind)
        ],
        [*HEAD, *(row for name, side in sides.items() for row in side.rows(name, doubles[name]))],
    )


SQLITE, POSTGRES, FLOOR = "Seatgate on SQLite", "Seatgate on PostgreSQL", "bare ASGI and writer"

HEAD = (
    "| server | variant | attempts/s | first answer p99 | drained in | double bookings | server errors |",
    "|---|---|---|---|---|---|---|",
)
NAMES = {"tries": f"up to {TRIES} tries", "or_else": "this seat, else the best free one"}


def compare(database: str, ours: "Side", floor: "Side", kind: str) -> list[Line]:
    """Return the lines of one kind of volley."""
    name = f"{database.rpartition(' ')[2]}, {NAMES[kind]}"
    return [
        compare_rounds(f"{name}: first answer, p99", ours.p99(kind), floor.p99(kind), aim=2),
        compare_rounds(f"{name}: drained", ours.drained(kind), floor.drained(kind), aim=2),
    ]


@dataclass
class Side:
    """One of the servers, with the volleys fired at it. Every volley wants another hour, in which all seats are free."""

    port: int
    authorization: list[str]
    site: Site

    def __post_init__(self) -> None:
        self._seats = seats_of(self.site)
        self._most = sum(len(load_plan(self.site, area).seats) for area in self.site.areas if area.id in AREAS)
        self._round = 0
        self.volleys: dict[str, list[Volley]] = {kind: [] for kind in NAMES}

    def tries(self) -> Iterator[float]:
        """Fire one volley of plain wishes."""
        yield self._fire("tries", lambda mine: [{"seat": seat.id} for seat in mine])

    def or_else(self) -> Iterator[float]:
        """Fire one volley in which every reader sends one request."""
        yield self._fire("or_else", lambda mine: [{"seat": mine[0].id, "area": mine[0].area}])

    def _fire(self, kind: str, bodies: Callable[[list[Seat]], list[dict[str, str]]]) -> float:
        start, end = hour(self.site, self._round)
        drawn = wishes(self._seats, self._round, len(self.authorization))
        self._round += 1
        times = f'"start":"{start.isoformat()}","end":"{end.isoformat()}"'
        requests = [
            [
                load.request(
                    PATH,
                    ("{" + "".join(f'"{name}":"{value}",' for name, value in body.items()) + times + "}").encode(),
                    {"Authorization": who, "Idempotency-Key": secrets.token_hex(8)},
                )
                for body in bodies(mine)
            ]
            for who, mine in zip(self.authorization, drawn, strict=True)
        ]
        seen = fire(self.port, requests)
        booked = seen.statuses.get("201", 0)
        if seen.errors or seen.statuses.keys() - {"201", "409"} or not 0 < booked <= self._most:
            raise RuntimeError(f"the server answered {seen.statuses}")
        self.volleys[kind].append(seen)
        return seen.drained

    def p99(self, kind: str) -> list[float]:
        """Return each volley's 99th percentile of the seconds until the first answer; the warm-up is left out."""
        return [percentile(volley.first, 99) for volley in self.volleys[kind][1:]]

    def drained(self, kind: str) -> list[float]:
        """Return the seconds of each volley; the warm-up is left out."""
        return [volley.drained for volley in self.volleys[kind][1:]]

    def rows(self, name: str, doubles: int | None) -> list[str]:
        """Return the rows of the table of absolute figures: medians of the volleys."""
        rows = []
        for kind, said in NAMES.items():
            volleys = self.volleys[kind][1:]
            rate = statistics.median(volley.attempts / volley.drained for volley in volleys)
            p99, drained = statistics.median(self.p99(kind)), statistics.median(self.drained(kind))
            errors = sum(volley.errors for volley in volleys)
            found = "not looked for" if doubles is None else str(doubles)
            rows.append(f"| {name} | {said} | {rate:,.0f} | {p99:.2f} s | {drained:.2f} s | {found} | {errors} |")
        return rows


def count_doubles(database: Path) -> int:
    """Return how many pairs of holding reservations share a moment of a seat or of a reader."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return sum(connection.execute(DOUBLES.format(same=same)).fetchone()[0] for same in ("seat", "reader"))


def count_doubles_of(url: str) -> int:
    """Return the same for a PostgreSQL database."""
    with psycopg.connect(url) as connection:
        return sum(connection.execute(DOUBLES.format(same=same)).fetchone()[0] for same in ("seat", "reader"))


@contextmanager
def _bare_server(database: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.bare_rush", str(database), str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        try:
            yield port
        finally:
            server.terminate()
