"""`seatgate kiosk`: options, and faults as sentences."""

from pathlib import Path

import click

from config.errors import ConfigError
from kiosk import settings as kiosk_settings
from kiosk.errors import KioskError
from runtime import logs
from runtime.errors import RuntimeFault
from runtime.service import leave


@click.command()
@click.option(
    "--config",
    "config_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="This kiosk's settings (TOML). Every key is explained in the shipped config/kiosk.toml.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def kiosk(config_file: Path, log_level: str) -> None:
    """Run a kiosk: rotating check-in code, free seats, area maps, a reader's seat by their phone's code.

    Opens a window where there is a screen and draws off screen where there is none. Goes on for a week without the
    server. Stops on Ctrl-C or SIGTERM.
    """
    from kiosk import app  # noqa: PLC0415 - pygame takes a moment that `--help` need not wait for

    logs.setup(log_level)
    try:
        app.run(kiosk_settings.load(config_file))
        leave()
    except (ConfigError, KioskError, RuntimeFault) as error:
        raise click.ClickException(str(error)) from error
