"""Pictures of kiosks on their way to staff: a GET waits here for the picture that its command asked for.

The picture is handed over once; while it is on its way it lies in the database, because kiosk, staff and the leader may each
be at another process.
"""

import asyncio
import contextlib
from datetime import timedelta

from booking.domain.refusals import Refusal
from booking.service.pictures import AskPicture, ForgetPicture
from booking.service.ports import Reads, Touched, Writer
from runtime.clock import Clock


class Screens:
    """`committed` from any thread, the rest on the event loop."""

    def __init__(self, reads: Reads, writer: Writer, clock: Clock) -> None:
        self._reads = reads
        self._writer = writer
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()

    def committed(self, _touched: Touched) -> None:
        """Look again; never waits."""
        if self._waiting and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    async def picture(self, kiosk: str, command: str, patience: timedelta) -> bytes | Refusal | None:
        """Ask a kiosk for its picture; None when none came in time."""
        self._loop = asyncio.get_running_loop()
        happened = asyncio.Event()
        self._waiting.add(happened)
        now = self._clock.now()
        ask = AskPicture(command=command, kiosk=kiosk, at=now, deadline=now + patience * self._clock.rate)
        try:
            [outcome] = await asyncio.wrap_future(self._writer.submit([ask]))
            if isinstance(outcome, Refusal):
                return outcome
            async with asyncio.timeout(patience.total_seconds()):
                while (found := self._reads.picture(command)) is None:
                    happened.clear()
                    await happened.wait()
                return found
        except TimeoutError:
            return None
        finally:
            self._waiting.discard(happened)
            self._writer.submit([ForgetPicture(command=command, at=now)])
