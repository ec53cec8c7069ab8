"""A reader's seat in front of them: what it is, until when, what they can have done here, and what was done."""

from display.layout import Rect
from display.scene import Box, Icon, Run, Scene
from display.theme import Size
from kiosk.screens.result import HEADLINE, Outcome, done_button, headline
from kiosk.screens.sheet import BUTTON, Sheet, View
from kiosk.state import Greeting, Stay, Wish

CARD = 400
ROW_GAP = 20
_HERE = "\0"
"""Stands for the time while a sentence is made, so that the time can be set in bold wherever a language puts it."""


def draw_greeting(view: View) -> Scene:
    """Draw who was identified, their seat, what to do next, and what can be done here."""
    words, theme, session = view.words, view.theme, view.state.session
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    stay = session.stay if session else None
    wishes = stay.wishes if stay else ()
    rows = [wishes[start : start + 2] for start in range(0, len(wishes), 2)]
    hello = words.say("Hello, {name}", name=session.name) if session else words.say("Hello")
    card = CARD if stay else 280
    buttons = len(rows) * (BUTTON + ROW_GAP) + 24 if rows else 0
    if view.canvas.portrait:
        block = room.middle(room.w, min(room.h, HEADLINE + card + buttons + 24))
        upper, lower = block.cut_top(HEADLINE, 24)
    else:
        upper, lower = room.columns(2, 40)
        upper, lower = upper.middle(upper.w, HEADLINE), lower.middle(lower.w, card + buttons)
    headline(sheet, upper, Outcome(Icon.TICK, theme.brand, theme.soft, hello))
    _card(sheet, lower.cut_top(card)[0], stay)
    _wishes(sheet, lower.cut_bottom(buttons - 24)[0] if rows else lower, rows)
    sheet.button("home", actions, words.say("Done"), primary=not rows)
    sheet.going_home(actions)
    return sheet.scene()


def draw_confirm(view: View, wish: Wish) -> Scene:
    """Draw the question whether a seat is really to be given up."""
    words, theme, session = view.words, view.theme, view.state.session
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    title = words.say("End now and free the seat?") if wish is Wish.END else words.say("Cancel this reservation?")
    block = room.middle(room.w, min(room.h, HEADLINE + CARD + 24))
    upper, lower = sheet.halves(block, HEADLINE)
    headline(sheet, upper.middle(upper.w, HEADLINE), Outcome(Icon.WARNING, theme.warn, theme.warn_soft, title))
    _card(sheet, lower.middle(lower.w, CARD), session.stay if session else None)
    back, rest = actions.cut_left(round(actions.w * 0.36), 24)
    sheet.button("back", back, words.say("Back"))
    yes = words.say("Yes, end it") if wish is Wish.END else words.say("Yes, cancel it")
    sheet.button("confirm", rest, yes, primary=True)
    sheet.going_home(actions)
    return sheet.scene()


def draw_done(view: View, wish: Wish) -> Scene:
    """Draw what was done, and how the seat stands now."""
    words, theme, session = view.words, view.theme, view.state.session
    sheet = Sheet(view)
    actions, room = sheet.foot(sheet.header())
    title = {
        Wish.CHECK_IN: words.say("You are checked in"),
        Wish.RETURN: words.say("Welcome back"),
        Wish.STEP_AWAY: words.say("Your seat is kept"),
        Wish.EXTEND: words.say("Extended"),
        Wish.END: words.say("Ended: the seat is free again"),
        Wish.CANCEL: words.say("Cancelled: the seat is free again"),
    }[wish]
    stay = session.stay if session else None
    card = CARD if stay else 0
    block = room.middle(room.w, min(room.h, HEADLINE + card + 24))
    upper, lower = sheet.halves(block, HEADLINE) if stay else (block, block)
    headline(sheet, upper.middle(upper.w, HEADLINE), Outcome(Icon.TICK, theme.brand, theme.soft, title))
    if stay:
        _card(sheet, lower.middle(lower.w, CARD), stay)
    done_button(sheet, actions)
    return sheet.scene()


def _wishes(sheet: Sheet, room: Rect, rows: list[tuple[Wish, ...]]) -> None:
    """Add a button for each thing that can be done: what comes first is the filled one. One that is being done says so."""
    view = sheet.view
    asking = view.state.screen.asking if isinstance(view.state.screen, Greeting) else None
    for row in rows:
        line, room = room.cut_top(BUTTON, ROW_GAP)
        for wish, place in zip(row, line.columns(len(row), ROW_GAP), strict=True):
            first = row is rows[0] and wish is row[0]
            label = view.words.say("One moment …") if wish is asking else _label(view, wish)
            sheet.button(f"wish/{wish}", place, label, primary=first)


def _label(view: View, wish: Wish) -> str:
    words = view.words
    return {
        Wish.CHECK_IN: words.say("Check in"),
        Wish.RETURN: words.say("I am back"),
        Wish.STEP_AWAY: words.say("Step away"),
        Wish.EXTEND: words.say("Extend"),
        Wish.END: words.say("End now"),
        Wish.CANCEL: words.say("Cancel"),
    }[wish]


def _card(sheet: Sheet, rect: Rect, stay: Stay | None) -> None:
    words, theme = sheet.view.words, sheet.view.theme
    if stay is not None:
        _stay(sheet, rect, stay)
        return
    upper, lower = sheet.card("card", rect).rows(2)
    sheet.text("seat", upper, Run(words.say("You have no reservation now"), Size.HEAD - 4, theme.ink, bold=True))
    book = words.say("Book a seat on your phone or on the web.")
    sheet.text("next", lower, Run(book, Size.BODY, theme.ink), wrap=True)


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
            sentence = words.say("Check in by {time}.", time=_HERE)
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
