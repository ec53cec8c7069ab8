"""What a kiosk shows and knows at one moment: the state that `kiosk.flow` steps and `kiosk.screens` draws. Values only."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kiosk.code_clock import CodeClock
from kiosk.seat_map import SeatMaps


class Language(StrEnum):
    """The reader's language; Chinese again after everyone who leaves."""

    CHINESE = "zh_Hans_CN"
    ENGLISH = "en"


class CameraState(StrEnum):
    """Where the camera is while somebody shows it a phone."""

    OPENING = "opening"
    WATCHING = "watching"
    MISSING = "missing"


class Trouble(StrEnum):
    """Why somebody was not identified; each has its own sentence."""

    CODE_INVALID = "code-invalid"
    """Used, too old, or never given out: booking does not say which to a machine that strangers stand at."""
    CARD_UNKNOWN = "card-unknown"
    """Of no reader, not valid now, or blocked: the desk can tell which."""
    NOT_A_READER_CODE = "not-a-reader-code"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    """Booking was asked to do something and did not say what became of it."""


class Wish(StrEnum):
    """What a reader can have done with their seat here; the values are booking's names of the actions."""

    CHECK_IN = "check-in"
    RETURN = "return"
    STEP_AWAY = "step-away"
    EXTEND = "extend"
    END = "end"
    CANCEL = "cancel"

    @property
    def gives_up(self) -> bool:
        """Tell whether the seat is gone afterwards: asked once more before."""
        return self in (Wish.END, Wish.CANCEL)


@dataclass(frozen=True, slots=True)
class Stay:
    """A reader's reservation as far as this screen needs it; times with zone, None where they do not apply."""

    area: str
    label: str
    start: datetime
    end: datetime
    status: str
    check_in_until: datetime | None = None
    away_until: datetime | None = None
    id: str = ""
    wishes: tuple[Wish, ...] = ()
    """What booking would do now, in the order of `Wish`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Booking's no, in the reader's language: the rule, and when it is possible where there is such a time."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Session:
    """A reader in front of the machine. The name is masked before it comes here; gone as soon as they leave."""

    token: str = field(repr=False)
    name: str = field(repr=False)
    stay: Stay | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """Nobody is here: code, free seats, two buttons."""


@dataclass(frozen=True, slots=True)
class Areas:
    """The list of areas, a page at a time."""

    page: int = 0


@dataclass(frozen=True, slots=True)
class AreaView:
    """One area's live map."""

    area: str


@dataclass(frozen=True, slots=True)
class BookByPhone:
    """The address for the reader's phone; `area` is where they came from."""

    area: str


@dataclass(frozen=True, slots=True)
class Identify:
    """Waiting for a phone in front of the camera. `asking`: a code was read and booking is asked."""

    camera: CameraState = CameraState.OPENING
    asking: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """Somebody was identified: their seat, and what they can have done. `asking`: booking is doing this."""

    asking: Wish | None = None


@dataclass(frozen=True, slots=True)
class Confirm:
    """Asks once more before a seat is given up."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Done:
    """It was done; `State.session` says how things stand now."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class NotDone:
    """It was not done, or nobody knows."""

    reason: Refusal | Trouble


@dataclass(frozen=True, slots=True)
class NotIdentified:
    """Nobody was identified, and why."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class OutOfOrder:
    """Something here failed: say so, keep the code, go home."""


Screen = (
    Idle | Areas | AreaView | BookByPhone | Identify | Greeting | Confirm | Done | NotDone | NotIdentified | OutOfOrder
)
CLOSES_BY_ITSELF = (Done, NotDone, NotIdentified, OutOfOrder)
WITH_READER = (Greeting, Confirm, Done, NotDone)
"""Screens that somebody stands before whom we know; on every other one the session is gone."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds a screen waits for its reader."""

    idle: float = 30.0
    warning: float = 20.0
    result: float = 15.0


@dataclass(frozen=True, slots=True)
class State:
    """Everything a picture is made of. `monotonic` and `touched_at` are seconds of one clock that never steps."""

    now: datetime
    code: CodeClock
    patience: Patience = Patience()
    monotonic: float = 0.0
    touched_at: float = 0.0
    screen: Screen = Idle()
    language: Language = Language.CHINESE
    lowered: bool = False
    maps: SeatMaps = field(default_factory=SeatMaps)
    session: Session | None = None
    always_watching: bool = False
    """The camera looks on the idle screen too: a code held before it needs no tap."""
    reads_cards: bool = False
    """There is a card reader beside the screen."""
    last_code: str = field(default="", repr=False)
    """The code that was asked about last: each counts once, and one that stays in sight must not be asked about again."""
    attempt: int = 0
    """Counts questions to booking: an answer to an earlier one comes too late."""

    @property
    def left_alone(self) -> bool:
        """Tell whether nobody has touched the screen for as long as any screen waits."""
        return self.monotonic - self.touched_at >= self.patience.idle + self.patience.warning

    @property
    def untouched(self) -> bool:
        """Tell whether language and height are as everyone finds them."""
        return self.language is Language.CHINESE and not self.lowered

    @property
    def seconds_to_home(self) -> int | None:
        """Return the countdown that is on the screen, None while there is none."""
        if isinstance(self.screen, Idle):
            return None
        waited = self.monotonic - self.touched_at
        if isinstance(self.screen, CLOSES_BY_ITSELF):
            return max(0, math.ceil(self.patience.result - waited))
        if waited < self.patience.idle:
            return None
        return max(0, math.ceil(self.patience.idle + self.patience.warning - waited))
