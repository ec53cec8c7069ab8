"""Breaking lines: Chinese anywhere but before closing punctuation, English at spaces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from display.scene import Run
from display.typeset import LINE_PITCH, paragraph, words

BLACK = (0, 0, 0)


def fixed(text, size, _bold):
    return sum(size if character >= "\u2e80" else size / 2 for character in text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("请扫码。再来", ["请", "扫", "码。", "再", "来"]),
        ("scan with your phone", ["scan ", "with ", "your ", "phone"]),
        ("在 17:08 前", ["在 ", "17:08 ", "前"]),
        ("（选座）A座", ["（选", "座）", "A", "座"]),
        ("", []),
    ],
)
def test_where_a_line_may_break(text, parts):
    assert words(text) == parts


def test_a_paragraph_breaks_within_its_width():
    block = paragraph([Run("请在手机上扫码签到。", 10, BLACK)], 45, 999, fixed)
    assert ["".join(run.text for _, run in line.pieces) for line in block.lines] == ["请在手机", "上扫码签", "到。"]
    assert not block.cut


def test_a_paragraph_without_room_is_cut():
    block = paragraph([Run("请在手机上扫码签到。", 10, BLACK)], 45, 2 * 10 * LINE_PITCH, fixed)
    assert len(block.lines) == 2
    assert block.cut


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.builds(Run, st.text("选座，。 ab1"), st.just(10), st.just(BLACK), st.booleans())), st.integers(20, 200)
)
def test_no_letter_is_lost_or_moved(runs, width):
    block = paragraph(runs, width, 10**6, fixed)
    kept = "".join(run.text for line in block.lines for _, run in line.pieces)
    assert kept.replace(" ", "") == "".join(run.text for run in runs).replace(" ", "")
