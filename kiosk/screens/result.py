"""How something ended: a sign, what happened, what to do. What did not work, and the failsafe. Closes by itself."""

from dataclasses import dataclass

from display.layout import Rect
from display.scene import Align, Box, Color, Icon, Run, Scene, Sign
from display.theme import Size
from kiosk.screens.code_card import draw_code
from kiosk.screens.sheet import Sheet, View
from kiosk.state import Refusal, Trouble

DISC = 200
HEADLINE = DISC + 40 + 104


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a result begins: a sign and what happened."""

    icon: Icon
    color: Color
    disc: Color
    title: str


def draw_trouble(view: View, reason: Trouble | Refusal) -> Scene:
    """Draw why it did not work, and what to do."""
    words, theme = view.words, view.theme
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    title, advice = _trouble(view, reason)
    block = room.middle(room.w, 640)
    rest = headline(sheet, block, Outcome(Icon.CROSS, theme.danger, theme.danger_soft, title))
    sheet.text(
        "advice",
        rest.cut_top(200)[0].inset(110, 0),
        Run(advice, Size.LEAD - 4, theme.ink),
        align=Align.CENTER,
        wrap=True,
    )
    left, right = actions.cut_left(round(actions.w * 0.36), 24)
    seconds = view.state.seconds_to_home or 0
    sheet.button("home", left, words.say("Done · {n}", n=seconds))
    if view.state.session is not None:
        sheet.button("back", right, words.say("My seat"), primary=True)
    else:
        sheet.button("mine", right, words.say("Try again"), primary=True)
    return sheet.scene()


def draw_out_of_order(view: View) -> Scene:
    """Draw the failsafe: something here failed; the code goes on working on the next screen."""
    words, theme = view.words, view.theme
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    _, room = room.cut_top(0, 28)
    told, code = sheet.halves(room, 420)
    title = words.say("Something went wrong here")
    rest = headline(
        sheet, told.middle(told.w, 420), Outcome(Icon.WARNING, theme.warn, theme.warn_soft, title), disc=136
    )
    advice = words.say("Nothing of yours was changed. Checking in by code works as always.")
    sheet.text("advice", rest.inset(60, 0), Run(advice, Size.BODY + 2, theme.ink), align=Align.CENTER, wrap=True)
    draw_code(sheet, code)
    done_button(sheet, actions)
    return sheet.scene()


def done_button(sheet: Sheet, actions: Rect) -> None:
    """Add the one button of a screen that closes by itself, with how long that takes."""
    seconds = sheet.view.state.seconds_to_home or 0
    sheet.button("home", actions, sheet.view.words.say("Done · {n}", n=seconds), primary=True)


def headline(sheet: Sheet, room: Rect, outcome: Outcome, *, disc: int = DISC) -> Rect:
    """Draw sign and title; return the room below."""
    top, rest = room.cut_top(disc, disc // 5)
    round_box = top.middle(disc, disc)
    sheet.items.append(Box("disc", round_box, outcome.disc, disc // 2))
    sheet.items.append(Sign("disc/sign", round_box.middle(disc // 2, disc // 2), outcome.icon, outcome.color))
    title, rest = rest.cut_top(104, 24)
    sheet.text("title", title, Run(outcome.title, Size.TITLE + 4, sheet.view.theme.ink, bold=True), align=Align.CENTER)
    return rest


def _trouble(view: View, reason: Trouble | Refusal) -> tuple[str, str]:
    words = view.words
    if isinstance(reason, Refusal):
        return words.say("This cannot be done now"), reason.sentence
    return {
        Trouble.CODE_INVALID: (
            words.say("This code does not count any more"),
            words.say("Open My code on your phone again: each code works once, for one minute."),
        ),
        Trouble.CARD_UNKNOWN: (
            words.say("This card is not known"),
            words.say("Show the code on your phone, or have the card added at the service desk."),
        ),
        Trouble.NOT_A_READER_CODE: (
            words.say("This is not your code"),
            words.say("Show the code under My code on your phone, not the one on this screen or on a card."),
        ),
        Trouble.UNREACHABLE: (
            words.say("The booking service cannot be reached"),
            words.say("Nothing was changed. Try again in a minute, or go to the service desk."),
        ),
        Trouble.REFUSED: (
            words.say("This kiosk cannot look you up"),
            words.say("Nothing was changed. Use your phone, or go to the service desk."),
        ),
        Trouble.UNANSWERED: (
            words.say("The booking service did not answer"),
            words.say("It may have been done or not. Show your code again in a minute to see how your seat stands."),
        ),
    }[reason]
