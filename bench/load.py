"""A load generator that costs little: ready-made requests over kept connections, one outstanding on each.

It runs as a process of its own on the last core (`python -m bench.load`), reads a plan as JSON from standard input
and writes what it saw as JSON to standard output. It understands just enough HTTP to know where an answer ends.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import uvloop

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Seen:
    """What one run of the generator saw: answers per second, seconds per answer, answers per status."""

    rate: float
    latencies: list[float]
    statuses: dict[str, int]


def request(path: str, body: bytes, headers: dict[str, str]) -> str:
    """Return one POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", body.decode()])


def generate(port: int, connections: list[list[str]]) -> Seen:
    """Send the requests of each connection, one after the other, all connections at once; wait for all answers."""
    plan = json.dumps({"port": port, "connections": connections})
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=plan, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return Seen(**json.loads(done.stdout))


def pin(core: int) -> None:
    """Keep this process on one core, so that the generator and the server do not push each other about."""
    os.sched_setaffinity(0, {core % (os.cpu_count() or 1)})


class Connection(asyncio.Protocol):
    """Sends its next request when the answer to the last one is complete."""

    def __init__(self, requests: list[bytes]) -> None:
        self.requests = iter(requests)
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        following = next(self.requests, None)
        if following is None:
            self.transport.close()
            self.done.set_result(None)
            return
        self.sent_at = time.perf_counter()
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self.latencies.append(time.perf_counter() - self.sent_at)
            self.statuses[head[9:12].decode()] += 1
            self.received = b""
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


async def main(plan: dict) -> dict:
    loop = asyncio.get_running_loop()
    made: list[Connection] = []
    ready = [[text.encode() for text in requests] for requests in plan["connections"]]
    began = time.perf_counter()
    for requests in ready:
        _, connection = await loop.create_connection(
            lambda these=requests: Connection(these), "127.0.0.1", plan["port"]
        )
        made.append(connection)
    await asyncio.gather(*(connection.done for connection in made))
    seconds = time.perf_counter() - began
    latencies = [figure for connection in made for figure in connection.latencies]
    statuses = sum((connection.statuses for connection in made), Counter())
    return {"rate": len(latencies) / seconds, "latencies": latencies, "statuses": statuses}


if __name__ == "__main__":
    pin(-1)
    print(json.dumps(uvloop.run(main(json.load(sys.stdin)))))
