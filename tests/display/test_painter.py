"""Painting the damage between two scenes gives the same pixels as painting the second one whole."""

import pygame
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from display import qr
from display.layout import Canvas, Rect
from display.painter import Painter, pixels, set_text
from display.qr import QUIET_MODULES
from display.scene import Align, Bar, Box, Code, Icon, Ring, Run, Scene, Sign, Text, damage

SIDE = 240
COLORS = st.sampled_from([(11, 93, 91), (255, 255, 255), (163, 38, 42), (0, 0, 0), (246, 243, 236)])
RECTS = st.builds(Rect, st.integers(-40, SIDE), st.integers(-40, SIDE), st.integers(0, 150), st.integers(0, 150))
RUNS = st.builds(Run, st.text("选座 seat07，", max_size=9), st.sampled_from([20, 24, 36]), COLORS, st.booleans())
SHARE = st.sampled_from([0.0, 0.3, 0.75, 1.0])


def items_of(key):
    return st.one_of(
        st.builds(Box, st.just(key), RECTS, st.none() | COLORS, st.integers(0, 30), st.none() | COLORS, st.just(3)),
        st.builds(Bar, st.just(key), RECTS, SHARE, COLORS, COLORS),
        st.builds(
            Text,
            st.just(key),
            RECTS,
            st.lists(RUNS, max_size=2).map(tuple),
            st.sampled_from(list(Align)),
            st.booleans(),
        ),
        st.builds(Ring, st.just(key), RECTS, SHARE, COLORS, COLORS, st.integers(1, 12)),
        st.builds(Sign, st.just(key), RECTS, st.sampled_from(list(Icon)), COLORS),
        st.builds(Code, st.just(key), RECTS, st.sampled_from([qr.modules("A"), qr.modules("B")])),
    )


@st.composite
def scenes(draw, scale):
    keys = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=6))
    return Scene(Canvas(SIDE, SIDE, scale), draw(COLORS), tuple(draw(items_of(key)) for key in keys))


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.data(), st.sampled_from([1.0, 0.74, 1.31]))
def test_damage_equals_painting_whole(data, scale):
    first, second = data.draw(scenes(scale)), data.draw(scenes(scale))
    if data.draw(st.booleans()):  # mostly one scene with one item changed: the usual case
        changed = data.draw(items_of("z"))
        second = Scene(first.canvas, first.background, (*first.items, changed))
    side = round(SIDE * scale)
    stepwise, whole = pygame.Surface((side, side)), pygame.Surface((side, side))
    painter = Painter(stepwise)
    painter.paint(first)
    painter.paint(second)
    Painter(whole).paint(second)
    assert pygame.image.tobytes(stepwise, "RGB") == pygame.image.tobytes(whole, "RGB")


def test_only_the_changed_item_is_painted(surface_of):
    canvas = Canvas(SIDE, SIDE, 1.0)
    steady = Box("steady", Rect(0, 0, 200, 50), (11, 93, 91))
    painter = Painter(surface_of(canvas))
    painter.paint(
        Scene(canvas, (255, 255, 255), (steady, Bar("bar", Rect(10, 100, 99, 20), 0.2, (0, 0, 0), (9, 9, 9))))
    )
    after = Scene(canvas, (255, 255, 255), (steady, Bar("bar", Rect(10, 100, 99, 20), 0.3, (0, 0, 0), (9, 9, 9))))
    assert painter.paint(after) == [pygame.Rect(10, 100, 99, 20)]
    assert painter.paint(after) == []


def test_a_new_order_or_background_paints_everything():
    canvas, white = Canvas(SIDE, SIDE, 1.0), (255, 255, 255)
    one, two = Box("1", Rect(0, 0, 9, 9), white), Box("2", Rect(0, 0, 9, 9), (0, 0, 0))
    assert damage(Scene(canvas, white, (one, two)), Scene(canvas, white, (two, one))) is None
    assert damage(Scene(canvas, white, (one,)), Scene(canvas, (0, 0, 0), (one,))) is None
    assert damage(None, Scene(canvas, white, ())) is None


def test_a_key_used_twice_is_refused():
    box = Box("same", Rect(0, 0, 1, 1))
    with pytest.raises(ValueError, match="same"):
        Scene(Canvas(9, 9, 1.0), (0, 0, 0), (box, box))


@pytest.mark.parametrize("scale", [1.0, 0.74])
def test_a_drawn_code_is_read_by_another_decoder(surface_of, scale):
    text = "https://seat.example.edu.cn/c/17004GZ1M8P7Q3RSTVWXYZ"
    canvas = Canvas(600, 600, scale)
    surface = surface_of(canvas)
    Painter(surface).paint(Scene(canvas, (11, 93, 91), (Code("code", Rect(20, 20, 560, 560), qr.modules(text)),)))
    shot = pygame.surfarray.array3d(surface).swapaxes(0, 1)
    (found,) = zxingcpp.read_barcodes(shot)
    assert found.text == text
    assert found.ec_level == "Q"


def test_a_code_has_its_quiet_zone_and_whole_pixels(surface_of):
    canvas = Canvas(300, 300, 1.0)
    surface = surface_of(canvas)
    modules = qr.modules("A")
    Painter(surface).paint(Scene(canvas, (200, 0, 0), (Code("code", Rect(0, 0, 300, 300), modules),)))
    side = 300 // (len(modules) + 2 * QUIET_MODULES)
    left = (300 - side * (len(modules) + 2 * QUIET_MODULES)) // 2
    assert surface.get_at((left, left))[:3] == (255, 255, 255)
    assert surface.get_at((left - 1, left))[:3] == (200, 0, 0)
    first_dark = left + QUIET_MODULES * side
    assert surface.get_at((first_dark, first_dark))[:3] == (0, 0, 0)
    assert surface.get_at((first_dark - 1, first_dark))[:3] == (255, 255, 255)


def test_neighbours_in_units_are_neighbours_in_pixels():
    for edge in range(1, 400):
        left, right = pixels(Rect(0, 0, edge, 10), 0.74), pixels(Rect(edge, 0, 20, 10), 0.74)
        assert left.right == right.left


def test_a_wide_line_is_set_smaller_then_cut():
    canvas = Canvas(SIDE, SIDE, 1.0)
    run = Run("二层南自助服务区", 28, (0, 0, 0))
    assert set_text(Text("t", Rect(0, 0, 400, 40), (run,)), canvas).lines[0].size == 28
    smaller = set_text(Text("t", Rect(0, 0, 200, 40), (run,)), canvas)
    assert not smaller.cut
    assert smaller.lines[0].size < 28
    cut = set_text(Text("t", Rect(0, 0, 60, 40), (run,)), canvas)
    assert cut.cut
    assert cut.lines[0].pieces[-1][1].text.endswith("…")
    assert cut.lines[0].width <= 60


@pytest.mark.parametrize("side", range(6))
def test_nothing_is_too_small_to_paint(surface_of, side):
    canvas, rect, dark, light = Canvas(SIDE, SIDE, 1.0), Rect(9, 9, side, 40), (0, 0, 0), (255, 255, 255)
    items = (
        Bar("bar", rect, 0.3, dark, light),
        Box("box", rect, dark, 9, light),
        Ring("ring", rect, 0.5, dark, light, 5),
        Sign("sign", rect, Icon.TICK, dark),
        Code("code", rect, qr.modules("A")),
        Text("text", rect, (Run("选座", 20, dark),)),
    )
    Painter(surface_of(canvas)).paint(Scene(canvas, light, items))
