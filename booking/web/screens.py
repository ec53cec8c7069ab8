"""Pictures of kiosks on their way to staff: a GET waits here for the picture that its command asked for.

In memory only, at most `MAX_WAITING` at a time; the picture is handed over once and kept nowhere.
"""

import asyncio

MAX_WAITING = 16


class Screens:
    """Waiting requests by command id. Used on the event loop alone."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, asyncio.Future[bytes]]] = {}

    def expect(self, kiosk: str, command: str) -> "asyncio.Future[bytes] | None":
        """Return a future for the picture of `command`; None when too many are waited for."""
        if len(self._waiting) >= MAX_WAITING:
            return None
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[command] = (kiosk, future)
        return future

    def forget(self, command: str) -> None:
        """Stop waiting for `command`."""
        self._waiting.pop(command, None)

    def deliver(self, kiosk: str, command: str, picture: bytes) -> bool:
        """Hand a kiosk's picture to who waits for it; False when nobody does or another kiosk was asked."""
        asked, future = self._waiting.get(command, ("", None))
        if future is None or asked != kiosk or future.done():
            return False
        future.set_result(picture)
        return True
