"""uvicorn as booking runs it: one process, quick to stop although live streams are open.

The stop closes the live hub first; without that uvicorn waits for every open stream.
"""

import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from booking.web.live import LiveHub

STOP_SECONDS = 1


class WebServer(uvicorn.Server):
    """`run(sockets=[...])` serves until SIGTERM, SIGINT or `stop()`."""

    def __init__(self, app: ASGIApp, live: LiveHub) -> None:
        super().__init__(
            uvicorn.Config(
                app,
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
