"""Readers, clocks, gates and staff at random: the store and a small plain model (bench.model) say the same after every step.

Hypothesis looks for a short difference; `python -m bench.model` plays the same steps from a seed, a million of them.
"""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from bench.model.choosing import WEIGHTS, SeededChooser
from bench.model.databases import NOTHING, PostgresDatabase, Server, SqliteDatabase
from bench.model.driver import replay, run, shorten
from bench.model.faults import FAULTS, planted
from bench.model.libraries import LIBRARIES
from bench.model.proposals import Proposals
from bench.model.rules import DAY, HOUR
from bench.model.steps import DivergenceError, Step
from bench.model.twin import Twin

RARE = sorted(
    set(WEIGHTS) - {"reserve", "act", "move", "scan-in", "scan-out", "pass", "report", "answer", "hear", "sweep"}
)


class Drawn:
    """A chooser whose choices are Hypothesis's, so that it can make a play shorter and simpler."""

    def __init__(self):
        self.data = None

    def pick(self, options):
        return options[self.below(len(options))]

    def below(self, limit):
        return self.data.draw(st.integers(0, limit - 1)) if limit > 1 else 0

    def chance(self, percent):
        return self.data.draw(st.integers(0, 999)) >= 1000 - percent * 10


def machine(name, make):  # noqa: C901 - one rule each
    """Return a state machine of one library, on a database of `make(library)`."""

    class Library(RuleBasedStateMachine):
        @initialize(day=st.integers(0, 6))
        def opens(self, day):
            library = LIBRARIES[name]()
            self.choose = Drawn()
            self.twin = Twin(library, make(library), day * DAY + 8 * HOUR)
            self.proposals = Proposals(self.twin.model, self.choose)

        def teardown(self):
            if hasattr(self, "twin"):
                self.twin.database.close()

        def one(self, kind, data):
            self.choose.data = data
            step = self.proposals.next(kind)
            self.twin.play(step, thorough=step.n % 4 == 0)

        @rule(data=st.data())
        def a_reader_books(self, data):
            self.one("reserve", data)

        @rule(data=st.data())
        def a_reader_books_as_well(self, data):
            self.one("reserve", data)

        @rule(data=st.data(), kind=st.sampled_from(["act", "move"]))
        def a_reader_acts(self, data, kind):
            self.one(kind, data)

        @rule(data=st.data(), kind=st.sampled_from(["scan-in", "scan-out"]))
        def a_reader_scans(self, data, kind):
            self.one(kind, data)

        @rule(data=st.data())
        def somebody_passes_a_gate(self, data):
            self.one("pass", data)

        @rule(data=st.data(), kind=st.sampled_from(["report", "hear"]))
        def a_gate_tells_more(self, data, kind):
            self.one(kind, data)

        @rule(data=st.data())
        def a_reader_answers(self, data):
            self.one("answer", data)

        @rule(data=st.data(), kind=st.sampled_from(["sweep", *RARE]))
        def something_else_happens(self, data, kind):
            self.one(kind, data)

    return Library


def play(library, make, **more):
    shape = {"stateful_step_count": 40, "phases": [Phase.generate]} | more
    run_state_machine_as_test(
        machine(library, make),
        settings=settings(
            deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), **shape
        ),
    )


@pytest.fixture(scope="module")
def server(postgres):
    found = Server(postgres.url("postgres"))
    yield found
    found.close()


@pytest.fixture
def folder(tmp_path):
    """Memory, where there is such a folder: hundreds of databases are made, and none of them has to outlive a power cut."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as found:
        yield Path(found)


@pytest.fixture(params=["sqlite", "postgres"])
def make(request, folder):
    """`make(library)`: a fresh database; `make.spoil`: statements that weaken its tables."""

    class Make:
        spoil = NOTHING
        server = request.getfixturevalue("server") if request.param == "postgres" else None

        def __call__(self, library):
            if self.server is None:
                return SqliteDatabase(library.places, folder, self.spoil)
            return PostgresDatabase(library.places, self.server, self.spoil)

    return Make()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("library", sorted(LIBRARIES))
def test_store_and_model_say_the_same(library, make):
    """Nothing waits for a tick to be true: a state read at any moment is right for that moment."""
    play(library, make, max_examples=40 if make.server is None else 15)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("make", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", list(FAULTS)[:5])
def test_the_machine_finds_a_planted_fault(name, make, monkeypatch):
    fault = FAULTS[name]
    make.spoil = fault.spoil
    with planted(fault), pytest.raises(DivergenceError):
        play(fault.library, make, max_examples=400, phases=[Phase.generate])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("make", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", list(FAULTS))
def test_a_seed_finds_a_planted_fault_and_without_it_the_play_is_the_same_on_both_sides(name, make):
    fault = FAULTS[name]
    make.spoil = fault.spoil
    with planted(fault):
        found = run(1, 12_000, make, library=fault.library).found
        assert found is not None
        short = shorten(found, make, tries=60)
        script = [step.to_json() for step in short.steps]
        again = replay(short.library, short.began, map(Step.of_json, script), make)
        assert again.error.step == short.error.step, "a script replays exactly"
    make.spoil = NOTHING
    assert replay(short.library, short.began, short.steps, make) is None


@pytest.mark.parametrize("make", ["sqlite"], indirect=True)
def test_one_seed_is_one_play(make):
    """seed replays exactly"""

    def steps():
        library = LIBRARIES["seats"]()
        choose, database = SeededChooser(5), make(library)
        twin = Twin(library, database, 8 * HOUR)
        proposals = Proposals(twin.model, choose)
        played = []
        for _ in range(150):
            played.append(proposals.next())
            twin.play(played[-1])
        database.close()
        return [step.to_json() for step in played]

    assert steps() == steps()
