"""A gate's settings, and the lanes that follow from them and the site file. Reads files, opens no device."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs

from config import ConfigError, load, shipped
from config.schema import Gate, Portal, Site
from config.site_check import LONGEST_QUIET, load_site
from runtime.logs import LEVELS
from runtime.mqtt import BrokerSettings
from wire.families import family
from wire.line_driver import Driver, Family


def _quiet(_instance: object, _attribute: "attrs.Attribute[timedelta]", value: timedelta) -> None:
    if not timedelta() <= value <= LONGEST_QUIET:
        raise ValueError("repeat_quiet must be at most 5min: somebody who comes back sooner would not be counted")


@attrs.frozen
class GateSettings:
    """`config/gate.toml` explains each key."""

    gate: str
    site: Path
    data: Path
    booking_url: str
    broker: BrokerSettings
    enrolment_code_file: str = ""
    repeat_quiet: timedelta = attrs.field(default=timedelta(milliseconds=500), validator=_quiet)
    keep_acknowledged_days: int = attrs.field(default=7, validator=attrs.validators.in_(range(1, 366)))
    log_level: str = attrs.field(default="info", validator=attrs.validators.in_(LEVELS))
    metrics_port: int = attrs.field(default=0, validator=attrs.validators.in_(range(1 << 16)))
    """Where Prometheus is answered, on the loopback address alone; 0: nowhere."""
    ports: dict[str, str] = attrs.field(factory=dict)

    @property
    def outbox(self) -> Path:
        """The file of events that booking may not have yet."""
        return self.data / "outbox.db"

    @property
    def signing_key(self) -> Path:
        """The gate's own key, made at the first start."""
        return self.data / "signing-key"

    @property
    def enrolment(self) -> Path:
        """What the gate learned when it joined."""
        return self.data / "enrolment.json"

    @property
    def status(self) -> Path:
        """What the running gate last said of itself, for `seatgate diagnose`."""
        return self.data / "status.json"


@attrs.frozen
class Lane:
    """One portal with its line's device and the language that is spoken on it."""

    portal: Portal
    device: str
    family: Family


def load_settings(file: Path) -> GateSettings:
    """Read a settings file over the defaults; ConfigError lists every bad key."""
    return load(GateSettings, shipped("gate.toml"), file)


def load_lanes(settings: GateSettings) -> tuple[Site, list[Lane]]:
    """Return the site and this gate's lanes; ConfigError names a gate, portal or protocol that does not fit."""
    site = load_site(settings.site)
    gate = next((gate for gate in site.gates if gate.id == settings.gate), None)
    if gate is None:
        known = ", ".join(gate.id for gate in site.gates) or "none"
        raise ConfigError(str(settings.site), [f"has no gate {settings.gate!r}: there are {known}"])
    unknown = sorted(set(settings.ports) - {portal.id for portal in gate.portals})
    if unknown:
        raise ConfigError("ports", [f"gate {gate.id!r} has no portal {name!r}" for name in unknown])
    return site, [_lane(settings, gate, portal) for portal in gate.portals]


def _lane(settings: GateSettings, gate: Gate, portal: Portal) -> Lane:
    device = settings.ports.get(portal.id) or portal.port
    if not device:
        raise ConfigError(
            str(settings.site),
            [f"portal {portal.id!r} of gate {gate.id!r} has no port: name its device there, or in [ports] here"],
        )
    return Lane(portal, device, family(portal.protocol, settings.site.parent))


def drivers(settings: GateSettings, lanes: Sequence[Lane]) -> list[tuple[Driver, list[Portal]]]:
    """Return the driver of each line with the portals on it; ConfigError lists every setting that does not fit."""
    lines: dict[str, list[Lane]] = {}
    for lane in lanes:
        lines.setdefault(lane.device, []).append(lane)
    found, problems = [], []
    for device, sharing in lines.items():
        portals = [lane.portal for lane in sharing]
        if others := {portal.protocol for portal in portals} - {portals[0].protocol}:
            problems.append(
                f"portals on {device!r} speak {portals[0].protocol!r} and {min(others)!r}: one line, one family"
            )
            continue
        try:
            found.append((sharing[0].family.line(device, portals, settings.site.parent), portals))
        except ConfigError as error:
            problems += [f"{error.origin}: {problem}" for problem in error.problems]
    if problems:
        raise ConfigError(str(settings.site), problems)
    return found
