"""Where everything is, once it is ready: a short table for a person, `run.json` for a program."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.schema import Kiosk
from onsite.people import READER, STAFF, Account, is_simulated
from onsite.programs import camera_file
from onsite.settings import LOOPBACK, RunSettings
from simulator.turnstile import port_link

RUN_FILE = "run.json"
"""In the data folder, while `seatgate run` is ready."""


def ca_file(data: Path) -> Path:
    """Where the authority lies that other machines' processes pin."""
    return data / "broker" / "tls" / "ca.pem"


def screen_url(wanted: RunSettings, kiosk: Kiosk) -> str:
    """Return the address that gives staff a kiosk's picture."""
    return f"{wanted.url}/staff/kiosks/{kiosk.id}/screen.png"


def to_json(wanted: RunSettings, accounts: Sequence[Account], kiosks: Sequence[Kiosk]) -> str:
    """Return the text of run.json."""
    staff = next(account for account in accounts if account.role == STAFF)
    found: dict[str, Any] = {
        "http": wanted.url,
        "mqtt": {"host": LOOPBACK, "port": wanted.mqtt_port}
        | ({} if wanted.mqtt_tls_port is None else {"tls_port": wanted.mqtt_tls_port, "ca": str(ca_file(wanted.data))}),
        "portals": [
            {
                "id": portal.id,
                "gate": gate.id,
                "direction": portal.direction,
                "device": portal.port or str(port_link(wanted.data, portal.id)),
                "protocol": portal.protocol,
            }
            for gate in wanted.site.gates
            for portal in gate.portals
        ],
        "kiosks": [
            {
                "id": kiosk.id,
                "role": kiosk.role,
                "screen": screen_url(wanted, kiosk),
                "camera": str(camera_file(wanted.data, kiosk.id)),
            }
            for kiosk in kiosks
        ],
        "demo_accounts": [
            {
                "reader": account.reader,
                "name": account.name,
                "password": account.password,
                "card": account.card,
                "face": account.face,
            }
            for account in accounts
            if account.role == READER and not is_simulated(account)
        ],
        "simulated_readers": [
            {name: getattr(account, name) for name in ("reader", "password", "card", "face")}
            for account in accounts
            if is_simulated(account)
        ],
        "staff_account": {"reader": staff.reader, "password": staff.password},
        "clock_shift_s": wanted.shift.total_seconds(),
        "clock": wanted.clock.environment,
    }
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def to_text(wanted: RunSettings, accounts: Sequence[Account], kiosks: Sequence[Kiosk]) -> str:
    """Return what a person needs now: addresses, an account to sign in with, how to stop."""
    reader = next(account for account in accounts if account.role == READER)
    staff = next(account for account in accounts if account.role == STAFF)
    known = sum(account.role == READER and not is_simulated(account) for account in accounts)
    rows = [
        ("web pages", wanted.url),
        ("reader", f"{reader.reader}   password {reader.password}   ({known} readers in run.json)"),
        ("staff", f"{staff.reader}   password {staff.password}"),
    ]
    rows += [
        ("kiosk", f"{kiosk.id}   picture for staff: {screen_url(wanted, kiosk)}")
        for kiosk in kiosks
        if not wanted.windowed
    ]
    rows += [("kiosk", f"{kiosk.id}   in its window") for kiosk in kiosks if wanted.windowed]
    rows += [
        ("turnstile", f"{portal.id}   {portal.port or port_link(wanted.data, portal.id)}")
        for gate in wanted.site.gates
        for portal in gate.portals
    ]
    rows.append(("broker", f"{LOOPBACK}:{wanted.mqtt_port}"))
    if wanted.mqtt_tls_port is not None:
        hosts = ", ".join(wanted.broker_names)
        rows.append(
            ("broker", f"with TLS on port {wanted.mqtt_tls_port} of {hosts}; its authority: {ca_file(wanted.data)}")
        )
    rows.append(("logs", str(wanted.data / "logs")))
    if wanted.speed != 1.0:
        rows.append(("clock", f"{wanted.speed:g} times as fast as time"))
    if wanted.lives:
        rows.append(("simulated", f"{wanted.readers} readers live here: a line every quarter of an hour"))
    if wanted.url.startswith(f"http://{LOOPBACK}"):
        rows.append(("phones", "cannot reach this address: start with --host 0.0.0.0 to let them in"))
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}   {value}" for name, value in rows]
    return "\n".join(
        ["", f"Seatgate is ready: {wanted.site.name['zh']} {wanted.site.name['en']}", *lines, "  Ctrl-C stops it.", ""]
    )
