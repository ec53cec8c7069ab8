"""Every state explained: what is stored is what the ledger leads to, entry by entry in the order of learning."""

import random
from datetime import timedelta

import pytest

from booking.domain.evidence import Change, Evidence
from booking.domain.replay import replay
from booking.domain.reservation import Action
from booking.service.commands import Act, AnswerGateRecord, Channel, Reserve, Sweep
from booking.store.rows import RESERVATION, facts_of_json, moment, reservation_of

MIN = timedelta(minutes=1)
EVIDENCE = "SELECT source, change, occurred_us, received_us, facts FROM evidence WHERE reservation = ? ORDER BY n"


@pytest.fixture
def rows(desk):
    """`rows()`: each stored reservation with its ledger."""

    def read():
        with desk.direct() as db:
            stays = [reservation_of(row) for row in db.execute(f"SELECT {RESERVATION} FROM reservations").fetchall()]
            return [
                (
                    stay,
                    [
                        Evidence(
                            reservation=stay.id,
                            reader=stay.reader,
                            source=line[0],
                            change=Change(line[1]),
                            occurred_at=moment(line[2]),
                            received_at=moment(line[3]),
                            facts=facts_of_json(line[4]),
                        )
                        for line in db.execute(EVIDENCE, (stay.id,)).fetchall()
                    ],
                )
                for stay in stays
            ]

    return read


@pytest.mark.parametrize("seed", range(8))
def test_a_replay_of_each_ledger_in_the_order_of_learning_gives_the_stored_state(desk, open_gate, rows, at, seed):
    """Replay runs in received order with `occurred_at` as data and gives the same state."""
    dice, gate = random.Random(seed), open_gate(desk)
    readers = {f"S{number:03}": f"{number:010}" for number in range(1, 7)}
    now = at("08:00")
    for _ in range(260):
        now += dice.randrange(1, 5) * MIN
        reader = dice.choice(list(readers))
        mine = desk.reads.current(reader, now)
        match dice.choice(["book", "gate", "gate", "act", "act", "sweep", "dispute"]):
            case "book":
                end = (now + dice.randrange(2, 4) * 60 * MIN).replace(minute=0, second=0)
                desk.do(Reserve(reader=reader, at=now, seat=None, area="centre", start=None, end=end))
            case "gate":
                late = dice.choice([0, 0, 0, 12, 45]) * MIN
                gate.passes(dice.choice(["in", "out"]), now - late, received=now, card=readers[reader])
            case "act" if mine is not None:
                action = dice.choice(list(Action))
                desk.do(Act(reader=reader, at=now, reservation=mine.id, action=action, channel=Channel.KIOSK))
            case "sweep":
                desk.do(Sweep(at=now))
            case "dispute":
                for record in desk.reads.gate_records(reader)[:1]:
                    desk.do(AnswerGateRecord(reader=reader, at=now, record=record.id, confirm=False))
    seen: set[Change] = set()
    for stay, ledger in rows():
        assert replay(ledger, desk.places.policy) == stay
        seen |= {entry.change for entry in ledger}
    assert {Change.CHECKED_IN, Change.STEPPED_AWAY, Change.MISSED} <= seen, "the day was too quiet to show anything"


def test_a_ledger_that_leaves_something_out_is_no_proof(desk, open_gate, rows):
    """The check itself can fail."""
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    open_gate(desk).passes("in", "09:00")
    ((stay, ledger),) = rows()
    assert replay(ledger, desk.places.policy) == stay
    assert replay(ledger[:-1], desk.places.policy) != stay
    with pytest.raises(ValueError, match="no reservation"):
        replay([], desk.places.policy)


@pytest.mark.parametrize(
    ("received", "meanwhile", "ends"),
    [
        ("10:00", None, Change.REINSTATED),
        ("10:00", "S002", Change.DISPLACED),
        ("12:30", "S002", Change.REINSTATED),  # its time is over: it goes straight to its end
    ],
)
def test_what_late_evidence_did_is_replayed_too(desk, open_gate, rows, at, received, meanwhile, ends):
    mine = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:00")
    desk.do(Sweep(at=at("09:40")))
    if meanwhile:
        desk.booked(meanwhile, "centre-005", "now", "12:00", now="09:40")
    open_gate(desk).passes("in", "09:10", received=received)
    (ledger,) = [ledger for stay, ledger in rows() if stay.id == mine.id]
    (stay,) = [stay for stay, _ in rows() if stay.id == mine.id]
    assert ends in {entry.change for entry in ledger}
    assert replay(ledger, desk.places.policy) == stay
