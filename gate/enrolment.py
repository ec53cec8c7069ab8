"""Joining: a gate shows booking its one-time code and public key once, and keeps the server's key that it is given.

The server's key is what acknowledgements are believed by. A new code in the code file joins again (a server that was
set up anew). Until booking can be reached, this waits and tries; events are captured meanwhile.
"""

import hashlib
import logging
import random
import threading
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from gate.settings import GateSettings
from runtime.booking_http import BookingRefused, BookingUnreachable, Enrolment
from runtime.secret_file import SecretFileError, read_secret
from runtime.signing import PUBLIC_KEY_BYTES, from_text, to_text

_log = logging.getLogger(__name__)
_dice = random.SystemRandom()
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between tries, doubling."""
REFUSED_WAIT = 60.0
"""A refusal is staff's to solve: the code file is looked at again this often."""


class Enrols(Protocol):
    """Booking, as far as joining needs it (`runtime.booking_http.DeviceHttp`)."""

    def enrol(self, kind: Literal["gate", "kiosk"], code: str) -> Enrolment:
        """Join; BookingUnreachable or BookingRefused."""


class Joined(msgspec.Struct, frozen=True):
    """What is kept: the server's key, and by which code (as a digest) it was got."""

    server_public_key: str
    code_digest: str

    @property
    def key(self) -> bytes | None:
        """The server's public bytes; None when the file holds none."""
        key = from_text(self.server_public_key)
        return key if key is not None and len(key) == PUBLIC_KEY_BYTES else None


def load_joined(file: Path) -> Joined | None:
    """Return what an earlier start learned; None when there is nothing that can be used."""
    try:
        joined = msgspec.json.decode(file.read_bytes(), type=Joined)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("enrolment file=%s cannot be used, joining again: %s", file, error)
        return None
    return joined if joined.key is not None else None


def server_key(settings: GateSettings, booking: Enrols, stop: threading.Event) -> bytes | None:
    """Return the server's public key, joining first where needed; None when stopped before that."""
    wait, told = FIRST_WAIT, ""
    while not stop.is_set():
        joined, code = load_joined(settings.enrolment), ""
        try:
            code = _code(settings)
            if joined is not None and (not code or joined.code_digest == _digest(code)):
                return joined.key
            return _join(settings, booking, code)
        except BookingUnreachable as error:
            problem, pause = f"cannot join booking yet, events are kept: {error}", wait * _dice.uniform(0.5, 1)
            wait = min(wait * 2, LONGEST_WAIT)
        except (BookingRefused, SecretFileError, OSError) as error:
            if joined is not None:
                _log.warning("a new enrolment code does not work, staying with the old enrolment: %s", error)
                return joined.key
            problem, pause = f"booking does not let this gate join, events are kept: {error}", REFUSED_WAIT
        if problem != told:
            _log.warning("%s", problem)
            told = problem
        stop.wait(pause)
    return None


def _code(settings: GateSettings) -> str:
    if not settings.enrolment_code_file:
        return ""
    file = Path(settings.enrolment_code_file)
    if not file.exists() and settings.enrolment.exists():
        return ""  # removed after joining, as a one-time code may be
    return read_secret(file).decode("ascii", "replace").strip()


def _join(settings: GateSettings, booking: Enrols, code: str) -> bytes:
    if not code:
        raise SecretFileError(
            "set enrolment_code_file to the file with the one-time code that staff gave for this gate"
        )
    enrolment = booking.enrol("gate", code)
    joined = Joined(to_text(enrolment.server_public_key), _digest(code))
    draft = settings.enrolment.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(joined))
    draft.replace(settings.enrolment)
    _log.info("joined booking=%s server_kid=%s", settings.booking_url, enrolment.server_kid)
    return enrolment.server_public_key


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
