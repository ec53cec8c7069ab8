"""The simulator process: holds the pseudo-terminals of a site's portals until it is stopped, and swipes when asked to."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from config.schema import Portal
from config.site_check import load_site
from messages.access import CredentialKind
from runtime.service import Service
from simulator import control
from simulator.pty_port import PtyPort
from simulator.turnstile import FOLDER, Act, Board, Swipe, Turnstiles, board_of

_log = logging.getLogger(__name__)
PORTS_FILE = "ports.json"
LISTEN_SECONDS = 0.2
"""How long a board that is asked listens before it looks whether it shall stop."""


def run(site_file: Path, data: Path) -> None:
    """Serve until stopped. `data`/simulator/ports.json then says which device each portal is on."""
    with Service() as service:
        turnstiles = Turnstiles(load_site(site_file), site_file.parent, data)
        listening = control.listener(data)

        def send(act: Act) -> int:
            sent = turnstiles.send(act, service.stop.wait)
            what = act.kind if isinstance(act, Swipe) else "passed" if act.passed else "not-passed"
            _log.info("sent portal=%s kind=%s bytes=%d fault=%s", act.portal, what, sent, act.fault or "none")
            return sent

        serving = threading.Thread(target=partial(control.serve, listening, send), name="control", daemon=True)
        boards = [
            threading.Thread(target=partial(_answer, board, service.stop), name=f"board-{board.portal.id}", daemon=True)
            for board in turnstiles.listening
        ]
        try:
            _write(data / FOLDER / PORTS_FILE, turnstiles.devices)
            for thread in (serving, *boards):
                thread.start()
            service.ready(f"{len(turnstiles.devices)} simulated portals")
            service.wait(serving.is_alive)
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            service.stop.set()
            for thread in boards:
                thread.join(2 * LISTEN_SECONDS)
            turnstiles.close()


def run_alone(portal: Portal, link: Path, cards: Iterable[str], tell: Callable[[str], None]) -> None:
    """Hold one board at `link` and swipe each of `cards` as it comes, until they end. ValueError for a portal that cannot be."""
    make, stop = board_of(portal, Path()), threading.Event()
    with PtyPort(link) as port:
        board = make(port)
        answering = threading.Thread(target=partial(_answer, board, stop), name="board", daemon=True)
        answering.start()
        tell(f"{portal.protocol} at {link}: a card number and Enter swipes it")
        try:
            for card in cards:
                if not card.strip():
                    continue
                try:
                    board.send(Swipe(portal.id, CredentialKind.CARD, card.strip()), stop.wait)
                except (ValueError, OSError) as error:
                    tell(str(error))
        finally:
            stop.set()
            answering.join(2 * LISTEN_SECONDS)


def _answer(board: Board, stop: threading.Event) -> None:
    while not stop.is_set():
        board.answer(LISTEN_SECONDS, stop.wait)


def _write(file: Path, devices: dict[str, str]) -> None:
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(devices, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)
