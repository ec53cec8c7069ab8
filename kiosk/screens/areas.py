"""The list of areas, floor by floor: name, free seats, how full. A tap opens an area's map."""

from itertools import groupby

from display.layout import Rect, Target
from display.scene import Align, Bar, Box, Run, Scene
from display.theme import BUTTON_RADIUS, Size
from kiosk.place import AreaPlace
from kiosk.screens.sheet import Sheet, View

CELL_GAP = 16
HEADING = 50
MIN_CELL, MAX_CELL = 92, 136


def draw(view: View) -> Scene:
    """Draw the list's page that the state names."""
    sheet, words = Sheet(view), view.words
    actions, room = sheet.foot(sheet.header())
    title, room = room.inset(0, 8).cut_top(152, 8)
    sheet.title(title, words.say("Choose an area"), words.say("Free seats now, out of all seats"))
    columns = 2 if view.canvas.portrait else 3
    pages = _pages(view, room.h, columns)
    page = min(getattr(view.state.screen, "page", 0), len(pages) - 1)
    _list(sheet, room, pages[page], columns)
    back, rest = actions.cut_left(round(actions.w * 0.32), 24)
    sheet.button("back", back, words.say("Back"))
    if len(pages) > 1:
        sheet.button(f"page/{(page + 1) % len(pages)}", rest, words.say("More areas"), primary=True)
    sheet.going_home(actions)
    return sheet.scene()


def _pages(view: View, height: int, columns: int) -> list[list[list[AreaPlace]]]:
    """Return pages of floors of areas, each page no higher than `height`."""
    ordered = sorted(view.place.areas, key=lambda area: area.floor)
    pages: list[list[list[AreaPlace]]] = [[]]
    used = 0
    for _, group in groupby(ordered, key=lambda area: area.floor):
        floor = list(group)
        need = HEADING + _rows(floor, columns) * (MIN_CELL + CELL_GAP)
        if pages[-1] and used + need > height:
            pages.append([])
            used = 0
        pages[-1].append(floor)
        used += need
    return pages


def _rows(floor: list[AreaPlace], columns: int) -> int:
    return -(-len(floor) // columns)


def _list(sheet: Sheet, room: Rect, floors: list[list[AreaPlace]], columns: int) -> None:
    theme, words = sheet.view.theme, sheet.view.words
    rows = sum(_rows(floor, columns) for floor in floors)
    height = max(MIN_CELL, min(MAX_CELL, (room.h - HEADING * len(floors)) // max(1, rows) - CELL_GAP))
    for floor in floors:
        heading, room = room.cut_top(HEADING)
        number = floor[0].floor
        label = Run(words.say("Floor {n}", n=number), Size.BODY, theme.muted, bold=True)
        sheet.text(f"floor/{number}", heading, label)
        for start in range(0, len(floor), columns):
            row, room = room.cut_top(height, CELL_GAP)
            for area, cell in zip(floor[start : start + columns], row.columns(columns, CELL_GAP), strict=False):
                _cell(sheet, area, cell)


def _cell(sheet: Sheet, area: AreaPlace, cell: Rect) -> None:
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    known = view.state.maps.maps.get(area.id)
    key = f"area/{area.id}"
    sheet.items.append(Box(key, cell, theme.surface, BUTTON_RADIUS, theme.line, 2))
    sheet.targets.append(Target(key, cell))
    inside = cell.inset(28, 12)
    line, rest = inside.cut_top(round(inside.h * 0.62))
    right, left = line.cut_right(160, 8)
    sheet.text(f"{key}/name", left, Run(words.name(area.name), Size.LEAD - 4, theme.ink, bold=True))
    bar = rest.middle(rest.w, 16)
    if known is None or not known.total:
        sheet.text(f"{key}/figures", right, Run("—", Size.BODY, theme.muted), align=Align.RIGHT)
        sheet.items.append(Bar(f"{key}/bar", bar, 0.0, theme.closed, theme.closed))
        return
    live = view.state.maps.live
    runs: tuple[Run, ...]
    if known.free:
        strong = Run(str(known.free), Size.LEAD - 4, theme.brand if live else theme.muted, bold=True)
        runs = (strong, Run(f" / {known.total}", Size.NOTE, theme.muted))
    else:
        runs = (Run(words.say("Full"), Size.BODY, theme.danger if live else theme.muted, bold=True),)
    sheet.text(f"{key}/figures", right, *runs, align=Align.RIGHT)
    taken, track = (theme.taken, theme.soft) if live else (theme.closed_edge, theme.closed)
    sheet.items.append(Bar(f"{key}/bar", bar, 1 - known.free / known.total, taken, track))
