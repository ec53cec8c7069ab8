"""Local accounts: check a student number and password without telling which of the two is wrong.

argon2 runs off the event loop; an unknown reader costs the same time as a wrong password.
"""

import anyio
import anyio.to_thread
from argon2.exceptions import InvalidHashError, VerificationError
from starlette.requests import Request

from booking.accounts import HASHER
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.identity import ForgiveTries, Spent
from booking.service.views import ReaderView
from booking.web import budgets
from booking.web.context import Context
from booking.web.metrics import Metrics
from booking.web.sessions import submit

MAX_PASSWORD_CHARS = 256
MAX_READER_CHARS = 64
CONCURRENT_CHECKS = 2


class Doorman:
    """Checks passwords within budgets, one per reader and one per address."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._decoy = HASHER.hash("nobody's password")
        self._limit = anyio.CapacityLimiter(CONCURRENT_CHECKS)

    async def admit(self, request: Request, reader: str, password: str) -> ReaderView | Refusal:
        """Return the reader whose password this is, or why not."""
        found = await self._admit(request, reader, password)
        metrics: Metrics = request.app.state.metrics
        metrics.sign_in("local", str(found.code) if isinstance(found, Refusal) else "ok")
        return found

    async def _admit(self, request: Request, reader: str, password: str) -> ReaderView | Refusal:
        if not self._context.sign_in.local:
            return Refusal(RefusalCode.SIGN_IN_ELSEWHERE)
        context, folded = self._context, reader.strip().upper()
        # counted before the slow check, so that a burst of parallel tries cannot pass the budget
        refusal = await budgets.spend(
            context,
            Spent(budgets.SIGN_IN_READER, folded),
            Spent(budgets.SIGN_IN_ADDRESS, budgets.address_of(request)),
        )
        if refusal is not None:
            return refusal
        known = context.reads.password_hash(folded)
        right = await anyio.to_thread.run_sync(matches, known or self._decoy, password, limiter=self._limit)
        person = context.reads.reader(folded) if right and known is not None else None
        if person is None:
            return Refusal(RefusalCode.SIGN_IN_FAILED)
        await submit(context, ForgiveTries(at=context.clock.now(), kind=budgets.SIGN_IN_READER.kind, name=folded))
        return person


def matches(known: str, password: str) -> bool:
    """Tell whether a password or PIN is the one behind an argon2 hash."""
    try:
        return HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
