"""The commands `seatgate readers import` and `seatgate credentials import`: a CSV file, through the running service."""

import os
from pathlib import Path
from urllib.parse import urlencode

import click
import msgspec

from booking.errors import BookingError
from booking.local_call import call
from booking.sentences_cli import sentences
from booking.settings import load_settings
from config import ConfigError
from wire.cards import CardFormat

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
MAX_FILE = 32 * 1024 * 1024
MAX_SHOWN = 1000
CONFIG = click.option(
    "--config",
    "config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings of the running service. Without: those of `seatgate run` in $SEATGATE_DATA or ./var.",
)
SKIP = click.option("--skip-bad", is_flag=True, help="Apply the good lines; without it a bad line stops everything.")


@click.group()
def readers() -> None:
    """Bring readers in from a CSV file."""


@click.group()
def credentials() -> None:
    """Bring cards and faces in from a CSV file."""


@readers.command("import")
@click.argument("file", type=_FILE)
@CONFIG
@SKIP
@click.option(
    "--complete", is_flag=True, help="The file is everybody: readers who are not in it can no longer sign in."
)
@click.option("--most", default=0.5, show_default=True, help="With --complete: take away at most this share of them.")
def import_readers(file: Path, config: Path | None, *, skip_bad: bool, complete: bool, most: float) -> None:
    """Add readers, or bring them up to date; their history stays.

    Columns: reader (学号), name (姓名), and if given role (角色: reader or staff) and groups (组别). UTF-8 or GB18030.
    """
    if complete and skip_bad:
        raise click.UsageError("--complete takes no bad lines: without them the file is not complete")
    _import("readers", file, config, {"skip_bad": int(skip_bad), "complete": int(complete), "most": most})


@credentials.command("import")
@click.argument("file", type=_FILE)
@CONFIG
@SKIP
@click.option(
    "--format",
    "form",
    type=click.Choice([str(form) for form in CardFormat]),
    default=str(CardFormat.DECIMAL),
    show_default=True,
    help="How card numbers stand in the file; a column `format` goes before it.",
)
def import_credentials(file: Path, config: Path | None, form: str, *, skip_bad: bool) -> None:
    """Give cards and faces to readers; a card has one holder at a time, who had it before keeps the past.

    Columns: reader (学号), value (卡号); if given kind (card, face, qr), format, width (bits), facility (of Wiegand 26),
    valid_from, valid_until. UTF-8 or GB18030.
    """
    _import("credentials", file, config, {"skip_bad": int(skip_bad), "format": form})


def _import(what: str, file: Path, config: Path | None, options: dict[str, object]) -> None:
    try:
        answers = call(_data_of(config), f"/staff/imports/{what}?{urlencode(options)}", _content(file))
        last: dict[str, object] = {}
        for line in answers:
            last = msgspec.json.decode(line, type=dict[str, object])
            if "doing" in last:
                click.echo(f"{last['doing']} …", err=True)
    except ConfigError as error:
        raise click.ClickException(sentences(error)) from error
    except (BookingError, msgspec.MsgspecError, OSError) as error:
        raise click.ClickException(str(error)) from error
    _report(file, last)


def _content(file: Path) -> bytes:
    if file.stat().st_size > MAX_FILE:
        raise BookingError(f"{file} is larger than {MAX_FILE // 1024 // 1024} MB: import it in parts")
    return file.read_bytes()


def _data_of(config: Path | None) -> Path:
    folder = Path(os.environ.get("SEATGATE_DATA") or "var")
    return load_settings(config or folder / "config" / "booking.toml").data


def _report(file: Path, answer: dict[str, object]) -> None:
    faults = msgspec.convert(answer.get("faults", []), list[tuple[int, str]])
    for line, problem in faults[:MAX_SHOWN]:
        click.echo(f"{file}:{line}: {problem}" if line else f"{file}: {problem}", err=True)
    if len(faults) > MAX_SHOWN:
        click.echo(f"… and {len(faults) - MAX_SHOWN} more", err=True)
    if "error" in answer:
        raise click.ClickException(f"{file}: {answer['error']}")
    if not answer.get("applied"):
        raise click.ClickException(f"{len(faults)} faults: nothing was changed. Correct the lines, or use --skip-bad.")
    said = ", ".join(f"{answer[name]} {name}" for name in ("added", "changed", "unchanged", "gone") if answer.get(name))
    skipped = f"; {len(faults)} lines skipped" if faults else ""
    click.echo(f"{file}: {said or 'nothing to change'}{skipped}.")
