"""What `seatgate run` was asked for: options, environment and their checks, each complaint a sentence."""

import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from config import ConfigError, shipped
from config.schema import Site
from config.site_check import load_site
from onsite.errors import OnsiteError
from runtime.clock import Clock

DEFAULT_SITE = "bjut"
LOOPBACK = "127.0.0.1"
HTTP_PORT = "SEATGATE_HTTP_PORT"
MQTT_PORT = "SEATGATE_MQTT_PORT"
MQTT_TLS_PORT = "SEATGATE_MQTT_TLS_PORT"
DATA = "SEATGATE_DATA"
DATABASE = "SEATGATE_DATABASE"
EVERY_ADDRESS = ("0.0.0.0", "::")
_SOMEWHERE_ELSE = ("192.0.2.1", 9)
"""An address kept for documentation (RFC 5737): asking for a way there sends nothing."""


@attrs.frozen
class RunSettings:
    """Everything that `seatgate run` needs to know. `shift`: what every process adds to its wall clock.

    `mqtt_tls_port`: where the broker takes other machines' processes, encrypted; None: it takes none.
    """

    site_file: Path
    site: Site
    data: Path
    http_host: str
    http_port: int
    mqtt_port: int
    database: str
    shift: timedelta
    windowed: bool
    mqtt_tls_port: int | None = None
    speed: float = 1.0
    """How many times faster than time every process's clock goes, from `since` on."""
    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    readers: int = 0
    """How many simulated readers have accounts."""
    lives: bool = False
    """Whether they live in the library."""
    seed: int = 1

    @property
    def clock(self) -> Clock:
        """The clock of every process."""
        return Clock(self.shift, self.speed, self.since)

    @property
    def broker_names(self) -> tuple[str, ...]:
        """Return every host and address that the broker's certificate is for, the one that this machine uses first."""
        own = (self.http_host,) if self.http_host not in EVERY_ADDRESS else (_own_address(),)
        return tuple(dict.fromkeys((LOOPBACK, "localhost", *own, socket.gethostname())))

    @property
    def url(self) -> str:
        """How readers reach the pages: the address that a phone can open where there is one."""
        host = _own_address() if self.http_host in EVERY_ADDRESS else self.http_host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.http_port}"


@attrs.frozen
class Life:
    """The simulated part of what was asked for: accounts for `readers`, whether they live, `speed` of the clock, `seed`."""

    readers: int = 0
    lives: bool = False
    speed: float = 1.0
    seed: int = 1


def settings(
    site: Path | None,
    data: Path | None,
    now: str | None,
    host: str,
    environment: Mapping[str, str],
    *,
    life: "Life | None" = None,
) -> RunSettings:
    """Combine options and environment; OnsiteError or ConfigError says what is wrong and what to do."""
    life = life or Life()
    site_file = _site_file(site)
    loaded = load_site(site_file)
    folder = (data or Path(environment.get(DATA) or "var")).resolve()
    return RunSettings(
        site_file=site_file.resolve(),
        site=loaded,
        data=folder,
        http_host=host,
        http_port=_port(environment, HTTP_PORT, 8080),
        mqtt_port=_port(environment, MQTT_PORT, 1883),
        database=environment.get(DATABASE) or str(folder / "booking" / "seatgate.db"),
        shift=_shift(now, loaded),
        windowed=bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")),
        mqtt_tls_port=_port(environment, MQTT_TLS_PORT, 0) if environment.get(MQTT_TLS_PORT) else None,
        speed=life.speed,
        since=datetime.now(UTC),
        readers=life.readers,
        lives=life.lives,
        seed=life.seed,
    )


def _site_file(site: Path | None) -> Path:
    """Return the asked site file: a path, or the name of one that ships ("two-campus")."""
    if site is not None and site.is_file():
        return site
    names = sorted(file.name.removesuffix(".toml") for file in shipped("sites").iterdir())
    wanted = DEFAULT_SITE if site is None else str(site)
    if wanted not in names:
        raise OnsiteError(
            f"there is no site file {wanted}: give --site a path, or the name of one that ships ({', '.join(names)})"
        )
    return Path(str(shipped("sites", f"{wanted}.toml")))


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise OnsiteError(f"{name}={text} is not a port: give a number from 1 to 65535")
    return int(text)


def _shift(now: str | None, site: Site) -> timedelta:
    if now is None:
        return timedelta()
    try:
        moment = datetime.fromisoformat(now)
    except ValueError:
        raise OnsiteError(
            f"--now {now} is not a time: write one like 2023-07-17T16:38 or 2023-07-17T16:38+08:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=site.timezone)
    return moment - datetime.now(UTC)


def check_ports(wanted: RunSettings) -> None:
    """Raise OnsiteError naming the port that somebody else listens on, or that this account may not open."""
    tls = [(wanted.http_host, wanted.mqtt_tls_port, MQTT_TLS_PORT)] if wanted.mqtt_tls_port is not None else []
    for host, port, variable in (
        (wanted.http_host, wanted.http_port, HTTP_PORT),
        (LOOPBACK, wanted.mqtt_port, MQTT_PORT),
        *tls,
    ):
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except PermissionError:
            raise OnsiteError(
                f"this account may not open port {port}: choose one above 1023, for example {variable}=8080"
            ) from None
        except socket.gaierror:
            raise OnsiteError(f"--host {host} is not an address of this machine: try 127.0.0.1 or 0.0.0.0") from None
        except OSError as error:
            raise OnsiteError(
                f"port {port} on {host} cannot be opened ({error.strerror}): stop the program that has it, "
                f"or choose another, for example {variable}={port + 1}"
            ) from None


def _own_address() -> str:
    """Return this machine's address on its way out, the loopback address when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE_ELSE)
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])


def config_sentence(error: ConfigError) -> str:
    """Return a settings file's problems, each on a line of its own."""
    return "\n".join([f"{error.origin} cannot be used:", *(f"  - {problem}" for problem in error.problems)])
