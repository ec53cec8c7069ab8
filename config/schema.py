"""The site file: venues, areas, policy, gates and kiosks of one library (`config/sites/*.toml`).

Types only. The rules and their numbers are in `config.policy`.
"""

from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from config.policy import Policy
from config.values import Text


class PortalDirection(StrEnum):
    """Which way a portal leads; `frame` where the frame itself says."""

    IN = "in"
    OUT = "out"
    FRAME = "frame"


class PortalMode(StrEnum):
    """Who decides at a portal."""

    REPORT = "report"
    """The turnstile; the gate tells what it reports."""
    CONTROL = "control"
    """The gate, from booking's access list; it tells the turnstile to open."""


class WhenUnknown(StrEnum):
    """What a portal in control mode does for `in` while no access list counts. Out is always let through."""

    OPEN = "open"
    CLOSED = "closed"


class KioskRole(StrEnum):
    """选座机 picks seats; 查询机 shows the code and looks up; one at the entrance stands for a whole venue."""

    PICK = "pick"
    ENQUIRY = "enquiry"
    ENTRANCE = "entrance"
    """Stands at a library's door: who scans its code (签到二维码) signs in, and out when they go."""


class Weekday(StrEnum):
    """Days of the week, in the calendar's order."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


@attrs.frozen
class WeekHours:
    """Other hours on some days of the week; without hours it is closed on them."""

    days: list[Weekday]
    opens: time | None = None
    closes: time | None = None


@attrs.frozen
class DateHours:
    """Other hours from day `first` to day `last` (None: that day alone): an exam week, a short day; without hours closed."""

    first: date
    last: date | None = None
    opens: time | None = None
    closes: time | None = None
    reason: Text | None = None


@attrs.frozen
class Geofence:
    """A library's range: whoever scans a code there must be within `radius_m` metres of this point (WGS 84)."""

    lat: float
    lon: float
    radius_m: int


@attrs.frozen
class Venue:
    """A building: its usual opening hours, those of some weekdays, and exceptions by date, which go before both."""

    id: str
    name: Text
    opens: time
    closes: time
    weekdays: list[WeekHours] = attrs.field(factory=list)
    exceptions: list[DateHours] = attrs.field(factory=list)
    geofence: Geofence | None = None
    """Left out: a scanned code counts without a position."""
    capacity: int | None = None
    """How many gates in control mode let be inside; left out: as many as its areas hold where all have a `capacity`, else no limit."""


@attrs.frozen
class Area:
    """A part of a venue: with seats of its own on a `plan` (a file of `config/plans` or beside the site file), or
    with a `capacity`, places without numbers of which no more are held at any instant.
    """

    id: str
    name: Text
    venue: str
    floor: int
    plan: str = ""
    max_length: timedelta | None = None
    closed_seats: list[str] = attrs.field(factory=list)
    capacity: int | None = None
    exceptions: list[DateHours] = attrs.field(factory=list)
    """Days on which this area has other hours than its venue, or none. Never longer ones."""
    eligible: list[str] = attrs.field(factory=list)
    """Groups of readers that may book here; empty means everybody."""
    walk_up_share: float = 0.0
    """This part of its places, the last free ones, is given out at kiosks alone …"""
    walk_up_release: timedelta = timedelta(minutes=30)
    """… until this long before the start."""


@attrs.frozen
class Portal:
    """One lane of a turnstile on one line. Empty `port`: the simulator's in `seatgate run`."""

    id: str
    direction: PortalDirection
    protocol: str
    port: str = ""
    """Several portals of one gate and one family may share a line."""
    address: int | None = None
    """Which device on a shared line it is."""
    options: dict[str, Any] = attrs.field(factory=dict)
    """What else its family wants to know: docs/protocols.md."""
    name: Text | None = None
    repeat_quiet: timedelta | None = None
    """Here instead of the gate's own: a read of the same credential sooner than this after the last one is none. "0s": each is one."""
    reports_passage: bool = False
    """Its turnstile says whether somebody walked through: what a swipe does waits for that (`policy.gate.pass_timeout`)."""
    passage_for: str = ""
    """The line of a turnstile board without a reader: the portal of the same gate whose passages it tells of."""
    mode: PortalMode = PortalMode.REPORT
    when_unknown: WhenUnknown = WhenUnknown.OPEN
    """In control mode, for `in`, while no access list counts: none has come, or it is older than `policy.gate.list_valid_for`."""
    open_on: str = ""
    """The portal of the same gate on whose line the open command goes out; empty: the board that says `passage_for` this
    one where there is one, else its own line."""


@attrs.frozen
class Gate:
    """One gate controller: one process, one MQTT account, several portals."""

    id: str
    venue: str
    name: Text
    portals: list[Portal]


@attrs.frozen
class Kiosk:
    """One machine with a screen; `number` is its place in the check-in code (0-32767)."""

    id: str
    number: int
    name: Text
    venue: str
    role: KioskRole = KioskRole.PICK
    areas: list[str] = attrs.field(factory=list)
    """Areas on its idle screen, nearest first; empty means all."""


@attrs.frozen
class Support:
    """Whom readers ask (客服咨询): what the page says, and an address that a tap opens (`tel:`, `mailto:` or `https:`)."""

    text: Text
    link: str = ""


@attrs.frozen
class Site:
    """One library."""

    id: str
    name: Text
    timezone: ZoneInfo
    venues: list[Venue]
    areas: list[Area]
    gates: list[Gate] = attrs.field(factory=list)
    kiosks: list[Kiosk] = attrs.field(factory=list)
    policy: Policy = attrs.field(factory=Policy)
    public_url: str = ""
    """How phones reach the service; empty: its own http address."""
    rules: Text | None = None
    """The banner 运行使用规则."""
    support: Support | None = None
    plans: Path | None = None
    """Folder of the plan files; empty: the shipped ones."""

    def area(self, area_id: str) -> Area | None:
        """Return an area by its id."""
        return next((area for area in self.areas if area.id == area_id), None)

    def venue(self, venue_id: str) -> Venue | None:
        """Return a venue by its id."""
        return next((venue for venue in self.venues if venue.id == venue_id), None)
