"""The access list on the gate's disk: exactly the signed message that came, so that a start without a server believes it anew.

Written whole or not at all. What cannot be read, or is not signed by the server, is set aside and told, never used.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import attrs

from messages import access_list
from messages.access_list import MAX_BYTES, AccessList
from messages.errors import MessageError
from runtime.secret_file import sync_folder
from runtime.signing import SIGNATURE_BYTES, verify

_log = logging.getLogger(__name__)
_MOST = MAX_BYTES + 2 * SIGNATURE_BYTES


class NotBelieved(Exception):  # noqa: N818 - named after what happened
    """A list that is not signed by the server for this gate, or cannot be read. The text says why, for the log."""


@attrs.frozen
class KeptList:
    """The file, and what a list in it must be: signed by `server_key` for `topic`, and of `gate`."""

    file: Path
    topic: str
    gate: str

    def believed(self, payload: bytes, signature: str, server_key: bytes) -> AccessList:
        """Return the list in a message; NotBelieved."""
        if not verify(server_key, self.topic, payload, signature):
            raise NotBelieved("signature")
        try:
            return access_list.decode(self.gate, payload)
        except MessageError as error:
            raise NotBelieved(f"unreadable: {error}") from error

    def keep(self, payload: bytes, signature: str) -> None:
        """Replace what is kept; OSError when the disk does not take it."""
        draft = self.file.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(signature.encode("ascii") + b"\n" + payload)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.file)
        sync_folder(self.file.parent)

    def load(self, server_key: bytes, use: Callable[[AccessList], None]) -> None:
        """Hand what is kept to `use`, which may raise MessageError; a file that is not believed is set aside."""
        try:
            with self.file.open("rb") as file:
                signature, _, payload = file.read(_MOST + 1).partition(b"\n")
            use(self.believed(payload, signature.decode("ascii", "replace"), server_key))
        except FileNotFoundError:
            return
        except (OSError, NotBelieved, MessageError) as error:
            _log.error("the access list on disk is not used, and set aside file=%s why=%s", self.file, error)
            self._set_aside()

    def _set_aside(self) -> None:
        try:
            self.file.replace(self.file.with_suffix(".unusable"))
        except OSError as error:
            _log.warning("it cannot be set aside: %s", error)
