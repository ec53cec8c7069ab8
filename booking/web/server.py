"""uvicorn as booking runs it: one process, quick to stop although live streams are open.

The stop closes the live hub first; without that uvicorn waits for every open stream.
"""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from booking.web.live import LiveHub
from booking.web.protocol import FastLane, protocol_with

STOP_SECONDS = 1


class WebServer(uvicorn.Server):
    """`run(sockets=[...])` serves until SIGTERM, SIGINT or `stop()`; `on_started` is called once it serves."""

    def __init__(
        self,
        app: ASGIApp,
        live: LiveHub,
        *,
        express: FastLane | None = None,
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol_with(express),
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                timeout_graceful_shutdown=STOP_SECONDS,
                timeout_keep_alive=30,
                h11_max_incomplete_event_size=32 * 1024,
                lifespan="on",
            )
        )
        self._live = live
        self._on_started = on_started
        self._ticks = self._ticks_seen = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve, then say so."""
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._on_started()

    async def on_tick(self, counter: int) -> bool:
        """Count that the event loop turns (uvicorn calls this ten times a second)."""
        self._ticks += 1
        return await super().on_tick(counter)

    def is_ticking(self) -> bool:
        """Tell whether the event loop has turned since the last time this was asked; for the watchdog."""
        before, self._ticks_seen = self._ticks_seen, self._ticks
        return self._ticks != before or not self.started

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Close the live streams, then stop."""
        self._live.close()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """Stop from another thread."""
        self._live.close()
        self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that a port already taken is known before anything else starts (OSError)."""
    bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    bound.set_inheritable(True)
    return bound
