"""What the screens are made of: a sheet that collects items, and the few things that stand on many of them. Pure."""

from dataclasses import dataclass, field

from display.layout import Canvas, Rect, Target
from display.scene import Align, Box, Icon, Item, Run, Scene, Sign, Text
from display.theme import BUTTON_RADIUS, CARD_RADIUS, GAP, MARGIN, Size, Theme
from kiosk.place import Place
from kiosk.state import State
from kiosk.words import Words

HEADER = 136
BUTTON = 132
FOOTER = 76


@dataclass(frozen=True, slots=True)
class View:
    """Everything a screen is drawn from."""

    state: State
    place: Place
    canvas: Canvas
    theme: Theme
    words: Words


@dataclass(slots=True)
class Sheet:
    """A scene in the making; made and used up within one `draw`."""

    view: View
    items: list[Item] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def scene(self) -> Scene:
        """Return the finished scene."""
        return Scene(self.view.canvas, self.view.theme.paper, tuple(self.items), tuple(self.targets))

    def text(self, key: str, rect: Rect, *runs: Run, align: Align = Align.LEFT, wrap: bool = False) -> None:
        """Add text."""
        self.items.append(Text(key, rect, runs, align, wrap))

    def card(self, key: str, rect: Rect) -> Rect:
        """Add a card; return the room inside its padding."""
        theme = self.view.theme
        self.items.append(Box(key, rect, theme.surface, CARD_RADIUS, theme.line, 2))
        return rect.inset(40, 28)

    def button(
        self, target: str, rect: Rect, label: str, note: str = "", *, primary: bool = False, size: int = Size.LEAD
    ) -> None:
        """Add a button: one filled on each screen, the others outlined. `note` is the other language, below."""
        theme = self.view.theme
        ink = theme.on_brand if primary else theme.brand
        fill = theme.brand if primary else theme.surface
        self.items.append(Box(f"button/{target}", rect, fill, BUTTON_RADIUS, theme.brand, 3))
        inside = rect.inset(20, 8)
        if note:
            pair = inside.middle(inside.w, int(size * 1.3) + int(Size.BODY * 1.3))
            upper, lower = pair.cut_top(int(size * 1.3))
            self.text(f"button/{target}/label", upper, Run(label, size, ink, bold=True), align=Align.CENTER)
            soft = theme.on_brand_soft if primary else theme.brand
            self.text(f"button/{target}/note", lower, Run(note, Size.BODY, soft), align=Align.CENTER)
        else:
            self.text(f"button/{target}/label", inside, Run(label, size, ink, bold=True), align=Align.CENTER)
        self.targets.append(Target(target, rect))

    def icon_button(self, target: str, rect: Rect, icon: Icon, label: str) -> None:
        """Add an outlined button with a sign before its label."""
        theme = self.view.theme
        self.items.append(Box(f"button/{target}", rect, theme.surface, BUTTON_RADIUS, theme.brand, 3))
        pair = rect.middle(min(rect.w - 24, text_width(label, Size.BODY) + 50), rect.h - 16)
        sign, rest = pair.cut_left(30, 12)
        self.items.append(Sign(f"button/{target}/sign", sign, icon, theme.brand))
        self.text(f"button/{target}/label", rest, Run(label, Size.BODY, theme.brand, bold=True))
        self.targets.append(Target(target, rect))

    def header(self) -> Rect:
        """Add the header: where this is, the time and the date; return the room below, within the margins."""
        view, theme, words = self.view, self.view.theme, self.view.words
        bar, below = view.canvas.rect.cut_top(HEADER)
        self.items.append(Box("header", bar, theme.brand))
        inside = bar.inset(MARGIN, 18)
        right, left = inside.cut_right(360, 24)
        upper, lower = left.cut_top(60)
        self.text("header/title", upper, Run(words.say("Library seats"), 42, theme.on_brand, bold=True))
        kiosk = view.place.kiosk_name
        where = f"{words.also('Library seats')} · {words.name(kiosk)} {words.also_name(kiosk)}"
        self.text("header/where", lower, Run(where, Size.BODY - 2, theme.on_brand_soft))
        upper, lower = right.cut_top(60)
        now = view.state.now
        self.text("header/time", upper, Run(words.clock(now), Size.TITLE, theme.on_brand, bold=True), align=Align.RIGHT)
        date = f"{words.date(now)} {words.also_date(now)}"
        self.text("header/date", lower, Run(date, Size.BODY - 2, theme.on_brand_soft), align=Align.RIGHT)
        return below.inset(MARGIN, 0)

    def footer(self, row: Rect) -> None:
        """Add the other language's button, and whether what is shown is live."""
        self.button("language", Rect(row.x, row.y, 200, row.h), _other_language(self.view.words), size=Size.BODY)
        self.online(Rect(row.right - 320, row.y, 320, row.h))

    def title(self, rect: Rect, text: str, note: str = "") -> None:
        """Add a screen's title with a line below it."""
        theme = self.view.theme
        upper, lower = rect.inset(0, 8).cut_top(84)
        self.text("title", upper, Run(text, Size.TITLE, theme.ink, bold=True))
        if note:
            self.text("title/note", lower, Run(note, Size.BODY, theme.muted))

    def foot(self, room: Rect) -> tuple[Rect, Rect]:
        """Add the last row; return (the actions' row, the room above): both in one row where the screen lies on its side."""
        if self.view.canvas.portrait:
            last, room = room.cut_bottom(FOOTER + 44, 20)
            self.footer(Rect(last.x, last.y, last.w, FOOTER))
            actions, room = room.cut_bottom(BUTTON, 28)
            return actions, room
        last, room = room.cut_bottom(BUTTON + 28, 24)
        row = Rect(last.x, last.y, last.w, BUTTON - 20)
        self.footer(Rect(row.x, row.y + (row.h - FOOTER) // 2, row.w, FOOTER))
        return Rect(row.x + 224, row.y, row.w - 224 - 264, row.h), room

    def halves(self, room: Rect, upper: int, gap: int = GAP) -> tuple[Rect, Rect]:
        """Split into a part of `upper` height and the rest below; side by side where the screen lies on its side."""
        if self.view.canvas.portrait:
            return room.cut_top(upper, gap)
        left, right = room.columns(2, gap)
        return left, right

    def going_home(self, actions: Rect) -> None:
        """Cover the actions with the warning that nobody seems to be here, while it counts down."""
        seconds = self.view.state.seconds_to_home
        if seconds is None:
            return
        theme, words = self.view.theme, self.view.words
        dropped = {f"button/{target.name}" for target in self.targets if _overlap(target.rect, actions)}
        self.items = [item for item in self.items if not any(item.key.startswith(key) for key in dropped)]
        self.targets = [target for target in self.targets if not _overlap(target.rect, actions)]
        self.items.append(Box("warning", actions, theme.warn_soft, BUTTON_RADIUS, theme.warn, 3))
        stay, rest = actions.inset(16, 12).cut_right(320, 24)
        asking = words.say("Still there? This screen closes in {n} s.", n=seconds)
        self.text("warning/text", rest.inset(16, 0), Run(asking, Size.BODY + 4, theme.warn, bold=True), wrap=True)
        self.button("stay", stay, words.say("Stay here"), primary=True)

    def online(self, rect: Rect) -> None:
        """Add the online dot and its word, at the right of `rect`."""
        theme, words, live = self.view.theme, self.view.words, self.view.state.maps.live
        color = theme.ok if live else theme.danger
        label = words.say("Online") if live else words.say("Offline")
        other = words.also("Online") if live else words.also("Offline")
        text = f"{label} {other}"
        width = text_width(text, Size.NOTE)
        dot = Rect(rect.right - width - 32, rect.y + rect.h // 2 - 9, 18, 18)
        self.items.append(Box("online/dot", dot, color, 9))
        label_rect = Rect(dot.right + 6, rect.y, rect.right - dot.right - 6, rect.h)
        self.text("online", label_rect, Run(text, Size.NOTE, theme.muted), align=Align.RIGHT)


def _overlap(one: Rect, other: Rect) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def _other_language(words: Words) -> str:
    return words.also("In this language")


def text_width(text: str, size: int) -> int:
    """Return about how wide a text is (within a few percent of the shipped font), for placing what stands beside it."""
    return round(size * sum(_em_width(character) for character in text))


def _em_width(character: str) -> float:
    if character >= "\u2e80" or character == "·":
        return 1.0
    if character in "ilj.,:;'!|":
        return 0.28
    if character in "ftr ()-/I":
        return 0.32
    return 0.86 if character in "mwMW" else 0.56
