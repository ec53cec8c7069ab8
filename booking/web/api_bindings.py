"""`/api/v1/activation-codes` and `/api/v1/bindings`: a reader's app, bound by a code from the web page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.identity import BindingStatus, BindingView, RevokeBinding
from booking.web import activation, pictures
from booking.web.context import Context
from booking.web.models_identity import ActivationCodeOut, BindingAskedOut, BindingOut, BindingsOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words
from booking.web.sessions import Caller, Changing, SignedIn, caller_of, context_of, hash_of, submit, token_of
from booking.web.wishes import BindingIn

router = APIRouter(prefix="/api/v1", tags=["bindings"])
MOST_SECONDS = 25


@router.post("/activation-codes", summary="A code that binds an app (激活码)", status_code=201)
async def activation_codes(request: Request, caller: Changing) -> ActivationCodeOut:
    """Make six digits, and the same right as a link and picture; only a signed-in web session may."""
    made = await activation.make(request, caller)
    return ActivationCodeOut(
        code=made.code,
        link=made.link,
        picture=pictures.code_data_url(made.link),
        expires_at=api_words(request).local(made.expires_at),
    )


@router.post("/bindings", summary="Bind an app with a code", status_code=201)
async def bind(request: Request, wish: BindingIn) -> BindingAskedOut:
    """Spend a code. The token counts once the web session that made the code has confirmed."""
    by_code = wish.reader is not None and wish.code is not None
    if by_code == (wish.link is not None) or (wish.reader is None) != (wish.code is None):
        errors = [{"field": "code", "problem": "give reader and code, or link alone"}]
        raise Refused(Refusal(RefusalCode.INVALID_REQUEST), status=422, errors=errors)
    made = await activation.ask(request, reader=wish.reader, code=wish.code, link=wish.link, app=wish.app)
    return BindingAskedOut(
        id=made.id,
        status=BindingStatus.PENDING,
        token=made.token,
        confirm_until=api_words(request).local(made.confirm_until),
    )


@router.get("/bindings", summary="My apps")
async def bindings(request: Request, caller: SignedIn) -> BindingsOut:
    """List the reader's own apps that are bound or ask to be."""
    words = api_words(request)
    return BindingsOut(items=[BindingOut.of(one, words) for one in activation.asking(context_of(request), caller)])


@router.get("/bindings/{binding_id}", summary="How far an app has come")
async def binding(
    request: Request, binding_id: str, wait: Annotated[int, Query(ge=0, le=MOST_SECONDS)] = 0
) -> BindingOut:
    """Tell the app itself (by its token, in any state) or its reader. `wait`: answer when a pending one is answered."""
    context, words = context_of(request), api_words(request)
    reader, found = _own(context, request, binding_id)
    if wait and found.status is BindingStatus.PENDING:
        await activation.bells_of(request).wait(reader, wait, lambda: _own(context, request, binding_id))
        _, found = _own(context, request, binding_id)
    return BindingOut.of(found, words)


@router.post("/bindings/{binding_id}/confirm", summary="Yes, that is my app")
async def confirm(request: Request, binding_id: str, caller: Changing) -> BindingOut:
    """Let an app act for the reader; only the web session that made its code may."""
    return await _answer(request, caller, binding_id, confirm=True)


@router.post("/bindings/{binding_id}/refuse", summary="No, that is not my app", status_code=204)
async def refuse_binding(request: Request, binding_id: str, caller: Changing) -> Response:
    """Turn an app away."""
    await _answer(request, caller, binding_id, confirm=False)
    return Response(status_code=204)


@router.delete("/bindings/{binding_id}", summary="End an app's access", status_code=204)
async def revoke(request: Request, binding_id: str, caller: Changing) -> Response:
    """End it at once; the app itself may do so too."""
    await end(request, caller, binding_id)
    return Response(status_code=204)


async def end(request: Request, caller: Caller, binding_id: str) -> None:
    """End an app's access; Refused for one that is not the reader's."""
    context = context_of(request)
    outcome = await submit(context, RevokeBinding(reader=caller.reader, at=context.clock.now(), binding=binding_id))
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    activation.ring(request, caller.reader)


async def _answer(request: Request, caller: Caller, binding_id: str, *, confirm: bool) -> BindingOut:
    await activation.answer(request, caller, binding_id, confirm=confirm)
    context = context_of(request)
    found = context.reads.binding(caller.reader, binding_id, context.clock.now())
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return BindingOut.of(found, api_words(request))


def _own(context: Context, request: Request, binding_id: str) -> tuple[str, BindingView]:
    """Return the asked binding and its reader, if the app itself or the reader asks."""
    now = context.clock.now()
    reader, mine = context.reads.app_of(hash_of(token_of(request).token), now)
    if mine is not None and mine.id == binding_id:
        return reader, mine
    caller = caller_of(request)
    if caller is None:
        raise refuse(RefusalCode.SIGN_IN_REQUIRED)
    found = context.reads.binding(caller.reader, binding_id, now)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND)
    return caller.reader, found
