"""One area's live map: every seat where it really stands, its state as shape and sign before colour."""

from collections.abc import Callable

from config.plans import SEAT_SIZE, Plan, Shape, ShapeKind
from display.layout import Rect
from display.scene import Align, Box, Color, Icon, Run, Scene, Sign
from display.theme import SEAT_RADIUS, Size, Theme
from kiosk.place import AreaPlace
from kiosk.screens.sheet import Sheet, View, text_width
from kiosk.state import AreaView
from messages.seats import SeatStatus

LEAST_NUMBER = 20
"""Seat numbers are never set smaller: where seats are too small for that, the sign stands alone."""
_KINDS: dict[ShapeKind, Callable[[Theme], Color]] = {
    ShapeKind.WALL: lambda theme: theme.wall,
    ShapeKind.TABLE: lambda theme: theme.table,
    ShapeKind.SHELF: lambda theme: theme.shelf,
    ShapeKind.WINDOW: lambda theme: theme.window,
    ShapeKind.DOOR: lambda theme: theme.paper,
    ShapeKind.PILLAR: lambda theme: theme.wall,
    ShapeKind.COMPUTER: lambda theme: theme.closed_edge,
}


def draw(view: View) -> Scene:
    """Draw the area that the state names."""
    sheet, words = Sheet(view), view.words
    actions, room = sheet.foot(sheet.header())
    area = view.place.area(view.state.screen.area) if isinstance(view.state.screen, AreaView) else None
    if area is None:
        sheet.title(room.inset(0, 8).cut_top(152)[0], words.say("There is no such area here"))
    else:
        title, room = room.inset(0, 8).cut_top(152, 8)
        legend = title.cut_right(940)[0] if not view.canvas.portrait else None
        sheet.title(title, words.name(area.name))
        _figures(sheet, area, title.inset(0, 8).cut_bottom(52)[0])
        if legend is None:
            legend, room = room.cut_top(56, 16)
        _legend(sheet, legend)
        sheet.card("map", room)
        _plan(sheet, area, room.inset(20, 20))
    back, rest = actions.cut_left(round(actions.w * 0.32), 24)
    sheet.button("back", back, words.say("Back"))
    if area is not None:
        sheet.button(f"phone/{area.id}", rest, words.say("Book with your phone"), primary=True)
    sheet.going_home(actions)
    return sheet.scene()


def _figures(sheet: Sheet, area: AreaPlace, rect: Rect) -> None:
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    maps = view.state.maps
    known, age = maps.maps.get(area.id), maps.age(view.state.now)
    if known is None:
        sheet.text("map/figures", rect, Run(words.say("Waiting for the seat map"), Size.BODY, theme.muted))
        return
    runs = [
        Run(words.say("Free") + " ", Size.BODY, theme.muted),
        Run(str(known.free), Size.BODY + 4, theme.brand if age is None else theme.muted, bold=True),
        Run(f" / {known.total}  ·  ", Size.BODY, theme.muted),
    ]
    if age is None:
        runs.append(Run(words.say("live"), Size.BODY, theme.muted))
    else:
        lost = words.say("offline for {length}", length=words.length(age))
        runs.append(Run(lost, Size.BODY, theme.danger, bold=True))
    sheet.text("map/figures", rect, *runs)


def _legend(sheet: Sheet, row: Rect) -> None:
    words, theme = sheet.view.words, sheet.view.theme
    entries = (
        (SeatStatus.FREE, words.say("Free")),
        (SeatStatus.TAKEN, words.say("Taken")),
        (SeatStatus.RESERVED, words.say("Reserved")),
        (SeatStatus.AWAY, words.say("Stepped away")),
        (SeatStatus.CLOSED, words.say("Closed")),
    )
    widths = [44 + 12 + text_width(label, Size.NOTE) + 8 for _, label in entries]
    gap = max(8, min(48, (row.w - sum(widths)) // (len(entries) - 1)))
    x = row.x
    for (status, label), width in zip(entries, widths, strict=True):
        tile = Rect(x, row.y, width, row.h)
        square, rest = tile.cut_left(44, 12)
        _seat(sheet, f"legend/{status}", square.middle(44, 44), status, "", live=True)
        sheet.text(f"legend/{status}/label", rest, Run(label, Size.NOTE, theme.ink))
        x += width + gap


def _plan(sheet: Sheet, area: AreaPlace, room: Rect) -> None:
    plan, maps = area.plan, sheet.view.state.maps
    scale = min(room.w / plan.width, room.h / plan.height)
    whole = room.middle(round(plan.width * scale), round(plan.height * scale))

    def placed(x: float, y: float, w: float, h: float) -> Rect:
        left, top = whole.x + round(x * scale), whole.y + round(y * scale)
        return Rect(left, top, max(3, round(w * scale)), max(3, round(h * scale)))

    for n, shape in enumerate(plan.shapes):
        _shape(sheet, f"shape/{n}", shape, placed, plan)
    statuses, side = maps.statuses(area.id), round(SEAT_SIZE * 1.06)
    for seat in plan.seats:
        square = placed(seat.x - side / 2, seat.y - side / 2, side, side).inset(1)
        status = statuses.get(f"{area.id}-{seat.label}")
        _seat(sheet, f"seat/{seat.label}", square, status, seat.label, live=maps.live)


def _shape(
    sheet: Sheet, key: str, shape: Shape, placed: Callable[[float, float, float, float], Rect], plan: Plan
) -> None:
    theme, words = sheet.view.theme, sheet.view.words
    w, h = (shape.h, shape.w) if shape.rotation % 180 == 90 else (shape.w, shape.h)  # noqa: PLR2004 - a quarter turn
    x, y = shape.x + (shape.w - w) / 2, shape.y + (shape.h - h) / 2
    rect = placed(x, y, w, h)
    if shape.kind is not ShapeKind.LABEL:
        radius = 6 if shape.kind in {ShapeKind.TABLE, ShapeKind.SHELF} else 0
        sheet.items.append(Box(key, rect, _KINDS[shape.kind](theme), radius))
    if shape.text is not None:
        label = words.name(shape.text)
        width, height = text_width(label, Size.NOTE) + 12, 34
        room = placed(0, 0, plan.width, plan.height)
        left = min(max(rect.center[0] - width // 2, room.x), room.right - width - 14)
        below = rect.bottom + 2 + height <= room.bottom
        top = rect.bottom + 2 if below else rect.y - height - 2
        if shape.kind is ShapeKind.LABEL:
            top = rect.center[1] - height // 2
        note = Run(label, Size.NOTE, theme.muted)
        sheet.text(f"{key}/text", Rect(left, top, width, height), note, align=Align.CENTER)


def _seat(sheet: Sheet, key: str, square: Rect, status: SeatStatus | None, label: str, *, live: bool) -> None:
    """Draw one seat. A state nobody told is an empty square without colour; one that may be old is grey."""
    theme = sheet.view.theme
    looks = {
        SeatStatus.FREE: (theme.surface, theme.brand, theme.brand, None),
        SeatStatus.TAKEN: (theme.taken, None, theme.on_taken, Icon.PERSON),
        SeatStatus.RESERVED: (theme.soft, theme.taken, theme.ink, Icon.CLOCK),
        SeatStatus.AWAY: (theme.away, theme.away_edge, theme.on_away, Icon.CLOCK),
        SeatStatus.CLOSED: (theme.closed, None, theme.closed_edge, Icon.SLASH),
    }
    unknown = (theme.surface, theme.line, theme.muted, None)
    fill, stroke, ink, sign = unknown if status is None else looks[status]
    if not live and status is not None:
        fill = theme.closed if sign else theme.surface
        stroke, ink = theme.closed_edge, theme.muted
    radius = min(SEAT_RADIUS, square.w // 4)
    sheet.items.append(Box(key, square, fill, radius, stroke, 3))
    numbered = bool(label) and status is not SeatStatus.CLOSED and _fits(label, square)
    if sign is None:
        if numbered:
            number = Run(label, max(LEAST_NUMBER, min(Size.NOTE, square.w * 2 // 5)), ink, bold=True)
            sheet.text(f"{key}/number", square, number, align=Align.CENTER)
        return
    if not numbered:
        sheet.items.append(Sign(f"{key}/sign", square.middle(square.w * 5 // 9, square.h * 5 // 9), sign, ink))
        return
    upper, lower = square.inset(2, 5).cut_top((square.h - 10) // 2)
    sheet.items.append(Sign(f"{key}/sign", upper.middle(upper.h, upper.h), sign, ink))
    sheet.text(f"{key}/number", lower, Run(label, LEAST_NUMBER, ink, bold=True), align=Align.CENTER)


def _fits(label: str, square: Rect) -> bool:
    return text_width(label, LEAST_NUMBER) * 1.06 <= square.w - 4 and square.h >= LEAST_NUMBER + 4
