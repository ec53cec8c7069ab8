"""What the API takes, as pydantic types (what it gives: models.py). Lengths are capped; unknown fields are errors."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from booking.domain.geofence import EARTH_M, MAX_LATITUDE, MAX_LONGITUDE
from booking.domain.telling import MAX_ADDRESS, Topic

YEARS = range(1970, 9000)
"""Within these every time can be told in any zone, and a day be added to it."""


def can_be_told(moment: datetime) -> bool:
    """Tell whether a time is one that a calendar can reckon with, and not at its very ends."""
    return moment.year in YEARS


def _reckoned(moment: datetime) -> datetime:
    if not can_be_told(moment):
        raise ValueError(f"a year from {YEARS.start} to {YEARS.stop - 1}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_reckoned)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Code = Annotated[str, Field(min_length=1, max_length=64)]


class Wish(BaseModel):
    """Base of everything a client sends: an unknown field is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid")


class SignInIn(Wish):
    """A local account."""

    reader: Name
    password: Annotated[str, Field(min_length=1, max_length=256)]


class ReserveIn(Wish):
    """A seat; or an area, for its best free seat; or both: that seat, else the best there. No `start` means now."""

    seat: Name | None = None
    area: Name | None = None
    start: Moment | None = None
    end: Moment


class ExtendIn(Wish):
    """Until when; without it, one step more."""

    until: Moment | None = None


class PositionIn(Wish):
    """Where the phone is: degrees (WGS 84), and within how many metres it is sure. Judged at once and never kept."""

    lat: Annotated[float, Field(ge=-MAX_LATITUDE, le=MAX_LATITUDE)]
    lon: Annotated[float, Field(ge=-MAX_LONGITUDE, le=MAX_LONGITUDE)]
    accuracy: Annotated[float, Field(ge=0, lt=EARTH_M)]


class MoveIn(Wish):
    """To which seat; `taken` says that somebody else sits on the reader's own, and then no seat means the best one."""

    seat: Name | None = None
    taken: bool = False


class ScanIn(Wish):
    """The scanned code; without it the grant that `GET /c/{code}` left in this browser counts. `position` where the
    library has a range.
    """

    code: Code | None = None
    position: PositionIn | None = None


class ChannelIn(Wish):
    """Where, in which language ("zh", "en") and about what to be told; no `address` keeps the present one."""

    address: Annotated[str, Field(min_length=1, max_length=MAX_ADDRESS)] | None = None
    language: Annotated[str, Field(pattern="^(zh|en)$")] = "zh"
    topics: Annotated[list[Topic], Field(max_length=len(Topic))] = Field(default_factory=lambda: list(Topic))


class WaitIn(Wish):
    """A seat, or an area for any of its seats, free for the whole of `[start, end)`. No `start` means now."""

    seat: Name | None = None
    area: Name | None = None
    start: Moment | None = None
    end: Moment


class EnrolIn(Wish):
    """A device joins with its one-time code and its Ed25519 public key (base64url, 32 bytes)."""

    device: Name
    kind: Annotated[str, Field(pattern="^(gate|kiosk)$")]
    code: Annotated[str, Field(min_length=1, max_length=256)]
    kid: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    public_key: Annotated[str, Field(max_length=64)]


class KioskSessionIn(Wish):
    """Who stands at the kiosk: the code from their phone, a card's canonical value, or student number and PIN."""

    reader_code: Code | None = None
    card: Code | None = None
    reader: Name | None = None
    pin: Annotated[str, Field(min_length=1, max_length=16)] | None = None


class BindingIn(Wish):
    """A student number with the six digits that its web page shows; or the link that stands beside them."""

    reader: Name | None = None
    code: Annotated[str, Field(min_length=6, max_length=16)] | None = None
    link: Annotated[str, Field(min_length=8, max_length=200)] | None = None
    app: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")] = "app"
    """What the app calls itself: the reader sees it when they confirm."""


class ReasonIn(Wish):
    """Why, in both languages: readers are told it."""

    zh: Annotated[str, Field(min_length=1, max_length=80)]
    en: Annotated[str, Field(min_length=1, max_length=80)]


class PatrolIn(Wish):
    """What staff found on a seat in use: nobody, or belongings alone."""

    found: Annotated[str, Field(pattern="^(empty|belongings)$")]


class CloseIn(Wish):
    """An area, or one seat of it, to be closed. No `start` means now, no `end` until it is lifted."""

    area: Name
    seat: Name | None = None
    start: Moment | None = None
    end: Moment | None = None
    reason: ReasonIn
