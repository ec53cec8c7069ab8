"""The command `seatgate run`: options in, sentences out. What it does lives in run.py."""

import os
from pathlib import Path

import click

from config import ConfigError
from onsite.errors import OnsiteError
from onsite.run import run as run_everything
from onsite.settings import LOOPBACK, Life, config_sentence, settings

DEMO_READERS = 40


@click.command()
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    metavar="FILE|NAME",
    help="The library: a site file, or one that ships by its name: bjut (the default), two-campus.",
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
@click.option("--simulate", is_flag=True, help="Let simulated readers live here: a line every quarter of an hour.")
@click.option(
    "--readers",
    type=click.IntRange(1, 500),
    help="Make accounts for so many simulated readers. Default: 40 with --simulate, none without.",
)
@click.option(
    "--speed",
    type=click.FloatRange(1, 100),
    default=1.0,
    show_default=True,
    help="Let every process's clock go so many times faster, from --now on.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="With --simulate: which day it is to be.")
def run(
    *,
    site: Path | None,
    data: Path | None,
    now: str | None,
    host: str,
    simulate: bool,
    readers: int | None,
    speed: float,
    seed: int,
) -> None:
    """Run everything on this one machine, with a simulated turnstile, until Ctrl-C.

    Ports: SEATGATE_HTTP_PORT (8080) and SEATGATE_MQTT_PORT (1883). Database: SEATGATE_DATABASE (a file in the data
    folder). With a screen the kiosk opens a window; without one staff see its picture in the browser. Once all is
    ready, run.json in the data folder says where everything is.
    """
    try:
        life = Life(readers or (DEMO_READERS if simulate else 0), simulate, speed, seed)
        run_everything(settings(site, data, now, host, os.environ, life=life), click.echo)
    except OnsiteError as error:
        raise click.ClickException(str(error)) from error
    except ConfigError as error:
        raise click.ClickException(config_sentence(error)) from error
