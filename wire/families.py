"""The frame families by name: descriptions that ship, a site's own files, and families in code. Opens no device."""

from pathlib import Path

from config import load, shipped
from config.errors import ConfigError, nearest
from config.protocol_names import coded, described_names, protocol_names
from wire.described import Described
from wire.description import Description
from wire.line_driver import Family
from wire.talk import check_sent

shipped_names = described_names


def family(name: str, beside: Path | None = None) -> Family:
    """Return a family by its name, or, for a name ending in .toml, of that file (in folder `beside` when relative).

    ConfigError for a name that there is not, with every bad key of a file, or for an entry point that does not load.
    """
    point = coded().get(name)
    if point is None:
        return Described(protocol(name, beside))
    try:
        found: Family = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError("protocol", [f"{name!r} is in code that does not load: {error}"]) from error
    return found


def protocol(name: str, beside: Path | None = None) -> Description:
    """Return a description by its name or file, as `family` does; ConfigError also for a family in code."""
    if name.endswith(".toml"):
        return _checked(load(Description, (beside or Path()) / name), name)
    if name in coded():
        raise ConfigError("protocol", [f"{name!r} is a family in code: it has no description"])
    if name not in described_names():
        names = protocol_names()
        known = f"there are {', '.join(names)}; one of your own is a path ending in .toml"
        raise ConfigError("protocol", [f"{name[:60]!r} is none{nearest(name, names)}: {known}"])
    return _checked(load(Description, shipped("protocols", f"{name}.toml")), name)


def _checked(description: Description, name: str) -> Description:
    try:
        check_sent(description)
    except ValueError as error:
        raise ConfigError(name, [str(error)]) from error
    return description
