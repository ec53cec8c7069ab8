"""How readers can be told beside our own pages: the channels, what an address on each looks like, which topics there are.

An address that is a secret (a robot's key, a webhook) is shown again only masked.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

from booking.domain.reminders import Reminder

MAX_ADDRESS = 500
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,63}")
_ROBOT_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")
_DINGTALK_SECRET = re.compile(r"SEC[A-Za-z0-9]{16,128}")
_WECOM_HOST, _DINGTALK_HOST = "qyapi.weixin.qq.com", "oapi.dingtalk.com"
_SHOWN = 4
_PRINTABLE = re.compile(r"[!-~]+")


class TellingChannel(StrEnum):
    """A way out of the house."""

    EMAIL = "email"
    WECOM = "wecom"
    """A WeCom (企业微信) group robot."""
    DINGTALK = "dingtalk"
    """A DingTalk (钉钉) group robot."""
    WEBHOOK = "webhook"
    """JSON posted to a service that the library allows."""


class Topic(StrEnum):
    """What a reader can switch on and off for a channel. A kind of no topic is always told."""

    STEPS = "steps"
    REMINDERS = "reminders"
    LOSSES = "losses"
    FREE = "free"


KINDS: dict[Topic, tuple[str, ...]] = {
    Topic.STEPS: (
        "reserved",
        "checked-in",
        "stepped-away",
        "returned",
        "extended",
        "ended",
        "cancelled",
        "undone",
        "moved",
        "inside",
    ),
    Topic.REMINDERS: tuple(Reminder),
    Topic.LOSSES: (
        "missed",
        "lapsed",
        "displaced",
        "reinstated",
        "violation",
        "violation-lifted",
        "violation-upheld",
        "appealed",
        "excused",
        "withdrawn",
        "shortened",
        "not-signed-out",
        "frozen",
        "thawed",
        "draw-lost",
    ),
    Topic.FREE: ("seat-free",),
}


def muted_by(topics: frozenset[Topic]) -> tuple[str, ...]:
    """Return the kinds that stay off a channel on which only `topics` are wanted."""
    return tuple(kind for topic, kinds in KINDS.items() if topic not in topics for kind in kinds)


def topics_of(muted: frozenset[str]) -> frozenset[Topic]:
    """Return the topics that are wanted where `muted` kinds are not."""
    return frozenset(topic for topic, kinds in KINDS.items() if not muted.issuperset(kinds))


@dataclass(frozen=True, slots=True)
class Offer:
    """The channels that this library offers; `webhooks` are the origins that a webhook may have."""

    channels: frozenset[TellingChannel] = frozenset()
    webhooks: tuple[str, ...] = ()

    def address(self, channel: TellingChannel, text: str) -> str | None:
        """Return an address as it is kept, or None for what is none (or for a channel that is not offered)."""
        text = text.strip()
        if channel not in self.channels or not 0 < len(text) <= MAX_ADDRESS:
            return None
        match channel:
            case TellingChannel.EMAIL:
                return text if _EMAIL.fullmatch(text) else None
            case TellingChannel.WECOM:
                return _robot_key(text, _WECOM_HOST, "key")
            case TellingChannel.DINGTALK:
                key, _, secret = text.partition(" ")
                token = _robot_key(key, _DINGTALK_HOST, "access_token")
                if token is None or (secret and not _DINGTALK_SECRET.fullmatch(secret.strip())):
                    return None
                return f"{token} {secret.strip()}" if secret else token
            case TellingChannel.WEBHOOK:
                return text if self._allowed(text) else None

    def _allowed(self, url: str) -> bool:
        if not _PRINTABLE.fullmatch(url):
            return False
        try:
            parts = urlsplit(url)
            origin = f"{parts.scheme}://{parts.netloc}"
        except ValueError:
            return False
        return origin in self.webhooks and "@" not in parts.netloc and "\\" not in url


def _robot_key(text: str, host: str, name: str) -> str | None:
    """Return a robot's key, given alone or in the address that its group shows."""
    if text.startswith("https://"):
        try:
            parts = urlsplit(text)
        except ValueError:
            return None
        text = parse_qs(parts.query).get(name, [""])[0] if parts.netloc == host else ""
    return text if _ROBOT_KEY.fullmatch(text) else None


def masked(channel: TellingChannel, address: str) -> str:
    """Return what may be shown of an address: enough for its owner to know it, too little to use it."""
    if channel is TellingChannel.EMAIL:
        name, _, domain = address.rpartition("@")
        return f"{name[0]}***@{domain}"
    if channel is TellingChannel.WEBHOOK:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.netloc}/…"
    return f"{address[:_SHOWN]}…"
