"""Runs of text → lines of placed pieces: measuring is the caller's, breaking and fitting is here.

Pure: `measure(text, size, bold)` gives a width in the same unit as `width`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from display.scene import Run

LEAST_SIZE = 20
LINE_PITCH = 1.4
"""Distance of baselines in a paragraph, as a multiple of the type size."""
_NOT_FIRST = frozenset("，。、；：！？）》」』】％…—·,.;:!?)]}%’”")
_NOT_LAST = frozenset("（《「『【([{‘“")
_FIRST_IDEOGRAPH = "\u2e80"

Measure = Callable[[str, int, bool], float]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: pieces with their left edge relative to the line's, its width and its largest type size."""

    pieces: tuple[tuple[float, Run], ...]
    width: float
    size: int


@dataclass(frozen=True, slots=True)
class Block:
    """Lines from top to bottom. `cut`: not all of the text found room."""

    lines: tuple[Line, ...]
    cut: bool = False


def line(runs: Sequence[Run], measure: Measure) -> Line:
    """Set runs one after the other."""
    pieces, x = [], 0.0
    for run in runs:
        pieces.append((x, run))
        x += measure(run.text, run.size, run.bold)
    return Line(tuple(pieces), x, max((run.size for run in runs), default=LEAST_SIZE))


def fit(runs: Sequence[Run], width: float, measure: Measure) -> Block:
    """Set one line within `width`: smaller where it has to be, cut with an ellipsis where even that is too wide."""
    set_line = line(runs, measure)
    if set_line.width <= width:
        return Block((set_line,))
    smaller = list(runs)
    while set_line.width > width and any(run.size > LEAST_SIZE for run in smaller):
        smaller = [Run(run.text, max(LEAST_SIZE, run.size - 1), run.color, run.bold) for run in smaller]
        set_line = line(smaller, measure)
    while set_line.width > width and smaller:
        last = smaller[-1]
        kept = last.text.rstrip("…")[:-1]
        smaller = [*smaller[:-1], Run(kept + "…", last.size, last.color, last.bold)] if kept else smaller[:-1]
        set_line = line(smaller, measure)
    return Block((set_line,), cut=[run.text for run in smaller] != [run.text for run in runs])


def words(text: str) -> list[str]:
    """Split where a line may break: after a space, around every ideograph, never before closing punctuation."""
    parts: list[str] = []
    for character in text:
        glue = bool(parts) and (
            character in _NOT_FIRST
            or parts[-1][-1] in _NOT_LAST
            or (character == " ")
            or (character < _FIRST_IDEOGRAPH and parts[-1][-1] < _FIRST_IDEOGRAPH and parts[-1][-1] != " ")
        )
        if glue:
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def paragraph(runs: Sequence[Run], width: float, height: float, measure: Measure) -> Block:
    """Set a paragraph within `width` × `height`; lines that find no room are cut."""
    lines: list[Line] = []
    current: list[Run] = []
    for run in runs:
        for word in words(run.text):
            piece = Run(word, run.size, run.color, run.bold)
            longer = [*current, piece]
            if current and line([*current, Run(word.rstrip(), *_style(run))], measure).width > width:
                lines.append(_joined(current, measure))
                longer = [piece]
            current = longer
    if current:
        lines.append(_joined(current, measure))
    room = 0.0
    for count, each in enumerate(lines):
        room += each.size * LINE_PITCH
        if room > height and count:
            return Block(tuple(lines[:count]), cut=True)
    return Block(tuple(lines))


def _style(run: Run) -> tuple[int, tuple[int, int, int], bool]:
    return run.size, run.color, run.bold


def _joined(pieces: Sequence[Run], measure: Measure) -> Line:
    """Join neighbours of one style, so that a line is few pieces and kerns as one."""
    joined: list[Run] = []
    for piece in pieces:
        if joined and _style(joined[-1]) == _style(piece):
            joined[-1] = Run(joined[-1].text + piece.text, *_style(piece))
        else:
            joined.append(piece)
    joined[-1] = Run(joined[-1].text.rstrip(" "), *_style(joined[-1]))
    return line(joined, measure)
