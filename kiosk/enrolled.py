"""What booking gave this kiosk at enrolment, kept in one file of mode 0600: the server's key, our number, a week of keys.

With it the check-in code goes on without any server. Written whole or not at all.
"""

import json
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from kiosk.errors import KioskError
from messages.checkin import KEY_BYTES, MAX_KIOSK
from runtime.secret_file import SecretFileError, read_secret, sync_folder
from runtime.signing import PUBLIC_KEY_BYTES, from_text, to_text

_log = logging.getLogger(__name__)
MAX_KEYS = 64


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The server's public key, this kiosk's number and its day keys by epoch."""

    server_public_key: bytes
    kiosk_number: int
    day_keys: dict[int, bytes] = field(repr=False)


def load(file: Path) -> Enrolled | None:
    """Return what the file holds; None when there is none, or one that nobody can use (which is logged)."""
    if not file.exists():
        return None
    try:
        return _decoded(read_secret(file))
    except (SecretFileError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        _log.error("enrolment file not usable file=%s error=%s", file, error)
        return None


def save(file: Path, enrolled: Enrolled) -> None:
    """Replace the file; KioskError says which folder to look at."""
    content = json.dumps(
        {
            "server_public_key": to_text(enrolled.server_public_key),
            "kiosk_number": enrolled.kiosk_number,
            "day_keys": {str(epoch): to_text(key) for epoch, key in sorted(enrolled.day_keys.items())},
        }
    )
    draft = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(file)
        sync_folder(file.parent)
    except OSError as error:
        raise KioskError(f"{file} cannot be written ({error.strerror}): check the folder's owner and space") from error


def _decoded(content: bytes) -> Enrolled:
    table = json.loads(content)
    server, number = from_text(table["server_public_key"]), table["kiosk_number"]
    keys = {int(epoch): from_text(key) for epoch, key in list(table["day_keys"].items())[:MAX_KEYS]}
    if server is None or len(server) != PUBLIC_KEY_BYTES:
        raise ValueError("server_public_key is not a key")
    if not isinstance(number, int) or not 0 <= number <= MAX_KIOSK:
        raise ValueError("kiosk_number is not a number of a kiosk")
    good = {epoch: key for epoch, key in keys.items() if key is not None and len(key) == KEY_BYTES}
    if len(good) != len(keys):
        raise ValueError("day_keys holds something that is not a key")
    return Enrolled(server, number, good)
