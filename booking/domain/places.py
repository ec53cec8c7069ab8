"""Where seats are: a site's areas, venues and numbered seats, looked up by id. Built once at start, never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from booking.domain.calendar import Opening, next_opening, opening
from config.policy import Policy
from config.schema import Area, KioskRole, Portal, PortalDirection, Site, Venue
from messages.access import Direction

_MOST_OPENINGS = 4096
"""Days of areas whose hours are kept: each booking asks for the same few."""


class PlanSeat(Protocol):
    """What this package needs of a seat in an area's plan."""

    @property
    def label(self) -> str:
        """The number on the desk."""

    @property
    def x(self) -> float:
        """Centimetres from the plan's left edge."""

    @property
    def y(self) -> float:
        """Centimetres from the plan's top edge."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One seat. `rank` is its place in its area's plan; `closed` seats are never booked."""

    id: str
    label: str
    area: str
    rank: int
    x: float
    y: float
    closed: bool


@dataclass(frozen=True, eq=False)
class Places:
    """A site with its seats. One is equal to itself alone, so that what follows from it can be remembered by it."""

    site: Site
    seats_of: Mapping[str, tuple[Seat, ...]]
    """Area id → its seats in the plan's order."""

    @classmethod
    def of(cls, site: Site, plans: Mapping[str, Sequence[PlanSeat]]) -> "Places":
        """Join `site` with the seats of each area's plan. A seat's id is `{area}-{label}`."""
        return cls(
            site,
            {
                area.id: tuple(
                    Seat(
                        f"{area.id}-{seat.label}",
                        seat.label,
                        area.id,
                        rank,
                        seat.x,
                        seat.y,
                        seat.label in area.closed_seats,
                    )
                    for rank, seat in enumerate(plans.get(area.id, ()))
                )
                for area in site.areas
            },
        )

    @property
    def zone(self) -> ZoneInfo:
        """Return the site's time zone."""
        return self.site.timezone

    @property
    def policy(self) -> Policy:
        """Return the site's rules."""
        return self.site.policy

    @cached_property
    def _seats(self) -> dict[str, Seat]:
        return {seat.id: seat for seats in self.seats_of.values() for seat in seats}

    @cached_property
    def _areas(self) -> dict[str, Area]:
        return {area.id: area for area in self.site.areas}

    @cached_property
    def _venues(self) -> dict[str, Venue]:
        return {venue.id: venue for venue in self.site.venues}

    @cached_property
    def _gate_venues(self) -> dict[str, str]:
        return {gate.id: gate.venue for gate in self.site.gates}

    @cached_property
    def _portals(self) -> dict[tuple[str, str], Portal]:
        return {(gate.id, portal.id): portal for gate in self.site.gates for portal in gate.portals}

    @cached_property
    def _kiosk_venues(self) -> dict[int, str]:
        return {kiosk.number: kiosk.venue for kiosk in self.site.kiosks}

    @cached_property
    def _openings(self) -> dict[tuple[str, date], Opening]:
        return {}

    def seat(self, seat: str) -> Seat | None:
        """Return a seat by its id."""
        return self._seats.get(seat)

    def area(self, area: str) -> Area | None:
        """Return an area by its id."""
        return self._areas.get(area)

    def venue_of(self, area: str) -> Venue:
        """Return the venue of a known area; KeyError for an unknown one."""
        return self._venues[self._areas[area].venue]

    def opening(self, area: str, day: date) -> Opening:
        """Return when a known area is open on `day`."""
        known = self._openings.get((area, day))
        if known is None:
            if len(self._openings) >= _MOST_OPENINGS:
                self._openings.clear()
            known = self._openings[area, day] = opening(self.venue_of(area), self._areas[area], day, self.zone)
        return known

    def next_opening(self, area: str, after: datetime) -> datetime | None:
        """Return the first moment from `after` on at which a known area is open; None when none is in sight."""
        return next_opening(self.venue_of(area), self._areas[area], after, self.zone)

    def venue_of_gate(self, gate: str) -> str | None:
        """Return the venue that a gate leads into."""
        return self._gate_venues.get(gate)

    def has_portal(self, gate: str, portal: str) -> bool:
        """Tell whether the site has this lane."""
        return (gate, portal) in self._portals

    def portal(self, gate: str, portal: str) -> Portal | None:
        """Return a portal of a gate."""
        return self._portals.get((gate, portal))

    def way_of(self, gate: str, portal: str, said: Direction) -> Direction:
        """Return which way somebody went: what the event says, else what the lane's wiring says."""
        known = self._portals.get((gate, portal))
        if said is not Direction.UNKNOWN or known is None or known.direction is PortalDirection.FRAME:
            return said
        return Direction(known.direction)

    def reports_passage(self, gate: str, portal: str) -> bool:
        """Tell whether this lane's turnstile says if somebody walked through."""
        known = self._portals.get((gate, portal))
        return known is not None and known.reports_passage

    @cached_property
    def waits_for_passages(self) -> bool:
        """Tell whether any lane's does."""
        return any(portal.reports_passage for portal in self._portals.values())

    def is_entrance(self, number: int) -> bool:
        """Tell whether the kiosk with this number stands at a library's door."""
        return any(kiosk.number == number and kiosk.role is KioskRole.ENTRANCE for kiosk in self.site.kiosks)

    def venue_of_kiosk(self, number: int) -> str | None:
        """Return the venue in which the kiosk with this number stands."""
        return self._kiosk_venues.get(number)

    def label(self, seat: str) -> str:
        """Return a seat's label; its id for a seat that the plan no longer has."""
        known = self._seats.get(seat)
        return known.label if known else seat
