"""The floor of the rush: `python -m bench.bare_rush DATABASE PORT`: a bare ASGI application over a bare writer.

The same uvicorn settings, and one thread that commits up to 256 bookings at a time, as durably as ours. A booking is a
look whether seat and reader are free and a row; there is no sign-in, policy, idempotency, ledger, notice, sentence or map.
An area with the wish means: else any free seat of it, as it comes.
"""

import asyncio
import os
import queue
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import msgspec

from bench.load import pin
from bench.raw_asgi import NoLive
from booking.web.server import WebServer, bind

TABLES = """
CREATE TABLE seats (area TEXT NOT NULL, seat TEXT NOT NULL, PRIMARY KEY (area, seat)) WITHOUT ROWID;
CREATE TABLE stays (id INTEGER PRIMARY KEY, reader TEXT NOT NULL, seat TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL);
CREATE INDEX stays_seat ON stays (seat, end);
CREATE INDEX stays_reader ON stays (reader, end);
"""
MOST = 256


class Wished(msgspec.Struct):
    """The body of a booking."""

    seat: str
    start: datetime
    end: datetime
    area: str | None = None


class BareWriter:
    """One thread that checks and inserts, up to MOST in a commit."""

    def __init__(self, database: Path) -> None:
        self._db = apsw.Connection(str(database))
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"):
            self._db.execute(statement).fetchall()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def book(self, wished: Wished, reader: str) -> "asyncio.Future[str | None]":
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()
        self._queue.put((loop, answer, wished, reader))
        return answer

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get())
            self._db.execute("BEGIN IMMEDIATE")
            done = [(answer, self._one(wished, reader)) for _, answer, wished, reader in batch]
            self._db.execute("COMMIT")
            batch[0][0].call_soon_threadsafe(_tell, done)

    def _one(self, wished: Wished, reader: str) -> str | None:
        start, end = int(wished.start.timestamp()), int(wished.end.timestamp())
        if self._held("reader", reader, start, end):
            return None
        seat: str | None = wished.seat
        if self._held("seat", wished.seat, start, end):
            seat = self._other(wished.area, start, end) if wished.area else None
        if seat is not None:
            self._db.execute(
                "INSERT INTO stays (reader, seat, start, end) VALUES (?, ?, ?, ?)", (reader, seat, start, end)
            )
        return seat

    def _held(self, column: str, value: str, start: int, end: int) -> bool:
        found = self._db.execute(
            f"SELECT 1 FROM stays WHERE {column} = ? AND end > ? AND start < ?", (value, start, end)
        )
        return found.fetchone() is not None

    def _other(self, area: str, start: int, end: int) -> str | None:
        found = self._db.execute(
            "SELECT seat FROM seats WHERE area = ?1 AND NOT EXISTS (SELECT 1 FROM stays "
            "WHERE stays.seat = seats.seat AND stays.end > ?2 AND stays.start < ?3) LIMIT 1",
            (area, start, end),
        ).fetchone()
        return found[0] if found else None


def _tell(done: "list[tuple[asyncio.Future[str | None], str | None]]") -> None:
    for answer, seat in done:
        answer.set_result(seat)


class BareEndpoint:
    """An ASGI application of one endpoint. The reader's id stands in place of a session's token."""

    def __init__(self, writer: BareWriter) -> None:
        self._writer = writer

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                await send({"type": f"{(await receive())['type']}.complete"})
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        reader = dict(scope["headers"])[b"authorization"].decode()
        seat = await self._writer.book(msgspec.json.decode(body, type=Wished), reader)
        answer = msgspec.json.encode({"seat": seat})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 201 if seat else 409, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def main(database: str, port: str) -> None:
    pin(0)
    endpoint = BareEndpoint(BareWriter(Path(database)))
    print(os.getpid(), flush=True)
    WebServer(endpoint, NoLive()).run(sockets=[bind("127.0.0.1", int(port))])


def prepare(database: Path, seats: list[tuple[str, str]]) -> None:
    """Make the tables and the seats of the areas."""
    db = apsw.Connection(str(database))
    db.execute(TABLES).fetchall()
    db.executemany("INSERT INTO seats VALUES (?, ?)", seats)
    db.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
