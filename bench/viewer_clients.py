"""Thousands of viewers in one cheap process: `python -m bench.viewer_clients`, pinned to the generator's core.

Commands come as JSON lines and are answered by one each: `open` makes connections, `stop_reading` lets some of them read no
more and `read` again, `seen` tells what has come since it was asked last: when (CLOCK_MONOTONIC, one for all processes) and how large.
"""

import asyncio
import json
import socket
import sys
import time

import uvloop

from bench.load import pin

SMALL = 4096
"""The receive buffer of a viewer that will not read: the kernel shall not read for it."""
AT_ONCE = 100


class Viewer(asyncio.Protocol):
    """One stream. A frame is over with its chunk; the first one is the snapshot."""

    def __init__(self, request: bytes, arrived: list[float]) -> None:
        self.request, self.arrived = request, arrived
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.open = 0
        self.size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.open += len(data)
        if not self.begun.done():
            self.begun.set_result(None)
        elif data.endswith(b"\n\n\r\n"):
            if b"event: change" in data[:120] or self.open > len(data):
                self.arrived.append(time.monotonic())
                self.size = self.open
            self.open = 0


async def connect(port: int, path: str, arrived: list[float], *, small: bool) -> Viewer:
    """Open one stream and wait for its head."""
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".encode()
    plug = socket.socket()
    plug.setblocking(False)  # noqa: FBT003 - its one argument
    if small:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plug, ("127.0.0.1", port))
    _, viewer = await loop.create_connection(lambda: Viewer(request, arrived), sock=plug)
    await viewer.begun
    viewer.open = 0
    return viewer


async def main() -> None:
    loop = asyncio.get_running_loop()
    sides: dict[str, tuple[list[Viewer], list[float]]] = {}
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        viewers, arrived = sides.setdefault(command["side"], ([], []))
        answer: dict = {}
        if command["do"] == "open":
            for start in range(0, command["count"], AT_ONCE):
                numbers = range(start, min(start + AT_ONCE, command["count"]))
                viewers += await asyncio.gather(
                    *(
                        connect(command["port"], command["path"], arrived, small=number < command["small"])
                        for number in numbers
                    )
                )
        elif command["do"] == "stop_reading":
            for viewer in viewers[: command["count"]]:
                viewer.transport.pause_reading()
        elif command["do"] == "read":
            for viewer in viewers[: command["count"]]:
                viewer.transport.resume_reading()
        else:
            answer = {"arrived": sorted(arrived), "size": max((viewer.size for viewer in viewers), default=0)}
            arrived.clear()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    pin(-1)
    uvloop.run(main())
