"""Claim: what HTTP, sign-in and sentences cost around one booking stays within a known share of a bare endpoint.

Both sides run the same uvicorn settings and hand the same command to the same writer over a database of their own.
Ours is `POST /api/v1/reservations` of the real booking process; the floor is `bench.raw_asgi`.
"""

import hashlib
import itertools
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

from bench import load
from bench.machine import free_port, prepare, running, site_text
from bench.measure import ROOT, Result, compare_rates, in_turns
from booking.domain.places import Places
from booking.service.commands import Changed, LoadPeople, OpenSession, Person, Reserve
from booking.service.request_key import RequestKey
from booking.store.opening import open_store
from config.plans import load_plan, seat_id
from config.schema import Site
from config.values import Secret
from onsite.settings import RunSettings
from runtime.clock import SHIFT_VARIABLE, Clock

ROUNDS, PER_ROUND, CONNECTIONS = 6, 2000, 64
READERS = 6000  # so that each holds only a few reservations, as people do
PATH = "/api/v1/reservations"
RUSH_SEATS, RUSH_FROM_HOUR = 68, 8


def run(data: Path) -> Result:
    """Measure both workloads on both sides in turns."""
    wanted = prepare(data, site_text({}, {"max_active = 2": "max_active = 20"}))
    raw_database = data / "raw.db"
    tokens = [secrets.token_urlsafe(32) for _ in range(READERS)]
    for database in (Path(wanted.database), raw_database):
        fill(wanted, database, tokens)
    writer_database = data / "writer.db"
    fill(wanted, writer_database, tokens)
    with ExitStack() as stack:
        stack.enter_context(running(wanted, core_of_booking=0))
        raw_port = stack.enter_context(_raw_server(wanted, raw_database))
        ours = _Side(wanted.http_port, [f"Bearer {token}" for token in tokens], wanted.site)
        raw = _Side(raw_port, [_reader(n) for n in range(READERS)], wanted.site)
        alone = stack.enter_context(closing(_Alone(wanted, writer_database)))
        sides = {"ours": ours, "floor": raw, "writer": alone}
        free = in_turns(ROUNDS, {name: side.without_conflict for name, side in sides.items()})
        rush = in_turns(ROUNDS, {name: side.rush for name, side in sides.items()})
    return Result(
        "Booking endpoint",
        f"`POST /api/v1/reservations` of the real process against a raw ASGI endpoint over the same writer (same uvicorn "
        f"settings, same command with its idempotency key). {CONNECTIONS} connections, {PER_ROUND} requests a round, "
        f"{ROUNDS} rounds in turns; server on one core, generator on the other. Without conflict every request is "
        f"booked; in the rush everyone wants one of the same {RUSH_SEATS} seats in the same hour. The writer alone takes the same commands without HTTP, "
        f"one in a submission and {CONNECTIONS} under way.",
        [
            compare_rates("bookings without conflict", free["ours"], free["floor"], at_least=0.45),
            compare_rates("rush for the same seats", rush["ours"], rush["floor"], at_least=0.45),
            compare_rates("… without conflict, against the writer alone", free["ours"], free["writer"]),
            compare_rates("… rush, against the writer alone", rush["ours"], rush["writer"]),
        ],
    )


class _Side:
    """One of the two servers, with requests that it has not seen yet."""

    def __init__(self, port: int, authorization: list[str], site: Site) -> None:
        self._port = port
        self._authorization = authorization
        tomorrow = date.fromisoformat("2023-07-18")
        self._midnight = datetime.combine(tomorrow, datetime.min.time(), site.timezone)
        self._seats = [seat_id(area.id, seat.label) for area in site.areas for seat in load_plan(site, area).seats]
        self._next = itertools.count()
        self._rush_hour = itertools.count(RUSH_FROM_HOUR)

    def without_conflict(self) -> Iterator[float]:
        """Book seats that are free, by readers who have nothing then."""
        wishes = []
        for n in itertools.islice(self._next, PER_ROUND):
            hour, seat = divmod(n, len(self._seats))
            wishes.append((n % READERS, self._seats[-1 - seat], 22 - 1 - hour))
        yield self._rate(wishes, {"201"})

    def rush(self) -> Iterator[float]:
        """Have everyone want the same seats in the same hour."""
        hour = next(self._rush_hour)
        wishes = [(n, f"2f-centre-{n % RUSH_SEATS + 1:03}", hour) for n in range(PER_ROUND)]
        yield self._rate(wishes, {"201", "409"})

    def _rate(self, wishes: list[tuple[int, str, int]], expected: set[str]) -> float:
        requests = [self._request(*wish) for wish in wishes]
        seen = load.generate(self._port, [requests[n::CONNECTIONS] for n in range(CONNECTIONS)])
        if not seen.statuses.keys() <= expected:
            raise RuntimeError(f"the server answered {seen.statuses}")
        return seen.rate

    def _request(self, reader: int, seat: str, hour: int) -> str:
        start = self._midnight + timedelta(hours=hour)
        body = f'{{"seat":"{seat}","start":"{start.isoformat()}","end":"{(start + timedelta(hours=1)).isoformat()}"}}'
        headers = {"Authorization": self._authorization[reader], "Idempotency-Key": secrets.token_hex(8)}
        return load.request(PATH, body.encode(), headers)


class _Alone(_Side):
    """The writer with nothing in front of it: the same wishes as commands, as many under way as there are connections."""

    def __init__(self, wanted: RunSettings, database: Path) -> None:
        super().__init__(0, [], wanted.site)
        site = wanted.site
        self._clock = Clock(wanted.shift)
        places = Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})
        self._store = open_store(database, places, self._clock.now())

    def close(self) -> None:
        self._store.close()

    def _rate(self, wishes: list[tuple[int, str, int]], expected: set[str]) -> float:
        commands = iter([self._command(*wish) for wish in wishes])
        under_way = threading.Semaphore(CONNECTIONS)
        futures = []
        began = time.perf_counter()
        for command in commands:
            under_way.acquire()
            future = self._store.writer.submit([command])
            future.add_done_callback(lambda _: under_way.release())
            futures.append(future)
        outcomes = [future.result()[0] for future in futures]
        seconds = time.perf_counter() - began
        seen = {"201" if isinstance(outcome, Changed) else "409" for outcome in outcomes}
        if not seen <= expected:
            raise RuntimeError(f"the writer answered {seen}")
        return len(outcomes) / seconds

    def _command(self, reader: int, seat: str, hour: int) -> Reserve:
        start = self._midnight + timedelta(hours=hour)
        return Reserve(
            reader=_reader(reader),
            at=self._clock.now(),
            seat=seat,
            area=None,
            start=start,
            end=start + timedelta(hours=1),
            request=RequestKey(secrets.token_hex(8), secrets.token_bytes(32)),
        )


def _reader(n: int) -> str:
    return f"R{n:06}"


def fill(wanted: RunSettings, database: Path | Secret, tokens: list[str]) -> None:
    """Make the readers and their sessions known before a server opens the database."""
    site, now = wanted.site, Clock(wanted.shift).now()
    places = Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})
    people = tuple(Person(reader=_reader(n), name=f"Reader {n}") for n in range(len(tokens)))
    sessions = [
        OpenSession(
            reader=_reader(n),
            at=now,
            token_hash=hashlib.sha256(token.encode()).digest(),
            csrf="bench",
            expires_at=now + timedelta(hours=12),
        )
        for n, token in enumerate(tokens)
    ]
    with closing(open_store(database, places, now)) as store:
        store.writer.submit([LoadPeople(at=now, people=people)]).result()
        store.writer.submit(sessions).result()


@contextmanager
def _raw_server(wanted: RunSettings, database: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.raw_asgi", str(wanted.site_file), str(database), str(port)]
    environment = os.environ | {SHIFT_VARIABLE: str(wanted.shift.total_seconds())}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        try:
            yield port
        finally:
            server.terminate()
