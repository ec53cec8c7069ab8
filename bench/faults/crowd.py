"""Readers who go on asking until they are told yes or no, whatever happens to the servers, and note when they were told what."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.faults.callers import Broken, Caller, Wish
from bench.faults.ledger import Ledger, reader_name

PAUSE_SECONDS = 0.1
"""Before somebody who was told to come back asks again."""
GIVE_UP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer, or none (status 0: the connection broke)."""

    at: float
    port: int
    status: int


@dataclass
class Crowd:
    """`ports`: servers to ask, in order of preference for each reader by turns; `ledger` notes what was booked."""

    ports: list[int]
    ledger: Ledger
    heard: list[Heard] = field(default_factory=list)
    different: int = 0
    """Bookings of one key whose repeated answer named another reservation."""
    given_up: int = 0
    told: dict[str, str] = field(default_factory=dict)

    async def ask_all(self, wishes: list[Wish], connections: int, on_answer: Callable[[int], None]) -> None:
        """Ask for everything over so many connections; `on_answer` is called with how many wishes are answered."""
        waiting, answered = list(reversed(wishes)), Counter[str]()

        async def connection(number: int) -> None:
            port = self.ports[number % len(self.ports)]
            callers = {each: Caller(each) for each in self.ports}
            while waiting:
                wish = waiting.pop()
                await self._insist(wish, callers, port)
                answered["wishes"] += 1
                on_answer(answered["wishes"])
            for caller in callers.values():
                caller.drop()

        await asyncio.gather(*(connection(number) for number in range(connections)))

    async def _insist(self, wish: Wish, callers: dict[int, Caller], port: int) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = await callers[port].ask(wish.request())
            except Broken:
                self.heard.append(Heard(time.monotonic(), port, 0))
                port = self.ports[(self.ports.index(port) + 1) % len(self.ports)]
            else:
                self.heard.append(Heard(time.monotonic(), port, answer.status))
                if answer.status == 201:
                    self.ledger.note(answer.json, reader_name(wish.reader), wish.seat)
                if answer.status < 500:
                    return
            await asyncio.sleep(PAUSE_SECONDS)
        self.given_up += 1
