"""Texts, dates and times in the reader's language, and in the other one where both stand side by side.

Message ids are English; `kiosk/locale` holds the Chinese. Which sentence is said belongs to the screens.
"""

import gettext
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from config.values import Text
from kiosk.state import Language
from runtime.locales import catalogue

_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Words:
    """`say` in the reader's language, `also` in the other one."""

    language: Language
    zone: ZoneInfo
    first: gettext.NullTranslations
    second: gettext.NullTranslations

    @property
    def other(self) -> Language:
        """Return the language that the reader does not read."""
        return Language.ENGLISH if self.language is Language.CHINESE else Language.CHINESE

    def say(self, message: str, **facts: object) -> str:
        """Return `message` in the reader's language with `facts` filled in."""
        return self.first.gettext(message).format(**facts)

    def also(self, message: str, **facts: object) -> str:
        """Return `message` in the other language."""
        return self.second.gettext(message).format(**facts)

    def name(self, text: Text) -> str:
        """Return a place's name in the reader's language."""
        return text[self.language]

    def also_name(self, text: Text) -> str:
        """Return a place's name in the other language."""
        return text[self.other]

    def clock(self, moment: datetime) -> str:
        """Return the time of day here: "16:38"."""
        return moment.astimezone(self.zone).strftime("%H:%M")

    def date(self, moment: datetime) -> str:
        """Return the date in the reader's language: "7月17日 周一", "Mon 17 Jul"."""
        return _date(moment.astimezone(self.zone), self.language)

    def also_date(self, moment: datetime) -> str:
        """Return the date in the other language."""
        return _date(moment.astimezone(self.zone), self.other)

    def length(self, span: timedelta) -> str:
        """Return a length of time in whole seconds, minutes or hours, as people say it."""
        seconds = max(0, int(span.total_seconds()))
        if seconds < _MINUTE:
            return self.say("{n} s", n=seconds)
        if seconds < _HOUR:
            return self.say("{n} min", n=seconds // _MINUTE)
        return self.say("{n} h", n=seconds // _HOUR)


def words_in(language: Language, zone: ZoneInfo) -> Words:
    """Return the texts for a reader of `language`."""
    other = Language.ENGLISH if language is Language.CHINESE else Language.CHINESE
    return Words(language, zone, catalogue("kiosk", language), catalogue("kiosk", other))


def _date(moment: datetime, language: Language) -> str:
    if language is Language.CHINESE:
        return format_date(moment, "M月d日 EEE", locale=language)
    return format_date(moment, "EEE d MMM", locale=language)
