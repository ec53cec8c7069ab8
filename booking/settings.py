"""Settings of the booking process (`config/booking.toml` explains each key)."""

from pathlib import Path

import attrs

from config import ConfigError, load, shipped
from runtime.logs import LEVELS
from runtime.mqtt import BrokerSettings


@attrs.frozen
class HttpSettings:
    """Where the pages and the API are served. Port 0: any free one."""

    host: str
    port: int


@attrs.frozen
class BookingSettings:
    """Everything that one installation decides about the booking process."""

    site: Path
    data: Path
    http: HttpSettings
    broker: BrokerSettings
    database: str = ""
    public_url: str = ""
    production: bool = False
    demo: bool = False
    demo_accounts_file: Path | None = None
    enrolment_codes_file: Path | None = None
    log_level: str = "info"

    @property
    def database_file(self) -> Path:
        """Return the SQLite file; without one named, `booking.sqlite` in the data folder."""
        return Path(self.database).expanduser() if self.database else self.data / "booking.sqlite"


def load_settings(file: Path) -> BookingSettings:
    """Read `file` over the shipped defaults; ConfigError names every bad key."""
    settings = load(BookingSettings, shipped("booking.toml"), file)
    problems = list(_problems(settings))
    if problems:
        raise ConfigError(str(file), problems)
    return settings


def _problems(settings: BookingSettings) -> list[str]:
    problems = []
    if settings.production and settings.demo:
        problems.append("demo: demonstration accounts have no place in production, remove `demo` or `production`")
    if settings.demo_accounts_file is not None and not settings.demo:
        problems.append("demo_accounts_file: is read only with `demo = true`, remove one or add the other")
    if settings.production and not settings.public_url.startswith("https://"):
        problems.append('public_url: in production it is the https address that phones open, "https://…"')
    if "://" in settings.database:
        problems.append("database: name a file; a database server is not supported by this version")
    if settings.log_level not in LEVELS:
        problems.append(f"log_level: one of {', '.join(LEVELS)}")
    return problems
