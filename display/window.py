"""The screen through SDL: open it, show what was painted, wait for taps. Draws off screen where there is no screen.

All pygame calls happen on the thread that made the window; only `wake` may be called from another.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

import pygame

from display import qr, sprites
from display.layout import Canvas
from display.painter import Painter
from display.scene import Scene


class Window:
    """A window, a full screen, or an off-screen surface of `width` × `height` pixels."""

    def __init__(self, width: int, height: int, *, windowed: bool = True, offscreen: bool = False) -> None:
        self.offscreen = offscreen or not has_screen(os.environ)
        if self.offscreen:
            os.environ["SDL_VIDEODRIVER"] = "dummy"
        # without a GPU driver SDL would copy every frame through software GL: 24 ms instead of 2
        os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        # one tap is one event: a touch is never repeated as a mouse click
        os.environ["SDL_TOUCH_MOUSE_EVENTS"] = "0"
        pygame.display.init()
        pygame.font.init()
        flags = 0 if windowed or self.offscreen else pygame.FULLSCREEN
        self.surface = pygame.display.set_mode((width, height), flags)
        pygame.display.set_caption("Seatgate")
        pygame.mouse.set_visible(windowed)
        self.canvas = Canvas.of_pixels(*self.surface.get_size())
        self.closed = False
        self._woken = threading.Event()
        self._wake_event = pygame.event.custom_type()

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        """Wait until a tap, a `wake` or `seconds` have passed; return the taps, in units."""
        if self.offscreen:
            self._woken.wait(seconds)
            self._woken.clear()
            pygame.event.pump()
            return []
        # SDL blocks in the display server's own wait here; it does not poll
        first = pygame.event.wait(max(1, round(seconds * 1000)))
        taps = [self._tap(event) for event in (first, *pygame.event.get())]
        return [tap for tap in taps if tap is not None]

    def wake(self) -> None:
        """End a `wait` early; from any thread."""
        self._woken.set()
        if not self.offscreen and not self.closed:
            with suppress(pygame.error):  # closed in between, or the queue is full and `wait` returns anyway
                pygame.event.post(pygame.event.Event(self._wake_event))

    def present(self, rects: Sequence[pygame.Rect]) -> None:
        """Show what was painted."""
        if rects:
            pygame.display.update(list(rects))

    def picture(self, scene: Scene | None = None) -> bytes:
        """Return what is on the screen, or `scene` drawn beside it, as a PNG file."""
        surface = self.surface
        if scene is not None:
            surface = pygame.Surface(self.surface.get_size())
            Painter(surface).paint(scene)
        return qr.png(surface.get_size(), pygame.image.tobytes(surface, "RGB"))

    def close(self) -> None:
        """Close the screen."""
        self.closed = True
        sprites.forget()
        pygame.quit()

    def _tap(self, event: pygame.event.Event) -> tuple[int, int] | None:
        width, height = self.surface.get_size()
        if event.type == pygame.FINGERDOWN:
            return self.canvas.to_units(event.x * width, event.y * height)
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            return self.canvas.to_units(*event.pos)
        if event.type == pygame.QUIT:
            self.closed = True
        return None


def has_screen(environment: Mapping[str, str]) -> bool:
    """Tell whether a display server (or a driver somebody asked for) is there."""
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")) or environment.get(
        "SDL_VIDEODRIVER", "dummy"
    ) not in {"dummy", "offscreen"}
