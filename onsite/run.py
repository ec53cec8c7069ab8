"""`seatgate run`: broker, booking service, gates, simulated turnstiles and kiosk on this one machine, until told to stop."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.schema import Kiosk, Site
from onsite import broker as brokers
from onsite import people, summary
from onsite.broker import Broker, TlsListener
from onsite.errors import OnsiteError
from onsite.files import write_private
from onsite.processes import Children
from onsite.programs import code_file, folder_of, programs
from onsite.settings import LOOPBACK, RunSettings, check_ports

_FOLDERS = ("booking", "broker", "config", "logs", "ports")
_CODE_BYTES = 16


def run(wanted: RunSettings, say: Callable[[str], None]) -> None:
    """Start everything, say when it is ready and where it is, and return once a signal has stopped it again."""
    os.umask(0o077)  # whatever is kept here, by any of the processes, is its owner's alone
    kiosks = shown_kiosks(wanted.site)
    _make_folders(wanted, kiosks)
    with _alone(wanted.data):
        check_ports(wanted)
        run_file = wanted.data / summary.RUN_FILE
        run_file.unlink(missing_ok=True)
        accounts = people.load_or_create(wanted.data / "demo-accounts.json", wanted.readers)
        _write_enrolment_codes(wanted, kiosks)
        broker = _broker(wanted)
        started = programs(wanted, broker, kiosks)
        children = Children(wanted.data / "logs", say)
        try:
            children.start(started)
            if children.wait_ready():
                write_private(run_file, summary.to_json(wanted, accounts, kiosks))
                say(summary.to_text(wanted, accounts, kiosks))
                children.watch(lambda: broker.renew(brokers.accounts_of(wanted.site)))
        finally:
            children.stop()
            run_file.unlink(missing_ok=True)


def _broker(wanted: RunSettings) -> Broker:
    tls = None
    if wanted.mqtt_tls_port is not None:
        tls = TlsListener(wanted.http_host, wanted.mqtt_tls_port, wanted.broker_names)
    accounts = brokers.accounts_of(wanted.site)
    return brokers.prepare(wanted.data / "broker", LOOPBACK, wanted.mqtt_port, accounts, tls)


def shown_kiosks(site: Site) -> list[Kiosk]:
    """Return the kiosks that one machine shows: the first of each venue."""
    first = {kiosk.venue: kiosk for kiosk in reversed(site.kiosks)}
    return [kiosk for kiosk in site.kiosks if first[kiosk.venue] is kiosk]


def _make_folders(wanted: RunSettings, kiosks: list[Kiosk]) -> None:
    own = [folder_of(kind, device) for kind, device in _devices(wanted, kiosks)]
    try:
        wanted.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (*_FOLDERS, *own):
            (wanted.data / name).mkdir(exist_ok=True)
    except OSError as error:
        raise OnsiteError(
            f"the data folder {wanted.data} cannot be used ({error.strerror}): "
            "name one that this account may write with --data, or with SEATGATE_DATA"
        ) from None


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the data folder: two sets of processes on the same files would each undo the other's work."""
    with (data / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OnsiteError(
                f"another `seatgate run` works in {data}: stop that one, or give this one a folder of its own with --data"
            ) from None
        yield


def _devices(wanted: RunSettings, kiosks: list[Kiosk]) -> list[tuple[str, str]]:
    """Return (kind, id) of every device that this machine runs."""
    return [("gate", gate.id) for gate in wanted.site.gates] + [("kiosk", kiosk.id) for kiosk in kiosks]


def _write_enrolment_codes(wanted: RunSettings, kiosks: list[Kiosk]) -> None:
    """Write each device's one-time code, made once per data folder: all of them for booking, its own for each device."""
    codes = {}
    for kind, device in _devices(wanted, kiosks):
        file = code_file(wanted.data, kind, device)
        if not file.exists():
            write_private(file, secrets.token_urlsafe(_CODE_BYTES))
        codes[device] = {"kind": kind, "code": file.read_text(encoding="ascii")}
    write_private(wanted.data / "enrolment-codes.json", json.dumps(codes, indent=2))
