"""Control mode: what a gate decides by itself, and what staff have it do. The rule itself is in `access_rules`.

`decide` and `stored` are called by the capture, under the one lock that puts a gate's events in order: first the decision,
then the commit, then the open command. Lists, commands and the devices' answers come from other threads and are put into a
queue that `run` works off on a thread of its own. A door is opened once per event, within `OPEN_WITHIN` or not at all.
"""

import json
import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from config.schema import Portal, PortalMode, Site, WhenUnknown
from gate.access_rules import Ask, Decision, LaneRules, Seen, Situation, decide
from gate.events import command_event
from gate.lists import Lists
from gate.settings import GateSettings
from messages import access_list, topics
from messages.access import AccessEvent, AccessOutcome, AccessReason, CommandResult, Credential, Direction, GateEvent
from messages.command import Lock, Open, PortalOrder, Unlock
from messages.topics import Family, Leaf
from runtime.clock import Clock
from runtime.mqtt import Message
from runtime.signing import SIG
from wire.line_driver import Instant

_log = logging.getLogger(__name__)
OPEN_WITHIN = timedelta(seconds=1)
"""After the decision: a door does not open for somebody who has gone on by then."""
MOST_WAITING = 256
"""Lists, commands and answers that wait to be taken in; beyond this they are dropped and counted."""
UNKNOWN = frozenset({AccessReason.LIST_MISSING, AccessReason.LIST_OLD, AccessReason.CLOCK_WRONG})


class Acts(Protocol):
    """What has something done at a portal's device; returns at once."""

    def open(self, portal: str, way: Direction | None, within: timedelta, done: Callable[[str], None]) -> None:
        """Let one person through; `done` is called once, with "" or a sentence on why it was not."""

    def show(self, portal: str, *, granted: bool, within: timedelta) -> None:
        """Tell who stands there what was decided, where the device can."""


class Keeps(Protocol):
    """The capture, as far as an event of our own needs it."""

    def instant(self) -> Instant:
        """Return now."""

    def keep(self, portal: str, event_of: Callable[..., GateEvent], what: str) -> bool:
        """Commit an event; False when stopped before that."""


def _nothing() -> None:
    """Tell nobody."""


class Control:
    """One gate's. `rules`: of its portals in control mode; the others report."""

    def __init__(self, settings: GateSettings, site: Site, portals: Iterable[Portal], clock: Clock, acts: Acts) -> None:
        self._portals = {portal.id: portal for portal in portals}
        self._rules = {
            portal.id: LaneRules(portal.when_unknown, site.policy.gate.antipassback)
            for portal in self._portals.values()
            if portal.mode is PortalMode.CONTROL
        }
        self._clock = clock
        self._acts = acts
        topic = topics.build(site.id, Family.GATES, settings.gate, Leaf.ACCESS_LIST)
        self.counts: Counter[str] = Counter()
        """Of decisions by outcome and reason, and of lists and commands by what became of them: for metrics."""
        self.lists = Lists(settings, topic, clock, self.counts)
        self._locks_file = settings.data / "locks.json"
        self._locked = self._read_locks()
        self._epoch = 0
        self._ahead: int | None = None
        """The event for which the door was opened before the disk took it."""
        self._seen = Seen()
        self._told: AccessReason | None = None
        self._queue: queue.Queue[Callable[[], None]] = queue.Queue(MOST_WAITING)
        self._keeps: Keeps | None = None
        self.on_change: Callable[[], None] = _nothing
        """Called, from our thread, when a list was taken or a portal locked: `warnings` may say something else."""

    @property
    def deciding(self) -> bool:
        """Whether any portal of this gate is in control mode."""
        return bool(self._rules)

    def warnings(self) -> dict[str, str]:
        """Return what staff should look at, a sentence by its word. From any thread."""
        found = {}
        listing = self.lists.usable
        why = AccessReason.LIST_MISSING if listing is None else listing.fault(self._clock.now())
        if self.deciding and why is not None:
            found["access-list"] = f"no access list counts ({why}): each portal does what its when_unknown says"
        if locked := sorted(self._locked):
            found["locked"] = f"nobody is let in at {', '.join(locked)}: staff have locked it"
        return found

    # ---- before anything is read -------------------------------------------------------------------------------------

    def begin(self, server_key: bytes | None, epoch: int, past: Iterable[GateEvent], keeps: Keeps) -> None:
        """Take up what an earlier start left: the list on disk, and who went which way, in the order of the outbox."""
        self._keeps, self._epoch = keeps, epoch
        if not self.deciding:
            return
        for event in past:
            self._seen.note(event)
        if server_key is not None:
            self.trust(server_key)

    def trust(self, server_key: bytes) -> None:
        """Believe this server from now on; the list on disk is looked at with its key."""
        if self.deciding:
            self.lists.trust(server_key)

    # ---- deciding, under the capture's lock --------------------------------------------------------------------------

    def decide(self, portal: str, credential: Credential, way: Direction) -> Decision | None:
        """Decide about a read; None where the turnstile decides."""
        rules = self._rules.get(portal)
        if rules is None:
            return None
        listing, key, mark = self.lists.usable, self.lists.key, 0
        if listing is not None and key is not None:
            mark = access_list.mark(key, credential)
            counted = listing.listed.counted
            self._seen.count_from(counted.sequence if counted and counted.epoch == self._epoch else 0)
        situation = Situation(
            fire=self._seen.fire,
            locked=portal in self._locked,
            last_in=self._seen.last_in(credential),
            is_inside=self._seen.is_inside(credential),
            own_balance=self._seen.balance,
        )
        decision = decide(listing, rules, Ask(way, mark, self._clock.now()), situation)
        self._tell_of_unknown(decision.reason)
        return decision

    def stored(self, event: GateEvent) -> None:
        """Do what follows from an event that is on the disk now: open the door that was decided to be opened."""
        if not self.deciding:
            return
        if event.epoch != self._epoch:
            self._epoch = event.epoch
            self._seen.begin_anew()
        self._seen.note(event)
        if isinstance(event, AccessEvent) and event.reason is not None:
            self.counts[f"{event.outcome}:{event.reason}"] += 1
            ahead, self._ahead = self._ahead, None
            if event.sequence != ahead:
                granted = event.outcome is AccessOutcome.GRANTED
                self._carry_out(event.portal, event.direction, granted=granted)

    def not_stored(self, event: GateEvent) -> None:
        """Let somebody through although the disk does not take the event: out, always; in, where unknown means open.

        Once the event is stored after all it opens nothing more.
        """
        if not isinstance(event, AccessEvent) or event.reason is None or event.outcome is not AccessOutcome.GRANTED:
            return
        closed = self._rules[event.portal].when_unknown is WhenUnknown.CLOSED
        if not (closed and event.direction is Direction.IN):
            self._ahead = event.sequence
            self._carry_out(event.portal, event.direction, granted=True)

    def _carry_out(self, portal: str, way: Direction, *, granted: bool) -> None:
        if granted:
            known = None if way is Direction.UNKNOWN else way
            self._acts.open(portal, known, OPEN_WITHIN, partial(self._opened, portal))
        self._acts.show(portal, granted=granted, within=OPEN_WITHIN)

    def _opened(self, portal: str, why_not: str) -> None:
        self.counts["opened" if not why_not else "not-opened"] += 1
        if why_not:
            _log.error("A DOOR WAS NOT OPENED portal=%s: %s", portal, why_not)

    def _tell_of_unknown(self, reason: AccessReason) -> None:
        """Log once that decisions are made without a list, and once that they are made with one again."""
        now = reason if reason in UNKNOWN else None
        if now is self._told or (now is None and reason not in _BY_LIST):
            return
        self._told = now
        if now is not None:
            _log.error("NO ACCESS LIST COUNTS why=%s: each portal does what its when_unknown says", now)
        else:
            _log.warning("the access list counts again")

    # ---- lists -------------------------------------------------------------------------------------------------------

    def on_list(self, message: Message) -> None:
        """Take in a message of our access-list topic. From any thread."""
        self._put(partial(self._take_list, message.payload, message.properties.get(SIG, "")))

    def _take_list(self, payload: bytes, signature: str) -> None:
        self.lists.take(payload, signature)
        self.on_change()

    # ---- commands ----------------------------------------------------------------------------------------------------

    def obey(self, order: PortalOrder) -> None:
        """Do what staff ask for at a portal, and tell what became of it. From any thread."""
        self._put(partial(self._obey, order))

    def refused(self, order: PortalOrder, result: CommandResult) -> None:
        """Tell staff of a command that was signed for this gate but came late or twice. From any thread."""
        self._put(partial(self._result, order, result, ""))

    def _obey(self, order: PortalOrder) -> None:
        portal = self._portals.get(order.portal)
        if portal is None:
            self._result(order, CommandResult.UNKNOWN_PORTAL, "")
            return
        match order:
            case Open():
                self._open_for(order)
            case Lock() | Unlock():
                self._lock(order)

    def _open_for(self, order: Open) -> None:
        left = order.deadline - self._clock.now()
        if left <= timedelta():
            self._result(order, CommandResult.LATE, "")
            return

        def done(why_not: str) -> None:
            result = CommandResult.FAILED if why_not else CommandResult.DONE
            self._put(partial(self._result, order, result, why_not[:200]))

        self._acts.open(order.portal, order.direction, left, done)

    def _lock(self, order: Lock | Unlock) -> None:
        if order.portal not in self._rules:
            self._result(order, CommandResult.NOT_POSSIBLE, "")
            return
        wanted = self._locked | {order.portal} if isinstance(order, Lock) else self._locked - {order.portal}
        self._locked = wanted
        try:
            self._write_locks(wanted)
        except OSError as error:
            _log.error("a lock is not kept, a restart will not know it portal=%s: %s", order.portal, error)
        self._result(order, CommandResult.DONE, "")
        self.on_change()

    def _result(self, order: PortalOrder, result: CommandResult, detail: str) -> None:
        self.counts[f"command:{result}"] += 1
        level = logging.INFO if result is CommandResult.DONE else logging.WARNING
        what = type(order).__name__.lower()
        _log.log(level, "command %s portal=%s id=%s result=%s %s", what, order.portal, order.id, result, detail)
        if self._keeps is None:
            return
        portal = order.portal if order.portal in self._portals else next(iter(self._portals))
        made = partial(command_event, portal, order.id, result, detail, self._keeps.instant())
        self._keeps.keep(portal, made, f"command={what} result={result}")

    # ---- the thread --------------------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Work off what comes from elsewhere until `stop` and `wake`."""
        while not stop.is_set():
            self._queue.get()()

    def wake(self) -> None:
        """Look for the end. From any thread."""
        self.lists.key_wanted.set()
        self._put(lambda: None)

    def _put(self, work: Callable[[], None]) -> None:
        try:
            self._queue.put_nowait(work)
        except queue.Full:
            self.counts["dropped"] += 1

    # ---- small files -------------------------------------------------------------------------------------------------

    def _read_locks(self) -> frozenset[str]:
        try:
            locked = frozenset(json.loads(self._locks_file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, TypeError) as error:
            _log.error("which portals are locked cannot be read, none is: %s", error)
            return frozenset()
        return locked & self._portals.keys()

    def _write_locks(self, locked: frozenset[str]) -> None:
        draft: Path = self._locks_file.with_suffix(".new")
        draft.write_text(json.dumps(sorted(locked)), encoding="utf-8")
        draft.replace(self._locks_file)


_BY_LIST = (
    frozenset(AccessReason)
    - UNKNOWN
    - {AccessReason.OUT, AccessReason.WAY_UNKNOWN, AccessReason.FIRE, AccessReason.LOCKED}
)
