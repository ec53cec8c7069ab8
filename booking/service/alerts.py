"""Putting something about a gate before staff, once."""

from datetime import datetime, timedelta

from booking.service.gate_views import Alert, AlertKind
from booking.service.unit import Unit


def raise_alert(unit: Unit, kind: AlertKind, where: tuple[str, int, int], shown_from: datetime, **facts: str) -> None:
    """Show an alert from `shown_from` on; the same thing twice is one alert. `where`: gate, epoch, sequence."""
    gate, epoch, sequence = where
    unit.streams.alert(Alert(unit.new_id(shown_from), kind, gate, epoch, sequence, shown_from, facts))


def miss(unit: Unit, where: tuple[str, int, int], now: datetime, after: timedelta) -> None:
    """Note that an event is missing; unless it comes within `after` it alerts, once for all that is missing around it."""
    gate, epoch, sequence = where
    shown_from = now + after
    unit.streams.miss(Alert(unit.new_id(shown_from), AlertKind.GAP, gate, epoch, sequence, shown_from, {}), now)
