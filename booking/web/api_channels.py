"""`/api/v1/channels`: where the reader wants to be told beside our pages. Addresses come back masked."""

from fastapi import APIRouter, Request

from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.telling import TellingChannel, Topic, muted_by, topics_of
from booking.service.telling import ChannelView, DropChannel, SetChannel
from booking.web.context import Context
from booking.web.models_telling import ChannelOut, ChannelsOut
from booking.web.problems import Refused, refuse
from booking.web.sessions import Caller, Changing, SignedIn, context_of, submit
from booking.web.wishes import ChannelIn
from runtime.locales import language_of

router = APIRouter(prefix="/api/v1", tags=["channels"])
UNPROCESSABLE = 422


@router.get("/channels", summary="Where I am told")
async def channels(request: Request, caller: SignedIn) -> ChannelsOut:
    """List the channels that the library offers, each with the reader's own setting."""
    context = context_of(request)
    own = own_channels(context, caller)
    return ChannelsOut(items=[_out(channel, own.get(channel)) for channel in offered(context)])


@router.put("/channels/{channel}", summary="Be told on this channel")
async def put_channel(request: Request, channel: str, caller: Changing, wish: ChannelIn) -> ChannelOut:
    """Set the address, the language and the topics; without an address the present one stays."""
    context = context_of(request)
    chosen = known_channel(context, channel)
    await set_channel(context, caller, chosen, wish)
    return _out(chosen, own_channels(context, caller).get(chosen))


@router.delete("/channels/{channel}", summary="No longer be told on this channel", status_code=204)
async def delete_channel(request: Request, channel: str, caller: Changing) -> None:
    """Forget the address; what still waits to be sent there is dropped."""
    context = context_of(request)
    await drop_channel(context, caller, channel)


def offered(context: Context) -> list[TellingChannel]:
    """Return the channels that the library offers, in their order."""
    return [channel for channel in TellingChannel if channel in context.offer.channels]


def own_channels(context: Context, caller: Caller) -> dict[TellingChannel, ChannelView]:
    """Return the reader's own settings by channel."""
    return {view.channel: view for view in context.reads.channels(caller.reader)}


def known_channel(context: Context, channel: str) -> TellingChannel:
    """Return an offered channel by its name; Refused for any other."""
    for one in offered(context):
        if one == channel:
            return one
    raise refuse(RefusalCode.NOT_FOUND)


async def set_channel(context: Context, caller: Caller, channel: TellingChannel, wish: ChannelIn) -> None:
    """Store a channel; Refused with the field `address` for an address that is none."""
    address = context.offer.address(channel, wish.address) if wish.address else None
    wrong = Refused(
        Refusal(RefusalCode.INVALID_REQUEST),
        status=UNPROCESSABLE,
        errors=[{"field": "address", "problem": f"is no address for {channel} that this library allows"}],
    )
    if wish.address and address is None:
        raise wrong
    command = SetChannel(
        reader=caller.reader,
        at=context.clock.now(),
        channel=channel,
        address=address,
        language=language_of(wish.language),
        muted=muted_by(frozenset(wish.topics)),
    )
    if isinstance(await submit(context, command), Refusal):
        raise wrong


async def drop_channel(context: Context, caller: Caller, channel: str) -> None:
    """Forget a channel, also one that is not offered any more; one that was never set is forgotten already."""
    if channel not in set(TellingChannel):
        raise refuse(RefusalCode.NOT_FOUND)
    await submit(context, DropChannel(reader=caller.reader, at=context.clock.now(), channel=TellingChannel(channel)))


def _out(channel: TellingChannel, own: ChannelView | None) -> ChannelOut:
    if own is None:
        return ChannelOut(channel=channel, address=None, language=None, topics=list(Topic))
    wanted = topics_of(own.muted)
    return ChannelOut(
        channel=channel,
        address=own.address,
        language="zh" if own.language.startswith("zh") else "en",
        topics=[topic for topic in Topic if topic in wanted],
    )
