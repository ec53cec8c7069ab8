"""Everything that can happen to a kiosk, and everything it can ask of the world. Frozen values, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kiosk.state import CameraState, Language, Refusal, Session, Stay, Trouble, Wish
from messages.seats import AreaMap


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; comes before every other input."""

    now: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Tapped:
    """A finger came down: on a target, or on nothing (None)."""

    target: str | None


@dataclass(frozen=True, slots=True)
class MapArrived:
    """Booking told an area's seats."""

    area_map: AreaMap


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The broker came or went."""

    up: bool


@dataclass(frozen=True, slots=True)
class BookingChanged:
    """Booking was born or died."""

    up: bool


@dataclass(frozen=True, slots=True)
class KeysArrived:
    """Booking gave this kiosk its number and day keys."""

    kiosk_number: int
    keys: Mapping[int, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClockMeasured:
    """Server time minus ours, as booking's answer showed it."""

    offset: timedelta


@dataclass(frozen=True, slots=True)
class CameraChanged:
    """The camera is there, or is not."""

    camera: CameraState


@dataclass(frozen=True, slots=True)
class CodeSeen:
    """The camera read a reader's code. Never in a repr: it signs its reader in."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CardSeen:
    """The card reader read a card, in its canonical form. Never in a repr: it signs its holder in."""

    card: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ForeignCodeSeen:
    """The camera read a code that is no reader's code."""


@dataclass(frozen=True, slots=True)
class Identified:
    """Booking knows the reader."""

    attempt: int
    session: Session


@dataclass(frozen=True, slots=True)
class NotKnown:
    """Booking does not, or could not be asked."""

    attempt: int
    trouble: Trouble


@dataclass(frozen=True, slots=True)
class WishDone:
    """Booking did what was wished; `stay`: how it stands now, None when it is over."""

    attempt: int
    stay: Stay | None


@dataclass(frozen=True, slots=True)
class WishFailed:
    """Booking did not, or did not answer."""

    attempt: int
    reason: Refusal | Trouble


@dataclass(frozen=True, slots=True)
class PictureWanted:
    """Staff want to see this screen; the command was verified."""

    command: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something here raised: show the failsafe screen."""


Input = (
    Tick
    | Tapped
    | MapArrived
    | LinkChanged
    | BookingChanged
    | KeysArrived
    | ClockMeasured
    | CameraChanged
    | CodeSeen
    | CardSeen
    | ForeignCodeSeen
    | Identified
    | NotKnown
    | WishDone
    | WishFailed
    | PictureWanted
    | Failed
)


@dataclass(frozen=True, slots=True)
class OpenCamera:
    """Start to look for codes."""


@dataclass(frozen=True, slots=True)
class CloseCamera:
    """Stop looking and let go of the camera."""


@dataclass(frozen=True, slots=True)
class AskWho:
    """Ask booking whose code, or else whose card, this is."""

    attempt: int
    reader_code: str = field(default="", repr=False)
    card: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CarryOut:
    """Have booking do something with a reader's reservation, in the name of their session."""

    attempt: int
    session: Session = field(repr=False)
    wish: Wish
    language: Language


@dataclass(frozen=True, slots=True)
class SendPicture:
    """Send what is on the screen now; `curtained`: a picture that says it is in use instead of the reader's screen."""

    command: str
    curtained: bool


Effect = OpenCamera | CloseCamera | AskWho | CarryOut | SendPicture
