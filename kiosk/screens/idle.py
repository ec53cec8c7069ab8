"""The idle screen: the check-in code, the free seats, and two buttons (none at an entrance). Chinese and English side by side."""

from display.layout import Rect
from display.scene import Align, Bar, Icon, Run, Scene
from display.theme import GAP, Size
from kiosk.place import AreaPlace
from kiosk.screens.code_card import draw_code
from kiosk.screens.sheet import FOOTER, Sheet, View

ACTIONS = 150
ROW = 58
LOWERED_BY = 0.2
"""Share of the screen that stays empty above when somebody asks for it lower."""


def draw(view: View) -> Scene:
    """Draw the idle screen."""
    sheet = Sheet(view)
    room = sheet.header()
    if view.canvas.portrait:
        _portrait(sheet, room)
    else:
        _landscape(sheet, room)
    return sheet.scene()


def _portrait(sheet: Sheet, room: Rect) -> None:
    lowered = sheet.view.state.lowered
    footer, room = room.cut_bottom(FOOTER + 44, 20)
    _footer(sheet, Rect(footer.x, footer.y, footer.w, FOOTER), lowering=True)
    if not sheet.view.place.entrance:
        actions, room = room.cut_bottom(ACTIONS, GAP)
        _actions(sheet, actions)
    _, room = room.cut_top(round(sheet.view.canvas.h * LOWERED_BY) if lowered else 4, GAP)
    rows = min(sheet.view.place.nearest, 6, max(1, (room.h - 840) // ROW) if not lowered else 3)
    free, card = room.cut_bottom(ROW * rows + 56 + 72, GAP)
    _free_now(sheet, free, rows)
    draw_code(sheet, card)


def _landscape(sheet: Sheet, room: Rect) -> None:
    footer, room = room.cut_bottom(FOOTER + 28, 16)
    _footer(sheet, Rect(footer.x, footer.y, footer.w, FOOTER), lowering=False)
    _, room = room.cut_top(0, GAP)
    card, side = room.cut_left(room.w // 2 - GAP, GAP)
    draw_code(sheet, card)
    if not sheet.view.place.entrance:
        actions, side = side.cut_bottom(ACTIONS, GAP)
        _actions(sheet, actions)
    _free_now(sheet, side, min(sheet.view.place.nearest, (side.h - 128) // ROW))


def _footer(sheet: Sheet, row: Rect, *, lowering: bool) -> None:
    sheet.footer(row)
    if lowering:
        words, lowered = sheet.view.words, sheet.view.state.lowered
        label = words.say("Raise") if lowered else words.say("Lower")
        sheet.icon_button("lower", Rect(row.x + 220, row.y, 250, row.h), Icon.UP if lowered else Icon.DOWN, label)


def _actions(sheet: Sheet, row: Rect) -> None:
    words = sheet.view.words
    mine, pick = row.cut_right(round(row.w * 0.37), GAP)
    sheet.button("pick", pick, words.say("Pick a seat"), words.also("Pick a seat"), primary=True, size=Size.HEAD + 4)
    sheet.button("mine", mine, words.say("My seat"), words.also("My seat"), size=Size.LEAD + 6)


def _free_now(sheet: Sheet, card: Rect, count: int) -> None:
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    inside = sheet.card("free", card)
    title, rest = inside.cut_top(56, 8)
    right, left = title.cut_right(420, 8)
    age = view.state.maps.age(view.state.now)
    if age is None:
        said, also = words.say("Free now"), words.also("Free now")
        sheet.text("free/total", right, *_sum(view), align=Align.RIGHT)
    else:
        lost = words.clock(view.state.maps.lost_at or view.state.now)
        said, also = words.say("Free at {time}", time=lost), words.also("Free at {time}", time=lost)
        since = Run(words.say("offline for {length}", length=words.length(age)), Size.NOTE, theme.danger, bold=True)
        sheet.text("free/total", right, since, align=Align.RIGHT)
    heading = Run(said, Size.LEAD - 2, theme.ink, bold=True)
    sheet.text("free/title", left, heading, Run("  " + also, Size.BODY - 2, theme.muted))
    for area, row in zip(view.place.areas[:count], rest.rows(count), strict=True):
        _area_row(sheet, area, row)


def _sum(view: View) -> tuple[Run, ...]:
    """Say how many seats of all areas are free; only areas whose map is here count."""
    theme, words, maps = view.theme, view.words, view.state.maps.maps
    known = [maps[area.id] for area in view.place.areas if area.id in maps]
    if not known:
        return (Run(words.say("Waiting for the seat map"), Size.NOTE, theme.muted),)
    free, total = sum(each.free for each in known), sum(each.total for each in known)
    return (
        Run(f"{words.say('Total')} {words.also('Total')}  ", Size.BODY - 2, theme.muted),
        Run(str(free), Size.BODY, theme.brand if free else theme.danger, bold=True),
        Run(f" / {total}", Size.BODY - 2, theme.muted),
    )


def _area_row(sheet: Sheet, area: AreaPlace, row: Rect) -> None:
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    known, live = view.state.maps.maps.get(area.id), view.state.maps.live
    name, rest = row.cut_left(round(row.w * 0.32), 12)
    figures, rest = rest.cut_right(150, 16)
    key = f"free/{area.id}"
    also = Run(" " + words.also_name(area.name), Size.NOTE, theme.muted)
    sheet.text(f"{key}/name", name, Run(words.name(area.name), Size.BODY + 2, theme.ink, bold=True), also)
    bar = rest.middle(rest.w, 22)
    if known is None or not known.total:
        sheet.items.append(Bar(f"{key}/bar", bar, 0.0, theme.closed, theme.closed))
        sheet.text(f"{key}/figures", figures, Run("—", Size.BODY, theme.muted), align=Align.RIGHT)
        return
    taken, track = (theme.taken, theme.soft) if live else (theme.closed_edge, theme.closed)
    sheet.items.append(Bar(f"{key}/bar", bar, 1 - known.free / known.total, taken, track))
    runs: tuple[Run, ...]
    if known.free:
        strong = Run(str(known.free), Size.BODY + 2, theme.brand if live else theme.muted, bold=True)
        runs = (strong, Run(f" / {known.total}", Size.NOTE, theme.muted))
    else:
        color = theme.danger if live else theme.muted
        runs = (Run(f"{words.say('Full')} {words.also('Full')}", Size.BODY, color, bold=True),)
    sheet.text(f"{key}/figures", figures, *runs, align=Align.RIGHT)
