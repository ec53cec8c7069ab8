"""Values that settings are made of: secrets, durations, times of day, two-language texts; and their converter."""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from cattrs import Converter
from cattrs.cols import is_frozenset, is_mutable_sequence, list_structure_factory
from cattrs.gen import make_dict_structure_fn

from config.errors import nearest

MAX_SHOWN = 60
_DURATION = re.compile(
    r"(?:([0-9]{1,6})\s*d)?\s*(?:([0-9]{1,6})\s*h)?\s*(?:([0-9]{1,6})\s*min)?"
    r"\s*(?:([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*s)?\s*(?:([0-9]{1,9})\s*ms)?"
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


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def duration(text: object, _type: Any = None) -> timedelta:
    """Read "30min", "4h", "1h 30min", "500ms"; ValueError says the form. A bare number is refused: it has no unit."""
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) and text.strip() else None
    if found is None:
        raise ValueError(f'{_shown(text)} is not a duration: write "30min", "4h", "1h 30min", "10s" or "500ms"')
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=milliseconds)


def time_of_day(text: object, _type: Any = None) -> time:
    """Read "22:00"; "24:00" is the end of the day (time.max)."""
    if text == "24:00":
        return time.max
    try:
        return time.fromisoformat(text) if isinstance(text, str) else _refuse(text)
    except ValueError:
        raise ValueError(f'{_shown(text)} is not a time of day: write "08:00"') from None


def _refuse(text: object) -> time:
    raise ValueError(text)


def _date(value: object, _type: Any = None) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(_exactly(str)(value))
    except ValueError:
        raise ValueError(f'{_shown(value)} is not a day: write "2023-07-17"') from None


def _zone(text: object, _type: Any = None) -> ZoneInfo:
    try:
        return ZoneInfo(str(text))
    except Exception:  # noqa: BLE001 - zoneinfo raises KeyError, ValueError, OSError for a bad name
        raise ValueError(f'{_shown(text)} is not a time zone: write one like "Asia/Shanghai"') from None


def _exactly(kind: type) -> Any:
    def check(value: object, _type: Any = None) -> Any:
        if isinstance(value, bool) is not (kind is bool) or not isinstance(
            value, (int, float) if kind is float else kind
        ):
            raise ValueError(f"{_shown(value)} is not {_WORDS[kind]}")
        return kind(value)

    return check


_WORDS: dict[type, str] = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def _secret(value: object, _type: Any = None) -> Secret:
    if not isinstance(value, str) or not value:
        raise ValueError("a secret is a text in quotes that is not empty (what stands there is not shown)")
    return Secret(value)


def _choice(value: object, kind: type[StrEnum]) -> StrEnum:
    words = [member.value for member in kind]
    if isinstance(value, str) and value in words:
        return kind(value)
    near = nearest(value, words) if isinstance(value, str) else ""
    raise ValueError(f"{_shown(value)} is not one of {', '.join(words)}{near}")


def _table_of(settings: type) -> Any:
    structured: Any = make_dict_structure_fn(settings, converter, _cattrs_forbid_extra_keys=True)

    def check(value: object, kind: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError(f"{_shown(value)} is not a table of keys and values")
        return structured(value, kind)

    return check


def _list_of(kind: Any, listed: Converter) -> Any:
    structured = list_structure_factory(kind, listed)

    def check(value: object, _type: Any = None) -> Any:
        if not isinstance(value, list):
            raise TypeError(f"{_shown(value)} is not a list: write it in [ ]")
        return structured(value, kind)

    return check


def _set_of(kind: Any, listed: Converter) -> Any:
    structured = _list_of(list[kind.__args__[0]], listed)
    return lambda value, _: frozenset(structured(value))


converter = Converter(forbid_extra_keys=True, detailed_validation=True)
for _kind in _WORDS:
    converter.register_structure_hook(_kind, _exactly(_kind))
converter.register_structure_hook(StrEnum, _choice)
converter.register_structure_hook(timedelta, duration)
converter.register_structure_hook(time, time_of_day)
converter.register_structure_hook(date, _date)
converter.register_structure_hook(ZoneInfo, _zone)
converter.register_structure_hook(Path, lambda value, _: Path(_exactly(str)(value)).expanduser())
converter.register_structure_hook_factory(is_mutable_sequence, _list_of)
converter.register_structure_hook_factory(is_frozenset, _set_of)
converter.register_structure_hook_factory(attrs.has, _table_of)
converter.register_structure_hook(Secret, _secret)
