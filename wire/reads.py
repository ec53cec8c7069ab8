"""What a frame says to the rest of the house: who was read and which way, that somebody passed, or nothing. Pure."""

from collections.abc import Mapping
from math import ceil
from typing import TypeVar

import attrs

from messages.access import AccessOutcome, AlarmKind, Credential, CredentialKind, Direction
from wire import cards
from wire.cards import canonical
from wire.description import Description, TextForm
from wire.found import BadFrame, Fault, Frame
from wire.meanings import Message, Says, message_of

T = TypeVar("T")
D = TypeVar("D")


@attrs.frozen
class Read:
    """One read of a credential (canonical value); `direction` is None where the frame does not say."""

    credential: Credential
    direction: Direction | None = None
    outcome: AccessOutcome = AccessOutcome.REPORTED
    message: str = attrs.field(default="", eq=False)
    """Which of the description's messages it was; empty where it names none."""
    kept: bool = False
    """The device kept it while nobody listened and tells it now, at its own time: evidence, never a reason to open."""


@attrs.frozen
class Walk:
    """The turnstile's word on whether somebody walked through; `direction` is None where the frame does not say."""

    passed: bool
    direction: Direction | None = None
    message: str = attrs.field(default="", eq=False)


@attrs.frozen
class Alarm:
    """An alarm that went off (`active`), or is back to normal; a device may say it again and again."""

    what: AlarmKind
    active: bool
    message: str = attrs.field(default="", eq=False)


@attrs.frozen
class Remark:
    """A message that is known and of which nothing follows: an acknowledgement, "no record", a command that was heard."""

    says: Says
    message: str = attrs.field(default="", eq=False)


Said = Read | Walk | Alarm | Remark


def said_by(description: Description, frame: Frame) -> Said | BadFrame:
    """Return what a frame says; a BadFrame (not-matching) when a field holds what the description does not allow."""
    try:
        name, message = message_of(description.messages, frame.fields) if description.messages else ("", _ANY)
        direction = message.direction or _named(
            description.directions, frame.fields.get("direction"), None, "direction"
        )
        match message.says:
            case Says.READ:
                return _read(description, frame, name, message.outcome, direction)
            case Says.PASSED | Says.NOT_PASSED:
                return Walk(message.says is Says.PASSED, direction, name)
            case Says.ALARM | Says.ALARM_OVER:
                return Alarm(message.alarm or AlarmKind.FIRE, message.says is Says.ALARM, name)
            case _:
                return Remark(message.says, name)
    except ValueError as error:
        return BadFrame(Fault.NOT_MATCHING, frame.raw, str(error), frame.checked)


_ANY = Message(Says.READ)


def _read(
    description: Description, frame: Frame, name: str, outcome: AccessOutcome | None, direction: Direction | None
) -> Read | Remark:
    fields = frame.fields
    if "value" not in fields:
        raise ValueError("the frame says a read but is too short for its value")
    kind = _named(description.kinds, fields.get("kind"), description.credential, "kind")
    if kind is CredentialKind.FACE and _is_stranger(description, fields):
        return Remark(Says.STRANGER, name)
    told = outcome or _named(description.outcomes, fields.get("outcome"), AccessOutcome.REPORTED, "outcome")
    return Read(Credential(kind, _canonical(description, kind, fields)), direction, told, name)


def _is_stranger(description: Description, fields: Mapping[str, str]) -> bool:
    """Whether the terminal knows nobody, or is less sure than the description asks for."""
    asked = description.recognition
    if asked is None:
        return False
    text = _text(description, fields["value"]).upper()
    if not text or text in asked.nobody:
        return True
    return asked.at_least is not None and _score(description, fields.get("score", "")) < asked.at_least


def _score(description: Description, text: str) -> float:
    if not text:
        return -1.0
    try:
        return float(text) if description.line else float(int(text, 16))
    except ValueError:
        raise ValueError("the score is no number") from None


def _text(description: Description, text: str) -> str:
    """Return a face's or code's text as it was meant; ValueError for bytes that are none."""
    if description.text is not TextForm.ASCII:
        return text
    content = bytes.fromhex(text).rstrip(b"\x00\xff ")
    if not content.isascii():
        raise ValueError("the value is not text")
    return content.decode("ascii")


def fields_of(description: Description, said: Read | Walk) -> dict[str, str]:
    """Return the fields of a frame that says this: the counterpart of `said_by`. ValueError when the family cannot."""
    message = _message_for(description, said)
    fields = {**_card_fields(description, said), **message.when} if isinstance(said, Read) else dict(message.when)
    wanted: list[tuple[str, Mapping[str, object], object]] = [("direction", description.directions, said.direction)]
    if isinstance(said, Read):
        wanted += [
            ("kind", description.kinds, said.credential.kind),
            ("outcome", description.outcomes, said.outcome),
        ]
    for name, table, value in wanted:
        if name in _names(description) and name not in message.when and value is not None:
            fields[name] = next((text for text, meant in table.items() if meant is value), "")
    asked = description.recognition
    if isinstance(said, Read) and asked is not None and asked.at_least is not None:
        field, sure = description.fields.get("score"), ceil(asked.at_least)
        fields["score"] = f"{sure:0{2 * field.size}X}" if field else str(sure)
    if "outcome" in fields and not fields["outcome"]:  # a board that always decides has no word for "only reported"
        granted = (text for text, meant in description.outcomes.items() if meant is AccessOutcome.GRANTED)
        fields["outcome"] = next(granted, "")
    return fields


def _message_for(description: Description, said: Read | Walk) -> Message:
    """Return the described message that says this, one for its direction and outcome where there are several."""
    if not description.messages and isinstance(said, Read):
        return _ANY
    says = Says.READ if isinstance(said, Read) else Says.PASSED if said.passed else Says.NOT_PASSED
    outcome = said.outcome if isinstance(said, Read) else None
    found = [message for message in description.messages.values() if message.says is says and not message.bytes]
    if not found:
        what = {Says.READ: "who was read", Says.PASSED: "that somebody passed"}.get(says, "that somebody did not pass")
        raise ValueError(f"{description.title} has no message that says {what}")
    return max(found, key=lambda each: (each.direction is said.direction, each.outcome is outcome, not each.outcome))


def _card_fields(description: Description, read: Read) -> dict[str, str]:
    credential, names = read.credential, _names(description)
    if credential.kind is not CredentialKind.CARD:
        if "kind" not in names and credential.kind is not description.credential:
            raise ValueError(f"{description.title} knows {description.credential}s only")
        field = description.fields.get("value")
        if field is None or description.text is not TextForm.ASCII:
            return {"value": credential.value}
        return {"value": credential.value.encode().ljust(field.size, b"\0").hex().upper()}
    if "kind" not in names and description.credential is not CredentialKind.CARD:
        raise ValueError(f"{description.title} knows {description.credential}s only")
    parts = {"value": credential.value}
    if "facility" in names:
        parts["facility"], parts["value"] = cards.with_facility(credential.value)
    fields = {}
    for name, value in parts.items():
        field = description.fields.get(name)
        fields[name] = cards.written(description.card, value, field.size if field else 0, description.card_number)
    return fields


def _names(description: Description) -> set[str]:
    return set(description.fields) | (set(description.line.compiled.groupindex) if description.line else set())


def _canonical(description: Description, kind: CredentialKind, fields: Mapping[str, str]) -> str:
    match kind:
        case CredentialKind.CARD:
            return canonical(description.card, fields["value"], description.card_number, fields.get("facility"))
        case CredentialKind.FACE:
            return cards.person(_text(description, fields["value"]))
        case CredentialKind.QR:
            return cards.code(_text(description, fields["value"]))


def _named(table: Mapping[str, T], text: str | None, absent: D, name: str) -> T | D:
    if text is None:
        return absent
    if text not in table:
        raise ValueError(f"the {name} is none that the description names")
    return table[text]
