"""What is said over MQTT, as an AsyncAPI 3.0 document made from the types that encode and decode it.

`CHANNELS` is the one list of who says what to whom; everything else follows from `messages.topics` and the payload
types. `tools/make_topics.py` writes the document into docs/topics.md. Source: AsyncAPI specification 3.0.0 and its MQTT
bindings 0.2.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from messages import access, access_list, acknowledgement, command, envelope, notification, presence, seats
from messages.topics import PREFIX, Family, Leaf

REF = "#/components/schemas/{name}"
_ECMA_END = "$"
"""JSON Schema knows no `\\Z`; its `$` means the same, since it matches before no final newline."""


class Party(Enum):
    """Who may speak or listen on a channel: an account's role at the broker."""

    GATE = "gate"
    KIOSK = "kiosk"
    BOOKING = "booking"
    CLIENT = "server-side client"


@dataclass(frozen=True, slots=True)
class Message:
    """One form of payload: the CloudEvents `type` and the type of its `data`."""

    type: str
    data: Any
    title: str

    @property
    def name(self) -> str:
        """The last word of the CloudEvents type before its version: "area-map" of "org.seatgate.area-map.v1"."""
        return self.type.split(".")[-2]


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic of a family: what is said there, by whom, to whom, and how it is delivered."""

    family: Family
    leaf: Leaf
    speaker: Party
    listeners: tuple[Party, ...]
    messages: tuple[Message, ...]
    says: str
    retained: bool = False
    expires: bool = False
    """Sent with a message expiry: what is late is not delivered at all."""

    @property
    def name(self) -> str:
        """A name for the channel that is unique among them: "gatesAccess"."""
        return self.family.value + "".join(part.capitalize() for part in self.leaf.value.split("-"))

    @property
    def address(self) -> str:
        """The topic with its two parameters."""
        return f"{PREFIX}/{{site}}/{self.family}/{{name}}/{self.leaf}"


_ACCESS = Message(access.ACCESS_TYPE, access.AccessEvent, "A credential was read at a portal")
_PASSAGE = Message(access.PASSAGE_TYPE, access.PassageEvent, "Whether somebody walked through after a read")
_ALARM = Message(
    access.ALARM_TYPE,
    access.AlarmEvent,
    "An alarm of the gate (fire, forced, held, tamper, power) went off, or is back to normal",
)
_RESULT = Message(access.COMMAND_RESULT_TYPE, access.CommandEvent, "What became of a command of staff at a portal")
_LIST = Message(access_list.TYPE, access_list.AccessList, "Who may come in, by keyed hashes of credentials")
_ACK = Message(acknowledgement.TYPE, acknowledgement.Acknowledgement, "What a committed transaction of booking holds")
_PRESENCE = Message(presence.TYPE, presence.Presence, "Birth or death of a process")
_MAP = Message(seats.TYPE, seats.AreaMap, "Every seat of an area, numbered")
_COMMAND = Message(command.TYPE, command.Command, "Something a device is asked to do before a deadline")
_TOLD = Message(notification.TYPE, notification.Notification, "What a reader was told")

_B, _G, _K = Party.BOOKING, Party.GATE, Party.KIOSK
CHANNELS = (
    Channel(
        Family.GATES,
        Leaf.ACCESS,
        _G,
        (_B,),
        (_ACCESS, _PASSAGE, _ALARM, _RESULT),
        "what a turnstile reported, from the outbox",
    ),
    Channel(Family.GATES, Leaf.ACK, _B, (_G,), (_ACK,), "which events are stored; the gate's outbox lets go of them"),
    Channel(
        Family.GATES,
        Leaf.ACCESS_LIST,
        _B,
        (_G,),
        (_LIST,),
        "whom a gate in control mode lets in, for as long as it says",
        retained=True,
    ),
    Channel(
        Family.GATES,
        Leaf.COMMAND,
        _B,
        (_G,),
        (_COMMAND,),
        "send again what booking has lost; open, lock, unlock",
        expires=True,
    ),
    Channel(Family.GATES, Leaf.PRESENCE, _G, (_B,), (_PRESENCE,), "birth, and death as the last will", retained=True),
    Channel(
        Family.KIOSKS,
        Leaf.COMMAND,
        _B,
        (_K,),
        (_COMMAND,),
        "what a kiosk is asked to do, before a deadline",
        expires=True,
    ),
    Channel(Family.KIOSKS, Leaf.PRESENCE, _K, (_B,), (_PRESENCE,), "birth, and death as the last will", retained=True),
    Channel(Family.BOOKING, Leaf.PRESENCE, _B, (_G, _K), (_PRESENCE,), "edges send again what waits", retained=True),
    Channel(Family.AREAS, Leaf.SEATS, _B, (_K,), (_MAP,), "seat states with their `until`; no reader", retained=True),
    Channel(
        Family.READERS, Leaf.NOTIFICATIONS, _B, (Party.CLIENT,), (_TOLD,), "for programs that pass it on, no browser"
    ),
)
"""Every channel that carries something today."""


def document(version: str) -> dict[str, Any]:
    """Return the AsyncAPI document of this version of Seatgate."""
    messages = _messages()
    schemas = dict(_schemas(messages))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Seatgate over MQTT",
            "version": version,
            "description": (
                "MQTT 5. Every payload is a CloudEvents 1.0 envelope in structured JSON mode. What a device, or booking, "
                "says is signed: Ed25519 over topic and payload, in the user properties `sig` and `kid`."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": envelope.CONTENT_TYPE,
        "servers": {
            "library": {
                "host": "{broker}",
                "protocol": "mqtt",
                "protocolVersion": "5.0",
                "description": "The library's own broker; each process has an account of its own.",
                "variables": {"broker": {"default": "localhost:1883"}},
                "security": [{"$ref": "#/components/securitySchemes/account"}],
            }
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": dict(_operations()),
        "components": {
            "messages": {message.name: _message(message) for message in messages},
            "schemas": schemas,
            "parameters": {
                "site": {"description": "The site's id, the same in its site file."},
                "name": {"description": "The id of the gate, kiosk, booking service, area, or the opaque reader."},
            },
            "securitySchemes": {"account": {"type": "userPassword"}},
        },
    }


def _messages() -> list[Message]:
    return list({message.type: message for channel in CHANNELS for message in channel.messages}.values())


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": channel.address,
        "description": channel.says,
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in ("site", "name")},
        "messages": {message.name: {"$ref": f"#/components/messages/{message.name}"} for message in channel.messages},
    }


def _operations() -> Iterator[tuple[str, Any]]:
    """Yield what each party does, by name: AsyncAPI describes an application, and we have several."""
    for channel in CHANNELS:
        said = [{"$ref": f"#/channels/{channel.name}/messages/{message.name}"} for message in channel.messages]
        common = {"channel": {"$ref": f"#/channels/{channel.name}"}, "messages": said}
        sending: dict[str, Any] = {"qos": 1, "retain": channel.retained}
        if channel.expires:
            sending["messageExpiryInterval"] = 60
        yield (
            f"{channel.speaker.value}Sends{channel.name[0].upper()}{channel.name[1:]}",
            {"action": "send", **common, "bindings": {"mqtt": sending | {"bindingVersion": "0.2.0"}}},
        )
        for listener in channel.listeners:
            who = listener.value.title().replace(" ", "").replace("-", "")
            yield (
                f"{who[0].lower()}{who[1:]}Receives{channel.name[0].upper()}{channel.name[1:]}",
                {"action": "receive", **common, "bindings": {"mqtt": {"qos": 1, "bindingVersion": "0.2.0"}}},
            )


def _message(message: Message) -> dict[str, Any]:
    data = _plain(msgspec.json.schema_components([message.data], ref_template=REF)[0][0])
    return {
        "name": message.type,
        "title": message.title,
        "contentType": envelope.CONTENT_TYPE,
        "headers": {
            "type": "object",
            "description": "MQTT 5 user properties.",
            "properties": {
                "sig": {"type": "string", "description": "Ed25519 over topic and payload, base64url without padding."},
                "kid": {"type": "string", "pattern": "^[0-9a-f]{16}$", "description": "Which key signed."},
            },
        },
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/Envelope"},
                {"type": "object", "properties": {"type": {"const": message.type}, "data": data}},
            ]
        },
    }


def _schemas(messages: list[Message]) -> Iterator[tuple[str, Any]]:
    _, components = msgspec.json.schema_components(
        [envelope.Envelope, *(message.data for message in messages)], ref_template=REF
    )
    for name, schema in sorted(components.items()):
        yield name, _plain(schema)


def _plain(schema: Any) -> Any:
    """Return a schema as AsyncAPI takes it: JSON Schema's patterns, and no discriminator, which is OpenAPI's."""
    if isinstance(schema, dict):
        return {
            key: value.replace(r"\Z", _ECMA_END) if key == "pattern" else _plain(value)
            for key, value in schema.items()
            if key != "discriminator"
        }
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema
