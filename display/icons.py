"""The geometry of the icons: strokes, discs and polygons on a unit square. Pure; `display.painter` draws them."""

from dataclasses import dataclass

from display.scene import Icon

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through `points` with round ends and joints; `width` as a share of the square."""

    points: tuple[Point, ...]
    width: float


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle; with `width` > 0 a ring whose outer edge is `radius`."""

    center: Point
    radius: float
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled polygon."""

    points: tuple[Point, ...]


Part = Stroke | Disc | Shape

PARTS: dict[Icon, tuple[Part, ...]] = {
    Icon.PERSON: (
        Disc((0.5, 0.27), 0.2),
        Disc((0.36, 0.74), 0.2),
        Disc((0.64, 0.74), 0.2),
        Shape(((0.36, 0.54), (0.64, 0.54), (0.64, 0.9), (0.36, 0.9))),
        Shape(((0.16, 0.74), (0.84, 0.74), (0.84, 0.92), (0.16, 0.92))),
    ),
    Icon.CLOCK: (Disc((0.5, 0.5), 0.46, 0.1), Stroke(((0.5, 0.24), (0.5, 0.52), (0.68, 0.64)), 0.1)),
    Icon.TICK: (Stroke(((0.16, 0.54), (0.4, 0.78), (0.86, 0.24)), 0.15),),
    Icon.CROSS: (Stroke(((0.2, 0.2), (0.8, 0.8)), 0.15), Stroke(((0.8, 0.2), (0.2, 0.8)), 0.15)),
    Icon.SLASH: (Stroke(((0.12, 0.88), (0.88, 0.12)), 0.1),),
    Icon.UP: (Stroke(((0.5, 0.86), (0.5, 0.16)), 0.12), Stroke(((0.22, 0.44), (0.5, 0.15), (0.78, 0.44)), 0.12)),
    Icon.DOWN: (Stroke(((0.5, 0.14), (0.5, 0.84)), 0.12), Stroke(((0.22, 0.56), (0.5, 0.85), (0.78, 0.56)), 0.12)),
    Icon.PHONE: (
        Stroke(((0.28, 0.08), (0.72, 0.08), (0.72, 0.92), (0.28, 0.92), (0.28, 0.08), (0.72, 0.08)), 0.08),
        Stroke(((0.44, 0.79), (0.56, 0.79)), 0.07),
    ),
    Icon.CAMERA: (
        Stroke(
            (
                (0.1, 0.28),
                (0.3, 0.28),
                (0.38, 0.16),
                (0.62, 0.16),
                (0.7, 0.28),
                (0.9, 0.28),
                (0.9, 0.84),
                (0.1, 0.84),
                (0.1, 0.28),
                (0.3, 0.28),
            ),
            0.09,
        ),
        Disc((0.5, 0.55), 0.2, 0.09),
    ),
    Icon.WARNING: (
        Stroke(((0.5, 0.12), (0.92, 0.86), (0.08, 0.86), (0.5, 0.12), (0.92, 0.86)), 0.09),
        Stroke(((0.5, 0.4), (0.5, 0.6)), 0.1),
        Disc((0.5, 0.74), 0.06),
    ),
    Icon.OFFLINE: (
        Disc((0.5, 0.82), 0.08),
        Stroke(((0.32, 0.62), (0.4, 0.56), (0.5, 0.54), (0.6, 0.56), (0.68, 0.62)), 0.1),
        Stroke(((0.12, 0.42), (0.28, 0.3), (0.5, 0.25), (0.72, 0.3), (0.88, 0.42)), 0.1),
        Stroke(((0.14, 0.9), (0.86, 0.12)), 0.1),
    ),
}
