"""Values that settings are made of: secrets, durations, times of day, two-language texts; and their converter."""

import re
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn

_DURATION = re.compile(
    r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*min)?\s*(?:(\d+(?:\.\d+)?)\s*s)?\s*(?:(\d+)\s*ms)?"
)


@attrs.frozen(repr=False)
class Secret:
    """A value that never shows in a repr, a log or a bundle."""

    value: str

    def __repr__(self) -> str:
        return "Secret(…)"


@attrs.frozen
class Text:
    """One text in both languages."""

    zh: str
    en: str

    def __getitem__(self, language: str) -> str:
        """Return the text in `language` ("zh…" or anything else for English)."""
        return self.zh if language.startswith("zh") else self.en


def duration(text: object, _type: Any = None) -> timedelta:
    """Read "30min", "4h", "1h 30min", "500ms"; ValueError says the form. A bare number is refused: it has no unit."""
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) and text.strip() else None
    if found is None:
        raise ValueError(f'{text!r} is not a duration: write "30min", "4h", "1h 30min", "10s" or "500ms"')
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)


def time_of_day(text: object, _type: Any = None) -> time:
    """Read "22:00"; "24:00" is the end of the day (time.max)."""
    if text == "24:00":
        return time.max
    try:
        return time.fromisoformat(text) if isinstance(text, str) else _refuse(text)
    except ValueError:
        raise ValueError(f'{text!r} is not a time of day: write "08:00"') from None


def _refuse(text: object) -> time:
    raise ValueError(text)


def _zone(text: object, _type: Any = None) -> ZoneInfo:
    try:
        return ZoneInfo(str(text))
    except Exception:  # noqa: BLE001 - zoneinfo raises KeyError, ValueError, OSError for a bad name
        raise ValueError(f'{text!r} is not a time zone: write one like "Asia/Shanghai"') from None


def _exactly(kind: type) -> Any:
    def check(value: object, _type: Any = None) -> Any:
        if isinstance(value, bool) is not (kind is bool) or not isinstance(
            value, (int, float) if kind is float else kind
        ):
            raise ValueError(f"{value!r} is not {_WORDS[kind]}")
        return kind(value)

    return check


_WORDS: dict[type, str] = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}

converter = Converter(forbid_extra_keys=True, detailed_validation=True)
for _kind in _WORDS:
    converter.register_structure_hook(_kind, _exactly(_kind))
converter.register_structure_hook(timedelta, duration)
converter.register_structure_hook(time, time_of_day)
converter.register_structure_hook(date, lambda value, _: value if type(value) is date else date.fromisoformat(value))
converter.register_structure_hook(ZoneInfo, _zone)
converter.register_structure_hook(Path, lambda value, _: Path(value).expanduser())
converter.register_structure_hook(Secret, lambda value, _: Secret(_exactly(str)(value)))
converter.register_structure_hook_factory(
    attrs.has, lambda cls: make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True)
)
converter.register_structure_hook(Secret, lambda value, _: Secret(_exactly(str)(value)))
