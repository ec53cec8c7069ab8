"""Being a member: enrolled with booking, a week of keys in hand, the clock compared. A loop for a thread of `kiosk.app`.

Booking may be away at any time: what an earlier start stored is used at once, and asking goes on quietly.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from kiosk.booking_client import BookingClient
from kiosk.enrolled import Enrolled
from kiosk.errors import KioskError, NotEnrolledError
from kiosk.inputs import ClockMeasured, Input, KeysArrived
from runtime.booking_http import BookingRefused, BookingUnreachable

_log = logging.getLogger(__name__)
FIRST_RETRY, LAST_RETRY = 0.5, 60.0
REFRESH = timedelta(minutes=30)
"""A day key is made on booking's side at any time; this often is for the clock."""


class Membership:
    """Keeps the kiosk a member. `on_enrolled` is called once, when booking's key is known."""

    def __init__(
        self,
        client: BookingClient,
        offset: Callable[[], timedelta | None],
        put: Callable[[Input], None],
        on_enrolled: Callable[[Enrolled], None],
    ) -> None:
        self._client = client
        self._offset = offset
        self._put = put
        self._on_enrolled = on_enrolled
        self._known: Enrolled | None = None

    def start(self) -> None:
        """Use what an earlier enrolment left; no network."""
        stored = self._client.enrolled()
        if stored is not None:
            self._learn(stored)

    def run(self, stop: threading.Event) -> None:
        """Enrol, then refresh, until `stop`."""
        retry = FIRST_RETRY
        while not stop.is_set():
            pause = REFRESH.total_seconds()
            try:
                self._learn(self._client.refresh(self._known) if self._known else self._client.enrol())
                retry = FIRST_RETRY
            except (BookingUnreachable, BookingRefused, NotEnrolledError, KioskError) as error:
                _log.warning("keys not fetched again_in=%.0fs error=%s", retry, error)
                pause, retry = retry, min(retry * 2, LAST_RETRY)
            offset = self._offset()
            if offset is not None:
                self._put(ClockMeasured(offset))
            stop.wait(pause)

    def _learn(self, known: Enrolled) -> None:
        first = self._known is None
        self._known = known
        self._put(KeysArrived(known.kiosk_number, known.day_keys))
        if first:
            self._on_enrolled(known)
