"""The camera path over the real decoder process: reader codes in pictures, hostile ones, a child that dies."""

import os
import queue
import select
import signal
import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest
import qrcode
import segno
from pyzbar import pyzbar

from kiosk import scanner
from kiosk.inputs import CameraChanged, CodeSeen, ForeignCodeSeen
from kiosk.scan_link import ScanLink
from kiosk.state import CameraState
from messages import checkin

CODE = checkin.reader_code(bytes(range(16)))
CEILING = 30


def picture(text=CODE, scale=7):
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_Q, border=4)
    code.add_data(text)
    code.make(fit=True)
    modules = np.array(code.get_matrix(), dtype=np.uint8)
    small = np.where(modules, 0, 255).astype(np.uint8)
    code_picture = np.kron(small, np.ones((scale, scale), np.uint8))
    frame = np.full((720, 1280), 200, np.uint8)
    h, w = code_picture.shape
    frame[(720 - h) // 2 : (720 - h) // 2 + h, (1280 - w) // 2 : (1280 - w) // 2 + w] = code_picture
    return frame


def turned(frame, degrees):
    turn = cv2.getRotationMatrix2D((640, 360), degrees, 1.0)
    return cv2.warpAffine(frame, turn, (1280, 720), borderValue=200)


def noisy(frame):
    noise = np.random.default_rng(7).normal(0, 38, frame.shape)
    return np.clip(frame * 0.45 + 30 + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "spoil",
    [lambda f: f, lambda f: turned(f, 33), lambda f: turned(f, 180), noisy, lambda f: 255 - f, lambda f: f // 4 + 10],
    ids=["clean", "turned", "upside-down", "noisy", "inverted", "dark"],
)
def test_a_readers_code_is_read_by_one_rung_of_the_ladder(spoil):
    frame = spoil(picture())
    assert CODE in {text for rung in range(len(scanner.LADDER)) for text in scanner.decode(frame, rung)}


def test_nothing_is_read_where_nothing_is():
    frame = noisy(np.full((720, 1280), 128, np.uint8))
    assert [scanner.decode(frame, rung) for rung in range(4)] == [[]] * 4


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((0, 0), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.zeros((3, 40_000), np.uint8),
        np.random.default_rng(1).integers(0, 255, (64, 64), np.uint8),
    ],
    ids=["empty", "dot", "line", "chaos"],
)
def test_a_strange_frame_raises_nothing(frame):
    assert [scanner.decode(frame, rung) for rung in range(4)] == [[]] * 4


def structured_append():
    """The first symbol of a set of two: pyzbar raises ValueError on it (NaturalHistoryMuseum/pyzbar#139)."""
    first = segno.make_sequence("A" * 120, symbol_count=2)[0]
    modules = np.array([[bool(m) for m in row] for row in first.matrix_iter(border=4)])
    return np.kron(np.where(modules, 0, 255).astype(np.uint8), np.ones((6, 6), np.uint8))


def test_a_structured_append_symbol_is_survived():
    frame = structured_append()
    with pytest.raises(ValueError):
        pyzbar.decode(frame)
    assert all(CODE not in scanner.decode(frame, rung) for rung in range(4))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (CODE, f"code {CODE}"),
        (CODE.lower(), "foreign"),
        (CODE + "0", "foreign"),
        ("https://seat.example.edu.cn/c/1", "foreign"),
        ("code R1\nmissing", "foreign"),
        ("", "foreign"),
    ],
)
def test_only_a_readers_code_is_passed_on(text, word):
    assert scanner.word_for(text) == word


def test_a_code_in_sight_is_told_once_and_again_when_it_comes_back():
    news = scanner.News()
    assert news.of(["watching", "foreign"]) == ["watching", "foreign"]
    assert news.of(["watching"]) == []
    assert news.of(["watching", "foreign"]) == []
    for _ in range(scanner.SAME_CODE_LOOKS + 1):
        assert news.of(["watching"]) == []
    assert news.of(["watching", "foreign"]) == ["foreign"]
    assert news.of(["missing"]) == ["missing"]


@pytest.fixture
def scan(tmp_path):
    """A running link whose camera is a folder; `.heard` is what it put."""
    heard, stop = queue.Queue(), threading.Event()
    link = ScanLink(str(tmp_path), heard.put)
    link.heard = heard
    thread = threading.Thread(target=link.run, args=(stop,))
    thread.start()
    yield link
    stop.set()
    link.close()
    thread.join(CEILING)
    assert not thread.is_alive()


def until(link, wanted):
    while (event := link.heard.get(timeout=CEILING)) != wanted:
        pass
    return event


def test_the_child_reads_a_picture_and_passes_the_code_on(scan, tmp_path):
    cv2.imwrite(str(tmp_path / "phone.png"), turned(picture(), 12))
    scan.watch()
    until(scan, CameraChanged(CameraState.WATCHING))
    until(scan, CodeSeen(CODE))


def test_an_empty_folder_is_a_missing_camera_that_comes_back(scan, tmp_path):
    scan.watch()
    until(scan, CameraChanged(CameraState.MISSING))
    cv2.imwrite(str(tmp_path / "phone.png"), picture())
    until(scan, CodeSeen(CODE))


def test_a_foreign_code_is_told_without_its_text(scan, tmp_path):
    cv2.imwrite(str(tmp_path / "phone.png"), picture("https://elsewhere.example/secret"))
    scan.watch()
    until(scan, ForeignCodeSeen())


def test_a_killed_child_is_replaced_and_goes_on_watching(scan, tmp_path):
    cv2.imwrite(str(tmp_path / "phone.png"), picture())
    scan.watch()
    until(scan, CodeSeen(CODE))
    os.kill(scan.pid, signal.SIGKILL)
    until(scan, CameraChanged(CameraState.MISSING))
    until(scan, CodeSeen(CODE))
    assert scan.restarts == 1


def test_at_rest_nothing_is_looked_at(tmp_path):
    """Frames are taken only while somebody identifies: a code that appears later is not told."""
    orders = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-m", "kiosk.scanner", str(tmp_path)], **orders) as child:
        for order, answer in ((b"watch", b"missing"), (b"rest", None), (b"watch", b"watching")):
            child.stdin.write(order + b"\n")
            child.stdin.flush()
            if answer is None:
                cv2.imwrite(str(tmp_path / "phone.png"), picture())
                silent, _, _ = select.select([child.stdout], [], [], 2 * scanner.RETRY_PAUSE)
                assert silent == []
            else:
                assert child.stdout.readline().strip() == answer
        child.stdin.close()
        assert child.wait(CEILING) == 0


def test_without_a_camera_every_wish_is_answered_missing():
    heard = []
    link = ScanLink("", heard.append)
    link.run(threading.Event())
    link.watch()
    assert heard == [CameraChanged(CameraState.MISSING)]
    assert link.pid is None


def test_what_a_child_says_is_believed_only_when_it_can_be(tmp_path):
    heard = []
    link = ScanLink("x", heard.append)
    for line in ("code", "code https://x", "code R1" + "I" * 26, "watchingg", "", "code " + CODE + " x"):
        link._heard(line)
    assert heard == []
