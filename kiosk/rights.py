"""What the broker must not let a kiosk write, and what its test found, kept for `seatgate diagnose`."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from kiosk.settings import KioskSettings
from messages import topics
from messages.topics import Family, Leaf
from runtime.clock import Clock
from runtime.rights import Rights, rights_test

_log = logging.getLogger(__name__)
_SOMEBODY = "somebody"
"""A gate's and another kiosk's name: rights go wrong by a wildcard, which lets in every name."""


def file_of(settings: KioskSettings) -> Path:
    """Where the warning lies while there is one."""
    return settings.data / "broker-rights-warning"


def rights_of(settings: KioskSettings, site: str, clock: Clock, *, on_change: Callable[[], None]) -> Rights:
    """Return this kiosk's test. `on_change` is called when what staff should know has changed."""
    others = (
        (Family.KIOSKS, _SOMEBODY, Leaf.CHECK_INS),
        (Family.KIOSKS, _SOMEBODY, Leaf.PRESENCE),
        (Family.KIOSKS, settings.kiosk, Leaf.ACK),
        (Family.GATES, _SOMEBODY, Leaf.ACCESS),
        (Family.BOOKING, "main", Leaf.PRESENCE),
    )

    def changed() -> None:
        _keep(file_of(settings), rights.warning)
        on_change()

    rights = Rights(
        [topics.build(site, *each) for each in others],
        partial(rights_test, site, Family.KIOSKS, settings.kiosk, clock),
        on_change=changed,
    )
    _keep(file_of(settings), "")
    return rights


def _keep(file: Path, warning: str) -> None:
    try:
        if warning:
            file.write_text(warning, encoding="utf-8")
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("the warning about the broker's rights is not kept file=%s: %s", file, error.strerror)
