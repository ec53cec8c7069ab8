"""The listening side: connections of terminals, one event loop on one thread. What a request means is the caller's.

HTTP is h11's, limits and times are ours: how many connections, how long a request may take however slowly it is sent, how
much is read of one that is refused. Nothing that was sent is ever logged.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import attrs
import h11

from gate.push.doorman import Doorman, Refused, Terminal
from gate.push.parts import BadBody, EventBody

_log = logging.getLogger(__name__)
logging.getLogger("python_multipart.multipart").setLevel(logging.CRITICAL)
"""It warns of each bad byte, with its value and place."""
HEADER_BYTES = 16 * 1024
BODY_BYTES = 8 * 1024 * 1024
"""An event with a few pictures."""
MOST_CONNECTIONS, MOST_OF_ONE = 64, 8
IDLE_SECONDS = 65.0
"""Between two requests of one connection; terminals keep theirs open and send a heartbeat each half minute or so."""
REQUEST_SECONDS = 20.0
"""From a request's first byte to its last. However slowly it trickles, it is over then."""
ANSWER_SECONDS = 5.0
BLOCK_BYTES = 64 * 1024
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 405: "Method Not Allowed", 413: "Content Too Large",
           415: "Unsupported Media Type", 429: "Too Many Requests", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}  # fmt: skip

COUNTED_ELSEWHERE = frozenset({"not-understood", "not-stored-in-time", "stale"})
"""A body that is none is a bad frame already; the other two are no fault of whoever calls."""
Take = Callable[[Terminal, bytes | BadBody], Awaitable[int]]
"""What becomes of a terminal's event (or of its body that is none): the HTTP status of the answer."""
Address = IPv4Address | IPv6Address


@attrs.frozen
class _Answer:
    status: int
    challenges: tuple[str, ...] = ()
    close: bool = False


class Server:
    """Serves until `stop` is set. All of it on the loop's thread."""

    def __init__(
        self, doorman: Doorman, take: Take, on_refused: Callable[[str], None], now: Callable[[], float]
    ) -> None:
        self._doorman, self._take, self._on_refused, self._now = doorman, take, on_refused, now
        self._open: Counter[Address] = Counter()
        self._serving: set[asyncio.Task[None]] = set()
        self.refused: Counter[str] = Counter()
        """How many connections or requests were not taken, by why."""

    async def serve(
        self, host: str, port: int, tls: ssl.SSLContext | None, opened: Callable[[], None], stop: asyncio.Event
    ) -> None:
        """Listen until `stop`; OSError when the address cannot be had."""
        server = await asyncio.start_server(
            self._connected,
            host,
            port,
            limit=BLOCK_BYTES,
            ssl=tls,
            ssl_handshake_timeout=REQUEST_SECONDS if tls else None,
        )
        opened()
        await stop.wait()
        server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        address = _address_of(writer)
        if address is None or not self._doorman.may_call(address):
            self.count("address", address)
        elif self._open.total() >= MOST_CONNECTIONS or self._open[address] >= MOST_OF_ONE:
            self.count("connections", address)
        else:
            self._open[address] += 1
            if task is not None:
                self._serving.add(task)
            try:
                await _Connection(self, reader, writer, address).run()
            finally:
                self._open[address] -= 1
                if not self._open[address]:
                    del self._open[address]
                if task is not None:
                    self._serving.discard(task)
        writer.close()

    def count(self, why: str, address: Address | None) -> None:
        """Count what is not taken, and log the first and then each hundredth: whoever knocks for ever fills no disk."""
        self.refused[why] += 1
        if self.refused[why] % 100 == 1:
            _log.warning("push refused why=%s address=%s in_all=%d", why, address, self.refused[why])
        if why not in COUNTED_ELSEWHERE:
            self._on_refused(why)

    def check(self, request: h11.Request, address: Address) -> Terminal | _Answer:
        """Return who calls, or the answer that says that nobody known does."""
        headers = dict(request.headers)
        signed = headers.get(b"authorization", b"").decode("latin-1")
        who = self._doorman.check(
            request.method.decode("ascii"), request.target.decode("ascii"), signed, address, self._now()
        )
        if isinstance(who, Terminal):
            return who
        if who is not Refused.UNSIGNED:
            self.count(who, address)
        match who:
            case Refused.TOO_MANY:
                return _Answer(429, close=True)
            case Refused.ADDRESS:
                return _Answer(403, close=True)
            case _:
                return _Answer(401, tuple(self._doorman.challenges(who, self._now())))

    async def answer(self, terminal: Terminal, event: bytes | BadBody) -> int:
        """Return the status once the event is on the disk, or is none."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._take(terminal, event)
        except TimeoutError:
            self.count("not-stored-in-time", None)
            return 503


def _address_of(writer: asyncio.StreamWriter) -> Address | None:
    peer = writer.get_extra_info("peername")
    if not peer:
        return None
    found = ip_address(peer[0].partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


class _Connection:
    """One connection, request after request."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address
    ) -> None:
        self._server, self._reader, self._writer, self._address = server, reader, writer, address
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADER_BYTES)
        self._asked = False
        """Whether a request has begun."""

    async def run(self) -> None:
        """Serve until the terminal leaves, is too slow, or speaks something else."""
        try:
            while True:
                if not self._http.trailing_data[0]:
                    async with asyncio.timeout(IDLE_SECONDS):
                        await self._receive()
                self._asked = True
                async with asyncio.timeout(REQUEST_SECONDS):
                    request = await self._next()
                    answer = await self._request(request) if isinstance(request, h11.Request) else None
                if answer is None:  # the terminal has gone
                    return
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._send(answer)
                if answer.close or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                    return
                self._http.start_next_cycle()
                self._asked = False
        except TimeoutError:
            if self._asked:
                self._server.count("slow", self._address)
        except h11.RemoteProtocolError as error:
            self._server.count("not-http", self._address)
            with suppress(h11.LocalProtocolError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._send(
                        _Answer(error.error_status_hint if error.error_status_hint in REASONS else 400, close=True)
                    )
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001 - its text may hold what was sent: its name is all that is told
            self._server.count("fault", self._address)
            _log.error("a request could not be read fault=%s", type(error).__name__)

    async def _receive(self) -> None:
        self._http.receive_data(await self._reader.read(BLOCK_BYTES))

    async def _next(self) -> object:
        """Return h11's next event, reading as much as it takes."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            await self._receive()
        return event

    async def _request(self, request: h11.Request) -> _Answer:
        """Read one request to its end and return its answer."""
        if request.method not in (b"POST", b"PUT"):
            return _Answer(405, close=True)
        headers = dict(request.headers)
        if int(headers.get(b"content-length", b"0")) > BODY_BYTES:
            self._server.count("too-large", self._address)
            return _Answer(413, close=True)
        who = self._server.check(request, self._address)
        if isinstance(who, _Answer) and who.close:
            return who
        event = await self._body(headers.get(b"content-type", b"").decode("latin-1"), who)
        if isinstance(who, _Answer):
            return who
        if isinstance(event, BadBody):
            self._server.count("not-understood", self._address)
        status = await self._server.answer(who, event)
        return _Answer(status, close=status not in (200, 503))

    async def _body(self, content_type: str, who: Terminal | _Answer) -> bytes | BadBody:
        """Read the body to its end: whoever sends hears no answer before. Of one that is refused nothing is kept."""
        body = EventBody(content_type if isinstance(who, Terminal) else "")
        length = 0
        while isinstance(event := await self._next(), h11.Data):
            length += len(event.data)
            if length > BODY_BYTES:
                return BadBody(413, f"a body of more than {BODY_BYTES} bytes")
            body.feed(bytes(event.data))
        if not isinstance(event, h11.EndOfMessage):
            raise h11.RemoteProtocolError("the body was cut off")
        return body.finish()

    async def _send(self, answer: _Answer) -> None:
        headers = [("Content-Length", "0"), *(("WWW-Authenticate", each) for each in answer.challenges)]
        if answer.status == 503:  # noqa: PLR2004 - Service Unavailable
            headers.append(("Retry-After", "5"))
        if answer.close:
            headers.append(("Connection", "close"))
        response = h11.Response(status_code=answer.status, reason=REASONS[answer.status], headers=headers)
        for event in (response, h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()
