"""A reader made of libosdp 3.2.9, which is not ours: on a device path, with cards to send, told over stdin, telling on stdout.

    python libosdp_device.py PATH ADDRESS KEY|- REPEATS

Its Python form has no way to answer a question for the inputs' states (3.2.9): they are said when they change.

stdin: `cards N FIRST` queues N cards of 32 bits (format unspecified), numbered from FIRST; `tamper 0|1`; `inputs 0,1,…`.
stdout, a line each: `ready`, and `command {…}` for what the panel had done.

REPEATS 1: a command that comes again byte for byte is answered with the same bytes again, as SIA OSDP 2.2 wants it
and as libosdp does since; 3.2.9 takes it for a new command and so throws away the read whose answer was spoiled. The
answers are kept in the channel here; nothing in libosdp is changed.
"""

import json
import os
import select
import sys
import termios
import tty

from osdp import (
    Capability,
    CardFormat,
    Channel,
    Event,
    LogLevel,
    PDCapabilities,
    PDInfo,
    PeripheralDevice,
    StatusReportType,
)


class Line(Channel):
    """The device path; with `repeats`, also the memory of the last answer."""

    def __init__(self, path: str, *, repeats: bool) -> None:
        super().__init__()
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd, termios.TCSANOW)
        self._repeats = repeats
        self._command = self._answered = self._answer = b""

    def read(self, max_bytes: int) -> bytes:
        try:
            content = os.read(self.fd, max_bytes)
        except BlockingIOError:
            return b""
        if not self._repeats:
            return content
        self._command += content
        packet = whole(self._command)
        if packet is None:
            self._command = self._command[-256:]
            return b""
        self._command = b""
        if packet == self._answered and self._answer and packet[4] & 3:
            os.write(self.fd, self._answer)
            return b""
        self._answered, self._answer = packet, b""
        return b"\xff" + packet

    def write(self, buf: bytes) -> int:
        content = bytes(buf)
        if self._repeats:
            self._answer += content
        return os.write(self.fd, content)

    def flush(self) -> None:
        pass


def whole(content: bytes) -> "bytes | None":
    """Return the first whole command with a good check in `content`, wherever it begins."""
    at = content.find(b"\x53")
    while at >= 0:
        packet = content[at:]
        if len(packet) >= 8:
            size = packet[2] | packet[3] << 8
            if 8 <= size <= len(packet) and crc(packet[: size - 2]) == packet[size - 2 : size]:
                return packet[:size]
        at = content.find(b"\x53", at + 1)
    return None


def crc(content: bytes) -> bytes:
    register = 0x1D0F
    for byte in content:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (0x1021 if register & 0x8000 else 0)) & 0xFFFF
    return bytes([register & 0xFF, register >> 8])


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Reader:
    """The reader's application: what it is told over stdin, what it says on stdout."""

    def __init__(self, path: str, address: str, key: str, repeats: str) -> None:
        self.line = Line(path, repeats=repeats == "1")
        self.inputs, self.local = [0, 0, 0, 0], [0, 0]
        self.cards: list[int] = []
        self.events: list[dict] = []
        info = PDInfo(int(address), self.line, bytes.fromhex(key) if key != "-" else None, name="reader")
        capabilities = PDCapabilities(
            [
                (Capability.ContactStatusMonitoring, 1, 4),
                (Capability.OutputControl, 1, 2),
                (Capability.LEDControl, 1, 1),
                (Capability.AudibleControl, 1, 1),
                (Capability.Readers, 1, 1),
            ]
        )
        self.device = PeripheralDevice(info, capabilities, LogLevel.Emergency, self.on_command)

    def on_command(self, command: dict) -> "tuple[int, dict | None]":
        say("command " + json.dumps(command, default=lambda each: each.hex() if isinstance(each, bytes) else str(each)))
        return 0, None

    def told(self, word: str, rest: "list[str]") -> None:
        if word == "cards":
            self.cards.extend(range(int(rest[1]), int(rest[1]) + int(rest[0])))
        elif word == "tamper":
            self.local[0] = int(rest[0])
            self.events.append({"event": Event.Status, "type": StatusReportType.Local, "report": bytes(self.local)})
        elif word == "inputs":
            self.inputs[:] = [int(state) for state in rest[0].split(",")]
            self.events.append({"event": Event.Status, "type": StatusReportType.Input, "report": bytes(self.inputs)})

    def hand_over(self) -> None:
        """Give libosdp what its own short queue has room for."""
        while self.events and self.device.ctx.submit_event(self.events[0]):
            self.events.pop(0)
        while self.cards and self.device.ctx.submit_event(as_event(self.cards[0])):
            self.cards.pop(0)

    def run(self) -> None:
        say("ready")
        held = ""
        while True:
            ready, _, _ = select.select([self.line.fd, 0], [], [], 0.005)
            if 0 in ready:
                content = os.read(0, 4096).decode()
                if not content:
                    return
                *lines, held = (held + content).split("\n")
                for each in lines:
                    word, *rest = each.split()
                    self.told(word, rest)
            self.device.ctx.refresh()
            self.hand_over()


def as_event(number: int) -> dict:
    return {
        "event": Event.CardRead,
        "reader_no": 0,
        "format": CardFormat.Unspecified,
        "direction": 0,
        "length": 32,
        "data": number.to_bytes(4, "big"),
    }


if __name__ == "__main__":
    Reader(*sys.argv[1:]).run()
