"""Design tokens: the colours, sizes and radii that every screen is made of. A theme is a set of tokens, not code."""

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from display.scene import Color

FONTS = Path(__file__).with_name("fonts")
REGULAR = FONTS / "NotoSansSC-Regular.otf"
BOLD = FONTS / "NotoSansSC-Bold.otf"

CARD_RADIUS = 28
BUTTON_RADIUS = 24
SEAT_RADIUS = 12
MARGIN = 56
GAP = 24


class Size(IntEnum):
    """Type sizes in units; nothing smaller is set."""

    NOTE = 24
    BODY = 28
    LEAD = 36
    HEAD = 48
    TITLE = 60
    HERO = 84


def rgb(text: str) -> Color:
    """Read "#0B5D5B"."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours. `on_x` is the text colour on a fill of `x`."""

    paper: Color
    surface: Color
    line: Color
    ink: Color
    muted: Color
    brand: Color
    on_brand: Color
    on_brand_soft: Color
    soft: Color
    taken: Color
    on_taken: Color
    away: Color
    away_edge: Color
    on_away: Color
    closed: Color
    closed_edge: Color
    danger: Color
    danger_soft: Color
    ok: Color
    warn: Color
    warn_soft: Color
    shelf: Color
    table: Color
    wall: Color
    window: Color


LIGHT = Theme(
    paper=rgb("#F6F3EC"),
    surface=rgb("#FFFFFF"),
    line=rgb("#E3DDCF"),
    ink=rgb("#17252B"),
    muted=rgb("#4A5A61"),
    brand=rgb("#0B5D5B"),
    on_brand=rgb("#FFFFFF"),
    on_brand_soft=rgb("#DCEBE7"),
    soft=rgb("#DCEBE7"),
    taken=rgb("#5B6770"),
    on_taken=rgb("#FFFFFF"),
    away=rgb("#F2C14E"),
    away_edge=rgb("#8A5A00"),
    on_away=rgb("#3D2800"),
    closed=rgb("#E9E4D8"),
    closed_edge=rgb("#8C8676"),
    danger=rgb("#A3262A"),
    danger_soft=rgb("#F7E3E1"),
    ok=rgb("#1E6B3A"),
    warn=rgb("#8A5A00"),
    warn_soft=rgb("#FBF0D6"),
    shelf=rgb("#C9B487"),
    table=rgb("#EADFC8"),
    wall=rgb("#BDB5A2"),
    window=rgb("#9CC3D9"),
)

HIGH_CONTRAST = Theme(
    paper=rgb("#FFFFFF"),
    surface=rgb("#FFFFFF"),
    line=rgb("#000000"),
    ink=rgb("#000000"),
    muted=rgb("#1C2529"),
    brand=rgb("#003B3A"),
    on_brand=rgb("#FFFFFF"),
    on_brand_soft=rgb("#FFFFFF"),
    soft=rgb("#E3F0ED"),
    taken=rgb("#263036"),
    on_taken=rgb("#FFFFFF"),
    away=rgb("#FFD34D"),
    away_edge=rgb("#4A3000"),
    on_away=rgb("#1F1400"),
    closed=rgb("#FFFFFF"),
    closed_edge=rgb("#4D493F"),
    danger=rgb("#7D0F13"),
    danger_soft=rgb("#FFFFFF"),
    ok=rgb("#0A4A22"),
    warn=rgb("#5A3A00"),
    warn_soft=rgb("#FFFFFF"),
    shelf=rgb("#8F7A4A"),
    table=rgb("#E8E0CF"),
    wall=rgb("#4D493F"),
    window=rgb("#3E7FA3"),
)

THEMES = {"light": LIGHT, "high-contrast": HIGH_CONTRAST}


def contrast(one: Color, other: Color) -> float:
    """Return the WCAG 2.2 contrast ratio of two colours (1-21)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB's own knee
        for value in (channel / 255 for channel in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
