"""What a frame says to the rest of the house: who was read, and which way. Pure."""

from collections.abc import Mapping
from typing import TypeVar

import attrs

from messages.access import Credential, CredentialKind, Direction
from wire import cards
from wire.description import Description
from wire.found import BadFrame, Fault, Frame

T = TypeVar("T")
D = TypeVar("D")


@attrs.frozen
class Read:
    """One read of a credential (canonical value); `direction` is None where the frame does not say."""

    credential: Credential
    direction: Direction | None = None


def read_of(description: Description, frame: Frame) -> Read | BadFrame:
    """Return what was read; a BadFrame (not-matching) when a field holds what the description does not allow."""
    try:
        kind = _named(description.kinds, frame.fields.get("kind"), CredentialKind.CARD, "kind")
        direction = _named(description.directions, frame.fields.get("direction"), None, "direction")
        return Read(Credential(kind, _canonical(description, kind, frame.fields["value"])), direction)
    except ValueError as error:
        return BadFrame(Fault.NOT_MATCHING, frame.raw, str(error), frame.checked)


def fields_of(description: Description, read: Read) -> dict[str, str]:
    """Return the fields of a frame that says `read`: the counterpart of `read_of`. ValueError when the family cannot."""
    fields = {}
    field = description.fields.get("value")
    if read.credential.kind is CredentialKind.CARD:
        fields["value"] = cards.written(description.card, read.credential.value, field.size if field else 0)
    elif "kind" in _names(description):
        fields["value"] = read.credential.value
    else:
        raise ValueError(f"{description.title} knows cards only")
    for name, table, wanted in (
        ("kind", description.kinds, read.credential.kind),
        ("direction", description.directions, read.direction),
    ):
        if name in _names(description) and wanted is not None:
            fields[name] = next((text for text, meant in table.items() if meant is wanted), "")
    return fields


def _names(description: Description) -> set[str]:
    return set(description.fields) | (set(description.line.compiled.groupindex) if description.line else set())


def _canonical(description: Description, kind: CredentialKind, text: str) -> str:
    match kind:
        case CredentialKind.CARD:
            return cards.canonical(description.card, text)
        case CredentialKind.FACE:
            return cards.person(text)
        case CredentialKind.QR:
            return cards.code(text)


def _named(table: Mapping[str, T], text: str | None, absent: D, name: str) -> T | D:
    if text is None:
        return absent
    if text not in table:
        raise ValueError(f"the {name} is none that the description names")
    return table[text]
