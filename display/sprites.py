"""Smooth small pictures on pygame surfaces: corners, rings, icons and glyph runs, each drawn large and scaled down once.

Works in pixels. Every cache is bounded: a kiosk runs for months.
"""

import itertools
import math
from functools import lru_cache

import pygame

from display import icons
from display.scene import Color, Icon
from display.theme import BOLD, REGULAR

OVERSAMPLE = 4
_ICON_OVERSAMPLE = 8
_ARC_STEPS = 180


def _clear(w: int, h: int, color: Color) -> pygame.Surface:
    """Return a surface of fully transparent `color`: scaled edges then fade in that colour, without a dark fringe."""
    surface = pygame.Surface((w, h), pygame.SRCALPHA)
    surface.fill((*color, 0))
    return surface


@lru_cache(maxsize=64)
def rounded(radius: int, fill: Color | None, stroke: Color | None, stroke_width: int) -> pygame.Surface:
    """Return a box of `2 * radius + 2` pixels square, whose corners and edges a larger box is cut from."""
    side = 2 * radius + 2
    edge = stroke or fill or (0, 0, 0)
    large = _clear(side * OVERSAMPLE, side * OVERSAMPLE, edge)
    whole = large.get_rect()
    if stroke is not None:
        pygame.draw.rect(large, stroke, whole, border_radius=radius * OVERSAMPLE)
        inner = whole.inflate(-2 * stroke_width * OVERSAMPLE, -2 * stroke_width * OVERSAMPLE)
        inside = (*fill, 255) if fill is not None else (*edge, 0)
        pygame.draw.rect(large, inside, inner, border_radius=max(0, radius - stroke_width) * OVERSAMPLE)
    elif fill is not None:
        pygame.draw.rect(large, fill, whole, border_radius=radius * OVERSAMPLE)
    return pygame.transform.smoothscale(large, (side, side))


@lru_cache(maxsize=64)
def ring(side: int, width: int, fraction: float, color: Color, track: Color) -> pygame.Surface:
    """Return a ring of `side` pixels with round ends."""
    big, thick = side * OVERSAMPLE, width * OVERSAMPLE
    middle, radius = big / 2, (big - thick) / 2
    large = _clear(big, big, track)
    pygame.draw.circle(large, track, (middle, middle), big // 2, thick)
    steps = round(_ARC_STEPS * min(max(fraction, 0.0), 1.0))
    for step in range(steps + 1 if steps else 0):
        angle = 2 * math.pi * step / _ARC_STEPS
        at = (middle + radius * math.sin(angle), middle - radius * math.cos(angle))
        pygame.draw.circle(large, color, at, thick / 2)
    return pygame.transform.smoothscale(large, (side, side))


@lru_cache(maxsize=128)
def icon(name: Icon, side: int, color: Color) -> pygame.Surface:
    """Return an icon of `side` pixels square."""
    big = side * _ICON_OVERSAMPLE
    large = _clear(big, big, color)
    for part in icons.PARTS[name]:
        _draw_part(large, part, big, color)
    return pygame.transform.smoothscale(large, (side, side))


def _draw_part(surface: pygame.Surface, part: icons.Part, big: int, color: Color) -> None:
    match part:
        case icons.Stroke(points, width):
            scaled = [(x * big, y * big) for x, y in points]
            thick = width * big
            for (x0, y0), (x1, y1) in itertools.pairwise(scaled):
                length = math.hypot(x1 - x0, y1 - y0) or 1.0
                dx, dy = (y1 - y0) / length * thick / 2, (x0 - x1) / length * thick / 2
                pygame.draw.polygon(
                    surface, color, [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)]
                )
            for point in scaled:
                pygame.draw.circle(surface, color, point, thick / 2)
        case icons.Disc((x, y), radius, width):
            pygame.draw.circle(surface, color, (x * big, y * big), radius * big, round(width * big))
        case icons.Shape(points):
            pygame.draw.polygon(surface, color, [(x * big, y * big) for x, y in points])


@lru_cache(maxsize=32)
def font(px: int, *, bold: bool) -> pygame.font.Font:
    """Return the shipped font at `px` pixels; never a system font, which differs from machine to machine."""
    if not pygame.font.get_init():
        pygame.font.init()
    return pygame.font.Font(BOLD if bold else REGULAR, px)


@lru_cache(maxsize=1024)
def width_of(text: str, px: int, *, bold: bool) -> int:
    """Return the width of `text` in pixels."""
    return font(px, bold=bold).size(text)[0]


@lru_cache(maxsize=512)
def glyphs(text: str, px: int, color: Color, *, bold: bool) -> pygame.Surface:
    """Return `text` drawn; its baseline lies `font(px).get_ascent()` below the top."""
    return font(px, bold=bold).render(text, True, color)  # noqa: FBT003 - pygame takes it by place only


def forget() -> None:
    """Drop every cached surface and font: they die with `pygame.quit()`."""
    for cached in (rounded, ring, icon, font, width_of, glyphs):
        cached.cache_clear()
