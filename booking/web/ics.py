"""The one owner of icalendar: a reader's reservations as a calendar that phones and mail programs subscribe to."""

from collections.abc import Iterable
from datetime import UTC, timedelta

from icalendar import Calendar, Event

from booking.domain.reservation import Status
from booking.service.views import ReservationView
from booking.web import sentences
from booking.web.language import Words
from config.schema import Site

REFRESH = timedelta(minutes=15)
_LEFT_OUT = frozenset({Status.CANCELLED, Status.NO_SHOW, Status.DISPLACED})


def calendar(site: Site, views: Iterable[ReservationView], words: Words, public_url: str) -> bytes:
    """Return the feed; what was cancelled, missed or given to another is not in it."""
    feed = Calendar()
    feed.add("prodid", f"-//Seatgate//{site.id}//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", words.text(site.name))
    feed.add("x-published-ttl", f"PT{int(REFRESH.total_seconds() // 60)}M")
    for view in views:
        if view.status not in _LEFT_OUT:
            feed.add_component(_event(site, view, words, public_url))
    return bytes(feed.to_ical())


def _event(site: Site, view: ReservationView, words: Words, public_url: str) -> Event:
    event = Event()
    place = f"{words.text(view.area_name)} {words('No. {label}', label=view.label) if view.label else ''}".strip()
    event.add("uid", f"{view.id}@{site.id}.seatgate")
    event.add("dtstamp", view.created_at.astimezone(UTC))
    event.add("dtstart", view.start.astimezone(UTC))
    event.add("dtend", view.end.astimezone(UTC))
    event.add("summary", f"{place} · {words(sentences.STATUS.get(view.status, view.status))}")
    event.add("location", f"{words.text(view.venue_name)} {place}".strip())
    event.add("url", f"{public_url}/reservations/{view.id}")
    return event
