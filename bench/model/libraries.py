"""Three small libraries, each told to both sides: as a site for the product, as plain numbers for the model.

One is like the first manual's (seats, gates, stepping away, extending), one like the second's (places without numbers on
two campuses, signing out, suspensions), and one is the first with stricter gates. Few readers and few seats, so that
they are in each other's way all the time.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

from bench.model.rules import DAY, HOUR, MINUTE, GateNumbers, PlaceNumbers, Rules
from booking.domain.places import Places
from config.policy import (
    AwayPolicy,
    BookingPolicy,
    CheckInPolicy,
    ExitMeans,
    ExtendPolicy,
    GatePolicy,
    MealTime,
    Policy,
    SignOutPolicy,
    SuspendUntil,
    ViolationPolicy,
    ViolationStep,
)
from config.schema import (
    Area,
    DateHours,
    Gate,
    Geofence,
    Kiosk,
    KioskRole,
    Portal,
    PortalDirection,
    Site,
    Venue,
    Weekday,
    WeekHours,
)
from config.values import Text

ZERO = datetime(2023, 7, 16, 16, tzinfo=UTC)
"""Second 0: Monday 2023-07-17 00:00 in Beijing."""
HOLIDAY = 9
"""The day (Wednesday of the second week) on which the first library is closed."""


def moment(seconds: int) -> datetime:
    return ZERO + timedelta(seconds=seconds)


def seconds(at: datetime) -> int:
    return int((at - ZERO).total_seconds())


@dataclass(frozen=True)
class Library:
    """The same library twice."""

    name: str
    places: Places
    rules: Rules


def _text(words: str) -> Text:
    return Text(words, words)


def _clock(second: int) -> time:
    return time(second // HOUR, second % HOUR // MINUTE)


def _places(rules: Rules, policy: Policy, areas: list[Area], *, kiosk: KioskRole) -> Places:
    """Join what both sides know of the floor with the product's policy."""
    sunday = [WeekHours([Weekday.SUNDAY], _clock(rules.sunday[0]), _clock(rules.sunday[1]))] if rules.sunday else []
    first = date(2023, 7, 17)
    closed = [DateHours(first + timedelta(days=day), reason=_text("closed")) for day in sorted(rules.holidays)]
    names = sorted({area.venue for area in rules.areas.values()} | set(rules.kiosks.values()))
    venues = [
        Venue(
            id=name,
            name=_text(name),
            opens=_clock(rules.opens),
            closes=_clock(rules.closes),
            weekdays=sunday,
            exceptions=closed,
            geofence=Geofence(30.0, 120.0, 150) if name in rules.fenced else None,
        )
        for name in names
    ]
    gates = [
        Gate(
            gate.id,
            gate.venue,
            _text(gate.id),
            [Portal(lane, PortalDirection(way), "line") for lane, way in gate.lanes.items()],
        )
        for gate in rules.gates.values()
    ]
    kiosks = [Kiosk(f"k{number}", number, _text(f"k{number}"), venue, kiosk) for number, venue in rules.kiosks.items()]
    site = Site("lib", _text("lib"), ZoneInfo("Asia/Shanghai"), venues, areas, gates, kiosks, policy)
    plans = {
        area.id: [SimpleNamespace(label=seat.removeprefix(f"{area.id}-"), x=x, y=0.0) for seat, x in area.seats]
        for area in rules.areas.values()
    }
    return Places.of(site, plans)


def _row(area: str, count: int) -> tuple[tuple[str, float], ...]:
    return tuple((f"{area}-{n}", n * 100.0) for n in range(1, count + 1))


def seats_and_gates(name: str = "seats", means: ExitMeans = ExitMeans.AWAY) -> Library:
    """Like bjut: three areas in one building, one across the yard; two gates, one of them without fixed ways."""
    rules = Rules(
        areas={
            "hall": PlaceNumbers("hall", "library", _row("hall", 4), closed=frozenset({"hall-4"})),
            "quiet": PlaceNumbers("quiet", "library", _row("quiet", 2), max_length=4 * HOUR),
            "lab": PlaceNumbers(
                *("lab", "library", _row("lab", 3)), eligible=frozenset({"postgraduate"}), walk_up_share=0.3
            ),
            "annex": PlaceNumbers("annex", "annex", _row("annex", 2)),
        },
        gates={
            "south": GateNumbers("south", "library", {"s-in": "in", "s-out": "out"}),
            "north": GateNumbers("north", "library", {"n": "frame"}),
            "annex": GateNumbers("annex", "annex", {"a-in": "in", "a-out": "out"}),
        },
        kiosks={7: "library", 8: "annex"},
        fenced=frozenset(),
        readers={
            "A": frozenset(),
            "B": frozenset(),
            "C": frozenset({"postgraduate"}),
            "D": frozenset({"postgraduate", "staff"}),
        },
        opens=8 * HOUR,
        closes=22 * HOUR,
        sunday=(9 * HOUR, 17 * HOUR),
        holidays=frozenset({HOLIDAY}),
        advance_days=1,
        release=None,
        grid=HOUR,
        min_length=10 * MINUTE,
        max_length=6 * HOUR,
        max_active=3,
        one_venue=False,
        rebook_limit=3,
        rebook_within=2 * HOUR,
        cool_down=30 * MINUTE,
        window_before=30 * MINUTE,
        window_after=30 * MINUTE,
        away=30 * MINUTE,
        meals=((11 * HOUR + 30 * MINUTE, 13 * HOUR, HOUR), (17 * HOUR, 18 * HOUR + 30 * MINUTE, 20 * MINUTE)),
        extend_before=HOUR,
        extend_step=HOUR,
        sign_out_grace=None,
        blamed=frozenset({"no-show", "lapsed", "left"}),
        steps=((2, "next-day"), (3, "rest-of-week")),
        exit_means=str(means),
        late_after=5 * MINUTE,
        confirm_for=30 * MINUTE,
        appeal_within=2 * DAY,
    )
    policy = Policy(
        booking=BookingPolicy(max_length=timedelta(hours=6), max_active=3),
        away=AwayPolicy(
            meals=[
                MealTime(time(11, 30), time(13), timedelta(hours=1)),
                MealTime(time(17), time(18, 30), timedelta(minutes=20)),
            ]
        ),
        gate=GatePolicy(exit_means=means),
        violations=ViolationPolicy(
            steps=[ViolationStep(2, SuspendUntil.NEXT_DAY), ViolationStep(3, SuspendUntil.NEXT_WEEK)],
            appeal_within=timedelta(days=2),
        ),
    )
    areas = [
        Area("hall", _text("hall"), "library", 1, "hall.json", closed_seats=["4"]),
        Area("quiet", _text("quiet"), "library", 1, "quiet.json", max_length=timedelta(hours=4)),
        Area("lab", _text("lab"), "library", 2, "lab.json", eligible=["postgraduate"], walk_up_share=0.3),
        Area("annex", _text("annex"), "annex", 1, "annex.json"),
    ]
    return Library(name, _places(rules, policy, areas, kiosk=KioskRole.PICK), rules)


def places_and_campuses() -> Library:
    """Like two-campus: an entrance code at each door, and a gate at one of them, as the manual leaves room for."""
    rules = Rules(
        areas={
            "east": PlaceNumbers("east", "east", capacity=2),
            "west": PlaceNumbers("west", "west", capacity=1),
        },
        gates={"gate-east": GateNumbers("gate-east", "east", {"e-in": "in", "e-out": "out"})},
        kiosks={1: "east", 2: "west"},
        fenced=frozenset({"east", "west"}),
        readers={name: frozenset() for name in "ABCDE"},
        opens=8 * HOUR,
        closes=22 * HOUR,
        sunday=None,
        holidays=frozenset(),
        advance_days=3,
        release=22 * HOUR,
        grid=HOUR,
        min_length=HOUR,
        max_length=4 * HOUR,
        max_active=2,
        one_venue=True,
        rebook_limit=3,
        rebook_within=2 * HOUR,
        cool_down=30 * MINUTE,
        window_before=20 * MINUTE,
        window_after=20 * MINUTE,
        away=None,
        meals=(),
        extend_before=None,
        extend_step=HOUR,
        sign_out_grace=20 * MINUTE,
        blamed=frozenset({"no-show", "lapsed", "no-sign-out"}),
        steps=((1, "next-day"), (2, "rest-of-week")),
        exit_means="end",
        late_after=5 * MINUTE,
        confirm_for=30 * MINUTE,
        appeal_within=7 * DAY,
    )
    twenty = timedelta(minutes=20)
    policy = Policy(
        booking=BookingPolicy(
            advance_days=3,
            release_at=time(22),
            min_length=timedelta(hours=1),
            max_length=timedelta(hours=4),
            one_venue=True,
        ),
        check_in=CheckInPolicy(opens_before=twenty, closes_after=twenty),
        away=AwayPolicy(offered=False),
        extend=ExtendPolicy(offered=False),
        sign_out=SignOutPolicy(required=True, grace=twenty),
        gate=GatePolicy(exit_means=ExitMeans.END),
        violations=ViolationPolicy(
            steps=[ViolationStep(1, SuspendUntil.NEXT_DAY), ViolationStep(2, SuspendUntil.NEXT_WEEK)]
        ),
    )
    areas = [
        Area("east", _text("east"), "east", 1, capacity=2),
        Area("west", _text("west"), "west", 1, capacity=1),
    ]
    return Library("places", _places(rules, policy, areas, kiosk=KioskRole.ENTRANCE), rules)


def seats_and_strict_gates() -> Library:
    """The first again; but who goes out without having stepped away has ended, and violated a rule."""
    return seats_and_gates("strict", ExitMeans.VIOLATION_UNLESS_AWAY)


LIBRARIES = {"seats": seats_and_gates, "places": places_and_campuses, "strict": seats_and_strict_gates}
