"""A notification as it reads outside our pages: a short title and a text with the way back to us."""

from collections.abc import Callable

from booking.service.views import NotificationView
from booking.web import sentences
from booking.web.language import Words
from config.schema import Site
from runtime.clock import Clock


def letter_writer(site: Site, clock: Clock, public_url: str) -> Callable[[NotificationView, str], tuple[str, str]]:
    """Return what writes a notification in a language: (title, text)."""

    def write(note: NotificationView, language: str) -> tuple[str, str]:
        words = Words(language, site.timezone, clock.now())
        title = words("{what}: {place}", what=words.text(site.name), place=sentences.change(note.kind, words))
        page = f"/reservations/{note.reservation}" if note.reservation else "/notifications"
        lines = [sentences.notice(note, words, site), sentences.advice(note, words), f"{public_url}{page}"]
        return title, "\n".join(line for line in lines if line)

    return write
