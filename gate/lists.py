"""The access list that counts now: taken in only when the server signed it and it is newer, kept over restarts, with its key.

The secret of the marks is booking's and this gate's alone; it is fetched once over HTTP and kept beside the list. `take` and
`fetch_key` run on threads of their own; what they found is swapped in whole, so that a decision never waits for them.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from gate.access_rules import Listing
from gate.kept_list import KeptList, NotBelieved
from gate.settings import GateSettings
from messages import access_list
from messages.access_list import AccessList
from messages.errors import MessageError
from runtime.booking_http import BookingRefused, BookingUnreachable
from runtime.clock import Clock
from runtime.secret_file import SecretFileError, create_secret, read_secret

_log = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds between tries to learn the secret of the marks, doubling."""


class Lists:
    """One gate's. `counts`: of lists by what became of them."""

    def __init__(self, settings: GateSettings, topic: str, clock: Clock, counts: "Counter[str]") -> None:
        self._clock = clock
        self._kept = KeptList(settings.data / "access-list", topic, settings.gate)
        self._key_file = settings.data / "access-list-key"
        self._server_key: bytes | None = None
        self._listing: Listing | None = None
        self._counts = counts
        self.key = self._read_key()
        """The secret of the marks; None while it is not known here."""
        self.key_wanted = threading.Event()
        """Set while it is not: whoever can asks booking for it."""
        if self.key is None:
            self.key_wanted.set()

    @property
    def usable(self) -> Listing | None:
        """The list, if there is one whose marks we can make; whether it still counts it says itself."""
        listing, key = self._listing, self.key
        if listing is None or key is None or listing.listed.key != access_list.key_name(key):
            return None
        return listing

    def trust(self, server_key: bytes) -> None:
        """Believe this server from now on; the list on disk is looked at with its key."""
        if server_key == self._server_key:
            return
        self._server_key = server_key
        if self._listing is None:
            self._kept.load(server_key, self._use)

    def take(self, payload: bytes, signature: str) -> None:
        """Take in a list that came, if it may take the place of ours."""
        if self._server_key is None:
            return
        try:
            listed = self._kept.believed(payload, signature, self._server_key)
            if not self._is_next(listed):
                self._refuse("older than what we have, or out of date")
                return
            self._use(listed)
        except (NotBelieved, MessageError) as error:
            self._refuse(str(error))
            return
        try:
            self._kept.keep(payload, signature)
        except OSError as error:
            _log.error("the access list is not kept, a restart without the server will not know it: %s", error)

    def _is_next(self, listed: AccessList) -> bool:
        """Tell whether a list may take the place of ours: it is newer, or ours does not count any more and it does."""
        now, ours = self._clock.now(), self._listing
        if ours is None or listed.newer_than(ours.listed):
            return True
        return ours.fault(now) is not None and Listing(listed).fault(now) is None

    def _use(self, listed: AccessList) -> None:
        self._listing = Listing(listed)
        self._counts["list-taken"] += 1
        if self.usable is None:
            self.key_wanted.set()
        _log.info(
            "access list generation=%d number=%d windows=%d valid_until=%s",
            listed.generation,
            listed.number,
            len(listed.windows),
            listed.valid_until.isoformat(),
        )

    def _refuse(self, why: str) -> None:
        self._counts["list-refused"] += 1
        _log.warning("access list refused why=%s", why)

    # ---- the secret of the marks -------------------------------------------------------------------------------------

    def fetch_key(self, ask: Callable[[], bytes | None], stop: threading.Event) -> None:
        """Ask booking for the secret whenever it is wanted, until `stop` is set, and `key_wanted` to wake us."""
        wait = FIRST_WAIT
        while True:
            self.key_wanted.wait()
            if stop.is_set():
                return
            try:
                key = ask()
            except (BookingUnreachable, BookingRefused) as error:
                _log.warning("the key of the access list is not known yet: %s", error)
                key = None
            if key is not None:
                self.learn_key(key)
            if self.usable is not None or self._listing is None:
                wait = FIRST_WAIT
            if key is None or (self._listing is not None and self.usable is None):
                stop.wait(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    def learn_key(self, key: bytes) -> None:
        """Keep the secret."""
        self.key_wanted.clear()
        try:
            with suppress(FileNotFoundError):
                self._key_file.unlink()
            self.key = create_secret(self._key_file, key)
        except (OSError, SecretFileError) as error:
            _log.error("the key of the access list is not kept, a restart without the server lacks it: %s", error)
            self.key = key
        _log.info("the key of the access list is known")
        if self._listing is not None and self.usable is None:
            self.key_wanted.set()  # the list was made with another

    def _read_key(self) -> bytes | None:
        if not self._key_file.exists():
            return None
        try:
            key = read_secret(self._key_file)
        except SecretFileError as error:
            _log.error("the key of the access list cannot be used, booking is asked for it again: %s", error)
            return None
        return key if len(key) == access_list.KEY_BYTES else None
