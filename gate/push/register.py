"""From a terminal's event to what the gate stores, once. One thread: the line's own."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from gate.push import told
from gate.push.doorman import Terminal
from gate.push.parts import BadBody
from gate.push.serials import Kept, Serials
from wire.found import BadFrame, Fault
from wire.line_driver import House, Instant
from wire.reads import Read, Said

_log = logging.getLogger(__name__)
CLOCK_WRONG = timedelta(minutes=1)
_NS = 1_000_000_000
NO_CLOCK = "terminal"
"""In the place of a boot id: this time is a terminal's, and no clock of ours can rebuild it."""


class Register:
    """Everything that the terminals of one listening address have told."""

    def __init__(self, house: House, fresh_for: timedelta) -> None:
        self._house, self._fresh_for = house, fresh_for
        self._serials: dict[str, Serials] = {}

    def take(self, terminal: Terminal, content: bytes | BadBody, at: Instant) -> int:
        """Return the status of the answer to what came in at `at`; 200 only when what it says is on the disk."""
        first = next(iter(terminal.doors.values()))
        if isinstance(content, BadBody):
            self._house.take(first, _bad(content.sentence), at)
            return content.status
        try:
            notice = told.notice_of(content)
        except ValueError as error:
            self._house.take(first, _bad(str(error)), at)
            return 400
        event, serials = notice.event, self._serials_of(terminal)
        if event is None or serials.is_repeat(notice):
            return 200
        portal = terminal.doors.get(event.door) or terminal.doors.get(0)
        if portal is None:
            _log.warning("push from a door that no portal is terminal=%s door=%d", terminal.user, event.door)
            return 200
        said_at = told.moment(notice.said_at, at.wall.tzinfo)
        waited = self._house.instant().monotonic_ns - at.monotonic_ns > self._fresh_for.total_seconds() * _NS
        late = waited or serials.is_late(notice, said_at, at.wall, self._fresh_for)
        try:
            said: Said | BadFrame = told.said_in(event, terminal.codes, kept=late)
        except ValueError as error:
            said = _bad(f"code {event.code}: {error}")
        if late and not (waited and event.current):
            at = _past(serials, said_at, at) if isinstance(said, Read) else at
        elif not late:
            self._look(portal, serials, notice, said_at, at)
        if not self._house.take(portal, said, at):
            return 503
        serials.taken(notice)
        self._keep(terminal, serials)
        return 200

    def _look(self, portal: str, serials: Serials, notice: told.Notice, said_at: datetime | None, at: Instant) -> None:
        """Compare the terminal's clock with ours, and its count of events with what we have."""
        before = serials.ahead
        serials.heard_live(said_at, at.wall)
        now = serials.ahead
        if now is not None and abs(now) > CLOCK_WRONG and (before is None or abs(before) <= CLOCK_WRONG):
            _log.warning("a terminal's clock is wrong portal=%s seconds=%+.0f", portal, now.total_seconds())
        if missing := serials.gap(notice):
            _log.warning(
                "events of a terminal are missing portal=%s count=%d in_all=%d", portal, missing, serials.missing
            )

    def _serials_of(self, terminal: Terminal) -> Serials:
        if terminal.user not in self._serials:
            kept = None
            with suppress(OSError, msgspec.MsgspecError):  # a file that is gone or broken: an event may come twice
                kept = msgspec.json.decode(self._file(terminal).read_bytes(), type=Kept)
            self._serials[terminal.user] = Serials(kept)
        return self._serials[terminal.user]

    def _keep(self, terminal: Terminal, serials: Serials) -> None:
        file = self._file(terminal)
        draft = file.with_suffix(".new")
        try:
            draft.write_bytes(msgspec.json.encode(serials.kept()))
            draft.replace(file)
        except OSError as error:
            _log.warning("not remembered what terminal=%s has told: %s", terminal.user, error.strerror)

    def _file(self, terminal: Terminal) -> Path:
        name = "".join(char for char in terminal.user if char.isascii() and (char.isalnum() or char in "-_"))
        return self._house.memory / f"push-{name}.json"


def _past(serials: Serials, said_at: datetime | None, at: Instant) -> Instant:
    """Return when something that the terminal kept was, by its own clock as far as we know how wrong that is."""
    return Instant(serials.happened(said_at, at.wall) or said_at or at.wall, 0, NO_CLOCK)


def _bad(sentence: str) -> BadFrame:
    return BadFrame(Fault.NOT_MATCHING, b"", sentence)
