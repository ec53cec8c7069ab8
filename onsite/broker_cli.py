"""The command `seatgate broker`: the files of a mosquitto on a server, for gates and kiosks on other machines."""

import os
import pwd
from pathlib import Path

import click

from config import ConfigError
from config.site_check import load_site
from onsite import broker as brokers
from onsite.broker import TlsListener
from onsite.certificates import ends_of
from onsite.errors import OnsiteError
from onsite.settings import LOOPBACK, config_sentence

CONFIGURATION = "mosquitto.conf"


@click.command()
@click.option(
    "--site",
    "site_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The library's site file.",
)
@click.option(
    "--folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where the files go, and stay."
)
@click.option(
    "--address",
    "names",
    required=True,
    multiple=True,
    metavar="HOST",
    help="A name or address by which gates and kiosks reach this machine; may be given several times.",
)
@click.option("--port", default=8883, show_default=True, type=click.IntRange(1, 65535), help="The encrypted port.")
@click.option(
    "--plain-port",
    default=1883,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="For processes of this machine alone, not encrypted.",
)
@click.option(
    "--certificates", is_flag=True, help="Gates and kiosks show a certificate of their own instead of a password."
)
@click.option(
    "--user", default="", metavar="NAME", help="The account that mosquitto runs as, which will own the files."
)
def broker(
    *,
    site_file: Path,
    folder: Path,
    names: tuple[str, ...],
    port: int,
    plain_port: int,
    certificates: bool,
    user: str,
) -> None:
    """Write mosquitto's configuration, rights, passwords and certificates for a library.

    Run it again after a change of the site file, and once a month to renew certificates: what is still good stays as it is.
    Then let mosquitto read its files again: systemctl reload mosquitto.
    """
    try:
        accounts = brokers.accounts_of(load_site(site_file))
        owner = pwd.getpwnam(user) if user else None
        listener = TlsListener("0.0.0.0", port, names, certificates)
        made = brokers.prepare(folder, LOOPBACK, plain_port, accounts, listener, user=user)
        if owner is not None:
            _give(made.folder, owner)
    except KeyError:
        raise click.ClickException(
            f"this machine has no account {user}: name mosquitto's, or leave --user out"
        ) from None
    except OnsiteError as error:
        raise click.ClickException(str(error)) from error
    except ConfigError as error:
        raise click.ClickException(config_sentence(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder}: {error.strerror or error}") from error
    ends = ends_of(made.authority.server.certificate)
    click.echo(f"mosquitto -c {made.folder / CONFIGURATION}")
    click.echo(f"every gate and kiosk pins (tls_ca): {made.authority.ca}")
    for account in accounts:
        pair = made.authority.client(account.name)
        what = f"{pair.certificate} and {pair.key}" if certificates else str(made.password_file(account.name))
        click.echo(f"{account.name}: {what}")
    if ends is not None:
        click.echo(f"The broker's certificate is good until {ends:%Y-%m-%d}.")


def _give(folder: Path, owner: pwd.struct_passwd) -> None:
    """Let mosquitto's account own its files, which stay closed to others."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.pw_uid, owner.pw_gid)
