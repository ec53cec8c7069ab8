"""The commands of this package: options in, sentences out. What they do lives in run.py and diagnose.py."""

import os
from pathlib import Path

import click

from config import ConfigError
from onsite import diagnose as diagnosis
from onsite.errors import OnsiteError
from onsite.files import write_private
from onsite.run import run as run_everything
from onsite.settings import DATA, LOOPBACK, config_sentence, settings
from runtime.checks import exit_code, render, to_json


@click.command()
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The library: areas, gates, kiosks and rules. Default: the one that ships, config/sites/bjut.toml.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where everything is kept. Default: $SEATGATE_DATA, else ./var.",
)
@click.option("--now", metavar="TIME", help="Let every process believe it is this time: 2023-07-17T16:38+08:00.")
@click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    metavar="ADDRESS",
    help="Address that the web pages listen on; 0.0.0.0 lets phones in. The broker stays on this machine.",
)
def run(site: Path | None, data: Path | None, now: str | None, host: str) -> None:
    """Run everything on this one machine, with a simulated turnstile, until Ctrl-C.

    Ports: SEATGATE_HTTP_PORT (8080) and SEATGATE_MQTT_PORT (1883). Database: SEATGATE_DATABASE (a file in the data
    folder). With a screen the kiosk opens a window; without one staff see its picture in the browser. Once all is
    ready, run.json in the data folder says where everything is.
    """
    try:
        run_everything(settings(site, data, now, host, os.environ), click.echo)
    except OnsiteError as error:
        raise click.ClickException(str(error)) from error
    except ConfigError as error:
        raise click.ClickException(config_sentence(error)) from error


@click.command()
@click.option(
    "--config",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Settings of a process of this machine; may be given several times.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Data folder of `seatgate run`. Default: $SEATGATE_DATA, else ./var.",
)
@click.option("--json", "as_json", is_flag=True, help="For a program instead of a person.")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write report, settings and logs into a zip file, without secrets and card numbers.",
)
@click.pass_context
def diagnose(
    context: click.Context, *, files: tuple[Path, ...], data: Path | None, as_json: bool, bundle: Path | None
) -> None:
    """Check this machine: each line ok, warn or fail, what was seen, and what to do.

    Exit code 0: all ok; 1: something wants attention; 2: something is broken. Without --config, the processes of
    `seatgate run` are looked at, else those of /etc/seatgate.
    """
    folder = data or Path(os.environ.get(DATA) or "var")
    found = diagnosis.settings_files(files, folder)
    checks = diagnosis.run_checks(found)
    click.echo(to_json(checks) if as_json else render(checks))
    if bundle is not None:
        try:
            write_private(bundle, diagnosis.bundle(checks, found, folder / "logs"))
        except OSError as error:
            raise click.ClickException(f"{bundle} cannot be written ({error.strerror}): name another file") from error
    context.exit(exit_code(checks))
