"""Settings of the booking process (`config/booking.toml` explains each key)."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from booking.sso.settings import SignInSettings
from booking.sso.settings import problems_of as sign_in_problems
from config import ConfigError, load, shipped
from config.values import Secret
from runtime.logs import LEVELS
from runtime.mqtt import BrokerSettings

SCHEMES = ("postgresql://", "postgres://")
"""How the address of a database server begins."""
MOST_WORKERS = 64
SECURITIES = ("none", "starttls", "tls")
"""How the connection to the mail server is protected."""


@attrs.frozen
class HttpSettings:
    """Where the pages and the API are served, and by how many processes. Port 0: any free one."""

    host: str
    port: int
    workers: int = 1
    monitor_port: int = 0


@attrs.frozen
class MailSettings:
    """The mail server that takes our mail. Without a host there is no e-mail."""

    host: str = ""
    port: int = 587
    security: str = "starttls"
    sender: str = ""
    username: str = ""
    password_file: Path | None = None


@attrs.frozen
class ChannelSettings:
    """How readers can be told beside our pages, and how patient the senders are."""

    email: MailSettings = attrs.field(factory=MailSettings)
    wecom: bool = False
    dingtalk: bool = False
    webhooks: list[str] = attrs.field(factory=list)
    timeout: timedelta = timedelta(seconds=10)
    retry_after: timedelta = timedelta(minutes=1)
    tries: int = 8


@attrs.frozen
class BookingSettings:
    """Everything that one installation decides about the booking process."""

    site: Path
    data: Path
    http: HttpSettings
    broker: BrokerSettings
    channels: ChannelSettings = attrs.field(factory=ChannelSettings)
    sign_in: SignInSettings = attrs.field(factory=SignInSettings)
    database: str = attrs.field(default="", repr=lambda value: repr(_without_password(value)))
    public_url: str = ""
    production: bool = False
    demo: bool = False
    demo_accounts_file: Path | None = None
    enrolment_codes_file: Path | None = None
    log_level: str = "info"

    @property
    def store(self) -> Path | Secret:
        """Return the SQLite file (without one named, `booking.sqlite` in the data folder), or PostgreSQL's address."""
        if "://" in self.database:
            return Secret(self.database)
        return Path(self.database).expanduser() if self.database else self.data / "booking.sqlite"


def load_settings(file: Path) -> BookingSettings:
    """Read `file` over the shipped defaults; ConfigError names every bad key."""
    settings = load(BookingSettings, shipped("booking.toml"), file)
    problems = list(_problems(settings))
    if problems:
        raise ConfigError(str(file), problems)
    return settings


def _without_password(database: str) -> str:
    parts = urlsplit(database)
    return (
        database.replace(parts.netloc, f"…@{parts.netloc.rpartition('@')[2]}", 1) if "@" in parts.netloc else database
    )


def _problems(settings: BookingSettings) -> list[str]:
    problems = []
    if settings.production and settings.demo:
        problems.append("demo: demonstration accounts have no place in production, remove `demo` or `production`")
    if settings.demo_accounts_file is not None and not settings.demo:
        problems.append("demo_accounts_file: is read only with `demo = true`, remove one or add the other")
    if settings.production and not settings.public_url.startswith("https://"):
        problems.append('public_url: in production it is the https address that phones open, "https://…"')
    if "://" in settings.database and not settings.database.startswith(SCHEMES):
        problems.append('database: name a file, or a PostgreSQL database: "postgresql://role@host/name"')
    if not 1 <= settings.http.workers <= MOST_WORKERS:
        problems.append(f"http.workers: 1 to {MOST_WORKERS}")
    elif settings.http.workers > 1 and "://" not in settings.database:
        problems.append(
            "http.workers: an SQLite file has one process, several need PostgreSQL: name it as `database`, or leave this at 1"
        )
    if settings.log_level not in LEVELS:
        problems.append(f"log_level: one of {', '.join(LEVELS)}")
    problems += sign_in_problems(settings.sign_in, production=settings.production)
    return problems + _channel_problems(settings.channels)


def _channel_problems(channels: ChannelSettings) -> list[str]:
    problems = []
    mail = channels.email
    if mail.host and "@" not in mail.sender:
        problems.append('channels.email.sender: the address that mail comes from, "seats@library.example"')
    if mail.security not in SECURITIES:
        problems.append(f"channels.email.security: one of {', '.join(SECURITIES)}")
    if bool(mail.username) != (mail.password_file is not None):
        problems.append("channels.email: username and password_file go together")
    for origin in channels.webhooks:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
            problems.append(f'channels.webhooks: {origin!r} is no origin, write "https://hooks.example.edu"')
    if channels.tries < 1:
        problems.append("channels.tries: 1 or more")
    if not timedelta() < channels.timeout <= timedelta(minutes=1):
        problems.append("channels.timeout: more than nothing, at most 1min")
    if channels.retry_after <= timedelta():
        problems.append("channels.retry_after: more than nothing")
    return problems
