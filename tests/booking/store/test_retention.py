"""Retention: what a library no longer needs to know it no longer knows, in no table and in no page of the file.

"retention limits that erase presence records after the policy's days"
"""

from datetime import timedelta
from pathlib import Path

import apsw
import attrs
import pytest

from booking.domain.places import Places
from booking.service.commands import Sweep
from booking.store import retention
from config.policy import Policy, RetentionPolicy

DAY = timedelta(days=1)
CARD = "0000000001"


@pytest.fixture
def open_keeping(open_desk, places):
    """`open_keeping(presence=…, …)`: a desk with these limits."""

    def open_(**kept):
        site = attrs.evolve(places.site, policy=Policy(retention=RetentionPolicy(**kept)))
        return open_desk(Places(site, places.seats_of))

    return open_


@pytest.fixture
def used(open_gate, at):
    """`used(desk)`: a reservation of S001 that was walked into, left and ended, on 2023-07-17; with all it leaves behind."""

    def use(desk):
        stay = desk.booked("S001", "centre-001", "09:00", "11:00", now="08:45")
        gate = open_gate(desk)
        gate.passes("in", "08:50", card=CARD)
        gate.passes("out", "09:30", card=CARD)
        gate.passes("in", "09:40", card=CARD)
        desk.act(stay, "end", "10:00")
        return stay

    return use


def counted(desk, *tables):
    with desk.direct() as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def swept(desk, at, days):
    desk.do(Sweep(at=at("12:00") + days * DAY))


def test_presence_goes_when_its_days_are_over_and_the_reservation_stays(open_keeping, used, at):
    desk = open_keeping(presence=30 * DAY)
    stay = used(desk)
    swept(desk, at, 29)
    assert counted(desk, "gate_records", "evidence") == {"gate_records": 3, "evidence": 5}
    assert desk.reads.reservation("S001", stay.id, at("12:00")).checked_in_at is not None
    swept(desk, at, 30)
    assert counted(desk, "gate_records", "evidence", "notifications") == {
        "gate_records": 0,
        "evidence": 0,
        "notifications": 0,
    }
    left = desk.reads.reservation("S001", stay.id, at("12:00"))
    assert (left.status, left.start, left.end) == ("ended", at("09:00"), at("11:00"))
    assert (left.checked_in_at, left.away_at, left.returned_at, left.history) == (None, None, None, [])
    assert desk.reads.gate_records("S001") == []


def test_another_limit_another_day(open_keeping, used, at):
    desk = open_keeping(presence=60 * DAY)
    used(desk)
    swept(desk, at, 59)
    assert counted(desk, "gate_records") == {"gate_records": 3}
    swept(desk, at, 60)
    assert counted(desk, "gate_records") == {"gate_records": 0}


def test_without_a_limit_all_is_kept(open_keeping, used, at):
    desk = open_keeping(presence=timedelta(), reservations=timedelta(), audit=timedelta())
    used(desk)
    swept(desk, at, 4000)
    assert counted(desk, "gate_records", "evidence", "reservations") == {
        "gate_records": 3,
        "evidence": 5,
        "reservations": 1,
    }


def test_an_event_that_comes_again_after_its_content_was_erased_is_still_known(open_keeping, used, open_gate, at):
    desk = open_keeping(presence=30 * DAY)
    used(desk)
    swept(desk, at, 31)
    again = open_gate(desk)
    assert again.passes("in", "08:50", card=CARD).replay
    assert counted(desk, "gate_records", "inbox") == {"gate_records": 0, "inbox": 3}


@pytest.mark.databases("sqlite")
def test_the_file_itself_no_longer_holds_the_card(open_keeping, open_gate, at):
    """A card that nobody owns is in the passages alone."""
    desk = open_keeping(presence=30 * DAY)
    open_gate(desk).passes("in", "08:50", card="9876501234")
    swept(desk, at, 31)
    desk.close()
    folded = apsw.Connection(str(desk.database))
    folded.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    folded.close()
    assert b"9876501234" not in Path(desk.database).read_bytes()


def test_a_reservation_goes_with_all_that_hangs_on_it(open_keeping, used, at):
    desk = open_keeping(presence=30 * DAY, reservations=90 * DAY)
    stay = used(desk)
    missed = desk.booked("S002", "centre-002", "09:00", "11:00", now="08:45")
    swept(desk, at, 0)
    assert counted(desk, "violations") == {"violations": 1}
    swept(desk, at, 90)
    assert counted(desk, "reservations", "violations", "evidence", "notifications", "reminders") == {
        "reservations": 0,
        "violations": 0,
        "evidence": 0,
        "notifications": 0,
        "reminders": 0,
    }
    for reader, gone in (("S001", stay), ("S002", missed)):
        assert desk.reads.reservation(reader, gone.id, at("12:00")) is None


def test_what_is_still_to_come_keeps_its_ledger(open_keeping, at):
    """A reservation that was made longer ago than presence is kept, for a day that is yet to come."""
    desk = open_keeping(presence=7 * DAY)
    stay = desk.booked("S001", "centre-001", "09:00", "11:00", now="08:45")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "MOST", 1)
        with desk.direct() as db:
            db.execute(
                "UPDATE reservations SET start_us = start_us + ?1, end_us = end_us + ?1, due_us = due_us + ?1",
                (30 * 86_400_000_000,),
            )
        swept(desk, at, 20)
    assert desk.changes(stay) == ["reserved"]


def test_much_is_erased_in_parts_and_each_part_is_bounded(open_keeping, open_gate, at, monkeypatch):
    desk = open_keeping(presence=30 * DAY)
    gate = open_gate(desk)
    for minute in range(10):
        gate.passes("in", f"09:{minute:02}", card=CARD)
    monkeypatch.setattr(retention, "MOST", 4)
    left = []
    for _ in range(4):
        swept(desk, at, 31)
        left.append(counted(desk, "gate_records")["gate_records"])
    assert left == [6, 2, 0, 0]
