"""The commands `seatgate booking` and `seatgate site check`: options in, sentences out."""

from pathlib import Path

import click

from booking.errors import BookingError
from booking.sentences_cli import sentences
from booking.settings import load_settings
from config import ConfigError
from config.plans import load_plan
from config.site_check import load_site
from runtime import logs
from runtime.errors import RuntimeFault
from runtime.service import leave

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--config", "file", required=True, type=_FILE, help="Settings (TOML) over the shipped defaults.")
def booking(file: Path) -> None:
    """Run the booking service in the foreground: rules, pages, API, gate-event ingest.

    The shipped defaults are config/booking.toml, with every key explained. Stops on SIGTERM or Ctrl-C.
    """
    try:
        settings = load_settings(file)
        logs.setup(settings.log_level)
        from booking.app import run  # noqa: PLC0415 - `--help` and a wrong setting answer without loading the web layer

        run(settings)
        leave()
    except ConfigError as error:
        raise click.ClickException(sentences(error)) from error
    except (BookingError, RuntimeFault) as error:
        raise click.ClickException(str(error)) from error


@click.group()
def site() -> None:
    """Work with a site file: one library's venues, areas, gates, kiosks and rules."""


@site.command()
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Validate a site file with its seat plans; every fault is named with its key."""
    try:
        known = load_site(file)
        seats = sum(len(load_plan(known, area).seats) for area in known.areas)
    except ConfigError as error:
        raise click.ClickException(sentences(error)) from error
    click.echo(
        f"{file}: good. {len(known.venues)} venues, {len(known.areas)} areas with {seats} seats, "
        f"{len(known.gates)} gates, {len(known.kiosks)} kiosks."
    )
