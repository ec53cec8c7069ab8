"""Many open connections that fire in the same second: `python -m bench.volley` is the generator's process.

Each connection sends its first request at the release, the next one when the last was refused, and stops when it was
booked or has no more. What the readers of a library do at 22:00, without the time they need to look at the screen.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop

from bench.load import ROOT, pin

BOOKED = "201"
AT_ONCE = 100
"""Connections that are being opened at the same time, so that the server's backlog does not overflow."""
PATIENCE = 120.0


@dataclass(frozen=True)
class Volley:
    """Seconds from the release until each connection's first answer, until the last answer of all; answers per status."""

    first: list[float]
    drained: float
    statuses: dict[str, int]

    @property
    def attempts(self) -> int:
        """Return how many requests were answered."""
        return sum(self.statuses.values())

    @property
    def errors(self) -> int:
        """Return how many answers say that the server has failed."""
        return sum(count for status, count in self.statuses.items() if status >= "500")


def fire(port: int, connections: Sequence[Sequence[str]]) -> Volley:
    """Open all connections, let them fire together, and wait for the last answer."""
    plan = json.dumps({"port": port, "connections": connections})
    done = subprocess.run(
        [sys.executable, "-m", "bench.volley"], input=plan, capture_output=True, text=True, check=True, cwd=ROOT
    )
    return Volley(**json.loads(done.stdout))


class Shooter(asyncio.Protocol):
    """One reader's connection."""

    def __init__(self, requests: list[bytes], statuses: Counter[str]) -> None:
        self.requests = iter(requests)
        self.statuses = statuses
        self.received = b""
        self.first_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def shoot(self) -> bool:
        """Send the next request; False when there is none left."""
        following = next(self.requests, None)
        if following is not None:
            self.transport.write(following)
        return following is not None

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.first_at = self.first_at or time.perf_counter()
        status = head[9:12].decode()
        self.statuses[status] += 1
        self.received = b""
        if status == BOOKED or not self.shoot():
            self.done.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.statuses["lost"] += 1  # sorts after every number: counted as an error
            self.done.set_result(None)


async def main(plan: dict) -> dict:
    loop = asyncio.get_running_loop()
    statuses: Counter[str] = Counter()
    ready = [[text.encode() for text in requests] for requests in plan["connections"]]
    shooters: list[Shooter] = []
    for first in range(0, len(ready), AT_ONCE):
        opened = (
            loop.create_connection(lambda these=requests: Shooter(these, statuses), "127.0.0.1", plan["port"])
            for requests in ready[first : first + AT_ONCE]
        )
        shooters += [shooter for _, shooter in await asyncio.gather(*opened)]
    await asyncio.sleep(1.0)  # the server has accepted them all
    released = time.perf_counter()
    for shooter in shooters:
        shooter.shoot()
    await asyncio.wait_for(asyncio.gather(*(shooter.done for shooter in shooters)), PATIENCE)
    drained = time.perf_counter() - released
    for shooter in shooters:
        shooter.transport.close()
    answered = [shooter.first_at - released for shooter in shooters if shooter.first_at]
    return {"first": answered, "drained": drained, "statuses": statuses}


if __name__ == "__main__":
    pin(-1)
    print(json.dumps(uvloop.run(main(json.load(sys.stdin)))))
