"""Which Seatgate this is: the number in births, on pages and in reports."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """Return the installed version; "uninstalled" in a checkout that was never installed."""
    try:
        return installed("seatgate")
    except PackageNotFoundError:
        return "uninstalled"
