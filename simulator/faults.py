"""What can go wrong between a turnstile and a gate: one small class per fault, and a name for each.

A fault decides how one frame goes onto the line; a flag in the turnstile would not say what it breaks.
"""

from collections.abc import Callable
from typing import Protocol

from simulator.pty_port import PtyPort

Pause = Callable[[float], object]
"""Waits so many seconds, or less when the simulator stops."""


class Fault(Protocol):
    """Sends a frame as a broken line would."""

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:
        """Put what is left of `frame` on the line."""


class Sound:
    """No fault: the frame in one piece."""

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:  # noqa: ARG002 - the form of every fault
        """See `Fault.send`."""
        port.send(frame)


class Drop:
    """The frame never comes."""

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:
        """See `Fault.send`."""


class Delay:
    """The frame comes a second late."""

    SECONDS = 1.0

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:
        """See `Fault.send`."""
        pause(self.SECONDS)
        port.send(frame)


class Corrupt:
    """One bit in the middle is wrong: a checksum finds it; a family without one may believe it."""

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:  # noqa: ARG002 - the form of every fault
        """See `Fault.send`."""
        at = len(frame) // 2
        port.send(frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :])


class Split:
    """The frame comes byte by byte."""

    SECONDS = 0.005

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:
        """See `Fault.send`."""
        for byte in frame:
            port.send(bytes([byte]))
            pause(self.SECONDS)


class HangUp:
    """The cable is pulled out in the middle of the frame, and plugged in again two seconds later."""

    SECONDS = 2.0

    def send(self, frame: bytes, port: PtyPort, pause: Pause) -> None:
        """See `Fault.send`."""
        port.send(frame[: len(frame) // 2])
        port.unplug()
        pause(self.SECONDS)
        port.plug_in()


FAULTS: dict[str, Fault] = {
    "drop": Drop(),
    "delay": Delay(),
    "corrupt": Corrupt(),
    "split": Split(),
    "hang-up": HangUp(),
}
