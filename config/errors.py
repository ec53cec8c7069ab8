"""ConfigError: every bad key of a settings file at once, each as a sentence, with the nearest known name."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
from cattrs import transform_error
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError


class ConfigError(ValueError):
    """A settings file is wrong. `problems` holds one sentence per bad key; the text holds them all."""

    def __init__(self, origin: str, problems: Sequence[str]) -> None:
        self.origin = origin
        self.problems = list(problems)
        super().__init__(f"{origin}: " + "; ".join(self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `, did you mean 'south'?` for the known word nearest to `word`; empty when none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _sentence(error: BaseException, kind: Any) -> str:
    if isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)] if attrs.has(error.cl) else []
        return "; ".join(f"unknown key {key!r}{nearest(key, known)}" for key in sorted(error.extra_fields))
    if isinstance(error, KeyError):
        return f"the key {error.args[0]!r} is missing"
    if isinstance(error, ValueError | TypeError):
        return str(error)
    return f"expected {getattr(kind, '__name__', kind)}"


def problems_of(error: ClassValidationError | IterableValidationError, settings: type) -> list[str]:
    """Flatten cattrs' exception tree into sentences that each begin with the key's path."""
    lines = transform_error(error, path=settings.__name__, format_exception=_sentence)
    problems = []
    for line in lines:
        text, _, path = line.rpartition(" @ ")
        where = path.partition(".")[2]
        problems.append(f"{where}: {text}" if where else text)
    return problems
