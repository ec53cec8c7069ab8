"""Everything that changes something: one frozen command per intention, and the outcomes.

A command carries the time it was received (`at`, server time) and who asks; deciding happens in `booking.domain`,
inside the writer's transaction, on facts read in that transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from booking.domain.draw import Entry
from booking.domain.refusals import Refusal
from booking.domain.reservation import Action, Reservation
from booking.service.floor import FloorCommand
from booking.service.gate_commands import GateCommand
from booking.service.identity import BindingAsked, IdentityCommand
from booking.service.patrol import MarkSeat
from booking.service.people import Imported, PeopleCommand
from booking.service.pictures import PictureCommand
from booking.service.recognition import RecognitionCommand
from booking.service.request_key import RequestKey
from booking.service.sso import SsoCommand
from booking.service.telling import Claimed, TellingCommand, Waiting, WaitingCommand
from booking.service.violation_commands import ViolationCommand
from messages.access import GateEvent


class Channel(StrEnum):
    """Through what a reader asked."""

    WEB = "web"
    KIOSK = "kiosk"
    APP = "app"
    GATE = "gate"
    STAFF = "staff"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Book `seat`; or the best free seat of `area`. `seat` with `area` set means "this seat, else the best there".
    `start` None means now.
    """

    reader: str
    at: datetime
    seat: str | None
    area: str | None
    start: datetime | None
    end: datetime
    channel: Channel = Channel.WEB
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A reader's action on their own reservation. `until` is EXTEND's wished end (None: one step more)."""

    reader: str
    at: datetime
    reservation: str
    action: Action
    until: datetime | None = None
    channel: Channel = Channel.WEB
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveSeat:
    """Move a reservation to `seat`. `taken`: somebody else sits on the reader's seat (占座); staff get a task, and without
    a `seat` it moves to the best free one nearby.
    """

    reader: str
    at: datetime
    reservation: str
    seat: str | None
    taken: bool = False
    channel: Channel = Channel.WEB
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInByCode:
    """Check in with a kiosk's code that was verified at `seen_at` (the GET): unique per reader, kiosk and step.
    A reader who is away returns by it.
    """

    reader: str
    at: datetime
    seen_at: datetime
    kiosk: int
    step: int
    near: str | None = None
    """How near, coarsely, where a position inside the venue's geofence came with the scan (booking.domain.geofence)."""
    channel: Channel = Channel.WEB
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutByCode:
    """Sign out (签退) with a code that was verified at `seen_at`; the fields are those of `CheckInByCode`."""

    reader: str
    at: datetime
    seen_at: datetime
    kiosk: int
    step: int
    near: str | None = None
    channel: Channel = Channel.WEB
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordGateEvent:
    """A verified event of `gate`. `payload` is what we know of it, `digest` the SHA-256 of what arrived."""

    gate: str
    at: datetime
    event: GateEvent
    payload: bytes
    digest: bytes
    said_at: datetime | None = None
    """What the gate's clock said, where the event's time is rebuilt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepDeadLetter:
    """A verified message that booking cannot apply (unknown portal, impossible time): kept for staff."""

    gate: str
    at: datetime
    epoch: int
    sequence: int
    payload: bytes
    digest: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerGateRecord:
    """The reader confirms what a passage did, or undoes it ("更正")."""

    reader: str
    at: datetime
    record: str
    confirm: bool
    request: RequestKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReaderCode:
    """Store the hash of a fresh reader code (single use)."""

    reader: str
    at: datetime
    code_hash: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UseReaderCode:
    """A kiosk's camera read a reader's code: identify the reader, once."""

    at: datetime
    code_hash: bytes
    kiosk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """Store a session (the hash of its opaque token). `role` is "reader" or "staff"; `kiosk` for kiosk sessions."""

    reader: str
    at: datetime
    token_hash: bytes
    csrf: str
    expires_at: datetime
    role: str = "reader"
    channel: Channel = Channel.WEB


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession:
    """Forget a session."""

    token_hash: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolDevice:
    """A gate or kiosk joins: `code_hash` must be an open one-time code for it; stores its public key (32 bytes)."""

    device: str
    kind: str
    at: datetime
    code_hash: bytes
    kid: str
    public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnrolment:
    """Open a one-time code (its hash) for a device. Nothing happens when the same code was offered before."""

    device: str
    kind: str
    at: datetime
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class Card:
    """A credential of a person: its canonical value, valid in `[valid_from, valid_until)`."""

    kind: str
    value: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone to be known. `password_hash` None keeps the one there is (or has none: single sign-on only). `groups` are
    words such as "postgraduate" that areas name as eligible; None keeps those there are.
    """

    reader: str
    name: str
    role: str = "reader"
    password_hash: str | None = None
    cards: tuple[Card, ...] = ()
    groups: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPeople:
    """Add people and cards, or bring them up to date. A card that was another's is this person's from `at` on."""

    at: datetime
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkTold:
    """The notifications up to number `upto` have been handed to the broker."""

    at: datetime
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Write down what time has done by `at`: misses, lapses, completions. Late, twice or never: same result."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepTime:
    """It is `at`. A clock that was set back begins a new generation of maps, or they would not be announced until it is later
    again.
    """

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawEntry:
    """A reader takes a wish out of the draw of `day`."""

    reader: str
    at: datetime
    day: date


Command = (
    Reserve
    | Act
    | MoveSeat
    | CheckInByCode
    | CheckOutByCode
    | RecordGateEvent
    | KeepDeadLetter
    | AnswerGateRecord
    | IssueReaderCode
    | UseReaderCode
    | OpenSession
    | CloseSession
    | EnrolDevice
    | OfferEnrolment
    | LoadPeople
    | MarkTold
    | Sweep
    | WithdrawEntry
    | KeepTime
    | TellingCommand
    | WaitingCommand
    | IdentityCommand
    | FloorCommand
    | MarkSeat
    | PeopleCommand
    | ViolationCommand
    | RecognitionCommand
    | PictureCommand
    | GateCommand
    | SsoCommand
)


@dataclass(frozen=True, slots=True)
class Changed:
    """The reservation as it stands now. `repeated`: the stored answer of an earlier request under the same key."""

    reservation: Reservation
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Entered:
    """A wish is in the draw of its day, which is held at `closes`."""

    entry: Entry
    closes: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """A gate event is stored. `replay`: it was known, nothing was applied again."""

    replay: bool = False
    conflict: bool = False
    """A known identity with another digest: a cloned or restored disk. Dead letter, alert."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A reader code belonged to this reader, or the university vouched for them."""

    reader: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Done; nothing more to say."""


Outcome = Changed | Entered | Recorded | Identified | BindingAsked | Imported | Stored | Claimed | Waiting | Refusal
