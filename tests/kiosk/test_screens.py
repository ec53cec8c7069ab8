"""Every screen as a picture: compared with the one that was looked at and kept, its code read by another decoder.

`SEATGATE_GOLDEN=write pytest tests/kiosk/test_screens.py` keeps new pictures. A failing comparison writes
`<name>.actual.png` and `<name>.diff.png` beside the kept one.
"""

import ast
import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pygame
import pytest
import zxingcpp
from babel.messages.pofile import read_po
from fontTools.ttLib import TTFont

import config
from config.schema import Site
from display.layout import MIN_TARGET, TARGET_GAP, Canvas
from display.painter import set_text
from display.scene import Text
from display.theme import BOLD, HIGH_CONTRAST, LIGHT, REGULAR, Size
from kiosk.code_clock import CodeClock
from kiosk.place import place_of
from kiosk.screens import every
from kiosk.seat_map import SeatMaps
from kiosk.state import (
    Areas,
    AreaView,
    BookByPhone,
    CameraState,
    Confirm,
    Done,
    Greeting,
    Identify,
    Language,
    NotDone,
    NotIdentified,
    OutOfOrder,
    Refusal,
    Session,
    Stay,
    Trouble,
    Wish,
)

from .conftest import NOW, PUBLIC_URL, busy_maps, code_clock, painted, state_at, view_of

GOLDEN = Path(__file__).with_name("golden")
ROOT = Path(__file__).resolve().parents[2]
TALL, WIDE, SMALL = (1080, 1920), (1920, 1080), (1280, 800)
LEAST_SIZE = 20


WISHES = {
    "reserved": (Wish.CHECK_IN, Wish.CANCEL),
    "away": (Wish.RETURN, Wish.END),
    "in-use": (Wish.STEP_AWAY, Wish.EXTEND, Wish.END),
}


def stay(status):
    return Stay(
        "2f-centre", "042", NOW, NOW.replace(hour=20, minute=0, second=0), status,
        NOW + timedelta(minutes=30), NOW + timedelta(minutes=22), "r", WISHES[status],
    )  # fmt: skip


def at_their_seat(screen, status="in-use", **changes):
    return {"screen": screen, "session": Session("t", "王*", stay(status) if status else None)} | changes


REFUSAL = Refusal("续约须在结束前 1 小时内办理，19:00 起可以续约。")


def lost(place):
    return busy_maps(place).with_link(NOW - timedelta(minutes=6), up=False)


CASES = {
    "idle": lambda _: {},
    "idle-english": lambda _: {"language": Language.ENGLISH},
    "idle-lowered": lambda _: {"lowered": True},
    "idle-offline": lambda place: {"maps": lost(place)},
    "idle-starting": lambda _: {"maps": SeatMaps()},
    "idle-no-key": lambda _: {"code": CodeClock(PUBLIC_URL)},
    "idle-clock-off": lambda _: {"code": replace(code_clock(), offset=timedelta(seconds=9))},
    "idle-full": lambda place: {"maps": busy_maps(place, (0,))},
    "areas": lambda _: {"screen": Areas()},
    "areas-warning": lambda _: {"screen": Areas(), "monotonic": 38.0},
    "area": lambda _: {"screen": AreaView("2f-centre")},
    "area-offline": lambda place: {"screen": AreaView("2f-centre"), "maps": lost(place)},
    "area-english": lambda _: {"screen": AreaView("2f-east"), "language": Language.ENGLISH},
    "area-gone": lambda _: {"screen": AreaView("nowhere")},
    "by-phone": lambda _: {"screen": BookByPhone("2f-centre")},
    "identify": lambda _: {"screen": Identify(CameraState.WATCHING)},
    "identify-card": lambda _: {"screen": Identify(CameraState.WATCHING), "reads_cards": True},
    "identify-card-no-camera": lambda _: {"screen": Identify(CameraState.MISSING), "reads_cards": True},
    "identify-no-camera": lambda _: {"screen": Identify(CameraState.MISSING)},
    "greeting-reserved": lambda _: {"screen": Greeting(), "session": Session("t", "王*", stay("reserved"))},
    "greeting-away": lambda _: {"screen": Greeting(), "session": Session("t", "王*", stay("away"))},
    "greeting-in-use": lambda _: {"screen": Greeting(), "session": Session("t", "王*", stay("in-use"))},
    "greeting-asking": lambda _: at_their_seat(Greeting(Wish.STEP_AWAY)),
    "greeting-warning": lambda _: at_their_seat(Greeting(), monotonic=38.0),
    "confirm-end": lambda _: at_their_seat(Confirm(Wish.END)),
    "confirm-cancel": lambda _: at_their_seat(Confirm(Wish.CANCEL), "reserved", language=Language.ENGLISH),
    **{
        f"done-{wish}": lambda _, wish=wish: at_their_seat(Done(wish), None if wish.gives_up else "in-use")
        for wish in Wish
    },
    "not-done": lambda _: at_their_seat(NotDone(REFUSAL)),
    "not-done-unanswered": lambda _: at_their_seat(NotDone(Trouble.UNANSWERED), language=Language.ENGLISH),
    "greeting-none": lambda _: {"screen": Greeting(), "session": Session("t", "W***"), "language": Language.ENGLISH},
    "out-of-order": lambda _: {"screen": OutOfOrder()},
} | {f"trouble-{trouble}": lambda _, trouble=trouble: {"screen": NotIdentified(trouble)} for trouble in Trouble}
KEPT = [
    "idle", "idle-english", "idle-lowered", "idle-offline", "idle-starting", "idle-no-key", "idle-full", "areas-warning",
    "area", "area-offline", "by-phone", "identify", "identify-card", "identify-no-camera", "greeting-reserved", "greeting-in-use", "greeting-none",
    "confirm-end", "done-check-in", "not-done", "trouble-code-invalid", "out-of-order",
]  # fmt: skip


def scene_of(place, name, size, language=None, theme=LIGHT):
    changes = CASES[name](place)
    if language:
        changes = changes | {"language": language}
    return every.draw(view_of(place, state_at(place, **changes), size, theme))


@pytest.mark.parametrize("name", KEPT)
def test_it_looks_as_it_was_seen_and_kept(place, name):
    surface = painted(scene_of(place, name, TALL), TALL)
    kept = GOLDEN / f"{name}.png"
    if os.environ.get("SEATGATE_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        pygame.image.save(surface, kept)
    expected = pygame.surfarray.array3d(pygame.image.load(kept)).astype(int)
    difference = np.abs(pygame.surfarray.array3d(surface).astype(int) - expected).max(axis=2)
    # another release of FreeType shades edges a little differently; a moved word or a wrong colour is far more
    off = float((difference > 48).mean())
    if off > 0.0005:
        pygame.image.save(surface, GOLDEN / f"{name}.actual.png")
        gray = np.repeat(np.minimum(difference * 3, 255).astype(np.uint8)[:, :, None], 3, axis=2)
        pygame.image.save(pygame.surfarray.make_surface(gray), GOLDEN / f"{name}.diff.png")
    assert off <= 0.0005, f"{off:.2%} of the pixels differ: see {name}.actual.png and {name}.diff.png"


@pytest.mark.parametrize("size", [TALL, WIDE, SMALL, (800, 1280)])
@pytest.mark.parametrize("name", ["idle", "idle-english", "idle-lowered", "idle-offline", "idle-full"])
def test_another_decoder_reads_the_exact_address_of_this_step(place, name, size):
    shot = pygame.surfarray.array3d(painted(scene_of(place, name, size), size)).swapaxes(0, 1)
    (found,) = zxingcpp.read_barcodes(shot)
    assert found.text == code_clock().due(NOW).url
    assert found.text.startswith(f"{PUBLIC_URL}/c/1")


@pytest.mark.parametrize("size", [TALL, WIDE])
def test_at_an_entrance_there_is_the_code_and_nothing_to_pick(size):
    site = config.load(Site, config.shipped("sites", "two-campus.toml"))
    entrance = place_of(site, site.kiosks[0], PUBLIC_URL)
    scene = every.draw(view_of(entrance, state_at(entrance), size, LIGHT))
    assert {"pick", "mine"}.isdisjoint(target.name for target in scene.targets)
    said = "".join(run.text for item in scene.items if isinstance(item, Text) for run in item.runs)
    assert "手机扫码签到 / 签退" in said
    (found,) = zxingcpp.read_barcodes(pygame.surfarray.array3d(painted(scene, size)).swapaxes(0, 1))
    assert found.text == code_clock().due(NOW).url


@pytest.mark.parametrize("name", ["idle-no-key", "idle-clock-off"])
def test_a_hidden_code_is_nowhere_on_the_screen(place, name):
    shot = pygame.surfarray.array3d(painted(scene_of(place, name, TALL), TALL)).swapaxes(0, 1)
    assert zxingcpp.read_barcodes(shot) == []


@pytest.mark.parametrize("size", [TALL, WIDE, SMALL, (800, 1280)])
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", CASES)
def test_everything_fits_and_can_be_touched(place, name, language, size):
    scene = scene_of(place, name, size, language)
    whole = Canvas.of_pixels(*size).rect
    for item in scene.items:
        if isinstance(item, Text):
            block = set_text(item, scene.canvas)
            assert not block.cut, f"{item.key} does not fit: {''.join(run.text for run in item.runs)}"
            least = LEAST_SIZE if item.key.startswith(("seat/", "header/", "free/")) else Size.NOTE - 2
            assert all(line.size >= least for line in block.lines), f"{item.key} had to be set at {block.lines[0].size}"
        assert item.rect.w > 0, item
        assert item.rect.h > 0, item
        assert whole.x <= item.rect.x, item
        assert item.rect.right <= whole.right, item
        assert item.rect.bottom <= whole.bottom, item
    for target in scene.targets:
        assert min(target.rect.w, target.rect.h) >= MIN_TARGET, target
    for one, other in itertools.combinations(scene.targets, 2):
        apart = one.rect.inset(-TARGET_GAP // 2), other.rect.inset(-TARGET_GAP // 2)
        assert (
            apart[0].right <= apart[1].x or apart[1].right <= apart[0].x
            or apart[0].bottom <= apart[1].y or apart[1].bottom <= apart[0].y
        ), (one, other)  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_letter_is_in_the_shipped_font(place, name):
    known = {False: TTFont(REGULAR).getBestCmap(), True: TTFont(BOLD).getBestCmap()}
    for language in Language:
        for item in scene_of(place, name, TALL, language).items:
            for run in item.runs if isinstance(item, Text) else ():
                missing = {character for character in run.text if ord(character) not in known[run.bold]}
                assert not missing, f"{item.key}: {missing}"


def _said() -> Iterator[str]:
    for file in (ROOT / "kiosk").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"say", "also"}
            ):
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield first.value


def test_every_sentence_is_translated_and_no_translation_is_left_over(place):
    with (ROOT / "kiosk/locale/zh_Hans_CN/messages.po").open("rb") as file:
        texts = {message.id: message.string for message in read_po(file) if message.id}
    said = set(_said())
    assert said <= texts.keys(), f"not translated: {said - texts.keys()}"
    by_name = {text for text in texts if text not in said}
    source = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "kiosk").rglob("*.py"))
    assert all(text in source for text in by_name), f"nobody says: {[text for text in by_name if text not in source]}"
    assert all(texts.values())


def test_a_seat_that_changes_repaints_only_its_square_and_the_count(place):
    from display.scene import damage

    before = state_at(place, screen=AreaView("2f-centre"))
    old = before.maps.maps["2f-centre"]
    seat = old.seats[0]
    from messages.seats import SeatStatus

    flipped = SeatStatus.FREE if seat.status is not SeatStatus.FREE else SeatStatus.TAKEN
    newer = type(old)(
        old.area, old.generation, old.n + 1, old.at, old.total, old.free,
        [type(seat)(seat.seat, flipped), *old.seats[1:]],
    )  # fmt: skip
    after = replace(before, maps=before.maps.with_map(newer))
    scenes = [every.draw(view_of(place, state)) for state in (before, after)]
    label = seat.seat.rsplit("-", 1)[1]
    square = next(item.rect for item in scenes[1].items if item.key == f"seat/{label}")
    changed = damage(*scenes)
    assert changed
    assert all(square.x <= rect.x and rect.right <= square.right for rect in changed)


def test_high_contrast_changes_colours_and_nothing_else(place):
    plain, strong = (scene_of(place, "area", TALL, theme=theme) for theme in (LIGHT, HIGH_CONTRAST))
    assert [(item.key, item.rect) for item in plain.items] == [(item.key, item.rect) for item in strong.items]
    assert plain.items != strong.items
