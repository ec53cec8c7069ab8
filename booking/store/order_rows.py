"""Commands of staff to gates as rows. SQL only, no rule."""

from datetime import datetime
from typing import Any

from booking.service.portal_orders import Order, PortalCommand
from booking.store.pool import ReaderPool
from booking.store.rows import moment, us
from booking.store.sql import Connection
from messages.access import CommandEvent, CommandResult

_SELECT = "SELECT id, staff, at_us, gate, portal, what, reason, deadline_us, result, detail FROM gate_orders "


def _order(row: Any) -> Order:
    return Order(
        id=row[0],
        staff=row[1],
        at=moment(row[2]),
        gate=row[3],
        portal=row[4],
        what=PortalCommand(row[5]),
        reason=row[6],
        deadline=moment(row[7]),
        result=CommandResult(row[8]) if row[8] else None,
        detail=row[9],
    )


class OrderRows:
    """booking.service.portal_orders.OrderBook over the writing connection."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def waiting(self, gate: str, now: datetime) -> int:
        """Return how many commands to a gate are under way."""
        sql = "SELECT count(*) FROM gate_orders WHERE gate = ? AND result IS NULL AND deadline_us >= ?"
        row: Any = self._db.execute(sql, (gate, us(now))).fetchone()
        return int(row[0])

    def keep(self, order: Order) -> bool:
        """Insert a command; False when its id is there."""
        if self._db.execute(_SELECT + "WHERE id = ?", (order.id,)).fetchone():
            return False
        self._db.execute(
            "INSERT INTO gate_orders (id, staff, at_us, gate, portal, what, reason, deadline_us, detail) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
            (
                order.id,
                order.staff,
                us(order.at),
                order.gate,
                order.portal,
                str(order.what),
                order.reason,
                us(order.deadline),
            ),
        )
        return True

    def settle(self, gate: str, event: CommandEvent, at: datetime) -> None:
        """Keep what became of a command, the first word of its gate."""
        self._db.execute(
            "UPDATE gate_orders SET result = ?, detail = ?, told_us = ? WHERE id = ? AND gate = ? AND result IS NULL",
            (str(event.result), event.detail, us(at), event.of, gate),
        )


class OrderReads:
    """The part of booking.service.ports.Reads that is about commands to gates."""

    def __init__(self, pool: ReaderPool) -> None:
        self._order_pool = pool

    def wanted_orders(self, now: datetime) -> list[Order]:
        """The commands that a gate is still to be given at `now`, oldest first."""
        return self._orders("WHERE result IS NULL AND deadline_us > ? ORDER BY at_us, id", (us(now),))

    def orders(self, *, limit: int = 50) -> list[Order]:
        """All commands, newest first: for staff."""
        return self._orders("ORDER BY at_us DESC, id LIMIT ?", (limit,))

    def order(self, order: str) -> Order | None:
        """One command by its id."""
        return next(iter(self._orders("WHERE id = ?", (order,))), None)

    def _orders(self, where: str, values: tuple[Any, ...]) -> list[Order]:
        with self._order_pool.lend() as db:
            return [_order(row) for row in db.execute(_SELECT + where, values).fetchall()]
