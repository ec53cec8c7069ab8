"""Runs the flow's effects; what comes of them returns as inputs.

`run` is called on the drawing thread and never waits; what needs the network is done by `work`, on a thread of
`kiosk.app`.
"""

import logging
import queue
import threading
from collections.abc import Callable

from kiosk.booking_client import BookingClient
from kiosk.inputs import (
    AskWho,
    CarryOut,
    CloseCamera,
    Effect,
    Identified,
    Input,
    NotKnown,
    OpenCamera,
    SendPicture,
    WishDone,
    WishFailed,
)
from kiosk.scan_link import ScanLink
from kiosk.state import Refusal, Session, Trouble

_log = logging.getLogger(__name__)
MAX_WAITING = 8


class Effects:
    """The world as the flow sees it. `picture(curtained)` gives the screen as PNG, on the drawing thread."""

    def __init__(
        self, client: BookingClient, scan: ScanLink, picture: Callable[[bool], bytes], put: Callable[[Input], None]
    ) -> None:
        self._client = client
        self._scan = scan
        self._picture = picture
        self._put = put
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(MAX_WAITING)

    def run(self, effect: Effect) -> None:
        """Begin one effect."""
        match effect:
            case OpenCamera():
                self._scan.watch()
            case CloseCamera():
                self._scan.rest()
            case AskWho(attempt):
                if not self._later(lambda: self._ask(effect)):
                    self._put(NotKnown(attempt, Trouble.UNREACHABLE))
            case CarryOut(attempt):
                if not self._later(lambda: self._carry_out(effect)):
                    self._put(WishFailed(attempt, Trouble.UNREACHABLE))
            case SendPicture(command, curtained):
                picture = self._picture(curtained)
                self._later(lambda: self._client.send_picture(command, picture))

    def work(self, stop: threading.Event) -> None:
        """Do what waits for the network, one after the other, until `close`."""
        while not stop.is_set():
            job = self._jobs.get()
            if job is None:
                return
            try:
                job()
            except Exception:  # noqa: BLE001 - one failed effect must not end all later ones; it is logged whole
                _log.exception("an effect failed")

    def close(self) -> None:
        """End `work`, dropping what still waits."""
        while True:
            try:
                self._jobs.put_nowait(None)
            except queue.Full:
                self._jobs.get_nowait()
            else:
                return

    def _later(self, job: Callable[[], None]) -> bool:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            _log.warning("effect dropped: %d wait already", MAX_WAITING)
            return False
        return True

    def _ask(self, asked: AskWho) -> None:
        answer = self._client.whose_card(asked.card) if asked.card else self._client.who(asked.reader_code)
        match answer:
            case Session():
                self._put(Identified(asked.attempt, answer))
            case Trouble():
                self._put(NotKnown(asked.attempt, answer))

    def _carry_out(self, effect: CarryOut) -> None:
        answer = self._client.carry_out(effect.session, effect.wish, effect.language)
        if isinstance(answer, Refusal | Trouble):
            self._put(WishFailed(effect.attempt, answer))
        else:
            self._put(WishDone(effect.attempt, answer))
