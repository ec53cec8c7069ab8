"""The commands `seatgate backup` and `seatgate restore`: options in, sentences and progress out."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from booking import backup as backups
from booking.errors import BookingError
from booking.sentences_cli import sentences
from booking.settings import BookingSettings, load_settings
from config import ConfigError
from runtime.clock import Clock
from runtime.errors import RuntimeFault

CONFIG = click.option(
    "--config",
    "config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings of the service. Without: those of `seatgate run` in $SEATGATE_DATA or ./var.",
)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@CONFIG
def backup(file: Path, config: Path | None) -> None:
    """Save the booking service in FILE: database, signing key and master secret, as they are at one moment.

    The service may be running. FILE is as secret as the service's own folder, and appears only when it is complete.
    """
    with _told():
        settings = _settings(config)
        with click.progressbar(length=1, label="copying the database", file=sys.stderr) as bar:

            def progress(done: int, pages: int) -> None:
                bar.length = max(pages, 1)
                bar.update(done - bar.pos)

            manifest = backups.save(settings, file, Clock.from_environment().now(), progress)
        click.echo(f"{file}: {_what(manifest)}. Keep it where only you can read it, on another machine.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@CONFIG
@click.option(
    "--check", "check_only", is_flag=True, help="Read FILE through and say whether it is whole; change nothing."
)
def restore(file: Path, config: Path | None, *, check_only: bool) -> None:
    """Put the backup FILE in the place of the service's database and secrets; what was there is set aside.

    Stop the service first. When it starts again, the gates send what they still hold and what it asks them for.
    """
    with _told():
        if check_only:
            click.echo(f"{file}: whole. {_what(backups.check(file))}.")
            return
        done = backups.restore(_settings(config), file, Clock.from_environment().now())
        for old in done.aside:
            click.echo(f"set aside: {old}")
        click.echo(f"restored from {file}: {_what(done.manifest)}. Start the service.")


def _what(manifest: backups.Manifest) -> str:
    size = sum(part.bytes for part in manifest.parts.values())
    return f"saved {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC by Seatgate {manifest.version}, {size / 1e6:.1f} MB"


def _settings(config: Path | None) -> BookingSettings:
    folder = Path(os.environ.get("SEATGATE_DATA") or "var")
    return load_settings(config or folder / "config" / "booking.toml")


@contextmanager
def _told() -> Iterator[None]:
    """Turn what can go wrong into one sentence for the console."""
    try:
        yield
    except ConfigError as error:
        raise click.ClickException(sentences(error)) from error
    except (BookingError, RuntimeFault) as error:
        raise click.ClickException(str(error)) from error
