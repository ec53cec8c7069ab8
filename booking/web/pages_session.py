"""Pages of signing in and out, and of choosing the language."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal
from booking.web import language, refusal_words, sessions
from booking.web.pages import form_caller, page_caller, render, safe_next, see
from booking.web.problems import status_of
from booking.web.requests import page_words
from booking.web.sessions import caller_of, check_origin, context_of
from booking.web.sign_in import MAX_PASSWORD_CHARS, MAX_READER_CHARS
from runtime.locales import LANGUAGES

router = APIRouter(include_in_schema=False)
LANGUAGE_LASTS = timedelta(days=365)


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Ask who it is."""
    onward = safe_next(request.query_params.get("next"))
    if caller_of(request) is not None:
        return see(onward)
    return render(request, "sign_in.html", caller=None, onward=onward, reader="", refusal="")


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Open a session and go on to where the reader wanted to be."""
    check_origin(request)
    form = await request.form(max_files=0, max_fields=10)
    reader, password = str(form.get("reader", "")), str(form.get("password", ""))
    onward, context = safe_next(str(form.get("next", ""))), context_of(request)
    person = await request.app.state.doorman.admit(request, reader[:MAX_READER_CHARS], password[:MAX_PASSWORD_CHARS])
    if isinstance(person, Refusal):
        request.scope["seatgate.refusal"] = str(person.code)
        why = refusal_words.reason(person, page_words(request), context.site.policy)
        return render(
            request,
            "sign_in.html",
            caller=None,
            status=status_of(person.code),
            onward=onward,
            reader=reader,
            refusal=why,
        )
    if onward == "/":
        onward = "/staff" if person.role == "staff" else _home(request, person.id)
    old = caller_of(request)
    if old is not None:
        await sessions.close_session(context, old.token)
    opened = await sessions.open_session(context, person)
    response = see(onward)
    sessions.set_cookie(context, response, sessions.cookie_name(context), opened.token, opened.lasts)
    return response


def _home(request: Request, reader: str) -> str:
    """Return a reader's first page: their seat when they have one, else the areas."""
    context = context_of(request)
    return "/" if context.reads.current(reader, context.clock.now()) else "/areas"


@router.get("/sign-out")
async def sign_out_page(request: Request) -> Response:
    """Ask once more."""
    return render(
        request,
        "confirm.html",
        caller=page_caller(request),
        tab="me",
        action="/sign-out",
        back="/me",
        danger=True,
        question="sign-out",
        view=None,
    )


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Close the session."""
    caller, _ = await form_caller(request)
    context = context_of(request)
    await sessions.close_session(context, caller.token)
    response = see("/sign-in")
    sessions.drop_cookie(context, response, sessions.cookie_name(context))
    return response


@router.get("/language/{tag}")
async def choose_language(request: Request, tag: str) -> Response:
    """Remember the language in this browser and show the same page in it."""
    response = see(safe_next(request.query_params.get("next")))
    if tag in LANGUAGES:
        sessions.set_cookie(context_of(request), response, language.COOKIE, tag, LANGUAGE_LASTS)
    return response
