"""What came of showing a phone: the reader's seat and what to do by when, or why not. Closes by itself."""

from dataclasses import dataclass

from display.layout import Rect
from display.scene import Align, Box, Color, Icon, Run, Scene, Sign
from display.theme import Size
from kiosk.screens.code_card import draw_code
from kiosk.screens.sheet import Sheet, View
from kiosk.state import NotIdentified, Stay, Trouble

DISC = 200
HEADLINE = DISC + 40 + 104
CARD = 400
_HERE = "\0"
"""Stands for the time while a sentence is made, so that the time can be set in bold wherever a language puts it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a result begins: a sign and what happened."""

    icon: Icon
    color: Color
    disc: Color
    title: str


def draw_greeting(view: View) -> Scene:
    """Draw who was identified, their seat and what to do next."""
    words, theme, session = view.words, view.theme, view.state.session
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    hello = words.say("Hello, {name}", name=session.name) if session else words.say("Hello")
    block = room.middle(room.w, min(room.h, HEADLINE + CARD + 24))
    upper, room = sheet.halves(block, HEADLINE)
    _headline(sheet, upper.middle(upper.w, HEADLINE), Outcome(Icon.TICK, theme.brand, theme.soft, hello))
    room = room.middle(room.w, CARD)
    stay = session.stay if session else None
    if stay is None:
        card = sheet.card("card", room.cut_top(280)[0])
        upper, lower = card.rows(2)
        sheet.text("seat", upper, Run(words.say("You have no reservation now"), Size.HEAD - 4, theme.ink, bold=True))
        sheet.text(
            "next", lower, Run(words.say("Book a seat on your phone or on the web."), Size.BODY, theme.ink), wrap=True
        )
    else:
        _stay(sheet, room, stay)
    _done(sheet, actions)
    return sheet.scene()


def draw_trouble(view: View) -> Scene:
    """Draw why nobody was identified, and what to do."""
    screen = view.state.screen
    trouble = screen.trouble if isinstance(screen, NotIdentified) else Trouble.REFUSED
    words, theme = view.words, view.theme
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    title, advice = _trouble(view, trouble)
    block = room.middle(room.w, 640)
    rest = _headline(sheet, block, Outcome(Icon.CROSS, theme.danger, theme.danger_soft, title))
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
    rest = _headline(
        sheet, told.middle(told.w, 420), Outcome(Icon.WARNING, theme.warn, theme.warn_soft, title), disc=136
    )
    advice = words.say("Nothing of yours was changed. Checking in by code works as always.")
    sheet.text("advice", rest.inset(60, 0), Run(advice, Size.BODY + 2, theme.ink), align=Align.CENTER, wrap=True)
    draw_code(sheet, code)
    _done(sheet, actions)
    return sheet.scene()


def _done(sheet: Sheet, actions: Rect) -> None:
    seconds = sheet.view.state.seconds_to_home or 0
    sheet.button("home", actions, sheet.view.words.say("Done · {n}", n=seconds), primary=True)


def _headline(sheet: Sheet, room: Rect, outcome: Outcome, *, disc: int = DISC) -> Rect:
    """Draw sign and title; return the room below."""
    top, rest = room.cut_top(disc, disc // 5)
    round_box = top.middle(disc, disc)
    sheet.items.append(Box("disc", round_box, outcome.disc, disc // 2))
    sheet.items.append(Sign("disc/sign", round_box.middle(disc // 2, disc // 2), outcome.icon, outcome.color))
    title, rest = rest.cut_top(104, 24)
    sheet.text("title", title, Run(outcome.title, Size.TITLE + 4, sheet.view.theme.ink, bold=True), align=Align.CENTER)
    return rest


def _stay(sheet: Sheet, rect: Rect, stay: Stay) -> None:
    view, theme, words = sheet.view, sheet.view.theme, sheet.view.words
    inside = sheet.card("card", rect)
    area = view.place.area(stay.area)
    where = words.say("{area} seat {label}", area=words.name(area.name) if area else "", label=stay.label)
    line, rest = inside.cut_top(84)
    sheet.text("seat", line, Run(where, Size.HEAD, theme.ink, bold=True))
    line, rest = rest.cut_top(64, 20)
    sheet.text("times", line, Run(f"{words.clock(stay.start)} – {words.clock(stay.end)}", Size.LEAD, theme.ink))
    rule, rest = rest.cut_top(2, 16)
    sheet.items.append(Box("rule", rule, theme.line))
    sheet.text("next", rest, *_next(view, stay), wrap=True)


def _next(view: View, stay: Stay) -> tuple[Run, ...]:
    """Say what to do by when; the time that matters is bold and coloured."""
    theme, words = view.theme, view.words
    deadline, sentence = None, words.say("You are checked in. Your seat is yours until {time}.", time=_HERE)
    match stay.status:
        case "reserved":
            deadline = stay.check_in_until
            sentence = words.say("Check in by {time}: scan the code on the first screen.", time=_HERE)
        case "away":
            deadline = stay.away_until
            sentence = words.say("You are away. Be back by {time}, or your seat is given up.", time=_HERE)
        case _:
            pass
    before, _, after = sentence.partition(_HERE)
    time = words.clock(deadline or stay.end)
    color = theme.warn if deadline else theme.brand
    return (
        Run(before, Size.LEAD - 4, theme.ink),
        Run(time, Size.LEAD - 4, color, bold=True),
        Run(after, Size.LEAD - 4, theme.ink),
    )


def _trouble(view: View, trouble: Trouble) -> tuple[str, str]:
    words = view.words
    return {
        Trouble.CODE_INVALID: (
            words.say("This code does not count any more"),
            words.say("Open My code on your phone again: each code works once, for one minute."),
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
    }[trouble]
