"""The camera's own process: frames → decoded texts. The one owner of OpenCV and pyzbar.

Runs as a child (`python -m kiosk.scanner SOURCE`), because decoders abort and leak on hostile pictures. It obeys the
lines "watch" and "rest" on stdin and ends with it; on stdout it says "watching", "missing", "code R1…" or "foreign".
A frame lives in one buffer while it is looked at, and nowhere else: no file, no log, no message.
"""

import contextlib
import itertools
import os
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")  # read when cv2 is imported: an unplugged camera blocks

import cv2
import numpy as np
from pyzbar import pyzbar
from pyzbar.pyzbar import ZBarSymbol

from messages import checkin

Frame = np.ndarray
MAX_TEXT = 64
MAX_SIDE = 1600
"""A larger picture is made smaller: decoding time grows with its area."""
FILE_PAUSE = 0.15
RETRY_PAUSE = 1.0
SAME_FRAMES = 40
"""So many equal frames in a row mean that the camera hangs: it is opened again."""
SAME_CODE_LOOKS = 8
"""A code that stays in sight is told once; out of sight for so many looks, it counts as shown again."""
PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


class FrameSource(Protocol):
    """Where frames come from. `pause` is how long to wait between two, 0 for a source that waits by itself."""

    pause: float

    def read(self) -> Frame | None:
        """Return the next frame; None while there is none."""

    def close(self) -> None:
        """Let go of the device."""


class PictureSource:
    """A picture file, or the pictures of a folder in turn; looked up again each time, so that they may change."""

    pause = FILE_PAUSE

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = itertools.count()

    def read(self) -> Frame | None:
        """Return the next picture, None when there is none."""
        files = [self._path] if self._path.is_file() else []
        if self._path.is_dir():
            files = sorted(file for file in self._path.iterdir() if file.suffix.lower() in PICTURES)
        if not files:
            return None
        # four looks at each picture: one for every way of cleaning it up
        return cv2.imread(str(files[next(self._turn) // len(LADDER) % len(files)]), cv2.IMREAD_GRAYSCALE)

    def close(self) -> None:
        """Nothing is held."""


class VideoSource:
    """A camera device, or a video file, which begins again at its end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_file = not name.startswith("/dev/") and not name.isdecimal()
        self.pause = FILE_PAUSE if self._is_file else 0.0
        self._capture: cv2.VideoCapture | None = None
        self._last = b""
        self._same = 0

    def read(self) -> Frame | None:
        """Return the next frame as grey; None when the device is gone, hangs, or the file cannot be read."""
        if self._capture is None:
            self._capture = self._open()
        good, frame = self._capture.read()
        if not good or frame is None or self._hangs(frame):
            self.close()
            return None
        return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) if frame.ndim > 2 else frame  # noqa: PLR2004 - colour has three

    def _open(self) -> cv2.VideoCapture:
        if self._is_file:
            return cv2.VideoCapture(self._name)
        capture = cv2.VideoCapture(int(self._name) if self._name.isdecimal() else self._name, cv2.CAP_V4L2)
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, 1280)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, 720)
        return capture

    def _hangs(self, frame: Frame) -> bool:
        """Tell whether the same frame came again and again: some drivers repeat the last one when unplugged."""
        if self._is_file:
            return False
        now = frame[::32, ::32].tobytes()
        self._same = self._same + 1 if now == self._last else 0
        self._last = now
        return self._same >= SAME_FRAMES

    def close(self) -> None:
        """Release the device, so that its light goes out."""
        if self._capture is not None:
            self._capture.release()
        self._capture, self._last, self._same = None, b"", 0


def source_of(name: str) -> FrameSource:
    """Return the source that a setting names."""
    path = Path(name)
    if path.is_dir() or path.suffix.lower() in PICTURES:
        return PictureSource(path)
    return VideoSource(name)


def _plain(frame: Frame) -> Frame:
    return frame


def _stretched(frame: Frame) -> Frame:
    blurred = cv2.GaussianBlur(frame, (3, 3), 0)
    stretched: Frame = cv2.normalize(blurred, np.empty_like(blurred), 0, 255, cv2.NORM_MINMAX)
    return stretched


def _thresholded(frame: Frame) -> Frame:
    return cv2.adaptiveThreshold(
        cv2.medianBlur(frame, 5), 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 41, 7
    )


LADDER: tuple[Callable[[Frame], Frame], ...] = (_plain, cv2.bitwise_not, _stretched, _thresholded)
"""Ways of cleaning a frame up, cheapest first; one per frame, because all of them on one would be late."""


def decode(frame: Frame, rung: int) -> list[str]:
    """Return the texts in `frame` after the `rung`-th way of cleaning it up; whatever is wrong with it, never raise."""
    try:
        side = max(frame.shape[:2])
        if side > MAX_SIDE:
            share = MAX_SIDE / side
            frame = cv2.resize(frame, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        found = pyzbar.decode(LADDER[rung % len(LADDER)](frame), symbols=[ZBarSymbol.QRCODE, ZBarSymbol.CODE128])
        return [symbol.data[: MAX_TEXT + 1].decode("ascii", "replace") for symbol in found]
    except Exception:  # noqa: BLE001 - a hostile symbol (structured append) makes the decoder raise what it likes
        return []


def decode_png(picture: bytes) -> list[str]:
    """Return the texts in a PNG file: a kiosk reads its own screen back with it."""
    frame = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    found = [] if frame is None else pyzbar.decode(frame, symbols=[ZBarSymbol.QRCODE])
    return [symbol.data.decode("utf-8", "replace") for symbol in found]


def word_for(text: str) -> str:
    """Return the line that tells the parent of a decoded text; nothing of a foreign code is passed on."""
    return f"code {text}" if checkin.is_reader_code(text) else "foreign"


def looks(source: FrameSource) -> Iterator[list[str]]:
    """Look at one frame after the other: each time, the lines for the parent."""
    for rung in itertools.count():
        frame = source.read()
        yield ["missing"] if frame is None else ["watching", *map(word_for, decode(frame, rung))]


class News:
    """Tells what is new in look after look."""

    def __init__(self) -> None:
        self._look = 0
        self._state = ""
        self._codes: dict[str, int] = {}

    def of(self, lines: list[str]) -> list[str]:
        """Return the lines that the last looks did not have."""
        self._look += 1
        self._codes = {code: seen for code, seen in self._codes.items() if self._look - seen <= SAME_CODE_LOOKS}
        new = [line for line in dict.fromkeys(lines) if line != self._state and line not in self._codes]
        self._state = lines[0] if lines else self._state
        self._codes |= dict.fromkeys(lines[1:], self._look)
        return new


def main(name: str) -> None:
    """Obey stdin until it ends."""
    source: FrameSource | None = None
    looking: Iterator[list[str]] = iter(())
    news, state = News(), ""
    while True:
        pause = None if source is None else (RETRY_PAUSE if state == "missing" else source.pause)
        ready, _, _ = select.select([sys.stdin], [], [], pause)
        if ready:
            order = os.read(sys.stdin.fileno(), 256)
            if not order:
                return
            if source is not None:
                source.close()
            source = source_of(name) if order.split()[-1:] == [b"watch"] else None
            looking, state = (looks(source) if source is not None else iter(())), ""
            news = News()
        for line in news.of(next(looking, [])):
            print(line, flush=True)  # noqa: T201 - the parent reads it
            if line in {"watching", "missing"}:
                state = line


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        main(sys.argv[1])
