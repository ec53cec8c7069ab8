"""What a frame says to the rest of the house: who was read and which way, that somebody passed, or nothing. Pure."""

from collections.abc import Mapping
from typing import TypeVar

import attrs

from messages.access import AccessOutcome, Credential, CredentialKind, Direction
from wire import cards
from wire.cards import canonical
from wire.description import Description
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


@attrs.frozen
class Walk:
    """The turnstile's word on whether somebody walked through; `direction` is None where the frame does not say."""

    passed: bool
    direction: Direction | None = None
    message: str = attrs.field(default="", eq=False)


@attrs.frozen
class Remark:
    """A message that is known and of which nothing follows: an acknowledgement, "no record", a command that was heard."""

    says: Says
    message: str = attrs.field(default="", eq=False)


Said = Read | Walk | Remark


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
            case _:
                return Remark(message.says, name)
    except ValueError as error:
        return BadFrame(Fault.NOT_MATCHING, frame.raw, str(error), frame.checked)


_ANY = Message(Says.READ)


def _read(
    description: Description, frame: Frame, name: str, outcome: AccessOutcome | None, direction: Direction | None
) -> Read:
    fields = frame.fields
    if "value" not in fields:
        raise ValueError("the frame says a read but is too short for its value")
    kind = _named(description.kinds, fields.get("kind"), CredentialKind.CARD, "kind")
    told = outcome or _named(description.outcomes, fields.get("outcome"), AccessOutcome.REPORTED, "outcome")
    return Read(Credential(kind, _canonical(description, kind, fields)), direction, told, name)


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
        if "kind" not in names:
            raise ValueError(f"{description.title} knows cards only")
        return {"value": credential.value}
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
            return cards.person(fields["value"])
        case CredentialKind.QR:
            return cards.code(fields["value"])


def _named(table: Mapping[str, T], text: str | None, absent: D, name: str) -> T | D:
    if text is None:
        return absent
    if text not in table:
        raise ValueError(f"the {name} is none that the description names")
    return table[text]
