"""The library of the campaigns: the shipped one, without kiosks, whose readers may hold many reservations far ahead."""

from pathlib import Path

from bench.machine import site_text

LONG_AHEAD = {"max_active = 2": "max_active = 1000", "advance_days = 1 ": "advance_days = 60 "}


def write_site(folder: Path, ports: dict[str, tuple[str, str]] | None = None) -> Path:
    """Write the site file into `folder`; `ports`: portal → (direction, device) of a gate "south", where one is needed."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "site.toml"
    file.write_text(site_text(ports or {}, LONG_AHEAD), encoding="utf-8")
    return file
