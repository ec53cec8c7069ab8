"""booking.service.draws.DrawBook over the writing connection, and the reads of draws."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from booking.domain.draw import Draw, Entry
from booking.service.draws import GRANTED
from booking.service.views import DrawView
from booking.store.pool import ReaderPool
from booking.store.rows import moment, moment_or_none, us
from booking.store.sql import Connection
from booking.store.tell import tell

_DRAW = "SELECT day, opens_us, closes_us, seed, held_us FROM draws "
_ENTRY = (
    "SELECT id, day, reader, seat, area, start_us, end_us, channel, entered_us, ticket, place, outcome, reservation "
    "FROM draw_entries "
)


class DrawRows:
    """The draws of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def draw(self, day: date) -> Draw | None:
        """Return the draw of `day`."""
        row = self._db.execute(_DRAW + "WHERE day = ?", (day.isoformat(),)).fetchone()
        return None if row is None else _draw(row)

    def open(self, draw: Draw) -> None:
        """Insert a draw; one that is there stays as it is."""
        self._db.execute(
            "INSERT INTO draws (day, opens_us, closes_us, seed) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (draw.day.isoformat(), us(draw.opens), us(draw.closes), draw.seed),
        )

    def enter(self, entry: Entry) -> None:
        """Insert a wish; a reader's earlier one of the same draw is replaced."""
        self.withdraw(entry.reader, entry.day)
        self._db.execute(
            "INSERT INTO draw_entries (id, day, reader, seat, area, start_us, end_us, channel, entered_us, ticket) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.id,
                entry.day.isoformat(),
                entry.reader,
                entry.seat,
                entry.area,
                us(entry.start),
                us(entry.end),
                entry.channel,
                us(entry.entered_at),
                entry.ticket,
            ),
        )

    def withdraw(self, reader: str, day: date) -> bool:
        """Delete a wish; False when there is none."""
        gone = self._db.execute(
            "DELETE FROM draw_entries WHERE day = ? AND reader = ? RETURNING id", (day.isoformat(), reader)
        ).fetchall()
        return bool(gone)

    def entries(self, day: date) -> list[Entry]:
        """Return the wishes of a draw."""
        return [_entry(row) for row in self._db.execute(_ENTRY + "WHERE day = ?", (day.isoformat(),)).fetchall()]

    def settle(self, entry: Entry) -> None:
        """Write place, outcome and reservation of a wish; whose wish was not granted is told why."""
        self._db.execute(
            "UPDATE draw_entries SET place = ?, outcome = ?, reservation = ? WHERE id = ?",
            (entry.place, entry.outcome, entry.reservation, entry.id),
        )
        draw = self.draw(entry.day)
        if entry.outcome == GRANTED or draw is None:
            return
        tell(
            self._db,
            reader=entry.reader,
            kind="draw-lost",
            at=draw.closes,
            learned_at=draw.closes,
            reservation=None,
            facts={
                "day": entry.day.isoformat(),
                "place": str(entry.place),
                "code": entry.outcome,
                "start": entry.start.isoformat(),
                "end": entry.end.isoformat(),
            },
        )

    def held(self, day: date, at: datetime) -> None:
        """Note that the whole draw was held."""
        self._db.execute("UPDATE draws SET held_us = ? WHERE day = ?", (us(at), day.isoformat()))

    def due(self, at: datetime) -> list[Draw]:
        """Return the draws whose time for wishes is over at `at` and that were not held, the oldest first."""
        rows = self._db.execute(_DRAW + "WHERE held_us IS NULL AND closes_us <= ? ORDER BY day", (us(at),))
        return [_draw(row) for row in rows.fetchall()]


def next_draw(db: Connection) -> datetime | None:
    """Return when the next draw is to be held; None when none is open."""
    row = db.execute("SELECT min(closes_us) FROM draws WHERE held_us IS NULL").fetchone()
    return moment_or_none(row[0]) if row else None


class DrawReads:
    """The draws of booking.service.ports.Reads."""

    def __init__(self, pool: ReaderPool) -> None:
        self._draw_pool = pool

    def draws(self, *, limit: int = 30) -> list[DrawView]:
        """The newest draws with how many wishes each has."""
        with self._draw_pool.lend() as db:
            rows = db.execute(_DRAW + "ORDER BY day DESC LIMIT ?", (limit,)).fetchall()
            return [DrawView(_draw(row), _count(db, row[0])) for row in rows]

    def draw(self, day: date) -> tuple[DrawView, Sequence[Entry]] | None:
        """One draw, and once it was held its wishes by place; None for a day without one."""
        with self._draw_pool.snapshot() as db:
            row = db.execute(_DRAW + "WHERE day = ?", (day.isoformat(),)).fetchone()
            if row is None:
                return None
            view = DrawView(_draw(row), _count(db, row[0]))
            if view.draw.held_at is None:
                return view, ()
            rows = db.execute(_ENTRY + "WHERE day = ? ORDER BY place", (day.isoformat(),)).fetchall()
            return view, [_entry(one) for one in rows]

    def own_entries(self, reader: str, *, limit: int = 10) -> list[Entry]:
        """The reader's own wishes, newest day first."""
        with self._draw_pool.lend() as db:
            rows = db.execute(_ENTRY + "WHERE reader = ? ORDER BY day DESC LIMIT ?", (reader, limit)).fetchall()
        return [_entry(row) for row in rows]


def _count(db: Connection, day: str) -> int:
    counted: int = db.execute("SELECT count(*) FROM draw_entries WHERE day = ?", (day,)).fetchone()[0]
    return counted


def _draw(row: Any) -> Draw:
    return Draw(
        day=date.fromisoformat(row[0]),
        opens=moment(row[1]),
        closes=moment(row[2]),
        seed=row[3],
        held_at=moment_or_none(row[4]),
    )


def _entry(row: Any) -> Entry:
    return Entry(
        id=row[0],
        day=date.fromisoformat(row[1]),
        reader=row[2],
        seat=row[3],
        area=row[4],
        start=moment(row[5]),
        end=moment(row[6]),
        channel=row[7],
        entered_at=moment(row[8]),
        ticket=row[9],
        place=row[10],
        outcome=row[11],
        reservation=row[12],
    )
