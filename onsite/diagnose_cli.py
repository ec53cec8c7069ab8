"""The command `seatgate diagnose`: options in, a report and an exit code out. The checks live in diagnose.py."""

import json
import os
from pathlib import Path

import click

from onsite import diagnose as diagnosis
from onsite.files import write_private
from onsite.settings import DATA
from onsite.summary import RUN_FILE
from runtime.checks import exit_code, render, to_json
from runtime.clock import PACE_VARIABLE, SHIFT_VARIABLE


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
    if not files:
        _take_over_clock(folder / RUN_FILE)
    found = diagnosis.settings_files(files, folder)
    checks = diagnosis.run_checks(found)
    click.echo(to_json(checks) if as_json else render(checks))
    if bundle is not None:
        try:
            write_private(bundle, diagnosis.bundle(checks, found, folder / "logs"))
        except OSError as error:
            raise click.ClickException(f"{bundle} cannot be written ({error.strerror}): name another file") from error
    context.exit(exit_code(checks))


def _take_over_clock(run_file: Path) -> None:
    """Look with the clock of the `seatgate run --now` whose processes are looked at."""
    try:
        clock = json.loads(run_file.read_text(encoding="utf-8"))["clock"]
    except (OSError, ValueError, KeyError):
        return
    for name in (SHIFT_VARIABLE, PACE_VARIABLE):
        if name in clock:
            os.environ.setdefault(name, str(clock[name]))
