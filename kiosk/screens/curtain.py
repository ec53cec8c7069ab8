"""What staff get to see while a reader stands here: that the kiosk works and is in use, and nothing of the reader."""

from display.scene import Align, Icon, Run, Scene, Sign
from display.theme import Size
from kiosk.screens.sheet import Sheet, View


def draw(view: View) -> Scene:
    """Draw the curtain; it stands on no kiosk's screen, only in the picture for staff."""
    sheet, words, theme = Sheet(view), view.words, view.theme
    room = sheet.header()
    block = room.middle(room.w, 420)
    sign, rest = block.cut_top(160, 32)
    sheet.items.append(Sign("sign", sign, Icon.PERSON, theme.taken))
    line, rest = rest.cut_top(84)
    sheet.text(
        "title",
        line,
        Run(words.say("A reader is using this kiosk"), Size.HEAD, theme.ink, bold=True),
        align=Align.CENTER,
    )
    privacy = Run(words.say("Their screen is not shown to anyone else."), Size.BODY, theme.muted)
    sheet.text("note", rest.cut_top(60)[0], privacy, align=Align.CENTER)
    return sheet.scene()
