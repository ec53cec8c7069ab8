"""A picture as a frozen value: items in painting order and the places that can be tapped.

No pixels, fonts or state here. Every item has a key that is its own within the scene and stays the same from one
picture to the next, and paints nothing outside its `rect`: two scenes therefore differ exactly where items differ.
"""

from dataclasses import dataclass
from enum import Enum

from display.layout import Canvas, Rect, Target

Color = tuple[int, int, int]


class Align(Enum):
    """Where a line of text stands in its rectangle."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Icon(Enum):
    """The drawn signs; painted from geometry, so that no font has to hold them."""

    PERSON = "person"
    CLOCK = "clock"
    TICK = "tick"
    CROSS = "cross"
    SLASH = "slash"
    UP = "up"
    DOWN = "down"
    PHONE = "phone"
    CAMERA = "camera"
    WARNING = "warning"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with round corners; `stroke` lies inside its edge."""

    key: str
    rect: Rect
    fill: Color | None = None
    radius: int = 0
    stroke: Color | None = None
    stroke_width: int = 2


@dataclass(frozen=True, slots=True)
class Bar:
    """A pill whose left `fraction` (0-1) is filled."""

    key: str
    rect: Rect
    fraction: float
    fill: Color
    track: Color


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text of one size, weight and colour."""

    text: str
    size: int
    color: Color
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One line (or, with `wrap`, a paragraph) of runs on a common baseline, in the middle of its rectangle's height.

    A line that is too wide is set smaller, down to `display.typeset.LEAST_SIZE`, and only then cut with an ellipsis.
    """

    key: str
    rect: Rect
    runs: tuple[Run, ...]
    align: Align = Align.LEFT
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring of which `fraction` (0-1) is drawn in `color`, clockwise from the top; the rest in `track`."""

    key: str
    rect: Rect
    fraction: float
    color: Color
    track: Color
    width: int


@dataclass(frozen=True, slots=True)
class Sign:
    """An icon that fills its rectangle's middle square."""

    key: str
    rect: Rect
    icon: Icon
    color: Color


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code: `modules` are rows of True (dark); each module is a whole number of pixels, in the middle of `rect`.

    Always dark on light, with its quiet zone, whatever the theme: inverted codes are unreadable to many phones.
    """

    key: str
    rect: Rect
    modules: tuple[tuple[bool, ...], ...]


Item = Box | Bar | Text | Ring | Sign | Code


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture. Keys of items are unique; a later item lies over an earlier one."""

    canvas: Canvas
    background: Color
    items: tuple[Item, ...]
    targets: tuple[Target, ...] = ()

    def __post_init__(self) -> None:
        keys = {item.key for item in self.items}
        if len(keys) != len(self.items):
            twice = sorted({item.key for item in self.items if sum(i.key == item.key for i in self.items) > 1})
            raise ValueError(f"scene keys used twice: {', '.join(twice)}")


def damage(old: Scene | None, new: Scene) -> list[Rect] | None:
    """Return the rectangles in which `new` may differ from `old`; None when that is everywhere."""
    if old is None or old.canvas != new.canvas or old.background != new.background:
        return None
    before, after = {item.key: item for item in old.items}, {item.key: item for item in new.items}
    stayed_before = [item.key for item in old.items if item.key in after]
    stayed_after = [item.key for item in new.items if item.key in before]
    if stayed_before != stayed_after:  # items changed their order: rare enough to paint all
        return None
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    rects = {item.rect for key in changed for item in (before.get(key), after.get(key)) if item is not None}
    return sorted(rects)
