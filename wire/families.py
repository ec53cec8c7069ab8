"""The frame families by name: those that ship, and a site's own files. Reads files, opens no device."""

from pathlib import Path

from config import load, shipped
from config.errors import ConfigError, nearest
from wire.description import Description
from wire.talk import check_sent


def shipped_names() -> list[str]:
    """Return the families that ship with the product."""
    files = shipped("protocols").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def protocol(name: str, beside: Path | None = None) -> Description:
    """Return a shipped family by its name, or, for a name ending in .toml, that file (in folder `beside` when relative).

    ConfigError for a name that there is not, or with every bad key of the file.
    """
    if name.endswith(".toml"):
        return _checked(load(Description, (beside or Path()) / name), name)
    names = shipped_names()
    if name not in names:
        known = f"there are {', '.join(names)}; one of your own is a path ending in .toml"
        raise ConfigError("protocol", [f"{name[:60]!r} is none{nearest(name, names)}: {known}"])
    return _checked(load(Description, shipped("protocols", f"{name}.toml")), name)


def _checked(description: Description, name: str) -> Description:
    try:
        check_sent(description)
    except ValueError as error:
        raise ConfigError(name, [str(error)]) from error
    return description
