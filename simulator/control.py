"""How `seatgate simulate turnstile swipe` reaches the running simulator: one JSON line each way over a Unix socket.

The socket lies in the simulator's own folder with mode 0600: who may write there may swipe.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from simulator.turnstile import FOLDER, Act

NAME = "control"
MAX_LINE = 4096
CALL_SECONDS = 15.0
"""Longer than the slowest fault takes."""
SERVE_SECONDS = 2.0
"""How long a caller may take to say what it wants."""


class SimulatorAway(Exception):  # noqa: N818 - named after what happened
    """No simulator runs over this data folder."""


class Answer(msgspec.Struct, frozen=True):
    """`error` is a sentence, empty when `sent` bytes went onto the line."""

    sent: int = 0
    error: str = ""


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """Name the socket by its open folder: a path of more than 107 bytes does not fit into a Unix address."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def listener(data: Path) -> socket.socket:
    """Return the listening socket of a simulator over `data`."""
    folder = data / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / NAME).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with _address(folder) as address:
            listening.bind(address)
    finally:
        os.umask(before)
    listening.listen(8)
    return listening


def serve(listening: socket.socket, send: Callable[[Act], int]) -> None:
    """Answer callers one after the other until `listening` is shut down from another thread."""
    while True:
        try:
            caller, _ = listening.accept()
        except OSError:
            return
        with caller, suppress(OSError):
            caller.settimeout(SERVE_SECONDS)
            caller.sendall(msgspec.json.encode(_answer(_line(caller), send)) + b"\n")


def call(data: Path, act: Act) -> int:
    """Ask the simulator over `data` to send; ValueError with its sentence, SimulatorAway when there is none."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel, _address(data / FOLDER) as address:
            channel.settimeout(CALL_SECONDS)
            channel.connect(address)
            channel.sendall(msgspec.json.encode(act) + b"\n")
            answer = msgspec.json.decode(_line(channel), type=Answer)
    except (OSError, msgspec.MsgspecError) as error:
        raise SimulatorAway(
            f"no simulated turnstile answers in {data}: start `seatgate run` (or `seatgate simulate turnstile serve`), "
            "and name its data folder with --data"
        ) from error
    if answer.error:
        raise ValueError(answer.error)
    return answer.sent


def _answer(line: bytes, send: Callable[[Act], int]) -> Answer:
    try:
        return Answer(sent=send(msgspec.json.decode(line, type=Act)))
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        return Answer(error=str(error) or "not understood")


def _line(channel: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_LINE:
        piece = channel.recv(MAX_LINE - len(line))
        if not piece:
            break
        line += piece
    return line
