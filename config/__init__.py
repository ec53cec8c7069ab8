"""Typed settings over TOML: `load(Type, files)` gives a frozen settings object or one ConfigError naming every bad key.

Each package owns its settings type; the site file that all of them read is `config.schema.Site`.
Structuring is cattrs' work; here is only what makes its report readable: paths, sentences, nearest names.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import cattrs
from cattrs.errors import ClassValidationError

from config.errors import ConfigError, problems_of
from config.values import converter

T = TypeVar("T")

__all__ = ["ConfigError", "load", "merge", "read_toml", "shipped", "structure"]


def shipped(*parts: str) -> Traversable:
    """Return a file that ships in this package: `shipped("sites", "bjut.toml")`."""
    return resources.files(__name__).joinpath(*parts)


def read_toml(file: Path | Traversable) -> dict[str, Any]:
    """Read one TOML file; ConfigError says which file and, for a syntax error, which line."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(str(file), ["there is no such file"]) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(file), [f"cannot be read: {error}"]) from error


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with the tables of `over` laid over it, key by key; lists and values are replaced whole."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return merged


def structure(data: Mapping[str, Any], settings: type[T], origin: str) -> T:
    """Turn plain tables into `settings`; ConfigError lists every bad key of `origin` at once."""
    try:
        return converter.structure(data, settings)
    except (ClassValidationError, cattrs.errors.IterableValidationError) as error:
        raise ConfigError(origin, problems_of(error, settings)) from error


def load(settings: type[T], *files: Path | Traversable) -> T:
    """Read `files`, later ones over earlier ones, into `settings`."""
    data: dict[str, Any] = {}
    for file in files:
        data = merge(data, read_toml(file))
    return structure(data, settings, str(files[-1]) if files else settings.__name__)
