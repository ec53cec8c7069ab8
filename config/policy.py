"""A library's rules as data: every number that a rule uses is a key here (`[policy]` of the site file).

Types only: what a rule does with a number lives in `booking.domain`. A refusal or violation names its key as
`policy_key`, e.g. "policy.check_in.closes_after".
"""

from datetime import time, timedelta
from enum import StrEnum

import attrs

MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class ExitMeans(StrEnum):
    """What a passage out does to the reservation in use."""

    AWAY = "away"
    END = "end"
    """It ends, whether its reader had stepped away or not."""
    END_UNLESS_AWAY = "end-unless-away"
    """It ends, unless its reader has stepped away before."""
    VIOLATION_UNLESS_AWAY = "violation-unless-away"
    """The same, and going without stepping away first is a violation."""
    NOTHING = "nothing"


class InsideAtOpening(StrEnum):
    """What becomes of who is inside already when their check-in window opens, or when they book within it."""

    PROMPT = "prompt"
    """They are asked, and check in with one tap."""
    CHECK_IN = "check-in"
    """They are checked in."""
    NOTHING = "nothing"


class Admits(StrEnum):
    """Whom a gate in control mode lets in."""

    READER = "reader"
    """Every reader, at any time; who is suspended, only to what they have reserved."""
    RESERVATION = "reservation"
    """Who has reserved, from the opening of their check-in window to the end of their stay."""


class SeatFilter(StrEnum):
    """By what a reader may narrow the seats of an area (筛选): 靠窗, 电源, 电脑."""

    WINDOW = "window"
    POWER = "power"
    COMPUTER = "computer"


class ViolationKind(StrEnum):
    """What counts against a reader (违约)."""

    NO_SHOW = "no-show"  # 未签到: not checked in within the window
    LAPSED = "lapsed"  # 暂离超时: away longer than the limit
    NO_SIGN_OUT = "no-sign-out"  # 未签退: left without signing out, where a site asks for it
    LEFT = "left"  # 未暂离离馆: went out without stepping away, where `gate.exit_means` says so


class CountedIn(StrEnum):
    """Over which calendar stretch of the site violations are counted together; a week runs from Monday to Sunday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SuspendUntil(StrEnum):
    """Until which midnight of the site a suspension lasts, seen from the day of the violation."""

    NEXT_DAY = "next-day"
    DAY_AFTER_NEXT = "day-after-next"
    NEXT_WEEK = "rest-of-week"


@attrs.frozen
class BookingPolicy:
    """When and how long a reader may book."""

    advance_days: int = 1
    """Today and this many days more."""
    release_at: time | None = None
    """From which time of day the last of these days can be booked; None: from midnight."""
    grid: timedelta = HOUR
    """Starts and ends lie on this grid from midnight; "now" is allowed beside it."""
    allow_now: bool = True
    min_length: timedelta = timedelta(minutes=10)
    max_length: timedelta = timedelta(hours=15)
    """For an area that names none of its own."""
    max_active: int = 2
    """Reservations of one reader that are not over."""
    one_venue: bool = False
    """While a reservation is not over, a reader books in no other venue."""
    rebook_limit: int = 3
    """So many cancellations of one seat by one reader within `rebook_within` begin its `cool_down` for them; 0: none do."""
    rebook_within: timedelta = 2 * HOUR
    cool_down: timedelta = 30 * MIN
    filters: list[SeatFilter] = attrs.field(factory=list)
    """By what seats can be narrowed (筛选); empty: by nothing, on pages and in the API."""


@attrs.frozen
class CheckInPolicy:
    """The window around the start, and how a code is judged."""

    opens_before: timedelta = 30 * MIN
    closes_after: timedelta = 30 * MIN
    code_tolerance_steps: int = 1
    grant_lasts: timedelta = 5 * MIN
    reader_code_lasts: timedelta = timedelta(seconds=60)
    position_accuracy_m: int = 100
    """Where a venue has a geofence: how sure, in metres, a phone must be of its position."""
    at_kiosk_now: bool = True
    """A booking from "now" at a kiosk, where the reader has just shown card or code, is checked in at once."""


@attrs.frozen
class MealTime:
    """A time of day, `starts` to `ends`, at which who steps away has another limit."""

    starts: time
    ends: time
    limit: timedelta


@attrs.frozen
class AwayPolicy:
    """Stepping away."""

    offered: bool = True
    """Whether a library has 暂离 at all."""

    limit: timedelta = 30 * MIN
    meals: list[MealTime] = attrs.field(factory=list)
    """An absence that begins at one of these times may last as long as it says, where that is longer."""


@attrs.frozen
class ExtendPolicy:
    """Extending a reservation that is in use."""

    offered: bool = True
    """Whether a library has 续约 at all."""

    opens_before_end: timedelta = HOUR
    step: timedelta = HOUR


@attrs.frozen
class SignOutPolicy:
    """Whether going has to be said (签退)."""

    required: bool = False
    """A stay is over once its reader signed out on site: at the entrance, at a gate or by staff, not from afar."""
    grace: timedelta = 20 * MIN
    """How long after its end that may still be done; then 未签退 is recorded."""


@attrs.frozen
class ViolationStep:
    """From the violation number `after` on, a reader cannot book until `suspend`."""

    after: int
    suspend: SuspendUntil


@attrs.frozen
class ViolationPolicy:
    """What counts as a violation (违约), what follows from how many, and how it can be contested."""

    no_show: bool = True
    """Not checking in within the window counts."""
    lapsed: bool = True
    """Staying away longer than `away.limit` counts."""
    no_sign_out: bool = True
    """Leaving without signing out counts, where the site asks readers to sign out."""
    left: bool = True
    """Going out without stepping away counts, where `gate.exit_means` says so."""
    counted_in: CountedIn = CountedIn.WEEK
    steps: list[ViolationStep] = attrs.field(factory=list)
    """`[{ after = 1, suspend = "next-day" }, …]`; empty: violations are recorded and nothing follows."""
    watermark_wait: timedelta = 24 * HOUR
    """A violation whose gates have not all reported past its deadline for so long is put before staff."""
    appeal_within: timedelta = 7 * 24 * HOUR
    """How long a reader can appeal."""


@attrs.frozen
class GatePolicy:
    """What a passage does."""

    enter_checks_in: bool = True
    exit_means: ExitMeans = ExitMeans.AWAY
    confirm_for: timedelta = 30 * MIN
    late_after: timedelta = 5 * MIN
    """A passage that booking learns of later than this after it happened is late evidence: it lifts a consequence
    (a missed check-in, a lapse) but imposes none."""
    inside_at_opening: InsideAtOpening = InsideAtOpening.PROMPT
    pass_timeout: timedelta = timedelta(seconds=10)
    """Where a lane reports passage: so long after a swipe its effect waits for that word, then counts as unconfirmed."""
    flag_disputed: bool = True
    """Who says "not me" flags the card for the desk."""
    clock_ahead: timedelta = 5 * MIN
    """A gate's time that is further in the future than this is wrong: it is rebuilt from what the gate's births tell."""
    gap_after: timedelta = MIN
    """Events that are missing between others for so long alert staff."""
    admits: Admits = Admits.READER
    """Whom portals in control mode let in."""
    admits_always: list[str] = attrs.field(factory=list)
    """Groups of readers whom they let in at any time although a reservation is needed; staff always belong to them."""
    list_valid_for: timedelta = 24 * HOUR
    """So long a gate decides without hearing from booking; then each portal does what its `when_unknown` says."""
    antipassback: timedelta = timedelta()
    """A credential that came in does not come in again so soon unless it has gone out; nothing: there is no such rule."""
    command_within: timedelta = timedelta(seconds=15)
    """A command of staff to a gate (open, lock, unlock) is carried out within this or never."""


@attrs.frozen
class EvacuationPolicy:
    """What an evacuation does to the clocks of the reservations in its venue."""

    by_alarm: bool = True
    """An alarm input of a gate begins one; staff end it in any case."""
    return_within: timedelta = 15 * MIN
    """No deadline comes sooner than this after its end."""


@attrs.frozen
class IdentityPolicy:
    """How an app is bound to a reader, and how a reader is recognised on site."""

    activation_code_lasts: timedelta = 10 * MIN
    activation_code_tries: int = 5
    """Wrong codes for one reader after which their code no longer counts."""
    binding_confirm_for: timedelta = 10 * MIN
    """How long an app that knew the code waits for a yes on the page that made it."""
    pin_tries: int = 5
    """Wrong kiosk PINs after which it is locked until it is set anew."""
    pair_within: timedelta = 10 * MIN
    """How long staff may pair the last unknown card at a portal to a reader."""


@attrs.frozen
class RemindersPolicy:
    """How long before something runs out its reader is reminded; nothing: not at all."""

    before_check_in_closes: timedelta = 10 * MIN
    before_away_ends: timedelta = 5 * MIN
    before_end: timedelta = 10 * MIN


@attrs.frozen
class WaitingPolicy:
    """Being told when a seat frees."""

    max_open: int = 3
    """What one reader may wait for at once; 0: nobody can wait."""
    turn: timedelta = 10 * MIN
    """After the first in line was told of a seat, the next is told of it this much later, if it is still free."""


@attrs.frozen
class DrawPolicy:
    """Granting by lot what a newly opened day is wished for."""

    collect: timedelta = timedelta()
    """From the moment at which a day opens, wishes for it are collected so long and then granted by lot; nothing: whoever
    is first has it."""


@attrs.frozen
class RetentionPolicy:
    """How long records of people are kept; nothing ("0s"): for ever."""

    presence: timedelta = 180 * 24 * HOUR
    """What tells where somebody was: passages, scanned codes, the ledger of a reservation, what its reader was told."""
    reservations: timedelta = 730 * 24 * HOUR
    """What somebody booked and how it ended, violations included."""
    audit: timedelta = 1095 * 24 * HOUR
    """Who of the staff did what, and who changed somebody's identity."""


@attrs.frozen
class Policy:
    """All rules of a site as data."""

    booking: BookingPolicy = attrs.field(factory=BookingPolicy)
    check_in: CheckInPolicy = attrs.field(factory=CheckInPolicy)
    away: AwayPolicy = attrs.field(factory=AwayPolicy)
    extend: ExtendPolicy = attrs.field(factory=ExtendPolicy)
    sign_out: SignOutPolicy = attrs.field(factory=SignOutPolicy)
    gate: GatePolicy = attrs.field(factory=GatePolicy)
    evacuation: EvacuationPolicy = attrs.field(factory=EvacuationPolicy)
    reminders: RemindersPolicy = attrs.field(factory=RemindersPolicy)
    waiting: WaitingPolicy = attrs.field(factory=WaitingPolicy)
    identity: IdentityPolicy = attrs.field(factory=IdentityPolicy)
    violations: ViolationPolicy = attrs.field(factory=ViolationPolicy)
    draw: DrawPolicy = attrs.field(factory=DrawPolicy)
    retention: RetentionPolicy = attrs.field(factory=RetentionPolicy)
