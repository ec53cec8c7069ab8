"""What the area page gives its script, so that it can write a change as the page itself would: words, days, marks."""

import json
from collections.abc import Iterable
from datetime import date

from markupsafe import Markup

from booking.web import seat_map
from booking.web.language import Words


def live_words(words: Words, days: Iterable[date]) -> str:
    """Return the sentences of a seat's name and of the hours list as JSON; `days` are written as the page writes them."""
    today = words.local(words.now).date()
    return json.dumps(
        {
            "seat": words("Seat {label}"),
            "until": words("until {time}"),
            "join": words(", "),
            "full": words("Full"),
            "looks": {str(look): words(word) for look, word in seat_map.WORDS.items()},
            "days": {day.isoformat(): "" if day == today else words.day(day) for day in days},
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def counted(free: int) -> Markup:
    """Mark the number of free seats, which the script keeps right."""
    return Markup("<b data-free>{}</b>").format(free)


def live_number(name: str, number: int) -> Markup:
    """Mark a number within a sentence, which the script keeps right: "free", or "fitting" (free, and as narrowed down)."""
    return Markup("<span data-{}>{}</span>").format(name, number)


def hidden(when: object) -> Markup:
    """Hide what does not hold now; the script shows it when it does."""
    return Markup(" hidden") if when else Markup("")
