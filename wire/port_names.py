"""Which device a configured name means: names that stay after a reboot, and a refusal where one name means two devices.

The kernel numbers adapters as it finds them (`/dev/ttyUSB0` is another one after a reboot), so a site names them by what udev
makes of them: `/dev/serial/by-id/…` (maker and serial number) or `/dev/serial/by-path/…` (the socket it is plugged into). Cheap
adapters have no serial number: two of them claim one by-id name, and udev gives it to whichever came last. udev's own notes
(`/run/udev/data`) say who claims what. `root` is "/" but in tests.
"""

import re
from collections.abc import Iterator
from pathlib import Path

BY_ID, BY_PATH = "serial/by-id/", "serial/by-path/"
_NUMBERED = re.compile(r"/dev/tty(?:USB|ACM)[0-9]+")
_NOTES = "run/udev/data"


class AmbiguousPort(Exception):  # noqa: N818 - named after what was found
    """A name means several devices; the text lists how each can be named instead."""


def check_name(device: str, root: Path = Path("/")) -> None:
    """Raise AmbiguousPort for a by-id name that several plugged-in devices claim."""
    if not device.startswith(f"/dev/{BY_ID}"):
        return
    wanted = device.removeprefix("/dev/")
    claimants = [names for names in _notes(root) if wanted in names]
    if len(claimants) > 1:
        others = sorted(_better_name(names, wanted) for names in claimants)
        raise AmbiguousPort(
            f"{len(claimants)} devices call themselves {device}: name each by its socket instead: {', '.join(others)}"
        )


def advice(device: str, root: Path = Path("/")) -> str:
    """Return how a device had better be named; "" when its name stays after a reboot."""
    if not _NUMBERED.fullmatch(device):
        return ""
    number = _number_of(device, root)
    names = next((each for own, each in _notes_by_number(root) if own == number), frozenset())
    known = [name for name in sorted(names) if name.startswith((BY_ID, BY_PATH)) and _claims(root, name) == 1]
    better = (
        f"name it /dev/{known[0]}" if known else "name it as `ls -l /dev/serial/by-id /dev/serial/by-path` shows it"
    )
    return f"{device} may be another device after a reboot: {better}"


def _claims(root: Path, name: str) -> int:
    return sum(name in names for names in _notes(root))


def _better_name(names: frozenset[str], wanted: str) -> str:
    paths = sorted(name for name in names if name.startswith(BY_PATH))
    others = sorted(name for name in names if name.startswith(BY_ID) and name != wanted)
    return f"/dev/{(paths or others or [wanted])[0]}"


def _notes(root: Path) -> Iterator[frozenset[str]]:
    """Yield the names that each character device claims."""
    return (names for _, names in _notes_by_number(root))


def _notes_by_number(root: Path) -> Iterator[tuple[str, frozenset[str]]]:
    try:
        files = sorted((root / _NOTES).glob("c[0-9]*:[0-9]*"))
    except OSError:
        return
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # just unplugged
        names = frozenset(line[2:].strip() for line in text.splitlines() if line.startswith("S:serial/"))
        if names:
            yield file.name.removeprefix("c"), names


def _number_of(device: str, root: Path) -> str:
    try:
        return (root / "sys/class/tty" / Path(device).name / "dev").read_text(encoding="ascii").strip()
    except OSError:
        return ""
