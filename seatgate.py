"""The console command `seatgate`: names the subcommands and imports a package's cli only when it is asked for."""

import importlib
from typing import Any

import click

COMMANDS = {
    "backup": ("booking.backup_cli:backup", "Save the booking service, running or not, in one file."),
    "booking": ("booking.cli:booking", "Run the booking service: rules, pages, API, gate-event ingest."),
    "broker": ("onsite.broker_cli:broker", "Write the files of a server's mosquitto: rights, passwords, certificates."),
    "credentials": ("booking.people_cli:credentials", "Bring cards and faces in from a CSV file."),
    "diagnose": ("onsite.diagnose_cli:diagnose", "Check this machine: each line ok, warn or fail, and what to do."),
    "frames": ("gate.cli:frames", "Watch or verify serial frames."),
    "gate": ("gate.cli:gate", "Run a gate daemon: serial port to outbox to MQTT."),
    "kiosk": ("kiosk.cli:kiosk", "Run a kiosk: rotating code, seat map, identification."),
    "readers": ("booking.people_cli:readers", "Bring readers in from a CSV file."),
    "restore": ("booking.backup_cli:restore", "Put a backup of the booking service back."),
    "run": ("onsite.cli:run", "Run everything on this one machine, with a simulated turnstile."),
    "simulate": ("simulator.cli:simulate", "Be a turnstile or a crowd that is not there."),
    "site": ("booking.cli:site", "Validate a site file."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when dispatched to, so that `seatgate --help` needs no package."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order of the help page."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a click command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run what was asked for; a missing package is one sentence, whenever it comes to light."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"this command needs the Python package {error.name!r}, which is not installed here. "
                f"Install this role's packages: pip install 'seatgate[all]' (or run `make run`)."
            ) from error

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seatgate")
def cli() -> None:
    """Seatgate: library seats, from the turnstile to the booking."""


def main() -> None:
    """Entry point of the console script."""
    cli(prog_name="seatgate")


if __name__ == "__main__":
    main()
