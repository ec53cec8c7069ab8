"""Our OSDP line against a reader made of libosdp, over a wire that may be bad: set up, driven, and counted. Used by tests too."""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from bench.osdp_line import Wire
from wire.found import BadFrame
from wire.line_driver import Action, Instant, Wanted
from wire.osdp.driver import OsdpLine
from wire.osdp.options import Device, Options
from wire.reads import Read, Said

ROOT = Path(__file__).resolve().parents[1]
KEY = bytes.fromhex("0F1E2D3C4B5A69788796A5B4C3D2E1F0")
PORTAL = "south-1"


def peer(name: str) -> Path | None:
    """Return the Python of a peer's environment; None where `tools/install test` could not make it."""
    home = ROOT / ".venv" / "peers" / name
    return home / "bin" / "python" if (home / ".installed").exists() else None


class House:
    """Stands for the gate: keeps what it is told."""

    def __init__(self) -> None:
        self.cards: list[tuple[int, int]] = []
        """Number and instant (monotonic nanoseconds), in the order of arrival."""
        self.bad: Counter[str] = Counter()
        self.said: list[Said] = []

    def instant(self) -> Instant:
        return Instant(datetime.now(UTC), time.monotonic_ns(), "boot")

    def take(self, _portal: str, said: Said | BadFrame, at: Instant) -> bool:
        if isinstance(said, Read):
            self.cards.append((int(said.credential.value), at.monotonic_ns))
        elif isinstance(said, BadFrame):
            self.bad[said.fault.value] += 1
        else:
            self.said.append(said)
        return True

    def changed(self) -> None:
        """Nothing is written down here."""


class Rig:
    """One reader of libosdp's, one line of ours. `repeats`: see bench/peers/libosdp_device.py."""

    def __init__(
        self,
        folder: Path,
        *,
        secure: bool,
        noise: float = 0.0,
        baud: int | None = None,
        repeats: bool = True,
        options: dict[str, object] | None = None,
    ) -> None:
        self.wire = Wire(folder / "line", noise=noise, baud=baud)
        self.house = House()
        key = KEY if secure else None
        mode = {"secure": True, "keys_file": "keys"} if secure else {"secure": False}
        device = Device(PORTAL, 1, Options(**mode, **(options or {})), key)  # type: ignore[arg-type]
        self.line = OsdpLine(str(self.wire.port.link), [device])
        self._reader_arguments = ["1", key.hex() if key else "-", "1" if repeats else "0"]
        self.commands: list[dict[str, object]] = []
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._running = threading.Thread(target=self.line.run, args=(self.house,), daemon=True)
        self._reader: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.wire.__enter__()
        program = [str(peer("libosdp")), str(ROOT / "bench" / "peers" / "libosdp_device.py"), self.wire.far[0]]
        self._reader = subprocess.Popen(
            [*program, *self._reader_arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # libosdp tells what it thinks of the line
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        self._listening.start()
        self._running.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.line.stop()
        self._running.join(10)
        if self._reader is not None:
            self._reader.kill()
            self._reader.wait()
        self._listening.join(10)
        self.wire.__exit__()

    def _listen(self) -> None:
        if self._reader is None or self._reader.stdout is None:
            return
        for text in self._reader.stdout:
            if text.startswith("command "):
                self.commands.append(json.loads(text.partition(" ")[2]))

    def tell(self, text: str) -> None:
        """Tell the reader what happens to it: `cards N FIRST`, `tamper 1`, `inputs 0,1,0,0`."""
        if self._reader is not None and self._reader.stdin is not None:
            self._reader.stdin.write(text + "\n")
            self._reader.stdin.flush()

    @property
    def came(self) -> int:
        """How many different cards have come."""
        return len({number for number, _ in self.house.cards})

    def act(self, action: Action) -> list[str]:
        """Have something done; the list gets one sentence, "" when it is done."""
        told: list[str] = []
        self.line.act(Wanted(PORTAL, action, time.monotonic_ns() + 5_000_000_000, done=told.append))
        return told
