"""Pages about the reader: what belongs to them, and their code for a kiosk's camera."""

import importlib.metadata

from fastapi import APIRouter, Request, Response

from booking.web.api_checkin import issue_reader_code
from booking.web.pages import form_caller, page_caller, render
from booking.web.pictures import code_svg
from booking.web.requests import page_words
from booking.web.sessions import context_of

try:
    VERSION = importlib.metadata.version("seatgate")
except importlib.metadata.PackageNotFoundError:  # a source tree that nobody installed
    VERSION = "–"
router = APIRouter(include_in_schema=False)


@router.get("/me")
async def me(request: Request) -> Response:
    """Show who is signed in and the ways on."""
    return render(request, "me.html", caller=page_caller(request), tab="me", version=VERSION)


@router.get("/me/code")
async def ask_code(request: Request) -> Response:
    """Offer the code: making one writes something, so a GET only asks."""
    return render(request, "code.html", caller=page_caller(request), tab="me", picture=None, code="", seconds=0)


@router.post("/me/code")
async def code(request: Request) -> Response:
    """Show a fresh code, large, with how long it lasts."""
    caller, _ = await form_caller(request)
    context, words = context_of(request), page_words(request)
    made, expires_at = await issue_reader_code(context, caller)
    seconds = int((expires_at - words.now).total_seconds())
    return render(
        request,
        "code.html",
        caller=caller,
        tab="me",
        picture=code_svg(made, words("My code")),
        code=made,
        seconds=seconds,
    )
