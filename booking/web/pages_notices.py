"""Pages on which staff write notices and take them down; each keeps who did so and when. What could not be delivered to a reader stands here too."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter, Request, Response

from booking.domain.notices import Notice
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.telling import WithdrawNotice, WriteNotice
from booking.web.language import N_
from booking.web.pages import form_caller, render, see
from booking.web.pages_staff import staff_caller
from booking.web.problems import Refused, refuse
from booking.web.sessions import Caller, context_of, submit
from config.values import Text

router = APIRouter(include_in_schema=False)
MAX_TITLE, MAX_TEXT = 80, 2000
UNPROCESSABLE = 422
NOT_BOTH = N_("A notice needs a title and a text in both languages.")
NOT_A_TIME = N_("It must end after it begins.")


class _Draft(NamedTuple):
    """What the form held, and what is wrong with it ("" when nothing is)."""

    title: Text
    text: Text
    shown_from: datetime | None
    shown_until: datetime | None
    wrong: str


@router.get("/staff/notices")
async def notices(request: Request) -> Response:
    """Show all notices with who wrote and withdrew them, and the form for a new one."""
    return _page(request, staff_caller(request), {}, "")


@router.post("/staff/notices")
async def write(request: Request) -> Response:
    """Put up a notice."""
    caller, form = await form_caller(request)
    _only_staff(caller)
    context, now = context_of(request), context_of(request).clock.now()
    draft = _read(form, now, request)
    if draft.wrong:
        return _page(request, caller, form, draft.wrong)
    digest = hashlib.sha256(f"{caller.reader}\n{form.get('request', '')}".encode()).hexdigest()
    notice = Notice(
        id=digest[:24],
        title=draft.title,
        text=draft.text,
        shown_from=draft.shown_from or now,
        shown_until=draft.shown_until,
        written_by=caller.reader,
        written_at=now,
    )
    outcome = await submit(context, WriteNotice(at=now, notice=notice))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/notices")


@router.post("/staff/notices/{notice_id}/withdraw")
async def withdraw(request: Request, notice_id: str) -> Response:
    """Take a notice down."""
    caller, _ = await form_caller(request)
    _only_staff(caller)
    context = context_of(request)
    outcome = await submit(context, WithdrawNotice(at=context.clock.now(), notice=notice_id, by=caller.reader))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return see("/staff/notices")


def _only_staff(caller: Caller) -> None:
    if caller.role != "staff":
        raise refuse(RefusalCode.FORBIDDEN)


def _page(request: Request, caller: Caller, form: dict[str, str], wrong: str) -> Response:
    reads = context_of(request).reads
    waiting, given_up, lost = reads.lost_deliveries()
    return render(
        request, "staff_notices.html", caller=caller, tab="staff", status=UNPROCESSABLE if wrong else 200, form=form,
        wrong=wrong, notices=reads.every_notice(), most=(MAX_TITLE, MAX_TEXT), waiting=waiting, given_up=given_up, lost=lost,
    )  # fmt: skip


def _read(form: dict[str, str], now: datetime, request: Request) -> _Draft:
    title = Text(_line(form, "title_zh", MAX_TITLE), _line(form, "title_en", MAX_TITLE))
    text = Text(_line(form, "text_zh", MAX_TEXT), _line(form, "text_en", MAX_TEXT))
    if not (title.zh and title.en and text.zh and text.en):
        return _Draft(title, text, None, None, NOT_BOTH)
    zone = context_of(request).site.timezone
    try:
        moments = [
            datetime.fromisoformat(form[name]).replace(tzinfo=zone) if form.get(name) else None
            for name in ("shown_from", "shown_until")
        ]
    except ValueError:
        return _Draft(title, text, None, None, NOT_A_TIME)
    begins, ends = moments
    if ends is not None and ends <= max(begins or now, now):
        return _Draft(title, text, None, None, NOT_A_TIME)
    return _Draft(title, text, begins, ends, "")


def _line(form: dict[str, str], name: str, most: int) -> str:
    """Return a field without what no page shows; longer than its limit counts as not given."""
    text = "".join(sign for sign in form.get(name, "") if sign.isprintable() or sign == "\n").strip()
    return text if len(text) <= most else ""
