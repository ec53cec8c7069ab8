"""Files of mode 0600 that hold one secret (a key, a password): created whole or not at all, never read when others can.

No secret is ever kept in memory here, logged, or written anywhere else.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from runtime.errors import RuntimeFault

MAX_SECRET_BYTES = 64 * 1024
_OTHERS = 0o077


class SecretFileError(RuntimeFault):
    """A secret file is missing, unreadable, or open to other accounts."""


def read_secret(path: Path) -> bytes:
    """Return the content of `path`; SecretFileError when it is missing, too long, or readable by others."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise SecretFileError(
            f"{path} cannot be read ({error.strerror}): check that it exists and whose it is"
        ) from error
    if mode & _OTHERS:
        raise SecretFileError(f"{path} holds a secret but other accounts may open it: run `chmod 600 {path}`")
    if len(content) > MAX_SECRET_BYTES:
        raise SecretFileError(
            f"{path} is longer than {MAX_SECRET_BYTES} bytes: it is not the secret that belongs there"
        )
    return content


def create_secret(path: Path, content: bytes) -> bytes:
    """Write `content` to a new file of mode 0600 and return it; when `path` exists already, return what is there.

    The name appears only once the content is on the disk, so that two starting processes agree on one secret and
    a power cut leaves either no file or a whole one.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise SecretFileError(
            f"{path} cannot be written ({error.strerror}): check the folder's owner and space"
        ) from error
    return read_secret(path)


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
