"""The parent's end of the scanner's process: starts it, restarts it, turns its lines into inputs.

`run` is for a thread of `kiosk.app`; `watch` and `rest` may be called from any thread and never wait.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from kiosk.inputs import CameraChanged, CodeSeen, ForeignCodeSeen, Input
from kiosk.state import CameraState
from messages import checkin

_log = logging.getLogger(__name__)
FIRST_RETRY, LAST_RETRY = 0.5, 20.0
MAX_LINE = 100
STOP_SECONDS = 0.5


class ScanLink:
    """Keeps one scanner alive. `camera` is the setting; without one every wish to watch is answered "missing"."""

    def __init__(self, camera: str, put: Callable[[Input], None]) -> None:
        self._camera = camera
        self._put = put
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._watching = False
        self._closed = False
        self.restarts = 0
        """How often a scanner that had died was replaced."""

    def watch(self) -> None:
        """Look for codes from now on."""
        if not self._camera:
            self._put(CameraChanged(CameraState.MISSING))
            return
        self._order(watching=True)

    def rest(self) -> None:
        """Let go of the camera."""
        self._order(watching=False)

    def run(self, stop: threading.Event) -> None:
        """Keep the child alive until `stop`; returns soon after `close`."""
        if not self._camera:
            return
        retry = FIRST_RETRY
        while not stop.is_set():
            lines = self._serve_one()
            if self._closed:
                return
            self.restarts += 1
            retry = FIRST_RETRY if lines else min(retry * 2, LAST_RETRY)
            _log.error("scanner ended restarts=%d again_in=%.1fs", self.restarts, retry)
            with self._lock:
                watching = self._watching
            if watching:
                self._put(CameraChanged(CameraState.MISSING))
            stop.wait(retry)

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._closed = True
            child = self._child
        if child is not None:
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(STOP_SECONDS)
                return
            child.kill()

    @property
    def pid(self) -> int | None:
        """Return the child's process id, None while there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def _order(self, *, watching: bool) -> None:
        with self._lock:
            self._watching = watching
            self._tell()

    def _tell(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            with suppress(OSError):  # it died: the next one is told as soon as it runs
                self._child.stdin.write(b"watch\n" if self._watching else b"rest\n")
                self._child.stdin.flush()

    def _serve_one(self) -> int:
        """Run one child until it ends; return how many lines it said."""
        with self._lock:
            if self._closed:
                return 0
            child = subprocess.Popen(
                [sys.executable, "-m", "kiosk.scanner", self._camera],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # decoders print what they see: nothing of a frame reaches a log
            )
            self._child = child
            self._tell()
        lines = 0
        with child:
            if child.stdout is not None:
                while line := child.stdout.readline(MAX_LINE):
                    lines += 1
                    self._heard(line.strip().decode("ascii", "replace"))
        with self._lock:
            self._child = None
        return lines

    def _heard(self, line: str) -> None:
        """Believe only what a scanner can say."""
        word, _, text = line.partition(" ")
        if word == "watching":
            self._put(CameraChanged(CameraState.WATCHING))
        elif word == "missing":
            self._put(CameraChanged(CameraState.MISSING))
        elif word == "code" and checkin.is_reader_code(text):
            self._put(CodeSeen(text))
        elif word == "foreign":
            self._put(ForeignCodeSeen())
        else:
            _log.warning("scanner said something unknown chars=%d", len(line))
