"""Pictures of kiosks on their way to staff, through the database: whichever process is asked, whichever the kiosk answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPicture:
    """Ask a kiosk for its picture under the id `command`; after `deadline` nobody waits for it."""

    command: str
    kiosk: str
    at: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPicture:
    """A kiosk hands in what it was asked for; once, and in time."""

    command: str
    kiosk: str
    at: datetime
    picture: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetPicture:
    """It was seen, or nobody waits any more."""

    command: str
    at: datetime


PictureCommand = AskPicture | KeepPicture | ForgetPicture


@dataclass(frozen=True, slots=True)
class WantedPicture:
    """What a kiosk is still to be told."""

    command: str
    kiosk: str
    deadline: datetime


class PictureReads(Protocol):
    """The pictures of booking.service.ports.Reads."""

    def wanted_pictures(self, now: datetime) -> list[WantedPicture]:
        """The pictures that somebody waits for at `now` and no kiosk has given."""

    def picture(self, command: str) -> bytes | None:
        """The picture that was given for `command`."""
