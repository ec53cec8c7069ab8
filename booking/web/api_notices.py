"""`/api/v1/notices`: what staff tell everybody; no reader in it, no session needed."""

from fastapi import APIRouter, Request

from booking.web.models_telling import NoticeOut, NoticesOut
from booking.web.requests import api_words
from booking.web.sessions import context_of

router = APIRouter(prefix="/api/v1", tags=["notices"])


@router.get("/notices", summary="Notices (通知公告)")
async def notices(request: Request) -> NoticesOut:
    """List the notices that stand now, newest first."""
    words = api_words(request)
    return NoticesOut(items=[NoticeOut.of(notice, words) for notice in context_of(request).reads.notices(words.now)])
