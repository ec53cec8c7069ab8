"""The floor of the booking endpoint: `python -m bench.raw_asgi SITE DATABASE PORT`.

The same uvicorn settings, the same writer over the same SQLite schema, the same command handed to it; around it
nothing but the bytes: no framework, no session, no sentence, no map.
"""

import asyncio
import hashlib
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.load import pin
from booking.domain.places import Places
from booking.service.commands import Changed, Reserve
from booking.service.ports import Writer
from booking.service.request_key import RequestKey
from booking.store.sqlite import open_store
from booking.web.server import WebServer, bind
from config.plans import load_plan
from config.site_check import load_site
from runtime.clock import Clock


class Wished(msgspec.Struct):
    """The body of a booking."""

    seat: str
    start: datetime
    end: datetime


class RawEndpoint:
    """An ASGI application of one endpoint. The reader's id stands in place of a session's token."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._submit, self._now = writer.submit, clock.now

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                await send({"type": f"{(await receive())['type']}.complete"})
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        headers = dict(scope["headers"])
        wished = msgspec.json.decode(body, type=Wished)
        command = Reserve(
            reader=headers[b"authorization"].decode(),
            at=self._now(),
            seat=wished.seat,
            area=None,
            start=wished.start,
            end=wished.end,
            request=RequestKey(headers[b"idempotency-key"].decode(), hashlib.sha256(body).digest()),
        )
        [outcome] = await asyncio.wrap_future(self._submit([command]))
        booked = isinstance(outcome, Changed)
        answer = msgspec.json.encode(outcome.reservation if booked else outcome)
        length = b"%d" % len(answer)
        start = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 201 if booked else 409, "headers": start})
        await send({"type": "http.response.body", "body": answer})


class NoLive:
    """There are no live streams to close."""

    def close(self) -> None:
        """Nothing to do."""


def main(site_file: str, database: str, port: str) -> None:
    pin(0)
    clock = Clock.from_environment()
    site = load_site(Path(site_file))
    places = Places.of(site, {area.id: load_plan(site, area).seats for area in site.areas})
    store = open_store(Path(database), places, clock.now())
    print(os.getpid(), flush=True)
    WebServer(RawEndpoint(store.writer, clock), NoLive()).run(sockets=[bind("127.0.0.1", int(port))])
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
