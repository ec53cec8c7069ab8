"""Pages of signing in and out, and of choosing the language."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal
from booking.web import language, refusal_words, sessions
from booking.web.pages import form_caller, page_caller, render, safe_next, see
from booking.web.problems import status_of
from booking.web.requests import page_words
from booking.web.sessions import caller_of, check_origin, context_of, hash_of
from booking.web.sign_in import MAX_PASSWORD_CHARS, MAX_READER_CHARS
from booking.web.university import university_of
from runtime.locales import LANGUAGES

router = APIRouter(include_in_schema=False)
LANGUAGE_LASTS = timedelta(days=365)


@router.get("/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Ask who it is."""
    onward = safe_next(request.query_params.get("next"))
    if caller_of(request) is not None:
        return see(onward)
    return ask_who(request, onward)


def ask_who(
    request: Request, onward: str, refusal: Refusal | None = None, *, reader: str = "", failed: str = ""
) -> Response:
    """Return the sign-in page; with a refusal it says why the last try did not do. `failed`: by which provider that was."""
    context = context_of(request)
    if refusal is not None:
        request.scope["seatgate.refusal"] = str(refusal.code)
    return render(
        request,
        "sign_in.html",
        caller=None,
        status=status_of(refusal.code) if refusal else 200,
        onward=onward,
        reader=reader,
        refusal=refusal_words.reason(refusal, page_words(request), context.site.policy) if refusal else "",
        failed=failed,
        code=str(refusal.code) if refusal else "",
        ways=context.sign_in,
    )


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Open a session and go on to where the reader wanted to be."""
    check_origin(request)
    form = await request.form(max_files=0, max_fields=10)
    reader, password = str(form.get("reader", "")), str(form.get("password", ""))
    onward, context = safe_next(str(form.get("next", ""))), context_of(request)
    person = await request.app.state.doorman.admit(request, reader[:MAX_READER_CHARS], password[:MAX_PASSWORD_CHARS])
    if isinstance(person, Refusal):
        return ask_who(request, onward, person, reader=reader)
    await close_old(request)
    opened = await sessions.open_session(context, person)
    response = see(first_page(request, onward, person.id, person.role))
    sessions.set_cookie(context, response, sessions.cookie_name(context), opened.token, opened.lasts)
    return response


async def close_old(request: Request) -> None:
    """Close the session that this browser had before it signed in anew."""
    old = caller_of(request)
    if old is not None:
        await sessions.close_session(context_of(request), old.token)


def first_page(request: Request, onward: str, reader: str, role: str) -> str:
    """Return where to go after signing in: where the reader wanted to, else to their seat, else to the areas."""
    context = context_of(request)
    if onward != "/":
        return onward
    if role == "staff":
        return "/staff"
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
    """Close the session; where the university's sign-in goes on, say so, and how to end that too."""
    caller, _ = await form_caller(request)
    context, university = context_of(request), university_of(request)
    vouched = context.reads.vouched_session(hash_of(caller.token))
    await sessions.close_session(context, caller.token)
    onward = await university.farewell(vouched) if vouched else None
    response = render(request, "signed_out.html", caller=None, onward=onward) if onward else see("/sign-in")
    sessions.drop_cookie(context, response, sessions.cookie_name(context))
    return response


@router.get("/language/{tag}")
async def choose_language(request: Request, tag: str) -> Response:
    """Remember the language in this browser and show the same page in it."""
    response = see(safe_next(request.query_params.get("next")))
    if tag in LANGUAGES:
        sessions.set_cookie(context_of(request), response, language.COOKIE, tag, LANGUAGE_LASTS)
    return response
