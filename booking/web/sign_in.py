"""Local accounts: check a student number and password without telling which of the two is wrong.

argon2 runs off the event loop; an unknown reader costs the same time as a wrong password.
"""

from datetime import timedelta

import anyio
import anyio.to_thread
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import Request

from booking.accounts import HASHER
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.views import ReaderView
from booking.web.budgets import Budget
from booking.web.context import Context

MAX_PASSWORD_CHARS = 256
MAX_READER_CHARS = 64
WINDOW = timedelta(minutes=5)
TRIES_PER_READER = 5
TRIES_PER_ADDRESS = 60
"""A reading room shares one address behind its router."""
CONCURRENT_CHECKS = 2


class Doorman:
    """Checks passwords within budgets, one per reader and one per address."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._readers = Budget(TRIES_PER_READER, WINDOW)
        self._addresses = Budget(TRIES_PER_ADDRESS, WINDOW)
        self._decoy = HASHER.hash("nobody's password")
        self._limit = anyio.CapacityLimiter(CONCURRENT_CHECKS)

    async def admit(self, request: Request, reader: str, password: str) -> ReaderView | Refusal:
        """Return the reader whose password this is, or why not."""
        now, folded = self._context.clock.now(), reader.strip().upper()
        address = request.client.host if request.client else "?"
        for budget, name in ((self._readers, folded), (self._addresses, address)):
            until = budget.blocked_until(name, now)
            if until is not None:
                return Refusal(RefusalCode.TOO_MANY_TRIES, next_allowed_at=until)
        known = self._context.reads.password_hash(folded)
        # counted before the slow check, so that a burst of parallel tries cannot pass the budget
        self._readers.spend(folded, now)
        self._addresses.spend(address, now)
        right = await anyio.to_thread.run_sync(_matches, known or self._decoy, password, limiter=self._limit)
        person = self._context.reads.reader(folded) if right and known is not None else None
        if person is None:
            return Refusal(RefusalCode.SIGN_IN_FAILED)
        self._readers.forgive(folded)
        return person


def _matches(known: str, password: str) -> bool:
    try:
        return HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
