"""`/api/v1/areas/{id}/events` as plain ASGI: the head goes the usual way, then the hub writes to the connection itself.

A frame to 5,000 viewers is the same bytes 5,000 times; through one task, one event and some layers of `send` for each it
costs several times what the sockets do (docs/adr/0022). So the server hands its transport on (`booking.web.protocol`).
"""

import asyncio
import contextlib
import socket

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from booking.domain.refusals import RefusalCode
from booking.web.problems import refuse
from booking.web.protocol import EXTENSION
from booking.web.sessions import context_of

MAX_VERSION_CHARS = 64
MAX_UNSENT = 16 * 1024
"""Bytes that the kernel keeps for a viewer who does not read; its usual megabytes would be an hour of old maps."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Events:
    """Streams an area's seat states as server-sent events."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request until its client goes away or the hub ends the stream."""
        request = Request(scope)
        context, area = context_of(request), request.path_params["area_id"]
        if context.site.area(area) is None:
            raise refuse(RefusalCode.UNKNOWN_AREA)
        wire: asyncio.Transport | None = scope.get("extensions", {}).get(EXTENSION)
        if wire is None:
            raise RuntimeError("live maps need booking.web.server, which hands the connection on")
        with contextlib.suppress(OSError, AttributeError):  # where there is no such option, the kernel keeps more
            wire.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT)
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        # EventSource repeats by itself what it saw last; what a page was drawn with it can only say in the address
        seen = request.headers.get("last-event-id") or request.query_params.get("seen")
        with context.live.watching(area, wire, seen and seen[:MAX_VERSION_CHARS]):
            while (await receive())["type"] != "http.disconnect":
                pass
