"""Waiting for a phone in front of the camera: what to show it, where, and what the machine is doing."""

from display.layout import Rect
from display.scene import Align, Box, Color, Icon, Run, Scene, Sign
from display.theme import Size
from kiosk.screens.sheet import Sheet, View
from kiosk.state import CameraState, Identify


def draw(view: View) -> Scene:
    """Draw the identify screen."""
    sheet, words = Sheet(view), view.words
    actions, room = sheet.foot(sheet.header())
    _, room = room.cut_top(0, 28)
    screen = view.state.screen if isinstance(view.state.screen, Identify) else Identify()
    inside = sheet.card("card", room)
    if screen.camera is CameraState.MISSING:
        _missing(sheet, inside)
    else:
        _hold(sheet, inside, screen)
    sheet.button("back", actions, words.say("Back"))
    sheet.going_home(actions)
    return sheet.scene()


def _hold(sheet: Sheet, inside: Rect, screen: Identify) -> None:
    theme, words = sheet.view.theme, sheet.view.words
    both = words.say("Show your phone, or hold your card to the reader")
    only = words.say("Show your phone to the camera")
    reads_cards = sheet.view.state.reads_cards
    ask = Run(both if reads_cards else only, Size.HEAD if reads_cards else Size.TITLE, theme.ink, bold=True)
    title, rest = inside.cut_top(92)
    sheet.text("title", title, ask, align=Align.CENTER)
    rest, told = sheet.halves(rest, rest.h - 380)
    foot, steps = told.middle(told.w, min(told.h, 380)).cut_bottom(96, 16)
    side = min(rest.w, rest.h - 40, 620)
    disc = rest.middle(side, side)
    sheet.items.append(Box("disc", disc, theme.soft, side // 2))
    sheet.items.append(Sign("phone", disc.middle(round(side * 0.62), round(side * 0.62)), Icon.PHONE, theme.brand))
    badge = disc.middle(round(side * 0.2), round(side * 0.2))
    sheet.items.append(Sign("camera", badge.moved(0, -round(side * 0.04)), Icon.CAMERA, theme.brand))
    for n, (row, line) in enumerate(
        zip(
            steps.rows(3, 12),
            (
                words.say("On your phone, open My seat, then My code."),
                words.say("Hold the code a hand's width from the camera."),
                words.say("The picture is not kept."),
            ),
            strict=True,
        ),
        start=1,
    ):
        number, text = row.cut_left(52, 20)
        sheet.items.append(Box(f"step/{n}", number.middle(48, 48), theme.soft, 24))
        sheet.text(f"step/{n}/number", number, Run(str(n), Size.BODY, theme.brand, bold=True), align=Align.CENTER)
        sheet.text(f"step/{n}/text", text, Run(line, Size.BODY, theme.ink), wrap=True)
    status, color = _status(sheet, screen)
    sheet.text("status", foot, Run(status, Size.BODY, color, bold=True), align=Align.CENTER)


def _status(sheet: Sheet, screen: Identify) -> tuple[str, Color]:
    theme, words = sheet.view.theme, sheet.view.words
    if screen.asking:
        return words.say("Read, one moment …"), theme.brand
    if screen.camera is CameraState.OPENING:
        return words.say("The camera is starting …"), theme.muted
    return words.say("The camera is looking"), theme.ok


def _missing(sheet: Sheet, inside: Rect) -> None:
    theme, words = sheet.view.theme, sheet.view.words
    block = inside.middle(min(inside.w, 820), 460)
    sign, rest = block.cut_top(140, 32)
    sheet.items.append(Sign("sign", sign, Icon.CAMERA, theme.warn))
    title, rest = rest.cut_top(84, 16)
    if sheet.view.state.reads_cards:
        asking, advice = words.say("Hold your card to the reader"), words.say("The camera does not work at the moment.")
    else:
        asking = words.say("The camera does not work")
        advice = words.say(
            "You can see and change your reservation on your phone. To check in, scan the code on the first screen."
        )
    sheet.text("title", title, Run(asking, Size.HEAD, theme.ink, bold=True), align=Align.CENTER)
    sheet.text("advice", rest, Run(advice, Size.BODY, theme.ink), align=Align.CENTER, wrap=True)
