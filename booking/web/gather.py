"""Asking for many requests at once: what one turn of the event loop wants is one question.

In the second in which a day is released, hundreds of requests arrive within one turn. Each that asked for itself would
wait for the interpreter by itself, and each committed outcome would wake the loop for itself.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")
MOST_AT_ONCE = 64
"""The first of a thousand is not answered together with the last."""


class Gathered(Generic[Question, Answer]):
    """Belongs to one event loop. `ask_all` gets the questions of a turn, in their order, and answers in that order;
    `tell` is called on the loop with the same questions once that is done. Nothing is cancelled.
    """

    def __init__(
        self,
        ask_all: Callable[[Sequence[Question]], "Future[list[Answer]]"],
        tell: "Callable[[Sequence[Question], Future[list[Answer]]], None]",
    ) -> None:
        self._ask_all = ask_all
        self._tell = tell
        self._waiting: list[Question] = []

    def ask(self, question: Question) -> None:
        """Ask with whatever else is asked in this turn; what goes wrong for one goes wrong for those it was asked with."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append(question)

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()

        def send(part: Sequence[Question]) -> None:
            try:
                answers = self._ask_all(part)
            except Exception as error:  # noqa: BLE001 - whoever waits hears of it; nobody else would tell them
                answers = Future()
                answers.set_exception(error)
            answers.add_done_callback(lambda done: self._wake(loop, part, done))

        for first in range(0, len(waiting), MOST_AT_ONCE):
            send(waiting[first : first + MOST_AT_ONCE])

    def _wake(self, loop: asyncio.AbstractEventLoop, asked: Sequence[Question], done: "Future[list[Answer]]") -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, asked, done)
