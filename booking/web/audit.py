"""A line in the log for each request that looks like misuse: who, from where, what was asked, and why it was refused.

An ordinary refusal (a seat that is taken) is counted and no more: in a rush there are thousands a second.
"""

import logging
from typing import Any

from booking.domain.refusals import RefusalCode
from messages.access import mask

NOTED = frozenset(
    str(code)
    for code in (
        RefusalCode.ACTIVATION_CODE_INVALID,
        RefusalCode.BINDING_ELSEWHERE,
        RefusalCode.CODE_FORGED,
        RefusalCode.CODE_MALFORMED,
        RefusalCode.CODE_STALE,
        RefusalCode.CODE_USED,
        RefusalCode.COOL_DOWN,
        RefusalCode.CROSS_SITE,
        RefusalCode.FORBIDDEN,
        RefusalCode.GRANT_EXPIRED,
        RefusalCode.INVALID_REQUEST,
        RefusalCode.KEY_REUSED,
        RefusalCode.NOT_FOUND,
        RefusalCode.PIN_LOCKED,
        RefusalCode.PIN_WRONG,
        RefusalCode.READER_CODE_INVALID,
        RefusalCode.SIGN_IN_FAILED,
        RefusalCode.SIGN_IN_REQUIRED,
        RefusalCode.TOO_MANY_TRIES,
        RefusalCode.UNKNOWN_RESERVATION,
    )
)
READER, REFUSAL = "seatgate.reader", "seatgate.refusal"
"""Where a request's scope says who asks, and why it was refused."""
_READS = frozenset({"GET", "HEAD"})
_log = logging.getLogger("booking.audit")


def note(scope: Any, route: str, status: int) -> None:
    """Write the line, where the answer to the request of `scope` is one to be noted. Ids of the path never show."""
    code = scope.get(REFUSAL)
    if code not in NOTED or (scope["method"] in _READS and code == RefusalCode.SIGN_IN_REQUIRED):
        return  # a page that is opened before signing in is nobody's misuse
    client = scope.get("client")
    _log.info(
        "refused method=%s route=%s status=%d code=%s reader=%s address=%s",
        scope["method"] if scope["method"].isalpha() else "other",
        route,
        status,
        code,
        mask(scope.get(READER, "")) if scope.get(READER) else "-",
        client[0] if client else "-",
    )
