"""The reader's page of their channels: where, in which language and about what they are told."""

from fastapi import APIRouter, Request, Response

from booking.domain.telling import MAX_ADDRESS, Topic, topics_of
from booking.web.api_channels import drop_channel, known_channel, offered, own_channels, set_channel
from booking.web.language import N_
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import Refused
from booking.web.requests import page_words
from booking.web.sessions import Caller, context_of
from booking.web.wishes import ChannelIn

router = APIRouter(include_in_schema=False)
NAMES = {
    "email": N_("E-mail"),
    "wecom": N_("WeCom robot"),
    "dingtalk": N_("DingTalk robot"),
    "webhook": N_("Webhook"),
}
HINTS = {
    "email": N_("Your e-mail address"),
    "wecom": N_("The robot's webhook address, or its key"),
    "dingtalk": N_("The robot's webhook address or token; after a space its secret, if it signs"),
    "webhook": N_("An address that begins with {origins}"),
}
TOPICS = {
    Topic.STEPS: N_("What I do: booked, checked in, stepped away, came back …"),
    Topic.REMINDERS: N_("Reminders before something runs out"),
    Topic.LOSSES: N_("Missed, released, violations and what became of them"),
    Topic.FREE: N_("A seat that I wait for is free"),
}
WRONG = N_("This is no address that can be used here. Nothing was changed.")


@router.get("/me/channels")
async def channels(request: Request) -> Response:
    """Show the offered channels with the reader's settings."""
    return _page(request, page_caller(request))


@router.post("/me/channels/{channel}")
async def save(request: Request, channel: str) -> Response:
    """Store one channel."""
    caller, form = await form_caller(request)
    context = context_of(request)
    chosen = known_channel(context, channel)
    wish = ChannelIn.model_construct(
        address=form.get("address", "").strip()[: MAX_ADDRESS + 1] or None,
        language=form.get("language", ""),
        topics=[topic for topic in Topic if form.get(f"topic-{topic}")],
    )
    try:
        await set_channel(context, caller, chosen, wish)
    except Refused as refused:
        return _page(request, caller, wrong=chosen, status=refused.status)
    return see(f"/me/channels?saved={chosen}")


@router.post("/me/channels/{channel}/remove")
async def remove(request: Request, channel: str) -> Response:
    """Forget one channel."""
    caller, _ = await form_caller(request)
    await drop_channel(context_of(request), caller, channel)
    return see("/me/channels")


def _page(request: Request, caller: Caller, *, wrong: str = "", status: int = 200) -> Response:
    context = context_of(request)
    own = own_channels(context, caller)
    return render(
        request, "channels.html", caller=caller, tab="me", status=status, offered=offered(context), own=own,
        wanted={channel: topics_of(view.muted) for channel, view in own.items()}, wrong=wrong, wrong_text=WRONG,
        saved=request.query_params.get("saved", ""), names=NAMES, hints=HINTS, topics=TOPICS, every=frozenset(Topic),
        origins="、".join(context.offer.webhooks) if page_words(request).tag != "en" else ", ".join(context.offer.webhooks),
    )  # fmt: skip
