"""The floor of live maps: a bare asyncio hub over HTTP. `python -m bench.sse_floor`, pinned to the server's core.

Each connection gets a head with chunked server-sent events, whatever it asked for; a line on standard input is the size of a
frame that is then written, the same bytes, to every transport. Nothing is decided, read or counted per viewer.
"""

import asyncio
import sys

import uvloop

from bench.load import pin

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
AROUND = b"id: 1\nevent: change\ndata: \n\n"


class Viewer(asyncio.Protocol):
    """One connection of the bare hub."""

    def __init__(self, viewers: set[asyncio.Transport]) -> None:
        self.viewers = viewers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, _data: bytes) -> None:
        self.transport.write(HEAD)
        self.viewers.add(self.transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self.viewers.discard(self.transport)


def frame_of(size: int) -> bytes:
    """Return one event of about `size` bytes as a chunk."""
    event = AROUND.replace(b"data: ", b"data: " + b"x" * max(0, size - len(AROUND)))
    return b"%x\r\n%s\r\n" % (len(event), event)


async def main() -> None:
    loop = asyncio.get_running_loop()
    viewers: set[asyncio.Transport] = set()
    server = await loop.create_server(lambda: Viewer(viewers), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        frame = frame_of(int(line))
        for transport in viewers:
            transport.write(frame)


if __name__ == "__main__":
    pin(0)
    uvloop.run(main())
