"""A real device path for a turnstile that is not there: a pseudo-terminal behind a symbolic link that stays the same.

Only the far end of the line: what is sent over it is `simulator.turnstile`'s business. A pseudo-terminal keeps no baud
rate and no parity, so neither is tested by it.
"""

import os
import select
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self


class PortFull(OSError):  # noqa: N818 - named after what happened
    """Nobody reads the other end and its buffer is full."""


class PtyPort:
    """Hold one pseudo-terminal; `link` names its device for whoever plays the gate."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master = -1
        self.plug_in()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    def plug_in(self) -> None:
        """Make the device, under a new name behind the same link."""
        self.unplug()
        self._master, device = os.openpty()
        # The device is not kept open: only its reader may hold it, or its exclusive claim would outlive it.
        tty.setraw(device)
        name = os.ttyname(device)
        os.close(device)
        os.set_blocking(self._master, False)
        draft = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        self.link.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        draft.symlink_to(name)
        draft.replace(self.link)

    def unplug(self) -> None:
        """Pull the plug: the reader's end breaks and the link is gone."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1
            self.link.unlink(missing_ok=True)

    def send(self, content: bytes) -> None:
        """Put bytes on the line; PortFull when they would have to wait for a reader."""
        while content:
            try:
                content = content[os.write(self._master, content) :]
            except BlockingIOError:
                raise PortFull(f"{self.link}: nobody reads this port, and its buffer is full") from None

    def wait(self, seconds: float, pause: Callable[[float], object]) -> bytes:
        """Return what the gate sends within `seconds`; b"" when nothing, or when nobody has the device open."""
        try:
            ready, _, _ = select.select([self._master], [], [], seconds)
        except (OSError, ValueError):
            return b""  # unplugged while waiting
        content = self.receive() if ready else b""
        if ready and not content:
            pause(seconds)  # nobody has it open: that is "ready" too, and would be so at once again
        return content

    def receive(self, limit: int = 1024) -> bytes:
        """Return what the gate has sent by now; b"" when nothing, or when nobody has the device open."""
        try:
            return os.read(self._master, limit)
        except (BlockingIOError, OSError):
            return b""
