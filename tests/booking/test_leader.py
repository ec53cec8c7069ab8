"""Terms of leading: parts are made when the lead is gained, stopped when it is lost, and never used again."""

import queue
import threading

import pytest

from booking import leader as leading
from booking.errors import BookingError
from booking.leader import Leader
from booking.store.errors import StoreError
from booking.store.leadership import AlwaysLeading


class Turns:
    """A leadership that a test hands out."""

    leading = False

    def __init__(self, led=True):
        self._said = queue.SimpleQueue()
        self._led = led

    def led(self):
        if self._led is None:
            raise StoreError("the database is away")
        return self._led

    def say(self, leading):
        self._said.put(leading)

    def changes(self):
        while (said := self._said.get()) is not None:
            yield said

    def resign(self):
        self._said.put(None)


class Term:
    """Notes what is asked of it."""

    def __init__(self, number, wrong=None):
        self.number, self.heard, self.state, self.wrong = number, [], "made", wrong or []

    def start(self):
        self.state = "running"

    def stop(self):
        self.state = "stopped"

    def committed(self, touched):
        self.heard.append(touched)

    def faults(self):
        return self.wrong


@pytest.fixture
def led():
    """`led(leadership)`: a leader running on a thread, and the terms it has begun."""
    running = []

    def start(leadership, wrong=None):
        terms = []

        def begin():
            if wrong:
                raise wrong
            terms.append(Term(len(terms), [f"term {len(terms)}"]))
            return terms[-1]

        leader = Leader(leadership, begin, lambda: terms.append("told"))
        thread = threading.Thread(target=leader.run)
        thread.start()
        running.append((leader, thread))
        return leader, terms

    yield start
    for leader, thread in running:
        leader.stop()
        thread.join(30)
        assert not thread.is_alive()


AREA = frozenset({"centre"})


def test_a_process_that_does_not_lead_runs_nothing(led):
    leader, terms = led(Turns())
    leader.committed(AREA)
    assert (leader.leading, leader.faults(), terms) == (False, [], [])


@pytest.mark.parametrize(("somebody_leads", "faults"), [(True, []), (False, [leading.NOBODY]), (None, [])])
def test_a_process_that_does_not_lead_says_when_nobody_does(led, monkeypatch, somebody_leads, faults):
    """Where nobody can tell, because the database is away, that is said elsewhere."""
    leader, _ = led(Turns(somebody_leads))
    assert leader.faults() == [], "another takes over within seconds"
    monkeypatch.setattr(leading, "UNLED", 0.0)
    assert leader.faults() == faults


def test_each_term_has_parts_of_its_own(led, wait_for):
    turns = Turns()
    leader, terms = led(turns)
    turns.say(leading=True)
    wait_for(lambda: leader.leading, "it leads")
    leader.committed(AREA)
    assert leader.faults() == ["term 0"]
    turns.say(leading=False)
    wait_for(lambda: not leader.leading and terms[0].state == "stopped", "it leads no longer")
    leader.committed(AREA)
    turns.say(leading=True)
    wait_for(lambda: leader.leading and terms[1].state == "running", "it leads again")
    leader.committed(AREA)
    assert [term.heard for term in terms] == [[AREA], [AREA]]
    leader.stop()
    wait_for(lambda: terms[1].state == "stopped", "what ran is stopped")


def test_the_one_process_of_a_database_leads_before_it_serves(led, wait_for):
    leader, terms = led(AlwaysLeading())
    leader.wait_a_moment()
    wait_for(lambda: leader.leading, "it leads")
    assert len(terms) == 1
    leader.stop()
    wait_for(lambda: terms[0].state == "stopped", "what ran is stopped")


def test_a_process_that_cannot_lead_says_so_and_ends(led):
    leader, told = led(AlwaysLeading(), BookingError("the password file is not there"))
    leader.wait_a_moment()
    assert str(leader.failure) == "the password file is not there"
    assert told == ["told"]
    assert not leader.leading
