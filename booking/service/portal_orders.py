"""What staff have a gate do at a portal: open, lock, unlock. Each has an id, a reason, who gave it, and a deadline after which
nothing happens any more; what became of it the gate tells (messages.access.CommandEvent).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.violation_book import ViolationBook
from config.schema import PortalMode
from messages.access import CommandEvent, CommandResult

MOST_WAITING = 8
"""Commands to one gate whose time has not run out and of which it has told nothing."""


class PortalCommand(StrEnum):
    """What can be done at a portal."""

    OPEN = "open"
    LOCK = "lock"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPortal:
    """Staff have something done at a portal. The same `id` again changes nothing."""

    id: str
    staff: str
    at: datetime
    gate: str
    portal: str
    what: PortalCommand
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command with what became of it. `result` None: the gate has told nothing, and after `deadline` it does nothing."""

    id: str
    staff: str
    at: datetime
    gate: str
    portal: str
    what: PortalCommand
    reason: str
    deadline: datetime
    result: CommandResult | None
    detail: str


class OrderBook(Protocol):
    """What is kept of commands, inside a transaction."""

    def waiting(self, gate: str, now: datetime) -> int:
        """Return how many commands to a gate are under way."""

    def keep(self, order: Order) -> bool:
        """Insert a command; False when its id is there."""

    def settle(self, gate: str, event: CommandEvent, at: datetime) -> None:
        """Keep what became of a command, the first word of its gate."""


class OrderReads(Protocol):
    """The part of booking.service.ports.Reads that is about commands to gates."""

    def wanted_orders(self, now: datetime) -> list[Order]:
        """The commands that a gate is still to be given at `now`, oldest first."""

    def orders(self, *, limit: int = 50) -> list[Order]:
        """All commands, newest first: for staff."""

    def order(self, order: str) -> Order | None:
        """One command by its id."""


class OrderUnit(Protocol):
    """What giving a command needs of the transaction."""

    @property
    def orders(self) -> OrderBook:
        """Return what is kept of commands."""

    @property
    def violations(self) -> ViolationBook:
        """Return the book that also keeps what staff did."""


def order_portal(unit: OrderUnit, places: Places, command: OrderPortal) -> Refusal | None:
    """Keep a command for whoever leads to send, and who gave it why."""
    portal = places.portal(command.gate, command.portal)
    if portal is None:
        return Refusal(RefusalCode.NOT_FOUND)
    if not command.reason.strip():
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"field": "reason"})
    if command.what is not PortalCommand.OPEN and portal.mode is not PortalMode.CONTROL:
        return Refusal(RefusalCode.INVALID_REQUEST, "gates.portals.mode", facts={"portal": portal.id})
    if unit.orders.waiting(command.gate, command.at) >= MOST_WAITING:
        return Refusal(RefusalCode.TOO_MANY_TRIES)
    kept = Order(
        id=command.id,
        staff=command.staff,
        at=command.at,
        gate=command.gate,
        portal=command.portal,
        what=command.what,
        reason=command.reason.strip(),
        deadline=command.at + places.policy.gate.command_within,
        result=None,
        detail="",
    )
    if unit.orders.keep(kept):
        subject, facts = f"{command.gate}/{command.portal}", {"reason": kept.reason, "command": command.id}
        unit.violations.audit(command.at, command.staff, f"gate-{command.what}", subject, facts)
    return None
