"""Which protocols there are, by name: descriptions that ship, and families in code by their entry points. Loads no code."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from config import shipped

GROUP = "seatgate.protocols"
"""The entry-point group: protocol name → an object with the form of `wire.line_driver.Family`."""


def described_names() -> list[str]:
    """Return the families that ship as a description."""
    files = shipped("protocols").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


@cache
def coded() -> dict[str, EntryPoint]:
    """Return the families in code, of this package and of any other that is installed beside it."""
    return {point.name: point for point in entry_points(group=GROUP)}


def protocol_names() -> list[str]:
    """Return every name that `protocol` of a portal may have; a description of one's own is a path ending in .toml."""
    return sorted({*described_names(), *coded()})
