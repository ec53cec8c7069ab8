"""A gate's part of `seatgate diagnose`: ports, last frames, clock, queue. Looks only; the gate may be running meanwhile.

A running gate holds ports and outbox alone, so their state is read from the status file that it writes.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from config import ConfigError
from gate import machine, status
from gate.settings import GateSettings, Lane, load_lanes, load_settings
from gate.status import GateStatus
from runtime.checks import Check, Level
from runtime.clock import Clock
from runtime.version import version

__all__ = ["checks", "load_settings"]

SILENT_AFTER = timedelta(hours=24)
"""A library's portal that gave no frame for a day is worth a look."""
STALE_AFTER = timedelta(seconds=3 * status.LONGEST_SECONDS)
BUILT = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
"""No event can be older than the program that reads it."""
MANY_WAITING = 100
"""More than a busy entrance collects in the seconds that booking needs."""
OLD_AFTER = timedelta(minutes=5)
"""Booking answers within a second: what waits longer than this waits for something to be mended."""
CLOCK_OFF = timedelta(seconds=5)
SLOW_COMMIT_S = 0.05
"""A card's event is on the disk before its board is answered: slower than this readers notice."""
BAD_SHARE, BAD_LEAST = 0.05, 3
"""So many bad frames, and at least so many, are more than a card that was pulled away."""
PAGES = {
    "gate": "gate-offline",
    "version": "gate-offline",
    "port": "port-unplugged",
    "frames": "turnstile-silent",
    "clock": "clock-wrong",
    "server": "server-down",
    "fsync": "outbox-full",
    "enrolment": "gate-replaced",
    "queue": "server-down",
    "broker": "broker-refuses",
    "rights": "acl-too-wide",
    "outbox-lost": "outbox-damaged",
    "outbox-damaged": "outbox-damaged",
    "set aside": "set-aside",
    "access-list": "list-out-of-date",
    "locked": "list-out-of-date",
}
"""Name of a check, or its first word → its page of docs/operations."""
SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes this file once it has the time from the network."""


def checks(settings: GateSettings, clock: Clock | None = None) -> list[Check]:
    """Return every check of this gate; never raises for what is wrong. `clock`: this machine's own, never shifted."""
    now = (clock or Clock()).now()
    try:
        _, lanes = load_lanes(settings)
    except ConfigError as error:
        return [Check(f"gate {settings.gate}", Level.FAIL, str(error), "correct the settings or the site file")]
    seen = status.read(settings.status)
    written = status.written_at(settings.status)
    running = written is not None and abs(now - written) < STALE_AFTER
    found = [_process(settings, seen, running=running), _version(seen if running else None)]
    for lane in lanes:
        found.append(_port(lane, seen if running else None))
        found.append(_last_frame(lane, seen))
    found += [
        _clock(now, written),
        *_server(settings, now),
        _commit(settings),
        *_queue(seen),
        *_broker(seen, running=running),
    ]
    return [replace(check, page=check.page or page_of(check.name)) for check in found]


def page_of(name: str) -> str:
    """Return the page of docs/operations about a check, by its name."""
    return PAGES.get(name) or PAGES.get(name.split(maxsplit=1)[0], "")


def _version(seen: GateStatus | None) -> Check:
    if seen is not None and seen.version and seen.version != version():
        what = f"{seen.version} runs, {version()} is installed"
        return Check("version", Level.WARN, what, "restart the gate at a quiet moment")
    return Check("version", Level.OK, version())


def _server(settings: GateSettings, now: datetime) -> Iterator[Check]:
    url = settings.booking_url
    try:
        ahead = machine.server_date(url, now)
    except OSError as error:
        why = str(getattr(error, "reason", None) or error)
        yield Check(
            "server", Level.WARN, f"{url} does not answer ({why})", "is booking running? Nothing is lost meanwhile"
        )
        return
    yield Check("server", Level.OK, f"{url} answers")
    if ahead is None:
        return
    seen = f"{-ahead.total_seconds():+.0f} s against the server's"
    if abs(ahead) > CLOCK_OFF:
        yield Check("clock offset", Level.FAIL, seen, "set up time synchronisation: timedatectl set-ntp 1")
    else:
        yield Check("clock offset", Level.OK, seen)


def _commit(settings: GateSettings) -> Check:
    try:
        seconds = machine.commit_seconds(settings.data)
    except OSError as error:
        return Check("fsync", Level.FAIL, f"{settings.data}: {error.strerror}", "free space on the disk, or mend it")
    seen = f"{seconds * 1000:.1f} ms until a few bytes are on the disk"
    if seconds > SLOW_COMMIT_S:
        return Check(
            "fsync", Level.WARN, seen, "readers wait for it: use another disk, or see what keeps this one busy"
        )
    return Check("fsync", Level.OK, seen)


def _broker(seen: GateStatus | None, *, running: bool) -> Iterator[Check]:
    if seen is None or not running or not seen.joined or not seen.broker_connected:
        return
    if "broker" not in seen.warnings:
        yield Check("broker", Level.OK, "connected")
    if "rights" not in seen.warnings:
        yield Check("rights", Level.OK, "no fault found in the broker's rights")


def _process(settings: GateSettings, seen: GateStatus | None, *, running: bool) -> Check:
    name = f"gate {settings.gate}"
    if seen is None:
        return Check(name, Level.FAIL, "has never run here", f"start it: systemctl start seatgate-gate@{settings.gate}")
    if not running:
        return Check(
            name,
            Level.FAIL,
            f"does not run; it last wrote its status {seen.written_at:%Y-%m-%d %H:%M}",
            f"start it: systemctl start seatgate-gate@{settings.gate}; its log says why it ended",
        )
    if seen.fault:
        return Check(name, Level.FAIL, seen.fault, "free space on the disk of the data folder; reading then goes on")
    return Check(name, Level.OK, "runs")


def _port(lane: Lane, seen: GateStatus | None) -> Check:
    name, device = f"port {lane.portal.id}", lane.device
    reported = seen.lanes.get(lane.portal.id) if seen is not None else None
    if reported is not None and reported.is_open:
        times = f", opened {reported.opened} times" if reported.opened > 1 else ""
        return Check(name, Level.OK, f"{device} is open{times}")
    if "://" in device or not device.startswith("/"):
        what = (reported.trouble if reported is not None else "") or f"{device} is not open"
        return Check(name, Level.WARN, what, "check the network, and what is at the other end")
    try:
        mode = Path(device).stat().st_mode
    except OSError as error:
        return Check(
            name,
            Level.FAIL,
            f"{device}: {error.strerror}",
            "plug the reader in; `ls -l /dev/serial/by-id` shows what is there",
        )
    if not stat.S_ISCHR(mode):
        return Check(name, Level.FAIL, f"{device} is not a device", "name a serial device in the site file")
    if not os.access(device, os.R_OK | os.W_OK):
        return Check(
            name,
            Level.FAIL,
            f"this account may not open {device}",
            "add it to the group dialout: sudo usermod -aG dialout USER",
        )
    held = ", ".join(machine.holders(device))
    if reported is not None:
        what = f"{device} is there: {reported.trouble or 'the gate cannot open it'}" + (
            f"; {held} has it" if held else ""
        )
        return Check(name, Level.FAIL, what, "end the other program" if held else "see the gate's log")
    if held:
        return Check(
            name, Level.WARN, f"{device} is there, and {held} has it", "end that program, or the gate cannot open it"
        )
    return Check(name, Level.OK, f"{device} is there")


def _last_frame(lane: Lane, seen: GateStatus | None) -> Check:
    name = f"frames {lane.portal.id}"
    known = seen.lanes.get(lane.portal.id) if seen is not None else None
    bad = ", ".join(f"{count} {kind}" for kind, count in (known.bad_frames if known else {}).items())
    todo = (
        f"hold a card against it; `seatgate frames --protocol {lane.portal.protocol} --port {lane.device}` shows bytes"
    )
    if seen is None or known is None or known.last_frame is None:
        what = "none since the gate started" + (f", but bad frames: {bad}" if bad else "")
        return Check(name, Level.WARN, what, todo)
    what = f"last {known.last_frame:%Y-%m-%d %H:%M}, {known.good} good" + (
        f"; bad since the start: {bad}" if bad else ""
    )
    count = sum(known.bad_frames.values())
    if count >= BAD_LEAST and count > BAD_SHARE * (count + known.good):
        return Check(name, Level.WARN, what, f"look at cable and speed, then {todo}", "checksum-errors")
    if seen.written_at - known.last_frame > SILENT_AFTER:
        return Check(name, Level.WARN, what, todo)
    return Check(name, Level.OK, what)


def _clock(now: datetime, written: datetime | None) -> Check:
    seen = f"{now:%Y-%m-%d %H:%M} UTC"
    if now < BUILT or (written is not None and now < written - STALE_AFTER):
        return Check("clock", Level.FAIL, f"{seen} is in the past", "set the clock: timedatectl set-ntp 1")
    if SYNCHRONIZED.parent.exists() and not SYNCHRONIZED.exists():
        return Check("clock", Level.WARN, f"{seen}, not synchronised", "see: timedatectl timesync-status")
    return Check("clock", Level.OK, seen)


def _queue(seen: GateStatus | None) -> Iterator[Check]:
    if seen is None:
        return
    if not seen.joined:
        yield Check(
            "enrolment", Level.WARN, "booking does not know this gate yet", "see the gate's log; give it its code"
        )
    else:
        yield Check("enrolment", Level.OK, "booking knows this gate")
    waiting = f"{seen.outbox.depth} events wait for booking"
    age = seen.written_at - seen.oldest_waiting if seen.oldest_waiting is not None else None
    if age is not None:
        waiting += f", the first for {max(0, round(age.total_seconds()))} s"
    if seen.joined and not seen.broker_connected:
        yield Check("queue", Level.WARN, f"{waiting}; no broker is connected", "check the network and the broker")
    elif seen.outbox.depth > MANY_WAITING or (age is not None and age > OLD_AFTER):
        yield Check("queue", Level.WARN, waiting, "is booking running? Nothing is lost, it drains by itself")
    else:
        yield Check("queue", Level.OK, waiting)
    for word, sentence in seen.warnings.items():
        what, _, todo = sentence.rpartition(": ")
        yield Check(word, Level.WARN, what or sentence, todo if what else "see the gate's log")
    if seen.set_aside:
        yield Check(
            "set aside",
            Level.FAIL,
            f"{seen.set_aside} events that booking refused for ever",
            "keep the data folder and ask for help: a key or a copied disk is wrong",
        )
