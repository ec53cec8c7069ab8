"""Every MQTT topic, built and parsed here and nowhere else (docs/topics.md lists them)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from messages.errors import MessageError

PREFIX = "seatgate/v1"
MAX_TOPIC_CHARS = 200
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")


class Family(StrEnum):
    """The first level below the site: what kind of thing a topic belongs to."""

    GATES = "gates"
    KIOSKS = "kiosks"
    BOOKING = "booking"
    AREAS = "areas"
    READERS = "readers"


class Leaf(StrEnum):
    """The last level: what the payload is."""

    ACCESS = "access"
    ACK = "ack"
    ACCESS_LIST = "access-list"
    COMMAND = "command"
    PRESENCE = "presence"
    CHECK_INS = "check-ins"
    SEATS = "seats"
    NOTIFICATIONS = "notifications"


_LEAVES = {
    Family.GATES: {Leaf.ACCESS, Leaf.ACK, Leaf.ACCESS_LIST, Leaf.COMMAND, Leaf.PRESENCE},
    Family.KIOSKS: {Leaf.CHECK_INS, Leaf.ACK, Leaf.COMMAND, Leaf.PRESENCE},
    Family.BOOKING: {Leaf.PRESENCE},
    Family.AREAS: {Leaf.SEATS},
    Family.READERS: {Leaf.NOTIFICATIONS},
}


def check_name(name: str) -> str:
    """Return `name` when it may be a topic level: 1-48 of a-z, 0-9 and inner hyphens; MessageError otherwise."""
    if not _NAME.fullmatch(name):
        raise MessageError(f"{name[:60]!r} is not a name: use 1-48 lower-case letters, digits and inner hyphens")
    return name


@dataclass(frozen=True, slots=True)
class Topic:
    """One parsed topic: `seatgate/v1/{site}/{family}/{name}/{leaf}`."""

    site: str
    family: Family
    name: str
    leaf: Leaf

    def __str__(self) -> str:
        return f"{PREFIX}/{self.site}/{self.family}/{self.name}/{self.leaf}"


def build(site: str, family: Family, name: str, leaf: Leaf) -> str:
    """Build a topic; MessageError for a bad name or a leaf that the family does not have."""
    if leaf not in _LEAVES[family]:
        raise MessageError(f"{family} has no topic {leaf}")
    return str(Topic(check_name(site), family, check_name(name), leaf))


def parse(topic: str) -> Topic:
    """Parse a received topic; MessageError names what is wrong."""
    if len(topic) > MAX_TOPIC_CHARS:
        raise MessageError(f"topic of {len(topic)} characters: at most {MAX_TOPIC_CHARS} are read")
    parts = topic.split("/")
    if len(parts) != len(("seatgate", "v1", "site", "family", "name", "leaf")) or "/".join(parts[:2]) != PREFIX:
        raise MessageError(f"{topic!r} is not a {PREFIX} topic")
    try:
        family, leaf = Family(parts[3]), Leaf(parts[5])
    except ValueError as error:
        raise MessageError(f"{topic!r} is not a {PREFIX} topic") from error
    if leaf not in _LEAVES[family]:
        raise MessageError(f"{family} has no topic {leaf}")
    return Topic(check_name(parts[2]), family, check_name(parts[4]), leaf)


def every(site: str, family: Family, leaf: Leaf) -> str:
    """Build the subscription filter for one leaf of all names of a family (`…/+/leaf`)."""
    if leaf not in _LEAVES[family]:
        raise MessageError(f"{family} has no topic {leaf}")
    return f"{PREFIX}/{check_name(site)}/{family}/+/{leaf}"
