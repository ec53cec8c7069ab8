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
    """Belongs to one event loop. `ask_all` gets the questions of a turn, in their order, and answers in that order."""

    def __init__(self, ask_all: Callable[[Sequence[Question]], "Future[list[Answer]]"]) -> None:
        self._ask_all = ask_all
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []

    def ask(self, question: Question) -> "asyncio.Future[Answer]":
        """Ask with whatever else is asked in this turn; what goes wrong for one goes wrong for those it was asked with."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append((question, answer))
        return answer

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        for first in range(0, len(waiting), MOST_AT_ONCE):
            part = waiting[first : first + MOST_AT_ONCE]
            answers = [answer for _, answer in part]
            try:
                future = self._ask_all([question for question, _ in part])
            except Exception as error:  # noqa: BLE001 - whoever waits hears of it; nobody else would tell them
                future = Future()
                future.set_exception(error)
            future.add_done_callback(lambda done, these=answers: _tell(loop, these, done))  # type: ignore[misc]


def _tell(
    loop: asyncio.AbstractEventLoop, waiting: "list[asyncio.Future[Answer]]", done: "Future[list[Answer]]"
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(_deliver, waiting, done)


def _deliver(waiting: "list[asyncio.Future[Answer]]", done: "Future[list[Answer]]") -> None:
    error = done.exception()
    if error is not None:
        for answer in waiting:
            if not answer.done():
                answer.set_exception(error)
        return
    for answer, outcome in zip(waiting, done.result(), strict=True):
        if not answer.done():
            answer.set_result(outcome)
