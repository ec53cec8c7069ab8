"""The one owner of Apprise: sends one message to one address on one channel. No retries and no storage here.

Only what the settings offer is sent to, redirects are not followed, and each step ends within the settings' time-out.
Apprise's own log lines, which may hold addresses, go no further than the reason of a failure.
"""

import logging
import threading
from typing import Any
from urllib.parse import urlsplit

import apprise

from booking.domain.telling import Offer, TellingChannel
from booking.service.telling import Delivery
from booking.settings import ChannelSettings
from runtime.secret_file import read_secret

KEY_HEADER = "Idempotency-Key"
"""In every try of one delivery the same: a receiver that remembers it takes a message once."""
MAX_REASON = 200
_MODES = {"none": "insecure", "starttls": "starttls", "tls": "ssl"}
_APP = "Seatgate"


def offer_of(settings: ChannelSettings) -> Offer:
    """Return which channels these settings open."""
    opened = {
        TellingChannel.EMAIL: bool(settings.email.host),
        TellingChannel.WECOM: settings.wecom,
        TellingChannel.DINGTALK: settings.dingtalk,
        TellingChannel.WEBHOOK: bool(settings.webhooks),
    }
    return Offer(frozenset(channel for channel, is_open in opened.items() if is_open), tuple(settings.webhooks))


class Channels:
    """`send` from any thread."""

    def __init__(self, settings: ChannelSettings) -> None:
        self._settings = settings
        self._offer = offer_of(settings)
        mail = settings.email
        self._password = read_secret(mail.password_file).strip() if mail.password_file else None
        self._asset = apprise.AppriseAsset(app_id=_APP, app_desc=_APP, app_url="", http_redirects=False)
        self._heard = _Heard()
        log = logging.getLogger("apprise")
        log.handlers, log.propagate = [self._heard], False
        log.setLevel(logging.WARNING)

    def send(self, delivery: Delivery, title: str, body: str) -> str:
        """Send one message; "" when the other side took it, else why not, in words for staff and without the address."""
        if self._offer.address(delivery.channel, delivery.address) is None:
            return "this channel is not offered any more, or no longer to that address"
        self._heard.clear()
        try:
            way = apprise.Apprise.instantiate(
                self._way(delivery) | self._patience(), asset=self._asset, suppress_exceptions=False
            )
            taken = way is not None and way.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # noqa: BLE001 - a library behind a network: whatever it is, it is tried again
            return f"{type(error).__name__}: it could not be sent"
        if taken:
            return ""
        reason = self._heard.last() or "the other side did not take it"
        return reason.replace(delivery.address, "…")[:MAX_REASON]

    def _patience(self) -> dict[str, Any]:
        seconds = self._settings.timeout.total_seconds()
        return {"cto": seconds, "rto": seconds, "redirect": False}

    def _way(self, delivery: Delivery) -> dict[str, Any]:
        match delivery.channel:
            case TellingChannel.EMAIL:
                return self._mail(delivery)
            case TellingChannel.WECOM:
                return {"schema": "wecombot", "key": delivery.address}
            case TellingChannel.DINGTALK:
                token, _, secret = delivery.address.partition(" ")
                return {"schema": "dingtalk", "token": token} | ({"secret": secret} if secret else {})
            case TellingChannel.WEBHOOK:
                return _webhook(delivery)

    def _mail(self, delivery: Delivery) -> dict[str, Any]:
        mail = self._settings.email
        way: dict[str, Any] = {
            "schema": "mailtos" if mail.security != "none" else "mailto",
            "host": mail.host,
            "smtp_host": mail.host,
            "port": mail.port,
            "secure_mode": _MODES[mail.security],
            "from_addr": mail.sender,
            "targets": [delivery.address],
            "headers": {KEY_HEADER: delivery.key, "Auto-Submitted": "auto-generated"},
        }
        return way | ({"user": mail.username, "password": self._password} if mail.username else {})


def _webhook(delivery: Delivery) -> dict[str, Any]:
    parts = urlsplit(delivery.address)
    note = delivery.note
    way: dict[str, Any] = {
        "schema": "jsons" if parts.scheme == "https" else "json",
        "host": parts.hostname,
        "fullpath": (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        "headers": {KEY_HEADER: delivery.key},
        "payload": {
            "idempotency_key": delivery.key,
            "id": note.id,
            "kind": note.kind,
            "at": note.at.isoformat(),
            "reservation": note.reservation or "",
        },
    }
    return way | ({"port": parts.port} if parts.port else {})


class _Heard(logging.Handler):
    """Keeps the last warning of each thread: the only thing that Apprise says about why something failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._mine = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a line."""
        self._mine.line = record.getMessage()

    def clear(self) -> None:
        """Forget what was heard on this thread."""
        self._mine.line = ""

    def last(self) -> str:
        """Return what was heard last on this thread."""
        return " ".join(str(getattr(self._mine, "line", "")).split())
