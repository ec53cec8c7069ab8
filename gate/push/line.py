"""One listening address at work; see `wire.line_driver.Driver`.

Two threads: the line's own stores events, one after the other, as they come out of a queue; the other reads HTTP. So a disk
that takes nothing keeps no terminal waiting: it hears 503 and sends again.
"""

import asyncio
import logging
import queue
import secrets
import ssl
import threading
from contextlib import suppress
from datetime import timedelta

import attrs

from gate.push.doorman import Doorman, Terminal
from gate.push.parts import BadBody
from gate.push.register import Register
from gate.push.server import Server
from wire.found import BadFrame, Fault
from wire.line_driver import House, Instant, Wanted

_log = logging.getLogger(__name__)
MOST_WAITING = 64
FAULTS = {
    **dict.fromkeys(("address", "wrong", "too-many"), Fault.FORGED),
    "slow": Fault.LENGTH,
    "too-large": Fault.OVERLONG,
    "not-http": Fault.GARBAGE,
}
"""Why a request is not taken → what it is counted as; a body that is no event is counted where it is looked at."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between tries to have the address."""


@attrs.frozen
class _Job:
    terminal: Terminal
    event: bytes | BadBody
    at: Instant
    """When it came in: it may wait for a disk that takes nothing."""
    answer: "asyncio.Future[int]"


class PushLine:
    """One listening address. See `wire.line_driver.Driver`."""

    def __init__(
        self,
        device: str,
        address: tuple[str, int],
        terminals: list[Terminal],
        fresh_for: timedelta,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.device = device
        self.tried = threading.Event()
        self._address, self._tls, self._fresh_for = address, tls, fresh_for
        self._first = next(portal for each in terminals for portal in each.doors.values())
        """Where it is counted what nobody known has sent."""
        self._doorman = Doorman(terminals, secrets.token_bytes(32))
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MOST_WAITING)
        self._stopped = threading.Event()
        self._trouble = "not listening yet"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._fault: BaseException | None = None

    def trouble(self, portal: str) -> str:  # noqa: ARG002 - the form of every driver
        """See `Driver.trouble`."""
        return self._trouble

    def act(self, wanted: Wanted) -> None:
        """See `Driver.act`."""
        wanted.done("a face terminal that calls over HTTP opens its door itself: nothing is sent to it")

    def stop(self) -> None:
        """See `Driver.stop`."""
        self._stopped.set()
        if self._loop is not None and self._end is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
        with suppress(queue.Full):  # then the thread is awake anyway
            self._jobs.put_nowait(None)

    def run(self, house: House) -> None:
        """See `Driver.run`."""
        listening = threading.Thread(target=self._listen, args=(house,), name=f"push-{self.device}", daemon=True)
        listening.start()
        register = Register(house, self._fresh_for)
        while not self._stopped.is_set():
            job = self._jobs.get()
            if job is not None:
                self._answer(job, register.take(job.terminal, job.event, job.at))
        listening.join(1.0)
        if self._fault is not None:
            raise self._fault

    def _answer(self, job: _Job, status: int) -> None:
        def answered() -> None:
            if not job.answer.done():
                job.answer.set_result(status)

        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended: the terminal hears nothing, and sends again
                self._loop.call_soon_threadsafe(answered)

    # ---- on the thread that listens ------------------------------------------------------------------------------------

    def _listen(self, house: House) -> None:
        try:
            asyncio.run(self._serve(house))
        except Exception as error:  # noqa: BLE001 - raised again by `run`, which ends the gate
            self._fault = error
            self.stop()

    async def _serve(self, house: House) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        if self._stopped.is_set():
            return

        async def hand(terminal: Terminal, event: bytes | BadBody) -> int:
            return await self._hand(terminal, event, house.instant())

        def refused(why: str) -> None:
            bad = BadFrame(FAULTS.get(why, Fault.NOT_MATCHING), b"", f"a request that was not taken: {why}")
            house.take(self._first, bad, house.instant())

        server, wait = Server(self._doorman, hand, refused, self._loop.time), FIRST_WAIT

        def opened() -> None:
            self._told("")
            self.tried.set()
            house.changed()

        while not self._end.is_set():
            try:
                await server.serve(*self._address, self._tls, opened, self._end)
            except OSError as error:
                self._told(
                    f"{self.device} cannot be listened on: {error.strerror or error}; another program may have it"
                )
                self.tried.set()
                house.changed()
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._end.wait()
                wait = min(2 * wait, LONGEST_WAIT)

    def _told(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.log(logging.WARNING if trouble else logging.INFO, "push address=%s %s", self.device, trouble or "open")
        self._trouble = trouble

    async def _hand(self, terminal: Terminal, event: bytes | BadBody, at: Instant) -> int:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._jobs.put_nowait(_Job(terminal, event, at, answer))
        except queue.Full:
            return 503
        return await answer
