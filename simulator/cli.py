"""The commands `seatgate simulate …`: options in, sentences and an exit code out."""

import json
import sys
from datetime import timedelta
from pathlib import Path

import click

from config import ConfigError
from config.schema import Portal, PortalDirection
from messages.access import CredentialKind, Direction
from runtime import logs
from simulator import app, readers
from simulator.control import SimulatorAway, call
from simulator.faults import FAULTS
from simulator.turnstile import Act, Passing, Swipe

_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SEATGATE_DATA",
    default=Path("var"),
    show_default=True,
    help="The data folder of the `seatgate run` to play with.",
)
_portal = click.option("--portal", required=True, help="Where: the id of a portal, e.g. south-1.")
_direction = click.option(
    "--direction",
    type=click.Choice(["in", "out"]),
    help="What the frame says, for boards that say it; as the portal leads.",
)
_fault = click.option("--fault", type=click.Choice(list(FAULTS)), help="What goes wrong on the line.")


@click.group()
def simulate() -> None:
    """Be a turnstile, or readers, that are not there."""


@simulate.command("readers")
@_data
@click.option("--readers", "count", type=click.IntRange(0), default=0, help="How many; all that have accounts.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Which day it is to be: the same seed, the same day."
)
@click.option(
    "--hours", type=click.FloatRange(0, min_open=True), help="For how long by the library's clock; until Ctrl-C."
)
def crowd(data: Path, count: int, seed: int, hours: float | None) -> None:
    """Live in a running library: book, swipe, scan, step away, forget. A line every quarter of an hour, numbers at the end.

    Waits for the `seatgate run` over --data. With `seatgate run --simulate` it runs already; its clock (--now, --speed) is
    theirs too. Exit code 1 when the library and its readers do not agree at the end.
    """
    logs.setup("warning")
    wanted = readers.Wanted(data, count, seed, timedelta(hours=hours) if hours else None)
    try:
        numbers = readers.run(wanted, click.echo)
    except (readers.CannotLive, ConfigError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(numbers, indent=2))
    if numbers.get("differences"):
        raise click.exceptions.Exit(1)


@simulate.group(invoke_without_command=True)
@click.option("--protocol", help="Without a site: one board of this family, swiped by card numbers on standard input.")
@click.option(
    "--link",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("turnstile"),
    show_default=True,
    help="Where its device is to be found.",
)
@click.option("--address", type=click.IntRange(0, 126), help="Its address on the line, for osdp.")
@click.option(
    "--keys-file", help="For osdp: a file with the line `board = 32 hexadecimal digits`; without one it is plain."
)
@click.pass_context
def turnstile(
    context: click.Context, protocol: str | None, link: Path, address: int | None, keys_file: str | None
) -> None:
    """Turnstile boards on pseudo-terminals, for portals that name no port in the site file."""
    if context.invoked_subcommand is not None:
        return
    if protocol is None:
        click.echo(context.get_help())
        return
    options: dict[str, object] = {}
    if protocol == "osdp":
        options = {"keys_file": keys_file} if keys_file else {"secure": False}
    alone = Portal("board", PortalDirection.FRAME, protocol, address=address, options=options)
    try:
        app.run_alone(alone, link, sys.stdin, click.echo)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{link}: {error.strerror}") from error
    except KeyboardInterrupt:
        click.echo()


@turnstile.command()
@click.option(
    "--site",
    "site_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The site file whose portals are simulated.",
)
@_data
def serve(site_file: Path, data: Path) -> None:
    """Hold the boards until Ctrl-C; simulator/ports.json in the data folder says which device each portal is on."""
    logs.setup("info")
    try:
        app.run(site_file, data)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"the simulator cannot work in {data}: {error}") from error


@turnstile.command()
@_portal
@click.option("--card", required=True, help="The number printed on the card, e.g. 0006547886.")
@_direction
@_fault
@_data
def swipe(portal: str, card: str, direction: str | None, fault: str | None, data: Path) -> None:
    """Hold a card against the reader of a portal."""
    _send(data, Swipe(portal, CredentialKind.CARD, card, _way(direction), fault))


@turnstile.command()
@_portal
@click.option("--person", required=True, help="The person number that the terminal recognises.")
@_direction
@_fault
@_data
def face(portal: str, person: str, direction: str | None, fault: str | None, data: Path) -> None:
    """Look into the face terminal of a portal."""
    _send(data, Swipe(portal, CredentialKind.FACE, person, _way(direction), fault))


@turnstile.command("pass")
@_portal
@click.option("--turned-back", is_flag=True, help="Whoever was read did not walk through.")
@_direction
@_fault
@_data
def walk(portal: str, turned_back: bool, direction: str | None, fault: str | None, data: Path) -> None:  # noqa: FBT001 - a flag of the command line
    """Walk through the turnstile after a swipe: said by boards that report it."""
    _send(data, Passing(portal, not turned_back, _way(direction), fault))


def _way(direction: str | None) -> Direction | None:
    return Direction(direction) if direction else None


def _send(data: Path, wanted: Act) -> None:
    try:
        sent = call(data, wanted)
    except (SimulatorAway, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{sent} bytes at {wanted.portal}" + (f", with the fault {wanted.fault}" if wanted.fault else ""))
