"""Splitting rectangles and finding what was tapped."""

import itertools

import pytest

from display.layout import Canvas, Rect, Target, target_at


@pytest.mark.parametrize(
    ("pixels", "units"),
    [
        ((1080, 1920), (1080, 1920)),
        ((800, 1280), (1080, 1728)),
        ((1920, 1080), (1920, 1080)),
        ((1280, 800), (1728, 1080)),
    ],
)
def test_the_short_side_is_1080_units(pixels, units):
    assert Canvas.of_pixels(*pixels)[:2] == units


def test_a_pixel_and_its_unit():
    assert Canvas.of_pixels(540, 960).to_units(270, 480) == (540, 960)


def test_splits_leave_the_gap_and_lose_nothing():
    whole = Rect(10, 20, 300, 100)
    top, rest = whole.cut_top(30, 8)
    assert (top.bottom + 8, rest.bottom) == (rest.y, whole.bottom)
    bottom, rest = whole.cut_bottom(30, 8)
    assert (rest.bottom + 8, bottom.bottom) == (bottom.y, whole.bottom)
    left, rest = whole.cut_left(30, 8)
    assert (left.right + 8, rest.right) == (rest.x, whole.right)
    right, rest = whole.cut_right(30, 8)
    assert (rest.right + 8, right.right) == (right.x, whole.right)
    columns = whole.columns(3, 12)
    assert (columns[0].x, columns[-1].right) == (whole.x, whole.right)
    assert all(after.x - before.right == 12 for before, after in itertools.pairwise(columns))


def test_the_topmost_target_is_tapped():
    targets = (Target("under", Rect(0, 0, 100, 100)), Target("over", Rect(50, 50, 100, 100)))
    assert target_at(targets, (60, 60)) == "over"
    assert target_at(targets, (10, 10)) == "under"
    assert target_at(targets, (100, 10)) is None
