"""`/staff/imports`: CSV files of people and cards, from staff or from a command on the service's own machine.

The answer is one JSON object a line: what is being done, and at last how it ended.
"""

import hmac
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from typing import Annotated

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from booking import people_csv
from booking.domain.refusals import RefusalCode
from booking.errors import BookingError
from booking.service.people import ImportCards, Imported, ImportReaders
from booking.web.problems import refuse
from booking.web.sessions import changing, context_of, hash_of, submit, token_of
from wire.cards import CardFormat

router = APIRouter(include_in_schema=False)
MEDIA_TYPE = "application/x-ndjson"
Yes = Annotated[bool, Query()]


@router.post("/staff/imports/readers")
async def readers(
    request: Request,
    *,
    complete: Yes = False,
    skip_bad: Yes = False,
    most: Annotated[float, Query(ge=0, le=1)] = 0.5,
) -> Response:
    """Add readers or bring them up to date."""
    actor, context, content = _actor(request), context_of(request), await request.body()

    async def steps() -> AsyncIterator[object]:
        yield {"doing": "reading"}
        sheet = await anyio.to_thread.run_sync(people_csv.readers, content)
        yield {"doing": f"applying {len(sheet.rows)} lines"}
        command = ImportReaders(
            at=context.clock.now(), actor=actor, rows=sheet.rows, faults=sheet.faults,
            complete=complete, skip_bad=skip_bad, most_gone=most,
        )  # fmt: skip
        yield _ended(await submit(context, command))

    return _answer(steps())


@router.post("/staff/imports/credentials")
async def credentials(
    request: Request,
    form: Annotated[CardFormat, Query(alias="format")] = CardFormat.DECIMAL,
    *,
    skip_bad: Yes = False,
) -> Response:
    """Give cards to readers."""
    actor, context, content = _actor(request), context_of(request), await request.body()

    async def steps() -> AsyncIterator[object]:
        yield {"doing": "reading"}
        sheet = await anyio.to_thread.run_sync(partial(people_csv.credentials, content, context.site.timezone, form))
        yield {"doing": f"applying {len(sheet.rows)} lines"}
        command = ImportCards(
            at=context.clock.now(), actor=actor, rows=sheet.rows, faults=sheet.faults, skip_bad=skip_bad
        )
        yield _ended(await submit(context, command))

    return _answer(steps())


def _actor(request: Request) -> str:
    """Return who imports, for the audit; Refused unless staff or the machine's own account."""
    local, sent = context_of(request).local_token_hash, token_of(request)
    if local and not sent.by_cookie and hmac.compare_digest(hash_of(sent.token), local):
        return "command on the server"
    caller = changing(request)
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)
    return f"staff {caller.reader}"


def _ended(outcome: object) -> object:
    if not isinstance(outcome, Imported):
        return {"error": "the service could not do it: its log says why"}
    return asdict(outcome) | {"faults": [(fault.line, fault.problem) for fault in outcome.faults]}


def _answer(steps: AsyncIterator[object]) -> Response:
    async def lines() -> AsyncIterator[bytes]:
        try:
            async for step in steps:
                yield msgspec.json.encode(step) + b"\n"
        except BookingError as error:
            yield msgspec.json.encode({"error": str(error)}) + b"\n"

    return StreamingResponse(lines(), media_type=MEDIA_TYPE)
