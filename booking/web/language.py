"""The language of one answer: which one, its words, and how it writes times, days and lengths.

`Words` is what templates and sentences are written with. Message ids are English (booking/locale holds both).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from gettext import NullTranslations
from zoneinfo import ZoneInfo

from babel.dates import format_date
from starlette.requests import HTTPConnection

from config.values import Text
from runtime.locales import CHINESE, ENGLISH, LANGUAGES, catalogue, language_of

COOKIE = "seatgate-language"
MINUTES_PER_HOUR = 60


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for a marked text
    """Mark a text for translation where it is looked up later."""
    return message


@dataclass(frozen=True)
class Words:
    """One language, the site's zone, and the moment that "today" is seen from."""

    language: str
    zone: ZoneInfo
    now: datetime

    @cached_property
    def translations(self) -> NullTranslations:
        """The catalogue of this language."""
        return catalogue("booking", self.language)

    @property
    def tag(self) -> str:
        """The HTML `lang`."""
        return "zh-Hans-CN" if self.language == CHINESE else "en"

    @property
    def other(self) -> str:
        """The language to switch to."""
        return ENGLISH if self.language == CHINESE else CHINESE

    def __call__(self, message: str, **facts: object) -> str:
        """Translate `message` and fill its `{facts}`."""
        text = self.translations.gettext(message)
        return text.format(**facts) if facts else text

    def joined(self, sentences: list[str]) -> str:
        """Put sentences after each other, without a space where the script has none."""
        return ("" if self.language == CHINESE else " ").join(sentences)

    def text(self, both: Text) -> str:
        """Pick this language's half."""
        return both[self.language]

    def local(self, moment: datetime) -> datetime:
        """Return `moment` in the site's zone."""
        return moment.astimezone(self.zone)

    def time(self, moment: datetime) -> str:
        """Write "16:38"; the end of a day is "24:00" where it closes a stay."""
        return self.local(moment).strftime("%H:%M")

    def day(self, moment: datetime | date, *, relative: bool = True) -> str:
        """Write "今天", "明天 7月18日", "7月13日"."""
        day = self.local(moment).date() if isinstance(moment, datetime) else moment
        written = _written(day, "M月d日" if self.language == CHINESE else "d MMM", self.language)
        today = self.local(self.now).date()
        if relative and day == today:
            return self("Today")
        if relative and day == today + timedelta(days=1):
            return self("Tomorrow {day}", day=written)
        return written if day.year == today.year else f"{written} {day.year}"

    def date_line(self, moment: datetime | date) -> str:
        """Write "7月17日 周一" or "Mon 17 Jul"."""
        day = self.local(moment).date() if isinstance(moment, datetime) else moment
        return _written(day, "M月d日 EEE" if self.language == CHINESE else "EEE d MMM", self.language)

    def moment(self, moment: datetime) -> str:
        """Write a time, with its day when that is not today."""
        if self.local(moment).date() == self.local(self.now).date():
            return self.time(moment)
        return f"{self.day(moment)} {self.time(moment)}"

    def span(self, start: datetime, end: datetime) -> str:
        """Write "今天 16:38-20:00"."""
        return f"{self.day(start)} {self.hours(start, end)}"

    def hours(self, start: datetime, end: datetime) -> str:
        """Write "16:38-20:00", ending "24:00" at midnight."""
        until = "24:00" if self.time(end) == "00:00" else self.time(end)
        return f"{self.time(start)}–{until}"

    def length(self, span: timedelta) -> str:
        """Write "3 小时 21 分", never less than nothing."""
        minutes = max(0, int(span.total_seconds() // 60))
        hours, rest = divmod(minutes, MINUTES_PER_HOUR)
        if not hours:
            return self("{minutes} min", minutes=rest)
        return self("{hours} h {minutes} min", hours=hours, minutes=rest) if rest else self("{hours} h", hours=hours)


@lru_cache(maxsize=512)
def _written(day: date, pattern: str, language: str) -> str:
    """Write a day. Few days are ever asked for, and Babel takes as long as the rest of a refusal."""
    return format_date(day, pattern, locale=language)


def chosen(connection: HTTPConnection) -> str | None:
    """Return the language this browser chose before."""
    value = connection.cookies.get(COOKIE, "")
    return value if value in LANGUAGES else None


def page_language(connection: HTTPConnection) -> str:
    """Return a page's language: what the reader chose, Chinese before that."""
    return chosen(connection) or CHINESE


def api_language(connection: HTTPConnection) -> str:
    """Return an API sentence's language: what was chosen, else what the client accepts."""
    return chosen(connection) or language_of(connection.headers.get("accept-language", ""))
