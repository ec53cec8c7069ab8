"""Rectangles and touch targets, in canvas units: the short side of every screen is 1080 units, whatever its pixels.

Pure geometry: no colour, no text, no state of a kiosk. The painter alone turns units into pixels.
"""

from collections.abc import Iterable
from typing import NamedTuple

SHORT_SIDE = 1080
MIN_TARGET = 60
"""Least width and height of a touch target: 15 mm on a 21.5 inch panel of 1080 × 1920."""
TARGET_GAP = 8


class Rect(NamedTuple):
    """A rectangle: left, top, width, height."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        """Return the first column right of the rectangle."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """Return the first row below the rectangle."""
        return self.y + self.h

    @property
    def center(self) -> tuple[int, int]:
        """Return the middle point."""
        return self.x + self.w // 2, self.y + self.h // 2

    def inset(self, dx: int, dy: int | None = None) -> "Rect":
        """Return the rectangle shrunk by `dx` left and right, `dy` (or `dx`) above and below."""
        dy = dx if dy is None else dy
        return Rect(self.x + dx, self.y + dy, self.w - 2 * dx, self.h - 2 * dy)

    def moved(self, dx: int, dy: int) -> "Rect":
        """Return the rectangle shifted."""
        return Rect(self.x + dx, self.y + dy, self.w, self.h)

    def middle(self, w: int, h: int) -> "Rect":
        """Return a rectangle of `w` × `h` with the same middle."""
        return Rect(self.x + (self.w - w) // 2, self.y + (self.h - h) // 2, w, h)

    def contains(self, point: tuple[int, int]) -> bool:
        """Tell whether `point` lies inside."""
        return self.x <= point[0] < self.right and self.y <= point[1] < self.bottom

    def cut_top(self, h: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """Split off the upper `h` rows: (upper, rest below the gap)."""
        return Rect(self.x, self.y, self.w, h), Rect(self.x, self.y + h + gap, self.w, self.h - h - gap)

    def cut_bottom(self, h: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """Split off the lower `h` rows: (lower, rest above the gap)."""
        return Rect(self.x, self.bottom - h, self.w, h), Rect(self.x, self.y, self.w, self.h - h - gap)

    def cut_left(self, w: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """Split off the left `w` columns: (left, rest right of the gap)."""
        return Rect(self.x, self.y, w, self.h), Rect(self.x + w + gap, self.y, self.w - w - gap, self.h)

    def cut_right(self, w: int, gap: int = 0) -> tuple["Rect", "Rect"]:
        """Split off the right `w` columns: (right, rest left of the gap)."""
        return Rect(self.right - w, self.y, w, self.h), Rect(self.x, self.y, self.w - w - gap, self.h)

    def rows(self, count: int, gap: int = 0) -> list["Rect"]:
        """Split into `count` rows of one height."""
        pitch = (self.h + gap) / count
        tops = [round(self.y + row * pitch) for row in range(count)]
        return [Rect(self.x, top, self.w, round(pitch) - gap) for top in tops]

    def columns(self, count: int, gap: int = 0) -> list["Rect"]:
        """Split into `count` columns of one width."""
        pitch = (self.w + gap) / count
        lefts = [round(self.x + column * pitch) for column in range(count)]
        return [Rect(left, self.y, round(pitch) - gap, self.h) for left in lefts]


class Target(NamedTuple):
    """A place that can be tapped, and what the tap is called."""

    name: str
    rect: Rect


class Canvas(NamedTuple):
    """A screen in units, and how many pixels a unit is."""

    w: int
    h: int
    scale: float

    @classmethod
    def of_pixels(cls, width: int, height: int) -> "Canvas":
        """Return the canvas of a screen of `width` × `height` pixels."""
        scale = min(width, height) / SHORT_SIDE
        return cls(round(width / scale), round(height / scale), scale)

    @property
    def portrait(self) -> bool:
        """Tell whether the screen stands upright."""
        return self.h >= self.w

    @property
    def rect(self) -> Rect:
        """Return the whole canvas."""
        return Rect(0, 0, self.w, self.h)

    def to_units(self, x: float, y: float) -> tuple[int, int]:
        """Return the unit that a pixel lies in."""
        return int(x / self.scale), int(y / self.scale)


def target_at(targets: Iterable[Target], point: tuple[int, int]) -> str | None:
    """Return the name of the topmost (last) target under `point`, None when there is none."""
    found = None
    for target in targets:
        if target.rect.contains(point):
            found = target.name
    return found
