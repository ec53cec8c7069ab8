"""The card with the check-in code: on the idle screen, and on the failsafe screen, which must never cost it."""

from display import qr
from display.layout import Rect
from display.scene import Align, Code, Icon, Ring, Run, Sign
from display.theme import Size
from kiosk.code_clock import Due, HiddenBecause
from kiosk.screens.sheet import Sheet, text_width
from messages.checkin import STEP_SECONDS

_JITTER = ((0, 0), (4, 0), (4, 4), (0, 4))
"""The code moves a little with every step, so that its corners do not burn in."""


def draw_code(sheet: Sheet, card: Rect) -> None:
    """Draw the code that is due, its countdown and this kiosk's name; or why there is none."""
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    inside = sheet.card("code", card)
    due = view.state.code.due(view.state.now)
    if isinstance(due, HiddenBecause):
        _hidden(sheet, inside, due)
        return
    title, rest = inside.cut_top(76)
    ask = "Scan with your phone to sign in or out" if view.place.entrance else "Scan with your phone to check in"
    sheet.text("code/title", title, Run(words.say(ask), Size.TITLE, theme.ink, bold=True), align=Align.CENTER)
    note, rest = rest.cut_top(48)
    sheet.text("code/note", note, Run(words.also(ask), Size.LEAD - 2, theme.muted), align=Align.CENTER)
    foot, rest = rest.cut_bottom(88, 4)
    dx, dy = _JITTER[due.step % len(_JITTER)]
    sheet.items.append(Code("code/modules", rest.moved(dx, dy), qr.modules(due.url)))
    _code_foot(sheet, foot, due)


def _code_foot(sheet: Sheet, foot: Rect, due: Due) -> None:
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    kiosk = f"{words.say('This kiosk')} "
    renews = f"{words.say('New every 10 s, screenshots do not work')} · {words.also('New every 10 s')}"
    width = min(text_width(renews, Size.NOTE), foot.w - 120)
    line = foot.middle(width + 108, foot.h)
    left, rest = line.cut_left(84, 24)
    ring = left.middle(84, 84)
    fraction = due.seconds_left / STEP_SECONDS
    sheet.items.append(Ring("code/ring", ring, fraction, theme.brand, theme.line, 9))
    seconds = Run(str(due.seconds_left), Size.LEAD - 4, theme.ink, bold=True)
    sheet.text("code/seconds", ring.inset(14), seconds, align=Align.CENTER)
    upper, lower = rest.cut_top(rest.h // 2)
    name = Run(view.place.kiosk.upper(), Size.BODY, theme.ink, bold=True)
    host = Run(f"  ·  {view.place.host}", Size.BODY, theme.ink)
    sheet.text("code/host", upper, Run(kiosk, Size.BODY, theme.ink), name, host)
    sheet.text("code/renews", lower, Run(renews, Size.NOTE, theme.muted))


def _hidden(sheet: Sheet, inside: Rect, why: HiddenBecause) -> None:
    theme, words = sheet.view.theme, sheet.view.words
    title, advice = {
        HiddenBecause.NO_KEY: (
            "No check-in code right now",
            "This kiosk has no valid key from the booking service. Check in at another kiosk or at the service desk.",
        ),
        HiddenBecause.CLOCK: (
            "The check-in code is hidden",
            "This kiosk's clock is wrong, so its codes would not be valid. Check in at another kiosk or at the service desk.",
        ),
    }[why]
    block = inside.middle(min(inside.w, 820), 520)
    sign, rest = block.cut_top(120, 32)
    sheet.items.append(Sign("code/sign", sign, Icon.WARNING, theme.warn))
    line, rest = rest.cut_top(72)
    sheet.text("code/title", line, Run(words.say(title), Size.HEAD, theme.ink, bold=True), align=Align.CENTER)
    line, rest = rest.cut_top(48, 12)
    sheet.text("code/note", line, Run(words.also(title), Size.BODY, theme.muted), align=Align.CENTER)
    upper, lower = rest.cut_top(rest.h // 2)
    sheet.text("code/advice", upper, Run(words.say(advice), Size.BODY, theme.ink), align=Align.CENTER, wrap=True)
    sheet.text(
        "code/advice/also", lower, Run(words.also(advice), Size.NOTE, theme.muted), align=Align.CENTER, wrap=True
    )
