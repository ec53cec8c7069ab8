"""The checks behind `seatgate diagnose`, and its bundle: which processes belong to this machine and how each one is.

What a process can say of itself stands beside it (`gate.diagnose`, `kiosk.diagnose`); here are the checks of the
machine, the broker and the booking service.
"""

import http.client
import importlib
import io
import shutil
import socket
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from config import ConfigError, read_toml
from onsite.certificates import ends_of
from runtime.checks import Check, Level, render
from runtime.clock import Clock
from runtime.logs import redact

INSTALLED = Path("/etc/seatgate")
_ANSWER_WITHIN_S = 5.0
_LOW_DISK_BYTES = 1_000_000_000
_FULL_DISK_BYTES = 100_000_000
_LOG_TAIL_BYTES = 200_000
_OK = 200
_RENEW_DAYS = 30
PAGES = {
    "disk": "outbox-full",
    "certificate": "tls-certificate",
    "broker": "broker-down",
    "service": "server-down",
    "clock": "clock-wrong",
    "rights": "acl-too-wide",
}
"""First word of a check → its page of docs/operations, where the process itself names none."""


def settings_files(named: Sequence[Path], data: Path) -> list[Path]:
    """Return the settings files of this machine's processes: those named, else of `seatgate run`, else the installed."""
    return list(named) or sorted((data / "config").glob("*.toml")) or sorted(INSTALLED.glob("*.toml"))


def run_checks(files: Sequence[Path]) -> list[Check]:
    """Check every process whose settings are named; one that cannot be checked is a line like any other."""
    if not files:
        todo = "start `seatgate run` once, or name a settings file with --config"
        return [Check("settings", Level.FAIL, "this machine has no settings of any process", todo)]
    return [check for file in files for check in _checks_of(file)]


def _checks_of(file: Path) -> list[Check]:
    try:
        table = read_toml(file)
        kind = next((kind for kind in ("gate", "kiosk") if kind in table), "booking")
        own = importlib.import_module(f"{kind}.diagnose") if kind != "booking" else None
        specific = own.checks(own.load_settings(file)) if own else [_broker(table), _booking(table)]
    except ConfigError as error:
        return [Check(file.stem, Level.FAIL, "; ".join(error.problems), f"put {file} right")]
    except ModuleNotFoundError as error:
        return [Check(file.stem, Level.FAIL, f"the Python package {error.name} is missing", "run tools/install run")]
    found = [_disk(table), *_certificates(table), *specific]
    return [
        replace(check, name=f"{file.stem}: {check.name}", page=check.page or PAGES.get(check.name.split()[0], ""))
        for check in found
    ]


def _disk(table: Mapping[str, Any]) -> Check:
    folder = Path(str(table.get("data", ".")))
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("disk", Level.FAIL, f"{folder}: {error.strerror}", "make the folder, and give it to this account")
    seen = f"{free / 1e9:.1f} GB free at {folder}"
    if free < _LOW_DISK_BYTES:
        return Check("disk", Level.FAIL if free < _FULL_DISK_BYTES else Level.WARN, seen, "free some space")
    return Check("disk", Level.OK, seen)


def _broker(table: Mapping[str, Any]) -> Check:
    host, port = _address(table, "broker", 1883)
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_WITHIN_S):
            return Check("broker", Level.OK, f"listens on {host}:{port}")
    except OSError as error:
        todo = "start mosquitto; until then gates keep their events and kiosks their last map"
        return Check("broker", Level.FAIL, f"{host}:{port} does not answer ({error.strerror or error})", todo)


def _certificates(table: Mapping[str, Any]) -> Iterator[Check]:
    """Look at what TLS to the broker stands on. The broker's own certificate is checked where it is made."""
    section = table.get("broker", {})
    for name in ("tls_ca", "tls_certificate"):
        if name not in section:
            continue
        ends = ends_of(Path(str(section[name])))
        todo = (
            f"put the broker's authority there again ({name})"
            if name == "tls_ca"
            else "run `seatgate broker` on the broker's machine, copy the new one here"
        )
        if ends is None:
            yield Check(
                f"certificate {name}", Level.FAIL, f"{section[name]} holds no certificate that can be read", todo
            )
            continue
        left = (ends - Clock().now()).days
        level = Level.OK if left > _RENEW_DAYS else Level.WARN if left > 0 else Level.FAIL
        yield Check(f"certificate {name}", level, f"good until {ends:%Y-%m-%d}", "" if level is Level.OK else todo)


def _booking(table: Mapping[str, Any]) -> Check:
    host, port = _address(table, "http", 8080)
    connection = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=_ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(1000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return Check(
            "service", Level.FAIL, f"{host}:{port} does not answer ({error})", "start it; its log says why it ended"
        )
    finally:
        connection.close()
    if answer.status != _OK:
        return Check("service", Level.FAIL, f"answers but cannot work: {said}", "look into its log")
    return Check("service", Level.OK, f"ready on {host}:{port}")


def _address(table: Mapping[str, Any], name: str, port: int) -> tuple[str, int]:
    section = table.get(name, {})
    return str(section.get("host", "127.0.0.1")), int(section.get("port", port))


def bundle(checks: Sequence[Check], files: Sequence[Path], logs: Path) -> bytes:
    """Return a zip file for a developer: report, settings, states, the end of each log; secrets and card numbers masked."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.txt", redact(render(checks)) + "\n")
        for file in files:
            archive.writestr(f"settings/{file.name}", redact(_tail(file)))
            if (state := _state_of(file)) is not None:
                archive.writestr(f"states/{file.stem}.json", redact(_tail(state)))
        for file in sorted(logs.glob("*.log")):
            archive.writestr(f"logs/{file.name}", redact(_tail(file)))
    return content.getvalue()


def _state_of(settings: Path) -> Path | None:
    """Return what a running gate last said of itself, by its settings; None where there is nothing."""
    try:
        file = Path(str(read_toml(settings).get("data", "."))) / "status.json"
    except ConfigError:
        return None
    return file if file.exists() else None


def _tail(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            stream.seek(max(0, file.stat().st_size - _LOG_TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError as error:
        return f"could not be read: {error.strerror}\n"
