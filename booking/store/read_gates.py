"""Reads of what gates tell staff: who is inside, and cards that their holders disputed."""

from datetime import datetime
from typing import Any

from booking.domain.places import Places
from booking.domain.window import day_of, midnight
from booking.service.gate_views import Alert, AlertKind, FlaggedCard, InsideView
from booking.service.views import DeadLetterView
from booking.store.pool import ReaderPool
from booking.store.rows import facts_of_json, moment, us
from booking.store.sql import Connection
from messages.access import CredentialKind, mask

_PASSED = (
    "venue = ? AND occurred_us >= ? AND occurred_us <= ? AND way IN ('in', 'out') AND outcome <> 'denied' "
    "AND (passed IS NULL OR passed = 1)"
)
_LAST = (
    "SELECT count(*), count(reader) FROM (SELECT reader, way, row_number() OVER (PARTITION BY "  # noqa: S608 - a constant
    "coalesce(reader, kind || ' ' || credential) ORDER BY occurred_us DESC, sequence DESC) AS place FROM gate_records "
    f"WHERE {_PASSED} AND kind IS NOT NULL) latest WHERE place = 1 AND way = 'in'"
)
_NAMELESS = (
    "SELECT coalesce(sum(CASE WHEN way = 'in' THEN 1 ELSE -1 END), 0) FROM gate_records "  # noqa: S608 - a constant
    f"WHERE {_PASSED} AND kind IS NULL"
)
_OPEN = (
    "(NOT EXISTS (SELECT 1 FROM gate_streams s WHERE s.gate = a.gate AND s.epoch = a.epoch "
    "AND s.complete >= coalesce(a.last_sequence, a.sequence)) "
    "AND (SELECT count(*) FROM inbox i WHERE i.gate = a.gate AND i.epoch = a.epoch AND i.sequence >= a.sequence "
    "AND i.sequence <= coalesce(a.last_sequence, a.sequence)) < coalesce(a.last_sequence, a.sequence) - a.sequence + 1)"
)
"""Something of a gap is still missing."""


def _facts(text: str, first: int, last: int | None) -> dict[str, str]:
    """Return an alert's facts; `last`: the last event of a gap that has more than one."""
    return facts_of_json(text) | ({"last": str(last)} if last is not None and last > first else {})


def people_inside(db: Connection, places: Places, venue: str, now: datetime) -> tuple[int, int]:
    """Return how many people, and how many known readers of them, gates counted inside since the site's midnight."""
    span = (venue, us(midnight(day_of(now, places.zone), places.zone)), us(now))
    row: Any = db.execute(_LAST, span).fetchone()
    total, readers = row
    nameless: Any = db.execute(_NAMELESS, span).fetchone()
    return total + max(0, nameless[0]), readers


class GateReads:
    """The part of booking.service.ports.Reads that is about gates."""

    def __init__(self, pool: ReaderPool, places: Places) -> None:
        self._gate_pool = pool
        self._gate_places = places

    def inside(self, now: datetime) -> list[InsideView]:
        """How many people the gates of each venue counted inside since the site's midnight; venues without a gate: none."""
        site, found = self._gate_places.site, []
        with self._gate_pool.snapshot() as db:
            for venue in site.venues:
                if any(gate.venue == venue.id for gate in site.gates):
                    people, readers = people_inside(db, self._gate_places, venue.id, now)
                    found.append(InsideView(venue.id, venue.name, people, readers))
        return found

    def alerts(self, now: datetime) -> list[Alert]:
        """What nobody of the staff has seen, newest first; a gap that has closed is none."""
        with self._gate_pool.lend() as db:
            rows: list[Any] = db.execute(
                "SELECT id, kind, gate, epoch, sequence, from_us, facts, last_sequence "  # noqa: S608 - a constant
                f"FROM alerts a WHERE seen_us IS NULL AND from_us <= ? AND (kind <> 'gap' OR {_OPEN}) ORDER BY from_us DESC, id DESC LIMIT 200",
                (us(now),),
            ).fetchall()
        return [
            Alert(row[0], AlertKind(row[1]), row[2], row[3], row[4], moment(row[5]), _facts(row[6], row[4], row[7]))
            for row in rows
        ]

    def dead_letters(self, *, limit: int = 50) -> tuple[int, list[DeadLetterView]]:
        """How many there are that nobody has applied, and the newest; what waits for its gate's clock among them."""
        with self._gate_pool.snapshot() as db:
            rows: list[Any] = db.execute(
                "SELECT gate, epoch, sequence, received_us, reason, n FROM dead_letters WHERE settled_us IS NULL "
                "UNION ALL SELECT gate, epoch, sequence, received_us, 'impossible-time', 0 FROM held_events "
                "ORDER BY 4 DESC, 6 DESC LIMIT ?",
                (limit,),
            ).fetchall()
            total = db.execute(
                "SELECT (SELECT count(*) FROM dead_letters WHERE settled_us IS NULL) + (SELECT count(*) FROM held_events)"
            ).fetchone()[0]
        return total, [
            DeadLetterView(
                gate=row[0],
                epoch=row[1],
                sequence=row[2],
                received_at=moment(row[3]),
                reason=row[4],
                id=str(row[5] or ""),
            )
            for row in rows
        ]

    def flagged_cards(self) -> list[FlaggedCard]:
        """Cards whose holders said "not me" and that nobody has looked at, oldest first."""
        with self._gate_pool.lend() as db:
            rows: list[Any] = db.execute(
                "SELECT f.record, r.kind, r.credential, r.reader, r.gate, r.portal, r.occurred_us FROM card_flags f "
                "JOIN gate_records r ON r.id = f.record WHERE f.cleared_us IS NULL ORDER BY f.at_us"
            ).fetchall()
        return [
            FlaggedCard(row[0], CredentialKind(row[1]), mask(row[2]), row[3], row[4], row[5], moment(row[6]))
            for row in rows
        ]
