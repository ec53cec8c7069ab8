"""Readers at the API over bare connections, who note what they were told and ask again, with the same key, when told nothing.

Just enough HTTP: one request at a time per connection, answers with a length. A connection that breaks raises `Broken`,
and whether the request was done is then unknown: that is what the idempotency key is for.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from bench.faults.ledger import token_of

PATH = "/api/v1/reservations"


class Broken(Exception):  # noqa: N818 - what became of a request, as the campaigns speak of it
    """The connection ended before a whole answer came: nobody knows what became of the request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)


def whole(data: bytes) -> Answer | None:
    """Return the answer that `data` holds; None when some of it is missing."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    length = int(headers.get("content-length", 0))
    return Answer(int(lines[0].split()[1]), headers, body[:length]) if len(body) >= length else None


@dataclass(frozen=True, slots=True)
class Wish:
    """One booking that a reader asks for, with the key that stays the same however often it is asked."""

    reader: int
    seat: str
    start: str
    end: str
    key: str

    def request(self) -> bytes:
        """Return the request as it goes over the wire."""
        body = json.dumps({"seat": self.seat, "start": self.start, "end": self.end}).encode()
        lines = [
            f"POST {PATH} HTTP/1.1",
            "Host: faults",
            f"Authorization: Bearer {token_of(self.reader)}",
            f"Idempotency-Key: {self.key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(slots=True)
class Caller:
    """A kept connection to `port`, opened when it is needed."""

    port: int
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = field(default=None)

    async def ask(self, request: bytes) -> Answer:
        """Send one request and return its whole answer; Broken when the connection ends before."""
        received = b""
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
            self._writer.write(request)
            while (answer := whole(received)) is None:
                data = await self._reader.read(65536) if self._reader else b""
                if not data:
                    break
                received += data
        except OSError:
            answer = None
        if answer is None:
            self.drop()
            raise Broken
        return answer

    async def insist(self, request: bytes, tries: int) -> Answer:
        """Ask until a whole answer comes; Broken after `tries`."""
        for _ in range(tries - 1):
            try:
                return await self.ask(request)
            except Broken:
                continue
        return await self.ask(request)

    def drop(self) -> None:
        """End the connection without a goodbye."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


def get(path: str, reader: int | None = None) -> bytes:
    """Return a GET as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", "Host: faults"]
    lines += [f"Authorization: Bearer {token_of(reader)}"] if reader is not None else []
    return "\r\n".join([*lines, "", ""]).encode()
