"""The page 激活码: six digits for an app, the yes or no to the app that used them, and the apps that are bound."""

from fastapi import APIRouter, Request, Response

from booking.domain.refusals import RefusalCode
from booking.service.commands import Channel
from booking.service.identity import BindingStatus
from booking.web import activation
from booking.web.activation import Activation
from booking.web.api_bindings import end
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.pictures import code_svg
from booking.web.problems import refuse
from booking.web.requests import page_words
from booking.web.sessions import Caller, caller_of, context_of

router = APIRouter(include_in_schema=False)
WAIT_SECONDS = 10
"""How long a page's question for new apps stays open; htmx gives up after 15 s."""


@router.get("/me/activation")
async def activation_page(request: Request) -> Response:
    """Offer a code: making one writes something, so a GET only asks."""
    return _page(request, page_caller(request), None)


@router.post("/me/activation")
async def make(request: Request) -> Response:
    """Show a fresh code, large, and wait for the app that uses it."""
    caller, _ = await form_caller(request)
    return _page(request, caller, await activation.make(request, caller))


@router.get("/me/activation/apps")
async def apps(request: Request) -> Response:
    """Answer when something about the reader's apps has changed, or after a while: the page asks again."""
    caller = page_caller(request)
    context = context_of(request)
    await activation.bells_of(request).wait(caller.reader, WAIT_SECONDS, lambda: activation.asking(context, caller))
    return _page(request, caller, None)


@router.post("/me/apps/{binding_id}/{verb}")
async def answer(request: Request, binding_id: str, verb: str) -> Response:
    """Confirm, refuse or unbind an app."""
    caller, _ = await form_caller(request)
    match verb:
        case "confirm" | "refuse":
            await activation.answer(request, caller, binding_id, confirm=verb == "confirm")
        case "revoke":
            await end(request, caller, binding_id)
        case _:
            raise refuse(RefusalCode.NOT_FOUND)
    return see("/me/activation")


@router.get("/a/{link}")
async def link_page(request: Request, link: str) -> Response:
    """Say what an activation link is for, good or not: only an app spends it."""
    if len(link) != activation.LINK_CHARS:
        raise refuse(RefusalCode.NOT_FOUND)
    return render(request, "activation_link.html", caller=caller_of(request), tab="activation")


def _page(request: Request, caller: Caller, made: Activation | None) -> Response:
    context, words = context_of(request), page_words(request)
    if caller.channel is not Channel.WEB:
        raise refuse(RefusalCode.FORBIDDEN)
    open_ = None if made else context.reads.activation(caller.reader, words.now)
    known = activation.asking(context, caller)
    pending = any(app.status is BindingStatus.PENDING for app in known)
    seconds = int((made.expires_at - words.now).total_seconds()) if made else 0
    return render(
        request,
        "activation.html",
        caller=caller,
        tab="activation",
        made=made,
        open=open_,
        most=context.site.policy.identity.activation_code_tries,
        picture=code_svg(made.link, words("Activation code")) if made else None,
        seconds=seconds,
        clock=f"{seconds // 60}:{seconds % 60:02}",
        apps=known,
        waiting=(made is not None or open_ is not None) and not pending,
    )
