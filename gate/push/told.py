"""A terminal's event → who was recognised, and what else it tells. Pure: time is an argument.

The form is that of Hikvision's ISAPI (`AccessControllerEvent`); its codes are pairs of a major and a minor number, as its
device network SDK lists them. Names, pictures' addresses and whatever else an event holds are not even read.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Annotated

import attrs
import msgspec

from messages.access import AlarmKind, Credential, CredentialKind
from wire.cards import CardFormat, canonical, person
from wire.meanings import Says
from wire.reads import Alarm, Read, Remark, Said

Number = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Short = Annotated[str, msgspec.Meta(max_length=64)]
FACES, STRANGERS, CARDS = ("5/75", "5/77"), ("5/76",), ("5/1",)
"""Face recognised (alone, or after a person number was typed); face not recognised; card accepted."""
ALARMS: Mapping[str, Alarm] = {
    "5/27": Alarm(AlarmKind.FORCED, active=True),
    "5/28": Alarm(AlarmKind.HELD, active=True),
    "5/26": Alarm(AlarmKind.HELD, active=False),
    "1/1028": Alarm(AlarmKind.TAMPER, active=True),
    "1/1029": Alarm(AlarmKind.TAMPER, active=False),
}
"""Door opened abnormally, open too long, closed; case opened, case closed."""
LONGEST_KEPT = timedelta(days=30)


class Event(
    msgspec.Struct,
    frozen=True,
    rename={
        "major": "majorEventType",
        "minor": "subEventType",
        "serial": "serialNo",
        "front": "frontSerialNo",
        "person": "employeeNoString",
        "card": "cardNo",
        "door": "doorNo",
        "current": "currentEvent",
    },
):
    """What we read of an AccessControllerEvent."""

    major: Number
    minor: Number
    serial: Number | None = None
    front: Number | None = None
    """The serial number of the event before it, inferred from what terminals send."""
    person: Short = ""
    card: Short = ""
    door: Number = 1
    current: bool = True
    """False: the terminal kept it while nobody listened, and sends it now."""

    @property
    def code(self) -> str:
        """Its major and minor number."""
        return f"{self.major}/{self.minor}"


class Notice(
    msgspec.Struct, frozen=True, rename={"kind": "eventType", "said_at": "dateTime", "event": "AccessControllerEvent"}
):
    """What a terminal sends: an event of its door, or another notice (a heartbeat) that we only count."""

    kind: Short
    said_at: Short = ""
    event: Event | None = None


@attrs.frozen
class Codes:
    """Which codes of a terminal mean what."""

    faces: frozenset[str] = frozenset(FACES)
    strangers: frozenset[str] = frozenset(STRANGERS)
    cards: frozenset[str] = frozenset(CARDS)


_DECODER = msgspec.json.Decoder(Notice)


def notice_of(body: bytes) -> Notice:
    """Decode an event's bytes; ValueError with a sentence that holds none of them."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("the event is not the JSON that terminals send") from error


def said_in(event: Event, codes: Codes, *, kept: bool) -> Said:
    """Return what an event says; ValueError when it holds what no person number or card number can be."""
    code = event.code
    if code in codes.faces:
        if not event.person:
            return Remark(Says.STRANGER, code)
        return Read(Credential(CredentialKind.FACE, person(event.person)), kept=kept, message=code)
    if code in codes.cards and event.card:
        return Read(Credential(CredentialKind.CARD, canonical(CardFormat.DECIMAL, event.card)), kept=kept, message=code)
    if code in codes.strangers:
        return Remark(Says.STRANGER, code)
    if code in ALARMS and not kept:
        return attrs.evolve(ALARMS[code], message=code)
    return Remark(Says.NOTHING, code)


def moment(text: str, zone: tzinfo | None) -> datetime | None:
    """Return a terminal's time; None where it says none that can be read. Without a zone it is the site's."""
    try:
        said = datetime.fromisoformat(text)
        # Far out, arithmetic on the time itself would fail.
        if not 1970 < said.year < 2200:  # noqa: PLR2004 - what a clock can mean
            return None
    except ValueError:
        return None
    return said if said.tzinfo else said.replace(tzinfo=zone)
