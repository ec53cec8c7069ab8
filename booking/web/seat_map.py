"""A plan and the seats' states become what the map template draws: places in centimetres, words for every seat. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from booking.service.views import SeatAvailability
from booking.web.language import N_, Words
from config.plans import SEAT_SIZE, Plan, Seat, Shape, ShapeKind
from messages.seats import SeatStatus

SEAT_PIXELS = 32
"""How wide a seat is drawn on a phone, at least: a finger's target, above WCAG's 24."""
ZOOMS = (0.75, 1.0, 1.5, 2.0)
YOURS = "yours"
CHOSEN = "chosen"

WORDS = {
    SeatStatus.FREE: N_("free"),
    SeatStatus.RESERVED: N_("reserved"),
    SeatStatus.TAKEN: N_("occupied"),
    SeatStatus.AWAY: N_("away"),
    SeatStatus.CLOSED: N_("closed"),
    YOURS: N_("yours"),
    CHOSEN: N_("chosen"),
}
MARKS = ("power", "computer")
"""What a seat offers that is drawn at its edge; a window is drawn where it is."""
LEGEND = {
    "power": N_("power"),
    "wall": N_("wall"),
    "shelf": N_("shelf"),
    "computer": N_("computer"),
    "window": N_("window"),
}
"""The legend's other marks, as the manual has them beside the states of a seat: 电源 墙壁 书架 电脑; and our windows."""
FEATURES = {"power": N_("power socket"), "window": N_("by the window"), "computer": N_("computer")}


@dataclass(frozen=True, slots=True)
class DrawnSeat:
    """One seat on the map. `look` names its symbol; `name` is what a screen reader says."""

    id: str
    label: str
    x: int
    y: int
    rotation: int
    look: str
    free: bool
    name: str
    note: str
    marks: list[str]
    """What of it is drawn beside the number: "power", "computer"."""
    fits: bool
    """Whether it offers what the reader narrows the map to."""


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """One thing that is not a seat, turned about its middle."""

    kind: ShapeKind
    x: int
    y: int
    w: int
    h: int
    rotation: int
    text: str

    @property
    def middle(self) -> tuple[float, float]:
        """Return where it is turned about and its text stands."""
        return self.x + self.w / 2, self.y + self.h / 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole area. `pixels` is the width at which a seat is `SEAT_PIXELS` wide."""

    width: int
    height: int
    pixels: int
    shapes: list[DrawnShape]
    seats: list[DrawnSeat]


def draw(
    plan: Plan,
    seats: Sequence[SeatAvailability],
    words: Words,
    *,
    chosen: str = "",
    yours: str = "",
    zoom: float = 1.0,
    needs: Collection[str] = (),
) -> Drawing:
    """Return the drawing of `plan`; a seat of the plan that booking does not know is closed. `needs` narrows it (筛选)."""
    states = {seat.label: seat for seat in seats}
    return Drawing(
        width=plan.width,
        height=plan.height,
        pixels=round(plan.width * SEAT_PIXELS / SEAT_SIZE * zoom),
        shapes=[_shape(shape, words) for shape in plan.shapes],
        seats=[_seat(place, states.get(place.label), words, (chosen, yours), needs) for place in plan.seats],
    )


def _seat(
    place: Seat, state: SeatAvailability | None, words: Words, special: tuple[str, str], needs: Collection[str]
) -> DrawnSeat:
    chosen, yours = special
    status = state.status if state else SeatStatus.CLOSED
    seat_id = state.id if state else ""
    free = status is SeatStatus.FREE
    look: str = status
    if seat_id and seat_id == yours and not free:
        look = YOURS
    elif seat_id and seat_id == chosen and free:
        look = CHOSEN
    note = features(place, words)
    parts = [words("Seat {label}", label=place.label), words(WORDS[look])]
    if state and state.until and not free:
        parts.append(words("until {time}", time=words.moment(state.until)))
    if note:
        parts.append(note)
    return DrawnSeat(
        seat_id, place.label, place.x, place.y, place.rotation, look, free, words(", ").join(parts), note,
        marks=[mark for mark in MARKS if mark in place.features], fits=place.features.issuperset(needs),
    )  # fmt: skip


def marks_of(plan: Plan) -> list[str]:
    """Return which of the legend's other marks stand on a plan, in the legend's order."""
    there = {shape.kind.value for shape in plan.shapes}.union(*(seat.features for seat in plan.seats))
    return [mark for mark in LEGEND if mark in there]


def features(place: Seat, words: Words) -> str:
    """Write what a seat offers: "power socket, by the window"."""
    return words(", ").join(words(FEATURES[name]) for name in sorted(place.features) if name in FEATURES)


def _shape(shape: Shape, words: Words) -> DrawnShape:
    text = words.text(shape.text) if shape.text else ""
    return DrawnShape(shape.kind, shape.x, shape.y, shape.w, shape.h, shape.rotation, text)
