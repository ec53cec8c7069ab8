"""`/api/v1/session`: sign in and out."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import Refusal
from booking.web import sessions
from booking.web.models import PersonOut, SessionOut
from booking.web.problems import Refused
from booking.web.requests import api_words
from booking.web.sessions import Changing, context_of
from booking.web.wishes import SignInIn

router = APIRouter(prefix="/api/v1", tags=["session"])


@router.post("/session", summary="Sign in", status_code=201)
async def sign_in(request: Request, response: Response, wish: SignInIn) -> SessionOut:
    """Open a session: a cookie for browsers, and the same token for clients without cookies."""
    if request.headers.get("origin") is not None:
        sessions.check_origin(request)
    context, words = context_of(request), api_words(request)
    person = await request.app.state.doorman.admit(request, wish.reader, wish.password)
    if isinstance(person, Refusal):
        raise Refused(person)
    opened = await sessions.open_session(context, person)
    sessions.set_cookie(context, response, sessions.cookie_name(context), opened.token, opened.lasts)
    return SessionOut(
        token=opened.token,
        expires_at=words.local(context.clock.now() + opened.lasts),
        reader=PersonOut(id=person.id, name=person.name, role=person.role),
    )


@router.delete("/session", summary="Sign out", status_code=204)
async def sign_out(request: Request, caller: Changing) -> Response:
    """Close the session that asks."""
    context = context_of(request)
    await sessions.close_session(context, caller.token)
    response = Response(status_code=204)
    sessions.drop_cookie(context, response, sessions.cookie_name(context))
    return response
