"""What `seatgate run` starts: one settings file and one command line per process, made from the site file.

Pure but for writing the files. Which keys a process reads is the process's own business; this is the other end of it.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from config.schema import Gate, Kiosk
from onsite import broker as brokers
from onsite.broker import Broker
from onsite.files import TomlValue, toml, write_private
from onsite.processes import Program
from onsite.settings import EVERY_ADDRESS, LOOPBACK, RunSettings
from simulator.turnstile import port_link

PORTRAIT = {"width": 1080, "height": 1920}
SMALL_PORTRAIT = {"width": 540, "height": 960}
"""In a window: the whole screen of a kiosk, half as large, fits on a desktop."""


def folder_of(kind: str, device: str) -> str:
    """Name the folder, the log and the MQTT account of one gate or kiosk."""
    return f"{kind}-{device}"


def code_file(data: Path, kind: str, device: str) -> Path:
    """Where a device finds its one-time enrolment code."""
    return data / folder_of(kind, device) / "enrolment-code"


def camera_file(data: Path, kiosk: str) -> Path:
    """Where the camera of a kiosk looks that has none: a picture put there is before its lens."""
    return data / folder_of("kiosk", kiosk) / "camera.png"


def simulated(gate: Gate, data: Path) -> dict[str, str]:
    """Return portal → device for the portals that the simulator holds."""
    return {portal.id: str(port_link(data, portal.id)) for portal in gate.portals if not portal.port}


def programs(wanted: RunSettings, broker: Broker, kiosks: list[Kiosk]) -> list[Program]:
    """Write every process's settings and return what to start; the broker is first, because it is stopped last."""
    shift = wanted.clock.environment
    started = [
        Program("broker", broker.command),
        _process(wanted, "booking", "booking", _booking(wanted, broker), shift),
    ]
    if any(simulated(gate, wanted.data) for gate in wanted.site.gates):
        started.append(_turnstiles(wanted, shift))
    started += [
        _process(wanted, "gate", folder_of("gate", gate.id), _gate(wanted, broker, gate), shift)
        for gate in wanted.site.gates
    ]
    started += [
        _process(wanted, "kiosk", folder_of("kiosk", kiosk.id), _kiosk(wanted, broker, kiosk), shift)
        for kiosk in kiosks
    ]
    if wanted.lives:
        started.append(_readers(wanted, shift))
    return started


def _process(
    wanted: RunSettings, command: str, name: str, table: Mapping[str, TomlValue], environment: Mapping[str, str]
) -> Program:
    file = wanted.data / "config" / f"{name}.toml"
    write_private(file, f"# Written by `seatgate run` at every start.\n{toml(table)}")
    return Program(
        name,
        [sys.executable, "-m", "seatgate", command, "--config", str(file)],
        environment,
        connects=command in {"gate", "kiosk"},
    )


def _turnstiles(wanted: RunSettings, environment: Mapping[str, str]) -> Program:
    options = ["--site", str(wanted.site_file), "--data", str(wanted.data)]
    return Program(
        "turnstiles", [sys.executable, "-m", "seatgate", "simulate", "turnstile", "serve", *options], environment
    )


def _readers(wanted: RunSettings, environment: Mapping[str, str]) -> Program:
    options = ["--data", str(wanted.data), "--readers", str(wanted.readers), "--seed", str(wanted.seed)]
    return Program("readers", [sys.executable, "-m", "seatgate", "simulate", "readers", *options], environment)


def _common(wanted: RunSettings, name: str) -> dict[str, TomlValue]:
    return {"site": str(wanted.site_file), "data": str(wanted.data / name)}


def _booking(wanted: RunSettings, broker: Broker) -> dict[str, TomlValue]:
    return {
        **_common(wanted, "booking"),
        "database": wanted.database,
        "demo": True,
        "production": False,
        "demo_accounts_file": str(wanted.data / "demo-accounts.json"),
        "enrolment_codes_file": str(wanted.data / "enrolment-codes.json"),
        "public_url": wanted.url,
        "http": {"host": wanted.http_host, "port": wanted.http_port},
        "broker": broker.client(brokers.BOOKING),
    }


def _inner_url(wanted: RunSettings) -> str:
    """How the processes of this machine reach the service."""
    return f"http://{LOOPBACK}:{wanted.http_port}" if wanted.http_host in EVERY_ADDRESS else wanted.url


def _gate(wanted: RunSettings, broker: Broker, gate: Gate) -> dict[str, TomlValue]:
    return {
        "gate": gate.id,
        **_common(wanted, folder_of("gate", gate.id)),
        "booking_url": _inner_url(wanted),
        "enrolment_code_file": str(code_file(wanted.data, "gate", gate.id)),
        "broker": broker.client(brokers.gate_account(gate.id)),
        "ports": simulated(gate, wanted.data),
    }


def _kiosk(wanted: RunSettings, broker: Broker, kiosk: Kiosk) -> dict[str, TomlValue]:
    return {
        "kiosk": kiosk.id,
        **_common(wanted, folder_of("kiosk", kiosk.id)),
        "booking_url": _inner_url(wanted),
        "public_url": wanted.url,
        "enrolment_code_file": str(code_file(wanted.data, "kiosk", kiosk.id)),
        "broker": broker.client(brokers.kiosk_account(kiosk.id)),
        "camera": str(camera_file(wanted.data, kiosk.id)),
        "watch_when_idle": True,
        "screen": {
            **(SMALL_PORTRAIT if wanted.windowed else PORTRAIT),
            "windowed": wanted.windowed,
            "offscreen": not wanted.windowed,
        },
    }
