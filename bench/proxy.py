"""A TCP proxy that behaves as badly as a network can: latency, slow drip, black hole, half-open, reset, a reply cut short.

It knows nothing of what passes through it. It belongs to one event loop; `in_thread` gives it one of its own and lets any
thread turn its knobs. What is turned holds at once, for connections that are open as well.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

Answer = TypeVar("Answer")
CHUNK = 64 * 1024
Script = Callable[[bytes], tuple[bytes, bool]]
"""Bytes of a reply → what of them is passed on, and whether both sides are then reset."""


def cut_after(count: int) -> Script:
    """Return a script that passes `count` bytes of a connection's replies and then resets it."""
    left = count

    def script(data: bytes) -> tuple[bytes, bool]:
        nonlocal left
        passed, left = data[:left], left - len(data[:left])
        return passed, left <= 0

    return script


def _reset(side: asyncio.StreamWriter) -> None:
    """Close so that the other end gets RST: nothing lingers."""
    with suppress(OSError):
        side.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.transport.abort()


@dataclass(slots=True)
class Link:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    script: Script | None
    asked: int = 0
    """Bytes passed to the server."""
    answered: int = 0
    """Bytes passed to the client."""

    def reset(self) -> None:
        """End both sides as a crash does, without a goodbye."""
        for side in (self.client, self.server):
            _reset(side)


@dataclass(slots=True)
class Knobs:
    """What is wrong with the network now. All off: a plain proxy."""

    latency: float = 0.0
    """Seconds by which every chunk is late, each way."""
    drip: int = 0
    """Bytes of a reply that are passed at a time, a millisecond apart; 0: as they come."""
    half_open: bool = False
    """An end that closes is not told to the other."""
    refusing: bool = False
    """New connections are reset."""
    script: Callable[[], Script | None] = field(default=lambda: None)
    """Called once for each new connection."""


class Proxy:
    """Listens on `port` (0: any) and passes on to `upstream`, as the knobs say."""

    def __init__(self, upstream: int, *, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port, self._upstream = host, port, upstream
        self.knobs = Knobs()
        self.links: list[Link] = []
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()

    async def start(self) -> "Proxy":
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Reset what is open and listen no more."""
        self.reset_all()
        self._passing.set()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def black_hole(self, *, on: bool = True) -> None:
        """Let nothing through in either direction, and close nothing, until it is turned off; what was held then goes on."""
        if on:
            self._passing.clear()
        else:
            self._passing.set()

    def reset_all(self) -> int:
        """Reset every open connection and return how many there were."""
        open_, self.links = self.links, []
        for link in open_:
            link.reset()
        return len(open_)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        if self.knobs.refusing:
            _reset(writer)
            return
        await self._passing.wait()
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._upstream, limit=CHUNK)
        except OSError:
            _reset(writer)
            return
        link = Link(writer, to_server, self.knobs.script())
        self.links.append(link)
        await asyncio.gather(self._ask(link, reader), self._answer(link, from_server))
        with suppress(ValueError):
            self.links.remove(link)

    async def _ask(self, link: Link, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._hold()
                link.server.write(data)
                link.asked += len(data)
                await link.server.drain()
        self._ended(link.server)

    async def _answer(self, link: Link, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._hold()
                passed, cut = link.script(data) if link.script else (data, False)
                await self._write(link, passed)
                if cut:
                    link.reset()
                    return
        self._ended(link.client)

    async def _hold(self) -> None:
        await self._passing.wait()
        if self.knobs.latency:
            await asyncio.sleep(self.knobs.latency)

    async def _write(self, link: Link, data: bytes) -> None:
        step = self.knobs.drip or len(data) or 1
        for start in range(0, len(data), step):
            link.client.write(data[start : start + step])
            link.answered += len(data[start : start + step])
            await link.client.drain()
            if self.knobs.drip:
                await asyncio.sleep(0.001)

    def _ended(self, other: asyncio.StreamWriter) -> None:
        if not self.knobs.half_open:
            with suppress(OSError, RuntimeError):
                other.close()


class ProxyInThread:
    """A proxy with an event loop of its own; `turn` and `ask` run on it and may be called from any thread."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self.proxy, self._loop = proxy, loop
        self.port = proxy.port

    def turn(self, **knobs: object) -> None:
        """Set knobs by name."""
        self.ask(lambda: [setattr(self.proxy.knobs, name, value) for name, value in knobs.items()])

    def ask(self, question: Callable[[], Answer]) -> Answer:
        """Run `question` on the proxy's loop and return its answer."""

        async def run() -> Answer:
            return question()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def black_hole(self, *, on: bool = True) -> None:
        self.ask(lambda: self.proxy.black_hole(on=on))

    def reset_all(self) -> int:
        return self.ask(self.proxy.reset_all)


@contextmanager
def in_thread(upstream: int, *, port: int = 0) -> Iterator[ProxyInThread]:
    """Run a proxy before the port `upstream` until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()

    async def make() -> Proxy:
        return await Proxy(upstream, port=port).start()

    proxy = asyncio.run_coroutine_threadsafe(make(), loop).result(30)
    try:
        yield ProxyInThread(proxy, loop)
    finally:
        asyncio.run_coroutine_threadsafe(proxy.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
