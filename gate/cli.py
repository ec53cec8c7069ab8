"""The commands `seatgate gate` and `seatgate frames`: options in, sentences and an exit code out."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from config import ConfigError
from config.protocol_names import protocol_names
from gate import app
from gate.frame_view import advice, bytes_of, view
from gate.settings import load_settings
from runtime import logs
from runtime.errors import RuntimeFault
from wire.described import Described
from wire.description import Description
from wire.families import family
from wire.frames import BadFrame, Frame, FrameDecoder
from wire.line_driver import FrameView, Shows
from wire.serial_port import Lost, PortError, SerialPort
from wire.talk import Talk

MOST_SUMMED = 100
"""Frames that are looked at for another checksum rule: a port may be watched for days."""


@click.command()
@click.option(
    "--config",
    "config_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="This gate's settings; config/gate.toml explains each key.",
)
def gate(config_file: Path) -> None:
    """Run one gate controller in the foreground: serial ports, outbox, broker.

    Ready for systemd (Type=notify, watchdog). Ctrl-C or SIGTERM stops it; nothing that was read is lost.
    """
    try:
        settings = load_settings(config_file)
        logs.setup(settings.log_level)
        code = app.run(settings)
    except (ConfigError, RuntimeFault) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or config_file}: {error.strerror or error}") from error
    raise SystemExit(code)


@click.command()
@click.option(
    "--protocol",
    "name",
    required=True,
    help=f"A family ({', '.join(protocol_names())}), or a description of your own: a path ending in .toml.",
)
@click.option("--port", metavar="DEV", help="Watch this device until Ctrl-C; its gate must not be running.")
@click.option("--hex", "text", metavar="BYTES", help="""Look at these bytes, e.g. '02 "010063E9AE" "25" 03'.""")
def frames(name: str, port: str | None, text: str | None) -> None:
    """Watch or verify serial frames: raw bytes, decoded fields, checksum expected and found.

    Where a checksum does not fit, it says which rules would. Exit code 1 when a frame was bad or none was found.
    """
    if (port is None) is (text is None):
        raise click.UsageError("give either --port (a device to watch) or --hex (bytes to look at)")
    try:
        spoken = family(name)
        content = bytes_of(text) if text is not None else None
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    match spoken:
        case Described():
            description = spoken.description
            found = _in_bytes(description, content) if content is not None else _on_port(description, str(port))
            count, bad, last_words = _show(description, found)
        case Shows():
            in_code = spoken.view()
            shown = _of_code(in_code, content) if content is not None else _code_on_port(in_code, spoken, str(port))
            count, bad, last_words = _show_code(shown)
        case _:
            raise click.ClickException(f"{name!r} is a family in code that shows no frames")
    if last_words:
        click.echo(last_words)
    click.echo(f"{count} frame{'s' * (count != 1)}, {bad} bad." if count else "No frame was found.")
    raise SystemExit(1 if bad or not count else 0)


def _show(description: Description, found: Iterator[Frame | BadFrame]) -> tuple[int, int, str]:
    """Print each frame; return how many there were, how many bad, and advice where a checksum did not fit."""
    count, bad, summed, doubtful = 0, 0, list[bytes](), False
    try:
        for each in found:
            lines, good = view(description, each)
            click.echo(lines)
            count, bad = count + 1, bad + (not good)
            if each.checked is not None and len(summed) < MOST_SUMMED:
                summed.append(each.raw)
                doubtful = doubtful or each.checked.found != each.checked.expected
    except KeyboardInterrupt:
        click.echo()
    return count, bad, advice(description, summed) if doubtful else ""


def _show_code(found: Iterator[tuple[str, bool]]) -> tuple[int, int, str]:
    """Do the same for a family in code."""
    count = bad = 0
    try:
        for lines, good in found:
            click.echo(lines)
            count, bad = count + 1, bad + (not good)
    except KeyboardInterrupt:
        click.echo()
    return count, bad, ""


def _of_code(frames: FrameView, content: bytes) -> Iterator[tuple[str, bool]]:
    yield from frames.feed(content)
    yield from frames.finish()


def _code_on_port(frames: FrameView, spoken: Shows, device: str) -> Iterator[tuple[str, bool]]:
    """Listen to a device and say nothing."""
    logs.setup("info")
    for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell started this in the background, deaf to Ctrl-C
        signal.signal(number, signal.default_int_handler)
    for event in SerialPort(device, spoken.serial).listen():
        if isinstance(event, Lost | bytes):
            yield from frames.finish() if isinstance(event, Lost) else frames.feed(event)


def _in_bytes(description: Description, content: bytes) -> Iterator[Frame | BadFrame]:
    decoder = FrameDecoder(description)
    yield from decoder.feed(content)
    yield from decoder.finish()


def _on_port(description: Description, device: str) -> Iterator[Frame | BadFrame]:
    """Watch a device. One that must be asked is polled, but nothing is fetched or acknowledged: records stay in it."""
    port, decoder, talk = SerialPort(device, description.serial), FrameDecoder(description), Talk(description)
    logs.setup("info")
    for number in (signal.SIGTERM, signal.SIGINT):  # also where a shell started this in the background, deaf to Ctrl-C
        signal.signal(number, signal.default_int_handler)
    for event in port.listen(talk.tick):
        if isinstance(event, Lost | bytes):
            yield from decoder.finish() if isinstance(event, Lost) else decoder.feed(event)
        elif poll := talk.due(time.monotonic_ns()):
            with suppress(PortError):
                port.write(poll)
