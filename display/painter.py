"""Scene → pygame surface: only what changed since the last scene is painted again.

The one place where units become pixels. Nothing here knows what a picture means.
"""

from collections.abc import Sequence
from typing import assert_never

import pygame

from display import sprites, typeset
from display.layout import Canvas, Rect
from display.qr import QUIET_MODULES
from display.scene import Align, Bar, Box, Code, Color, Item, Ring, Run, Scene, Sign, Text, damage

DARK: Color = (0, 0, 0)
LIGHT: Color = (255, 255, 255)
_MIDDLE_OF_GLYPHS = 0.37
"""How far the middle of an ideograph or a figure lies above the baseline, as a share of the type size."""


class Painter:
    """Paints scenes on one surface and remembers the last one."""

    def __init__(self, surface: pygame.Surface) -> None:
        self._surface = surface
        self._last: Scene | None = None

    def paint(self, scene: Scene) -> list[pygame.Rect]:
        """Bring the surface from the last scene to `scene`; return the pixel rectangles that were painted."""
        scale = scene.canvas.scale
        whole = self._surface.get_rect()
        rects = damage(self._last, scene)
        areas = [whole] if rects is None else _merged([pixels(rect, scale).clip(whole) for rect in rects])
        self._last = None  # a fault while painting leaves the surface undefined: the next scene is painted whole
        for area in areas:
            self._surface.set_clip(area)
            self._surface.fill(scene.background, area)
            for item in scene.items:
                box = pixels(item.rect, scale)
                visible = box.clip(area)
                if visible.w and visible.h:
                    self._surface.set_clip(visible)
                    _paint_item(self._surface, item, box, scale)
        self._surface.set_clip(None)
        self._last = scene
        return areas


def pixels(rect: Rect, scale: float) -> pygame.Rect:
    """Return the pixels that a rectangle of units covers; neighbours in units stay neighbours in pixels."""
    left, top = round(rect.x * scale), round(rect.y * scale)
    return pygame.Rect(left, top, round(rect.right * scale) - left, round(rect.bottom * scale) - top)


def set_text(item: Text, canvas: Canvas) -> typeset.Block:
    """Set a text item as it will be painted; its sizes and widths are in units."""
    scale = canvas.scale

    def measure(text: str, size: int, bold: bool) -> float:  # noqa: FBT001 - the form that typeset.Measure asks for
        return sprites.width_of(text, round(size * scale), bold=bold) / scale

    if item.wrap:
        return typeset.paragraph(item.runs, item.rect.w, item.rect.h, measure)
    return typeset.fit(item.runs, item.rect.w, measure)


def _merged(areas: Sequence[pygame.Rect]) -> list[pygame.Rect]:
    """Join overlapping rectangles, so that nothing is painted twice."""
    merged: list[pygame.Rect] = []
    for area in areas:
        if not (area.w and area.h):
            continue
        grown = area.copy()
        while (hit := grown.collidelist(merged)) != -1:
            grown.union_ip(merged.pop(hit))
        merged.append(grown)
    return merged


def _paint_item(surface: pygame.Surface, item: Item, box: pygame.Rect, scale: float) -> None:
    match item:
        case Box():
            _paint_box(surface, item, box, scale)
        case Bar():
            _paint_bar(surface, item, box)
        case Text():
            _paint_text(surface, item, box, scale)
        case Ring():
            side = min(box.w, box.h)
            sprite = sprites.ring(side, max(2, round(item.width * scale)), item.fraction, item.color, item.track)
            surface.blit(sprite, sprite.get_rect(center=box.center))
        case Sign():
            sprite = sprites.icon(item.icon, min(box.w, box.h), item.color)
            surface.blit(sprite, sprite.get_rect(center=box.center))
        case Code():
            _paint_code(surface, item, box)
        case _:
            assert_never(item)


def _paint_box(surface: pygame.Surface, item: Box, box: pygame.Rect, scale: float) -> None:
    radius = min(round(item.radius * scale), min(box.w, box.h) // 2 - 1)
    stroke_width = max(1, round(item.stroke_width * scale)) if item.stroke else 0
    if radius <= 0:
        if item.stroke is not None:
            surface.fill(item.stroke, box)
            box = box.inflate(-2 * stroke_width, -2 * stroke_width)
        if item.fill is not None:
            surface.fill(item.fill, box)
        return
    _nine_slices(surface, sprites.rounded(radius, item.fill, item.stroke, stroke_width), box, radius)
    if item.fill is not None:
        surface.fill(item.fill, box.inflate(-2 * radius, -2 * radius))
        for side in _sides(box, radius, stroke_width):
            surface.fill(item.fill, side)


def _sides(box: pygame.Rect, radius: int, stroke_width: int) -> list[pygame.Rect]:
    """Return the four strips between the corners, within the stroke."""
    depth, across, down = radius - stroke_width, box.w - 2 * radius, box.h - 2 * radius
    return [
        pygame.Rect(box.x + radius, box.y + stroke_width, across, depth),
        pygame.Rect(box.x + radius, box.bottom - radius, across, depth),
        pygame.Rect(box.x + stroke_width, box.y + radius, depth, down),
        pygame.Rect(box.right - radius, box.y + radius, depth, down),
    ]


def _nine_slices(surface: pygame.Surface, sprite: pygame.Surface, box: pygame.Rect, radius: int) -> None:
    """Paint a sprite's corners at the corners of `box` and stretch its edges between them."""
    far = sprite.get_width() - radius
    for x, sx in ((box.x, 0), (box.right - radius, far)):
        for y, sy in ((box.y, 0), (box.bottom - radius, far)):
            surface.blit(sprite, (x, y), (sx, sy, radius, radius))
    across, down = max(0, box.w - 2 * radius), max(0, box.h - 2 * radius)
    for y, sy in ((box.y, 0), (box.bottom - radius, far)):
        edge = sprite.subsurface((radius, sy, 1, radius))
        surface.blit(pygame.transform.scale(edge, (across, radius)), (box.x + radius, y))
    for x, sx in ((box.x, 0), (box.right - radius, far)):
        edge = sprite.subsurface((sx, radius, radius, 1))
        surface.blit(pygame.transform.scale(edge, (radius, down)), (x, box.y + radius))


def _paint_bar(surface: pygame.Surface, item: Bar, box: pygame.Rect) -> None:
    radius = min(box.w, box.h) // 2 - 1
    split = box.x + round(box.w * min(max(item.fraction, 0.0), 1.0))
    clip = surface.get_clip()
    for color, part in (
        (item.fill, pygame.Rect(box.x, box.y, split - box.x, box.h)),
        (item.track, pygame.Rect(split, box.y, box.right - split, box.h)),
    ):
        visible = part.clip(clip)
        if visible.w and visible.h:
            surface.set_clip(visible)
            if radius > 0:
                _nine_slices(surface, sprites.rounded(radius, color, None, 0), box, radius)
            surface.fill(color, box.inflate(-2 * max(0, radius), 0))
    surface.set_clip(clip)


def _paint_text(surface: pygame.Surface, item: Text, box: pygame.Rect, scale: float) -> None:
    block = set_text(item, Canvas(0, 0, scale))
    pitches = [line.size * typeset.LINE_PITCH for line in block.lines]
    middle = (box.y + box.h / 2) / scale - sum(pitches) / 2
    for line, pitch in zip(block.lines, pitches, strict=True):
        baseline = middle + pitch / 2 + line.size * _MIDDLE_OF_GLYPHS
        middle += pitch
        slack = box.w / scale - line.width
        left = box.x / scale + {Align.LEFT: 0.0, Align.CENTER: slack / 2, Align.RIGHT: slack}[item.align]
        for x, run in line.pieces:
            _paint_run(surface, run, round((left + x) * scale), round(baseline * scale), round(run.size * scale))


def _paint_run(surface: pygame.Surface, run: Run, x: int, baseline: int, px: int) -> None:
    if run.text:
        ascent = sprites.font(px, bold=run.bold).get_ascent()
        surface.blit(sprites.glyphs(run.text, px, run.color, bold=run.bold), (x, baseline - ascent))


def _paint_code(surface: pygame.Surface, item: Code, box: pygame.Rect) -> None:
    count = len(item.modules)
    side = min(box.w, box.h) // (count + 2 * QUIET_MODULES)
    plate = pygame.Rect(0, 0, side * (count + 2 * QUIET_MODULES), side * (count + 2 * QUIET_MODULES))
    plate.center = box.center
    surface.fill(LIGHT, plate)
    x0, y0 = plate.x + QUIET_MODULES * side, plate.y + QUIET_MODULES * side
    for row, line in enumerate(item.modules):
        for column, dark in enumerate(line):
            if dark:
                surface.fill(DARK, (x0 + column * side, y0 + row * side, side, side))
