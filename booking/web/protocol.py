"""uvicorn's HTTP/1.1 with two doors of ours in it: the connection for a live stream, and the express way of booking.

Nothing is decided here. Should uvicorn no longer call what is overridden, every request goes the ordinary way.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

EXTENSION = "seatgate.wire"
"""Where the scope of a request has its connection (`stream`)."""
Otherwise = Callable[[RequestResponseCycle], None]


class FastLane(Protocol):
    """What may answer a request by itself; booking.web.express is it."""

    def wants(self, cycle: RequestResponseCycle) -> bool:
        """Tell by its head whether a request may be one to answer here, once its body (at most 64 KiB) is whole."""

    def take(self, cycle: RequestResponseCycle, otherwise: Otherwise) -> bool:
        """Take a whole request over and answer it, or call `otherwise` with it later; False when it is none."""


class BookingProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, express: FastLane | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._express = express
        self._held: RequestResponseCycle | None = None

    def on_message_begin(self) -> None:
        """Put the connection into the scope of the request that begins."""
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: self.transport}

    def on_message_complete(self) -> None:
        """Hand a whole request to the express way first."""
        super().on_message_complete()
        held, self._held = self._held, None
        if held is not None and (self._express is None or not self._express.take(held, self._ordinary)):
            self._ordinary(held)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        # one that waited behind another on its connection is whole by now: it goes the ordinary way
        express = self._express if app is self.app and cycle.more_body and not self.flow.write_paused else None
        if express is not None and express.wants(cycle):
            self._held = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def _ordinary(self, cycle: RequestResponseCycle) -> None:
        super()._start_asgi_task(cycle, self.app)


def protocol_with(express: FastLane | None) -> type[asyncio.Protocol]:
    """Return the protocol of a server with an express way."""

    class WithExpress(BookingProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, express=express, **kwargs)

    return WithExpress
