"""The SDL window: off screen without a display server, a real window with one (Xvfb), taps from mouse and finger."""

import os
import shutil
import subprocess
import sys

import pytest

from display.window import has_screen

# In a process of its own: SDL picks its video driver once, and the other tests use the dummy one.
TAPS = """
import os, threading, time
import pygame
from display.window import Window

window = Window(540, 960, windowed=True)
assert not window.offscreen, "there is a screen"
assert pygame.display.get_driver() == "x11"
assert window.canvas[:2] == (1080, 1920)
pygame.event.clear()
pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(270, 480), button=1))
pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=(270, 480), button=3))
pygame.event.post(pygame.event.Event(pygame.FINGERDOWN, x=0.25, y=0.75, finger_id=1, touch_id=1))
assert window.wait(30) == [(540, 960), (270, 1440)]
threading.Timer(0.05, window.wake).start()
begun = time.monotonic()
window.wait(30)
assert time.monotonic() - begun < 25, "wake ends a wait"
window.surface.fill((11, 93, 91))
window.present([window.surface.get_rect()])
assert window.picture().startswith(b"\\x89PNG")
pygame.event.post(pygame.event.Event(pygame.QUIT))
window.wait(30)
assert window.closed
window.close()
window.wake()
print("done")
"""


@pytest.mark.parametrize(
    ("environment", "screen"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"SDL_VIDEODRIVER": "dummy"}, False),
        ({"SDL_VIDEODRIVER": "kmsdrm"}, True),
    ],
)
def test_where_there_is_a_screen(environment, screen):
    assert has_screen(environment) is screen


@pytest.fixture
def x_server(tmp_path):
    """A virtual screen; its number is its own choice."""
    program = shutil.which("Xvfb") or pytest.fail("Xvfb is not installed: run tools/install test")
    read, write = os.pipe()
    command = [program, "-displayfd", str(write), "-screen", "0", "1080x1920x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as number:
        yield f":{number.readline().strip()}"
    server.terminate()
    server.wait(30)


def test_a_window_gives_taps_and_can_be_woken(x_server):
    environment = {key: value for key, value in os.environ.items() if key != "SDL_VIDEODRIVER"}
    done = subprocess.run(
        [sys.executable, "-c", TAPS],
        env=environment | {"DISPLAY": x_server},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr


def test_off_screen_a_wake_ends_the_wait():
    script = """
import threading, time
from display.window import Window

window = Window(1080, 1920, offscreen=True)
threading.Timer(0.05, window.wake).start()
begun = time.monotonic()
assert window.wait(30) == []
assert time.monotonic() - begun < 25
assert window.picture().startswith(b"\\x89PNG")
window.close()
print("done")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=90, check=False)
    assert done.stdout.strip() == "done", done.stderr
