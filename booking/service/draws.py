"""The draw within a transaction: putting a wish in, taking it out, and granting by lot when the time for wishes is over."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

from booking.domain.booking import wished_interval
from booking.domain.draw import SEED_BYTES, Draw, Entry, collecting, coming, drawn, ticket_of
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.window import day_of
from booking.service.commands import Changed, Channel, Entered, Outcome, Reserve, Stored, WithdrawEntry
from booking.service.unit import Unit

MOST_AT_ONCE = 256
"""Wishes granted by one command: what waits for the writer meanwhile waits for no more."""
GRANTED = "granted"
_A_MOMENT = timedelta(seconds=2)

Decide = Callable[[Unit, Places, Reserve], Changed | Refusal]
"""booking.service.reserve.decide: the rules of a booking, without a draw."""


class DrawBook(Protocol):
    """The stored draws, inside the transaction that decides."""

    def draw(self, day: date) -> Draw | None:
        """Return the draw of `day`."""

    def open(self, draw: Draw) -> None:
        """Insert a draw; one that is there stays as it is."""

    def enter(self, entry: Entry) -> None:
        """Insert a wish; a reader's earlier one of the same draw is replaced."""

    def withdraw(self, reader: str, day: date) -> bool:
        """Delete a wish; False when there is none."""

    def entries(self, day: date) -> list[Entry]:
        """Return the wishes of a draw."""

    def settle(self, entry: Entry) -> None:
        """Write place, outcome and reservation of a wish; whose wish was not granted is told why."""

    def held(self, day: date, at: datetime) -> None:
        """Note that the whole draw was held."""

    def due(self, at: datetime) -> list[Draw]:
        """Return the draws whose time for wishes is over at `at` and that were not held, the oldest first."""


def enter(book: DrawBook, unit: Unit, places: Places, command: Reserve) -> Entered | Refusal | None:
    """Put a wish into the draw of its day; a Refusal while that is being held. None: the wish is to be decided at once."""
    if not places.policy.draw.collect:
        return None
    seat = places.seat(command.seat) if command.seat else None
    area = places.area(seat.area if seat else command.area or "")
    if area is None:
        return None  # the ordinary way says what is wrong with it
    interval = wished_interval(places, area, command.start, command.end, command.at)
    if isinstance(interval, Refusal):
        return None
    day = day_of(interval.start, places.zone)
    span = collecting(places.policy, day, places.zone, command.at)
    if span is None:
        waiting = book.draw(day)
        if waiting is None or waiting.held_at is not None:
            return None
        return Refusal(RefusalCode.DRAW_UNDER_WAY, "policy.draw.collect", command.at + _A_MOMENT)
    book.open(Draw(day=day, opens=span[0], closes=span[1], seed=secrets.token_bytes(SEED_BYTES)))
    number = unit.new_id(command.at)
    entry = Entry(
        id=number,
        day=day,
        reader=command.reader,
        seat=command.seat,
        area=command.area,
        start=interval.start,
        end=interval.end,
        channel=str(command.channel),
        entered_at=command.at,
        ticket=ticket_of(command.request.key if command.request else number),
    )
    book.enter(entry)
    return Entered(entry, span[1])


def withdraw(book: DrawBook, command: WithdrawEntry) -> Stored | Refusal:
    """Take a reader's wish out of a draw, as long as wishes are collected."""
    draw = book.draw(command.day)
    if draw is not None and command.at >= draw.closes:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, "policy.draw.collect")
    return Stored() if book.withdraw(command.reader, command.day) else Refusal(RefusalCode.NOT_FOUND)


def prepare(book: DrawBook, places: Places, now: datetime) -> None:
    """Open the draws that begin within a day, so that their commitment is published before the first wish."""
    for day, opens, closes in coming(places.policy, places.zone, now):
        if book.draw(day) is None:
            book.open(Draw(day=day, opens=opens, closes=closes, seed=secrets.token_bytes(SEED_BYTES)))


def hold(book: DrawBook, unit: Unit, places: Places, decide: Decide, now: datetime) -> None:
    """Grant the next `MOST_AT_ONCE` wishes of the oldest draw that is due, by lot; each is decided as of its closing.

    What comes out depends on the stored seed and wishes alone: called late, or in other parts, it grants the same.
    """
    for draw in book.due(now)[:1]:
        order = [replace(entry, place=place) for place, entry in enumerate(drawn(draw.seed, book.entries(draw.day)), 1)]
        waiting = [entry for entry in order if not entry.outcome]
        for entry in waiting[:MOST_AT_ONCE]:
            book.settle(_decided(entry, decide(unit, places, _wish(entry, draw.closes))))
        if len(waiting) <= MOST_AT_ONCE:
            book.held(draw.day, now)


def _wish(entry: Entry, at: datetime) -> Reserve:
    return Reserve(
        reader=entry.reader,
        at=at,
        seat=entry.seat,
        area=entry.area,
        start=entry.start,
        end=entry.end,
        channel=Channel(entry.channel),
    )


def _decided(entry: Entry, outcome: Outcome) -> Entry:
    if isinstance(outcome, Changed):
        return replace(entry, outcome=GRANTED, reservation=outcome.reservation.id)
    code = outcome.code if isinstance(outcome, Refusal) else RefusalCode.FAULT
    return replace(entry, outcome=str(code))
