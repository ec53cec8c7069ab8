"""Pages of choosing and booking: the areas of a day, an area's map, the booked seat."""

from datetime import date, datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from booking.domain.closures import Closure
from booking.domain.draw import collecting
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.window import Interval
from booking.service.commands import Entered, Reserve
from booking.service.views import SeatAvailability
from booking.web import choices, live_page, narrowing, refusal_words, seat_map
from booking.web.context import Context
from booking.web.pages import form_caller, page_caller, render, see
from booking.web.problems import refuse, status_of
from booking.web.requests import changed, day_in, form_key, moment_in, page_words
from booking.web.sessions import Caller, context_of, submit
from config.schema import Area
from messages.seats import SeatStatus

router = APIRouter(include_in_schema=False)
NOW = "now"


@router.get("/areas")
async def areas(request: Request) -> Response:
    """Show all areas with total and free on a day."""
    caller, context = page_caller(request), context_of(request)
    now, days = context.clock.now(), choices.days(context)
    day = day_in(context, request.query_params.get("date"))
    day = day if day in days else days[0]
    found = context.reads.areas(day, now)
    floors: dict[tuple[str, int], list[object]] = {}
    for area in found:
        floors.setdefault((area.venue, area.floor), []).append(area)
    closed = {area.id for area in context.site.areas if choices.choose(context, area, day, None, None).closed}
    return render(
        request, "areas.html", caller=caller, tab="book", days=days, day=day, floors=floors, closed=closed,
        free=sum(area.free for area in found), total=sum(area.total for area in found),
        venues={venue.id: venue for venue in context.site.venues},
    )  # fmt: skip


@router.get("/areas/{area_id}")
async def area(request: Request, area_id: str) -> Response:
    """Show an area's seats for the wished time, and the chosen seat's booking."""
    return _area_page(request, page_caller(request), _known(request, area_id), dict(request.query_params))


@router.post("/reservations")
async def reserve(request: Request) -> Response:
    """Book the chosen seat; a refusal shows the reason over a fresh map."""
    caller, form = await form_caller(request)
    context = context_of(request)
    area = _known(request, form.get("area", ""))
    start, end = form.get("start", NOW), moment_in("end", form.get("end"))
    if end is None:
        raise refuse(RefusalCode.INVALID_REQUEST)
    wish = "|".join((form.get("seat", ""), start, end.isoformat()))
    outcome = await submit(
        context,
        Reserve(
            reader=caller.reader,
            at=context.clock.now(),
            seat=form.get("seat") or None,
            area=None if form.get("seat") else area.id,
            start=None if start == NOW else moment_in("start", start),
            end=end,
            channel=caller.channel,
            request=form_key(request, form["request"][:64], wish.encode()) if form.get("request") else None,
        ),
    )
    if isinstance(outcome, Refusal):
        request.scope["seatgate.refusal"] = str(outcome.code)
        return _area_page(request, caller, area, form, refusal=outcome)
    if isinstance(outcome, Entered):
        return see(f"/draws/{outcome.entry.day}")
    return see(f"/reservations/{changed(outcome).reservation.id}/done/booked")


def _known(request: Request, area_id: str) -> Area:
    area = context_of(request).site.area(area_id)
    if area is None:
        raise refuse(RefusalCode.UNKNOWN_AREA)
    return area


def _area_page(
    request: Request, caller: Caller, area: Area, wish: dict[str, str], *, refusal: Refusal | None = None
) -> Response:
    context, words = context_of(request), page_words(request)
    version = context.live.version(area.id)  # before the seats are read: what changes in between is told again
    choice = choices.choose(context, area, _day(request, wish), _moment(wish.get("start")), _moment(wish.get("end")))
    seats = context.reads.seats(area.id, choice.begins, choice.end, words.now) or [] if not choice.closed else []
    chosen = _free_seat(seats, wish.get("seat", "")) if refusal is None else None
    wanted = _held_seat(seats, wish.get("seat", ""))
    current = context.reads.current(caller.reader, words.now)
    zoom = _zoom(wish.get("zoom"))
    needs = narrowing.needs_of_page(context, wish.get("needs", ""))
    drawing = seat_map.draw(
        context.plans[area.id], seats, words, chosen=chosen.id if chosen else "",
        yours=current.seat if current else "", zoom=zoom, needs=needs,
    )  # fmt: skip
    listed = wish.get("view") == "list"
    kept = {
        "date": choice.day.isoformat(),
        "start": NOW if choice.start is None else words.local(choice.start).isoformat(),
        "end": words.local(choice.end).isoformat(),
    }
    if listed:
        kept["view"] = "list"
    if zoom != 1.0:
        kept["zoom"] = f"{zoom:g}"
    if needs:
        kept["needs"] = ",".join(needs)
    free = sum(seat.status is SeatStatus.FREE for seat in seats)
    steps = []
    if area.capacity is not None and not choice.closed:
        steps = context.reads.places_free(area.id, choices.steps_of(context, area, choice.day), words.now) or []
        wished = context.reads.places_free(area.id, [Interval(choice.begins, choice.end)], words.now) or []
        free = sum(step.free for step in wished)
    place = context.plans[area.id].seat(chosen.label) if chosen else None
    shut = _shut(context, area, choice)
    return render(
        request, "area.html", caller=caller, tab="book", status=status_of(refusal.code) if refusal else 200,
        area=area, version=version, choice=choice, drawing=drawing, chosen=chosen, wanted=wanted, listed=listed, kept=kept,
        query=urlencode(kept),
        days=choices.days(context), free=free, steps=steps,
        longest=choices.longest_stay(context, area), zooms=_steps(zoom),
        features=seat_map.features(place, words) if place else "",
        refusal=refusal_words.reason(refusal, words, context.site.policy) if refusal else "",
        refusal_title=refusal_words.title(refusal, words) if refusal else "", with_query=_with(kept), state_words=seat_map.WORDS,
        opening=choices.opening_of(context, area, choice.day), filters=narrowing.filters(context, needs),
        fitting=sum(seat.free and seat.fits for seat in drawing.seats), mark_words=seat_map.LEGEND,
        marks=seat_map.marks_of(context.plans[area.id]), shut=shut,
        lots=collecting(context.site.policy, choice.day, context.site.timezone, words.now),
        yours=current.seat if current else "", live_words=live_page.live_words(words, choices.days(context)),
        counted=live_page.counted, live_number=live_page.live_number, hidden=live_page.hidden,
    )  # fmt: skip


def _shut(context: Context, area: Area, choice: choices.Choice) -> Closure | None:
    """Return staff's closure of the whole area at some moment of the wished time."""
    standing = context.reads.standing_closures(Interval(choice.begins, choice.end))
    return next((one for one in standing if one.area == area.id and one.seat is None), None)


def _with(kept: dict[str, str]) -> object:
    """Return a function that writes the page's query with some of its fields changed."""

    def write(**changes: str) -> str:
        return urlencode({name: value for name, value in {**kept, **changes}.items() if value})

    return write


def _day(request: Request, wish: dict[str, str]) -> date:
    context = context_of(request)
    day = day_in(context, wish.get("date"))
    days = choices.days(context)
    return day if day in days else days[0]


def _moment(text: str | None) -> datetime | None:
    return None if not text or text == NOW else moment_in("time", text)


def _free_seat(seats: list[SeatAvailability], seat_id: str) -> SeatAvailability | None:
    return next((seat for seat in seats if seat.id == seat_id and seat.status is SeatStatus.FREE), None)


def _held_seat(seats: list[SeatAvailability], seat_id: str) -> SeatAvailability | None:
    """Return the asked seat where somebody else has it: one may wait for it."""
    unfree = (SeatStatus.FREE, SeatStatus.CLOSED)
    return next((seat for seat in seats if seat.id == seat_id and seat.status not in unfree), None)


def _zoom(text: str | None) -> float:
    return next((zoom for zoom in seat_map.ZOOMS if f"{zoom:g}" == text), 1.0)


def _steps(zoom: float) -> tuple[str, str]:
    """Return the zooms below and above, empty at the ends."""
    at = seat_map.ZOOMS.index(zoom)
    below = f"{seat_map.ZOOMS[at - 1]:g}" if at else ""
    above = f"{seat_map.ZOOMS[at + 1]:g}" if at + 1 < len(seat_map.ZOOMS) else ""
    return below, above
