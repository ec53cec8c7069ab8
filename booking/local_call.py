"""How commands on the service's own machine reach it: a file in its data folder, for its account alone, holds where it
listens and a token that is new at every start. Who can read the file could read the database too.
"""

import http.client
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from booking.errors import BookingError
from runtime.secret_file import SecretFileError, create_secret, read_secret

FILE = "local-access.json"
PATIENCE_SECONDS = 120
MAX_LINE = 1024 * 1024


class LocalAccess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the running service listens, and the token that it takes from its own machine."""

    http: str
    token: str


@contextmanager
def offered(data: Path, host: str, port: int) -> Iterator[LocalAccess]:
    """Write the file for as long as the service runs."""
    file = data / FILE
    file.unlink(missing_ok=True)
    near = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    access = LocalAccess(f"http://{near}:{port}", secrets.token_urlsafe(32))
    create_secret(file, msgspec.json.encode(access))
    try:
        yield access
    finally:
        if _is_ours(file, access):
            file.unlink(missing_ok=True)


def current(data: Path) -> LocalAccess:
    """Return what the parent of this worker offers."""
    return _read(data / FILE)


def _is_ours(file: Path, access: LocalAccess) -> bool:
    """Tell whether the file is still this process's: another one with the same data folder may have started since."""
    try:
        return _read(file) == access
    except BookingError:
        return False


def call(data: Path, path: str, body: bytes) -> Iterator[bytes]:
    """POST `body` to the running service and give its answer line by line; BookingError says why it cannot be had."""
    access = _read(data / FILE)
    where = urlsplit(access.http)
    connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", path, body, {"Authorization": f"Bearer {access.token}", "Content-Type": "text/csv"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise BookingError(f"the service refused ({answer.status}): {_detail(answer.read(MAX_LINE))}")
        while line := answer.readline(MAX_LINE):
            yield line
    except (OSError, http.client.HTTPException) as error:
        raise BookingError(f"the booking service at {access.http} does not answer ({error}): is it running?") from error
    finally:
        connection.close()


def _read(file: Path) -> LocalAccess:
    if not os.access(file.parent, os.X_OK) or not file.exists():
        raise BookingError(
            f"{file} is not there or not yours to read: the booking service must be running, with this data folder, and "
            "this command run as its account"
        )
    try:
        return msgspec.json.decode(read_secret(file), type=LocalAccess)
    except (SecretFileError, msgspec.MsgspecError) as error:
        raise BookingError(f"{file} cannot be used: {error}") from error


def _detail(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["sentences"]["en"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return "no reason given"
