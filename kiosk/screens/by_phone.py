"""Where to book: the service's address as a code and in letters. Booking at the kiosk itself needs a card reader."""

from display import qr
from display.scene import Align, Code, Run, Scene
from display.theme import Size
from kiosk.screens.sheet import Sheet, View
from kiosk.state import BookByPhone


def draw(view: View) -> Scene:
    """Draw the address for the reader's phone."""
    sheet, words, theme = Sheet(view), view.words, view.theme
    actions, room = sheet.foot(sheet.header())
    _, room = room.cut_top(0, 28)
    area = view.place.area(view.state.screen.area) if isinstance(view.state.screen, BookByPhone) else None
    inside = sheet.card("card", room)
    text, code = sheet.halves(inside, 400, 0)
    lines = text.middle(text.w, 400)
    title, rest = lines.cut_top(100)
    sheet.text(
        "title", title, Run(words.say("Book with your phone"), Size.TITLE, theme.ink, bold=True), align=Align.CENTER
    )
    ask = words.say("Scan, sign in, then choose your seat and your time.")
    if area is not None:
        ask = words.say("Scan, sign in, then choose {area}, your seat and your time.", area=words.name(area.name))
    note, rest = rest.cut_top(100, 16)
    sheet.text("title/note", note, Run(ask, Size.BODY, theme.ink), align=Align.CENTER, wrap=True)
    host, rest = rest.cut_top(64)
    sheet.text("host", host, Run(view.place.host, Size.LEAD, theme.brand, bold=True), align=Align.CENTER)
    check = Run(words.say("This code does not check you in."), Size.NOTE, theme.muted)
    sheet.text("host/note", rest.cut_top(48)[0], check, align=Align.CENTER)
    sheet.items.append(Code("code", code, qr.modules(view.place.public_url + "/")))
    back, done = actions.cut_left(round(actions.w * 0.32), 24)
    sheet.button("back", back, words.say("Back"))
    sheet.button("home", done, words.say("Done"), primary=True)
    sheet.going_home(actions)
    return sheet.scene()
