"""Claim: 5,000 people look at one live map, and a change of 20 seats a second costs little more than its bytes.

The viewers' side of the real booking process against a bare asyncio hub that writes frames of the same size to as many
connections. What the bookings themselves cost is taken off: the same number is made in an area that nobody watches.
"""

import json
import os
import resource
import secrets
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path

from bench import load
from bench.booking_post import fill
from bench.machine import Machine, prepare, running, site_text
from bench.measure import ROOT, Line, Result, percentile
from config.plans import load_plan, seat_id

VIEWERS, STUCK, SEATS = 5000, 500, 20
ROUNDS, CHANGES = 3, 10
WATCHED, OTHER = "2f-east", "4f-east"
READERS = 800
FIRST_HOUR, HOURS = 8, 14
LAG_AIM, PATIENCE = 1.0, 10.0
MOST_FILES = 16_000
TICKS = os.sysconf("SC_CLK_TCK")


def run(data: Path) -> Result:
    """Measure both sides in turns, then with viewers that do not read."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(MOST_FILES, hard), hard))
    wanted = prepare(data, site_text({}, {"max_active = 2": "max_active = 40"}))
    tokens = [secrets.token_urlsafe(32) for _ in range(READERS)]
    fill(wanted, Path(wanted.database), tokens)
    with ExitStack() as stack:
        machine = stack.enter_context(running(wanted, core_of_booking=0))
        floor, clients = (
            stack.enter_context(_child("bench.sse_floor")),
            stack.enter_context(_child("bench.viewer_clients")),
        )
        watch = _Clients(clients)
        port = int(floor.stdout.readline())
        watch.open("floor", port, "/", small=0)
        watch.open("ours", wanted.http_port, f"/api/v1/areas/{WATCHED}/events", small=STUCK)
        watched, other = (_Bookings(machine, tokens, area, half) for half, area in enumerate((WATCHED, OTHER)))
        server = _Server(wanted.http_port)
        ratios, lags, costs, bare_lags = [], [], [], []
        for turn in range(-1, ROUNDS):
            ours, size, lag = _ours(watch, server, watched, other)
            bare, bare_lag = _floor(watch, floor, size)
            if turn >= 0:
                ratios.append(ours / bare)
                costs.append((ours, bare))
                lags += lag
                bare_lags += bare_lag
        memory = server.memory()
        held, stuck, all_reading = [], [], []
        for _ in range(ROUNDS):
            watch.let(STUCK, read=False)
            for _ in range(CHANGES):
                stuck += watched.change(watch)
                held.append(server.memory())
            watch.let(STUCK, read=True)
            watched.change(watch)
            for _ in range(CHANGES):
                all_reading += watched.change(watch)
    return Result(
        "Live maps",
        f"{VIEWERS:,} open streams of one area on the real booking process, {SEATS} seats of it booked at once every second "
        f"(frames of {size:,} bytes). Processor time of the process per message, less that of as many bookings in an area "
        f"that nobody watches; the floor is a bare asyncio hub (uvloop, raw transports, chunked server-sent events, shared "
        f"bytes) with as many viewers. {ROUNDS} rounds of {CHANGES} changes in turns; server and floor on one core, viewers "
        f"on the other. The lag is from sending the bookings to a viewer's having the frame; the bare hub's, from telling it to "
        f"write, is what the viewers' own process and the machine take of it. Then {STUCK} of the viewers "
        f"read no more for {CHANGES} changes and read again for as many, {ROUNDS} times.",
        [
            Line(
                "processor time per message",
                *(f"{statistics.median(one) * 1e6:.1f} µs" for one in zip(*costs, strict=True)),
                statistics.median(ratios),
                (min(ratios), max(ratios)),
                1.5,
            ),
            _lag("lag of a frame, p99, against a second", lags, LAG_AIM, 1.0),
            _lag("… against the bare hub's", lags, percentile(bare_lags, 99)),
            _lag(f"the others' p99 with {STUCK} stuck", stuck, percentile(all_reading, 99), 2.0),
            Line(
                f"memory with {STUCK} stuck, at most",
                f"{max(held) / 2**20:.0f} MiB",
                f"{memory / 2**20:.0f} MiB",
                max(held) / memory,
                (min(held) / memory, max(held) / memory),
                1.2,
            ),
        ],
    )


def _ours(
    watch: "_Clients", server: "_Server", watched: "_Bookings", other: "_Bookings"
) -> tuple[float, int, list[float]]:
    """Return the seconds of processor time per message, the size of a frame, and the lags."""
    before = server.cpu()
    lags = [lag for _ in range(CHANGES) for lag in watched.change(watch)]
    between = server.cpu()
    for _ in range(CHANGES):
        other.change(watch, watched=False)
    return (2 * between - before - server.cpu()) / len(lags), watch.size, lags


def _floor(watch: "_Clients", floor: subprocess.Popen, size: int) -> tuple[float, list[float]]:
    """Return the bare hub's seconds of processor time per message, and its lags."""
    before, lags = _cpu_of(floor.pid), []
    for _ in range(CHANGES):
        began = time.monotonic()
        floor.stdin.write(f"{size}\n")
        floor.stdin.flush()
        time.sleep(max(0.0, began + 1 - time.monotonic()))
        lags += [arrived - began for arrived in watch.seen("floor")]
    return (_cpu_of(floor.pid) - before) / len(lags), lags


def _lag(claim: str, lags: list[float], limit: float, aim: float | None = None) -> Line:
    p99 = percentile(lags, 99)
    tenths = [percentile(lags[len(lags) * n // 10 : len(lags) * (n + 1) // 10], 99) / limit for n in range(10)]
    return Line(claim, f"{p99 * 1000:.0f} ms", f"{limit * 1000:.0f} ms", p99 / limit, (min(tenths), max(tenths)), aim)


class _Server:
    """The booking process, from outside."""

    def __init__(self, port: int) -> None:
        self.pid = _listener(port)

    def cpu(self) -> float:
        return _cpu_of(self.pid)

    def memory(self) -> int:
        """Return its resident bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _listener(port: int) -> int:
    """Return the process that listens on a port of this machine."""
    inode = next(
        fields[9]
        for fields in map(str.split, Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
        if fields[3] == "0A" and fields[1].endswith(f":{port:04X}")
    )
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[2])
        except OSError:
            continue
    raise RuntimeError(f"nobody listens on {port}")


class _Clients:
    """The process with the viewers in it."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self.size = 0
        self.reading = VIEWERS

    def ask(self, side: str, do: str, **more: object) -> dict:
        self._process.stdin.write(json.dumps({"side": side, "do": do, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def open(self, side: str, port: int, path: str, *, small: int) -> None:
        self.ask(side, "open", port=port, path=path, count=VIEWERS, small=small)

    def let(self, number: int, *, read: bool) -> None:
        """Let some of our viewers read no more, or again."""
        self.ask("ours", "read" if read else "stop_reading", count=number)
        self.reading += number if read else -number

    def seen(self, side: str) -> list[float]:
        """Return when each frame came since this was asked last."""
        answer = self.ask(side, "seen")
        self.size = answer["size"] or self.size
        return answer["arrived"]


class _Bookings:
    """Twenty people who book at the same moment, again and again, each time other seats of one area, tomorrow."""

    def __init__(self, machine: Machine, tokens: list[str], area: str, half: int) -> None:
        site = machine.wanted.site
        plan = load_plan(site, next(one for one in site.areas if one.id == area))
        self._seats = [seat_id(area, seat.label) for seat in plan.seats]
        self._midnight = datetime.combine(date.fromisoformat("2023-07-18"), datetime.min.time(), site.timezone)
        self._tokens = tokens[half * READERS // 2 :][: READERS // 2]
        self._number = count()
        self._plugs = [socket.create_connection(("127.0.0.1", machine.wanted.http_port)) for _ in range(SEATS)]

    def change(self, watch: _Clients, *, watched: bool = True) -> list[float]:
        """Book twenty seats, wait for the second to end; return the lag of each frame that came."""
        number = next(self._number)
        hour, batch = divmod(number, len(self._seats) // SEATS)
        if hour >= HOURS:
            raise RuntimeError(f"there are no hours left after {number} changes")
        start = self._midnight + timedelta(hours=FIRST_HOUR + hour)
        requests = []
        for n in range(SEATS):
            wish = {
                "seat": self._seats[batch * SEATS + n],
                "start": start.isoformat(),
                "end": (start + timedelta(hours=1)).isoformat(),
            }
            token = self._tokens[(number * SEATS + n) % len(self._tokens)]
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)}
            requests.append(load.request("/api/v1/reservations", json.dumps(wish).encode(), headers).encode())
        began = time.monotonic()
        for plug, request in zip(self._plugs, requests, strict=True):
            plug.sendall(request)
        for plug in self._plugs:
            answer = _answer(plug)
            if not answer.startswith(b"HTTP/1.1 201"):
                raise RuntimeError(f"not booked: {answer[:500]!r}")
        time.sleep(max(0.0, began + 1 - time.monotonic()))
        came = watch.seen("ours")
        while (
            watched and len(came) < watch.reading and time.monotonic() < began + PATIENCE
        ):  # a late frame is not the next change's
            time.sleep(0.05)
            came += watch.seen("ours")
        return [arrived - began for arrived in came]


def _answer(plug: socket.socket) -> bytes:
    """Read one answer, head and body."""
    got = b""
    while True:
        got += plug.recv(65536) or b"\r\n\r\nclosed"
        head, separator, body = got.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if separator and len(body) >= int(length or 0):
            return got


@contextmanager
def _child(module: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            with closing(child.stdin):
                child.terminate()
