"""Claim: the writer on PostgreSQL decides more bookings in a second than single rows can be inserted, with any few workers.

`python -m bench.pg_writer SITE URL NUMBER WORKERS` is one worker: a process with a writer of its own on the same database
that plays its share of the readers. Workers take turns at writing, whole batches at a time.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Self

from bench.machine import prepare, site_text
from bench.measure import ROOT, Result, compare_rates, in_turns
from bench.postgres import RawRows, running_postgres
from bench.rush import count_doubles_of
from bench.wishes import READERS, SEATS, TRIES, reader
from bench.writer_rush import PAYLOAD, TOGETHER, UNDER_WAY, Rush
from booking.collector import settle
from booking.domain.places import Places
from booking.service.commands import LoadPeople, Person
from booking.store.opening import open_store
from config.plans import load_plan
from config.schema import Site
from config.site_check import load_site
from config.values import Secret
from onsite.settings import RunSettings
from runtime.clock import SHIFT_VARIABLE, Clock

ROUNDS = 5
WORKERS = (1, 2, 4)
AIMED = {1: 1.5, 2: 1.5, 4: None}
CONNECTIONS, RAW_ROWS = 32, 6400


def run(data: Path) -> Result:
    """Measure rushes with each number of workers and raw rows in turns; then look for what must not be there."""
    wanted = prepare(data, site_text({}, {"max_active = 2": "max_active = 40"}))
    with running_postgres(data) as server, ExitStack() as stack:
        sides: dict[str, _Side] = {}
        for workers in WORKERS:
            url = server.url(server.create())
            _load_people(wanted, url)
            sides[str(workers)] = stack.enter_context(_Side(wanted, url, workers))
        raw = RawRows(server.url(server.create()), CONNECTIONS)
        stack.callback(raw.close)
        cases = {name: (lambda side=side: [side.rate()]) for name, side in sides.items()}
        samples = in_turns(ROUNDS, cases | {"floor": lambda: [raw.rate(RAW_ROWS, PAYLOAD)]})
        doubles = sum(side.doubles() for side in sides.values())
    if doubles:
        raise RuntimeError(f"{doubles} pairs of reservations overlap on a seat or on a reader")
    return Result(
        "Writer on PostgreSQL",
        f"The rush of “Writer in the rush” ({READERS:,} readers, {SEATS} seats, up to {TRIES} tries each), the readers shared "
        f"out among workers: processes with a writer each on one database, {TOGETHER} commands in a submission and "
        f"{UNDER_WAY} submissions of each worker under way; against single rows of {len(PAYLOAD)} bytes into a bare table, each "
        f"inserted and committed by itself, by {CONNECTIONS} connections. fsync and synchronous_commit on; {ROUNDS} rounds in "
        f"turns. 0 double bookings by SQL afterwards.",
        [
            compare_rates(
                f"attempts in the rush, {n} worker{'s' * (n > 1)}", samples[str(n)], samples["floor"], at_least=aim
            )
            for n, aim in AIMED.items()
        ],
    )


def _load_people(wanted: RunSettings, url: str) -> None:
    people = tuple(Person(reader=reader(n), name=f"Reader {n}") for n in range(READERS))
    clock = Clock(wanted.shift)
    with closing(open_store(Secret(url), _places(wanted.site), clock.now())) as store:
        store.writer.submit([LoadPeople(at=clock.now(), people=people)]).result()


def _places(site: Site) -> Places:
    return Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})


class _Side:
    """The worker processes on one database."""

    def __init__(self, wanted: RunSettings, url: str, workers: int) -> None:
        self._url = url
        self._round = 0
        self._programs = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.pg_writer", str(wanted.site_file), url, str(n), str(workers)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, SHIFT_VARIABLE: str(wanted.shift.total_seconds())},
            )
            for n in range(workers)
        ]

    def __enter__(self) -> Self:
        self._answers()
        return self

    def __exit__(self, *_error: object) -> None:
        for program in self._programs:
            program.stdin.close()
        for program in self._programs:
            program.wait(30)

    def rate(self) -> float:
        """Return the attempts per second of one rush, of all workers together."""
        self._tell(f"prepare {self._round}")
        self._answers()
        self._round += 1
        began = time.perf_counter()
        self._tell("play")
        seen = [tuple(map(int, answer.split())) for answer in self._answers()]
        seconds = time.perf_counter() - began
        if sum(booked for _, booked in seen) > SEATS:
            raise RuntimeError(f"more were booked than there are seats: {seen}")
        return sum(attempts for attempts, _ in seen) / seconds

    def doubles(self) -> int:
        """Return how many pairs of holding reservations share a moment of a seat or of a reader."""
        return count_doubles_of(self._url)

    def _tell(self, word: str) -> None:
        for program in self._programs:
            program.stdin.write(f"{word}\n")
            program.stdin.flush()

    def _answers(self) -> list[str]:
        return [program.stdout.readline() for program in self._programs]


def work(site_file: str, url: str, number: str, workers: str) -> None:
    """Play this worker's share of each rush that standard input asks for."""
    settle()  # as the service has it
    site, clock = load_site(Path(site_file)), Clock.from_environment()
    with closing(open_store(Secret(url), _places(site), clock.now())) as store:
        rush = Rush(store.writer, site, clock, range(int(number), READERS, int(workers)))
        print("ready", flush=True)
        for line in sys.stdin:
            word, _, turn = line.strip().partition(" ")
            if word == "prepare":
                rush.prepare(int(turn))
                print("prepared", flush=True)
            else:
                rush.play()
                print(rush.attempts, rush.booked, flush=True)


if __name__ == "__main__":
    work(*sys.argv[1:])
