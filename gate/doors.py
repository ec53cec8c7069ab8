"""Which line opens which portal: an open command may go out beside the reader, on the line of the turnstile's board."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from config.schema import Portal
from messages.access import Direction
from runtime.clock import Clock
from wire.line_driver import Action, Driver, Wanted


def opening_portal(portal: Portal, portals: Iterable[Portal]) -> str:
    """Return the portal on whose line a portal's open command goes out: as it says, else its board's, else its own."""
    if portal.open_on:
        return portal.open_on
    return next((board.id for board in portals if board.passage_for == portal.id), portal.id)


class Doors:
    """What the gate has done at its portals; see `gate.control.Acts`."""

    def __init__(self, drivers: Mapping[str, Driver], portals: Iterable[Portal], clock: Clock) -> None:
        portals = list(portals)
        self._drivers = drivers
        self._opens_on = {portal.id: opening_portal(portal, portals) for portal in portals}
        self._clock = clock

    def open(self, portal: str, way: Direction | None, within: timedelta, done: Callable[[str], None]) -> None:
        """Let one person through; `done` is called once, with "" or a sentence on why it was not."""
        on = self._opens_on[portal]
        self._drivers[on].act(Wanted(on, Action.OPEN, self._until(within), way, done))

    def show(self, portal: str, *, granted: bool, within: timedelta) -> None:
        """Tell who stands there what was decided, where the device can."""
        action = Action.GRANTED if granted else Action.DENIED
        self._drivers[portal].act(Wanted(portal, action, self._until(within)))

    def _until(self, within: timedelta) -> int:
        return self._clock.monotonic_ns() + within // timedelta(microseconds=1) * 1000
