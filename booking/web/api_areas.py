"""Venues, areas, seats and their live changes: facts about the library, no reader in them, no session needed."""

from fastapi import APIRouter, Request
from starlette.routing import Route

from booking.domain.refusals import Refusal, RefusalCode
from booking.web import choices, narrowing
from booking.web.models import AreaOut, AreasOut, HoursOut, PlacesOut, SeatOut, SeatsOut, VenueOut, VenuesOut
from booking.web.problems import Refused, refuse
from booking.web.requests import api_words, day_in, moment_in
from booking.web.sessions import context_of
from booking.web.stream import Events

router = APIRouter(prefix="/api/v1", tags=["areas"])


@router.get("/venues", summary="Venues and opening hours")
async def venues(request: Request) -> VenuesOut:
    """List all venues."""
    return VenuesOut(items=[VenueOut.of(venue) for venue in context_of(request).site.venues])


@router.get("/areas", summary="Areas with total and free")
async def areas(request: Request, date: str | None = None) -> AreasOut:
    """List all areas on a day (`date`, today without it)."""
    context = context_of(request)
    day = day_in(context, date)
    found = context.reads.areas(day, context.clock.now())
    return AreasOut(date=day, items=[AreaOut.of(area) for area in found])


@router.get("/areas/{area_id}/seats", summary="Seats of an area for an interval")
async def seats(
    request: Request, area_id: str, start: str | None = None, end: str | None = None, features: str | None = None
) -> SeatsOut:
    """List the seats with their state for `[start, end)`; from now, for an ordinary stay, without them. `features` narrows
    them ("power,window") where the site offers that.
    """
    context, words = context_of(request), api_words(request)
    area = context.site.area(area_id)
    if area is None:
        raise refuse(RefusalCode.UNKNOWN_AREA)
    since = moment_in("start", start) or words.now
    until = moment_in("end", end) or choices.usual_end(context, area, since)
    if until <= since:
        raise Refused(
            Refusal(RefusalCode.INVALID_REQUEST),
            status=422,
            errors=[{"field": "end", "problem": "must be after start"}],
        )
    needs = narrowing.needs_of_api(context, features)
    found = context.reads.seats(area_id, since, until, words.now) or []
    offers = {seat.label: seat.features for seat in context.plans[area_id].seats}
    return SeatsOut(
        area=area_id,
        start=words.local(since),
        end=words.local(until),
        items=[SeatOut.of(seat, words) for seat in found if not needs or offers[seat.label].issuperset(needs)],
    )


@router.get("/areas/{area_id}/hours", summary="Free places of a capacity area by the hour")
async def hours(request: Request, area_id: str, date: str | None = None) -> HoursOut:
    """List what is free of an area without seats on a day (`date`, today without it), step by step."""
    context, words = context_of(request), api_words(request)
    area = context.site.area(area_id)
    if area is None or area.capacity is None:
        raise refuse(RefusalCode.UNKNOWN_AREA)
    day = day_in(context, date)
    found = context.reads.places_free(area_id, choices.steps_of(context, area, day), words.now) or []
    return HoursOut(
        area=area_id,
        date=day,
        total=area.capacity,
        items=[PlacesOut(start=words.local(one.start), end=words.local(one.end), free=one.free) for one in found],
    )


EVENTS = Route("/api/v1/areas/{area_id}/events", Events(), methods=["GET"])
"""A plain route: FastAPI's machinery has no part in a stream that stays open for hours."""
EVENTS_OPENAPI = {
    "get": {
        "tags": ["areas"],
        "summary": "Live seat states (server-sent events)",
        "description": "A `snapshot` event first, then a `change` event with the seats that changed, at most two a "
        "second; the id is the version. `Last-Event-ID` (or `seen`) with the newest version skips the snapshot, with the "
        "one before it brings the change alone; a slow client gets a new snapshot. Each seat comes with its `status` and "
        "`until` now and with `held`: [from, until, what a wish that meets it sees], in seconds since 1970, on the days "
        "that can be booked. A capacity area has `levels` instead: [from, until, places held].",
        "operationId": "area_events",
        "parameters": [
            {"name": "area_id", "in": "path", "required": True, "schema": {"type": "string"}},
            {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}},
            {"name": "seen", "in": "query", "required": False, "schema": {"type": "string"}},
        ],
        "responses": {
            "200": {"description": "The stream", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "404": {"$ref": "#/components/responses/Problem"},
        },
    }
}
