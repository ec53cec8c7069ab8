"""Seat plans: where the seats of an area stand, in centimetres (`docs/plans.md` describes the file).

Here is the form of a plan and everything that makes one unusable. What a seat looks like belongs to whoever draws it;
whether it is free belongs to booking.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources.abc import Traversable
from pathlib import Path

import attrs

from config import ConfigError, shipped, structure
from config.schema import Area, Site
from config.values import Text

FORMAT = "seatgate-plan/1"
SEAT_SIZE = 60
"""Centimetres a seat takes, as a square around its point: what a map draws, and no other seat's may touch it."""
MAX_SEATS = 5000
MAX_SHAPES = 5000
MAX_SIDE = 50_000
MAX_BYTES = 2_000_000
_FILE = re.compile(r"\w[\w. -]{0,100}\.json")
_LABEL = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z-]{0,6}[0-9A-Za-z])?")


class ShapeKind(StrEnum):
    """What stands in a room beside seats; `label` is text alone."""

    WALL = "wall"
    TABLE = "table"
    SHELF = "shelf"
    WINDOW = "window"
    DOOR = "door"
    PILLAR = "pillar"
    COMPUTER = "computer"
    LABEL = "label"


class Feature(StrEnum):
    """What a seat offers: 电源, 靠窗, 电脑."""

    POWER = "power"
    WINDOW = "window"
    COMPUTER = "computer"


@attrs.frozen
class Seat:
    """One seat. `(x, y)` is its middle, from the plan's upper left corner; at `rotation` 0 its reader looks up the
    page, and degrees turn clockwise.
    """

    label: str
    x: int
    y: int
    rotation: int = 0
    features: frozenset[Feature] = frozenset()


@attrs.frozen
class Shape:
    """A rectangle that is not a seat. `(x, y)` is its upper left corner before it is turned about its middle."""

    kind: ShapeKind
    x: int
    y: int
    w: int = 0
    h: int = 0
    rotation: int = 0
    text: Text | None = None


@attrs.frozen(kw_only=True)
class Plan:
    """One area, `width` by `height` centimetres. Seats are in the order of their labels' numbering."""

    format: str
    area: str
    width: int
    height: int
    surveyed: bool
    """Whether the places follow a published map or a measurement; if not, only number and numbering are meant."""
    source: str
    """Where the places come from, for whoever corrects them."""
    seats: list[Seat]
    shapes: list[Shape] = attrs.field(factory=list)

    def seat(self, label: str) -> Seat | None:
        """Return a seat by its label."""
        return next((seat for seat in self.seats if seat.label == label), None)


def seat_id(area: str, label: str) -> str:
    """Name a seat across a site: area "2f-centre" and label "065" give "2f-centre-065"."""
    return f"{area}-{label}"


def plan_file(site: Site, area: Area) -> Path | Traversable:
    """Return the file of an area's plan: in the site's own folder of plans when it has one, else a shipped one."""
    if not _FILE.fullmatch(area.plan):
        raise ConfigError(f"area {area.id}", [f"plan: {area.plan!r} is not a plain file name such as '2f-centre.json'"])
    return site.plans / area.plan if site.plans else shipped("plans", area.plan)


def load_plan(site: Site, area: Area) -> Plan:
    """Read and verify the plan of an area; ConfigError names the file and everything that is wrong with it.

    A capacity area has an empty one: nobody is shown where to sit.
    """
    if area.capacity is not None:
        return Plan(format=FORMAT, area=area.id, width=1, height=1, surveyed=False, source="", seats=[])
    file = plan_file(site, area)
    plan = structure(_read(file), Plan, str(file))
    problems = list(_problems(plan, area))
    if problems:
        raise ConfigError(str(file), problems)
    return plan


def _read(file: Path | Traversable) -> dict[str, object]:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(str(file), ["there is no such plan file"]) from error
    except OSError as error:
        raise ConfigError(str(file), [f"cannot be read: {error.strerror}"]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError(str(file), [f"is larger than {MAX_BYTES} bytes: split the area"])
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(file), [f"is not JSON: {error}"]) from error
    if not isinstance(data, dict):
        raise ConfigError(str(file), ["is not a plan: the file must hold one JSON object"])
    return data


def _problems(plan: Plan, area: Area) -> Iterator[str]:
    if plan.format != FORMAT:
        yield f"format: {plan.format!r} is not read here, write {FORMAT!r}"
    if plan.area != area.id:
        yield f"area: this is the plan of {plan.area!r}, not of {area.id!r}"
    for name, side in (("width", plan.width), ("height", plan.height)):
        if not 0 < side <= MAX_SIDE:
            yield f"{name}: {side} cm is not between 1 and {MAX_SIDE}"
    if not plan.seats:
        yield "seats: there is none"
    for name, count, most in (("seats", len(plan.seats), MAX_SEATS), ("shapes", len(plan.shapes), MAX_SHAPES)):
        if count > most:
            yield f"{name}: {count} are too many for one plan, at most {most}: split the area"
            return
    yield from _bad_seats(plan)
    yield from _bad_shapes(plan)


def _bad_seats(plan: Plan) -> Iterator[str]:
    for label, count in Counter(seat.label for seat in plan.seats).items():
        if not _LABEL.fullmatch(label):
            yield f"seats: {label[:20]!r} is not a label: use 1-8 letters, digits and inner hyphens"
        if count > 1:
            yield f"seats: the label {label!r} stands on {count} seats"
    half = SEAT_SIZE // 2
    for seat in plan.seats:
        if not (half <= seat.x <= plan.width - half and half <= seat.y <= plan.height - half):
            yield f"seats: {seat.label!r} at ({seat.x}, {seat.y}) is not wholly inside the plan"
    for one, other in _touching(plan.seats):
        yield f"seats: {one.label!r} and {other.label!r} are less than {SEAT_SIZE} cm apart"


def _touching(seats: list[Seat]) -> Iterator[tuple[Seat, Seat]]:
    """Yield each pair whose squares overlap; only neighbours in a grid of that size are compared."""
    cells: defaultdict[tuple[int, int], list[Seat]] = defaultdict(list)
    for seat in seats:
        column, row = seat.x // SEAT_SIZE, seat.y // SEAT_SIZE
        for near in ((column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
            for other in cells.get(near, ()):
                if abs(seat.x - other.x) < SEAT_SIZE and abs(seat.y - other.y) < SEAT_SIZE:
                    yield other, seat
        cells[column, row].append(seat)


def _bad_shapes(plan: Plan) -> Iterator[str]:
    for n, shape in enumerate(plan.shapes):
        if shape.kind is ShapeKind.LABEL:
            if shape.text is None:
                yield f"shapes[{n}]: a label without text shows nothing"
        elif shape.w <= 0 or shape.h <= 0:
            yield f"shapes[{n}]: a {shape.kind} needs a width w and a height h above 0"
        if shape.x < 0 or shape.y < 0 or shape.x + shape.w > plan.width or shape.y + shape.h > plan.height:
            yield f"shapes[{n}]: the {shape.kind} at ({shape.x}, {shape.y}) is not wholly inside the plan"
