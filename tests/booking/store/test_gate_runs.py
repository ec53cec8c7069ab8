"""Passages decided together and the same passages one by one: the same outcomes and the same rows, whatever came before."""

import contextlib
import hashlib
import itertools
import secrets
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import apsw
import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.domain.places import Places
from booking.domain.reservation import Action
from booking.service.commands import (
    Act,
    Card,
    Changed,
    Channel,
    LoadPeople,
    Person,
    RecordGateEvent,
    Reserve,
    Sweep,
)
from booking.service.gate_commands import BeginEvacuation, EndEvacuation
from booking.service.telling import StartWaiting
from booking.store import batch, rows
from booking.store.opening import open_store
from config.policy import CheckInPolicy, ExitMeans, GatePolicy, InsideAtOpening, Policy
from config.schema import Area, Gate, Portal, PortalDirection, Site, Venue
from config.values import Text
from messages import access
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction, PassageEvent

MEMORY = Path("/dev/shm")
NEVER = 1000
"""More passages than ever come: each is decided with what the database says."""
READERS = ("A", "B", "C", "D")
ZONE = ZoneInfo("Asia/Shanghai")
TABLES = (
    "reservations",
    "evidence",
    "notifications",
    "violations",
    "waits",
    "reminders",
    "inbox",
    "gate_records",
    "dead_letters",
    "held_events",
    "early_words",
    "alerts",
)


def at(hhmm):
    hours, minutes = (int(part) for part in hhmm.split(":"))
    return datetime(2023, 7, 17, hours, minutes, tzinfo=ZONE).astimezone(UTC)


def house(exit_means, opening, *, reporting):
    nothing = Text("", "")
    lanes = [
        Portal("in", PortalDirection.IN, "line"),
        Portal("out", PortalDirection.OUT, "line"),
        Portal("tells", PortalDirection.FRAME, "line", reports_passage=reporting),
    ]
    site = Site(
        id="lib",
        name=nothing,
        timezone=ZONE,
        venues=[Venue("main", nothing, time(8), time(22)), Venue("annex", nothing, time(8), time(22))],
        areas=[
            Area("hall", nothing, "main", 1, "hall.json"),
            Area("open", nothing, "main", 1, capacity=2),
            Area("far", nothing, "annex", 1, "far.json"),
        ],
        gates=[Gate("south", "main", nothing, lanes), Gate("annex", "annex", nothing, lanes)],
        policy=Policy(
            check_in=CheckInPolicy(closes_after=timedelta(minutes=10)),
            gate=attrs.evolve(GatePolicy(), exit_means=exit_means, inside_at_opening=opening),
        ),
    )
    plans = {area: [SimpleNamespace(label=str(n), x=n * 100.0, y=0.0) for n in range(1, 4)] for area in ("hall", "far")}
    return Places.of(site, plans)


class Twin:
    """A store of its own whose ids are counted, not drawn, so that two of them can be compared."""

    def __init__(self, where, direct, places, few=1):
        self.direct, self.few = direct, few
        self.store = open_store(where, places, at("08:00"))
        self.count = itertools.count()
        people = tuple(Person(reader=name, name=name, cards=(Card("card", f"000{name}"),)) for name in READERS)
        assert self.submit([LoadPeople(at=at("08:00"), people=people)])

    def submit(self, commands):
        before = batch.FEW_EVENTS
        rows.secrets, batch.FEW_EVENTS = SimpleNamespace(randbits=lambda _bits: next(self.count)), self.few
        try:
            return self.store.writer.submit(commands).result(30)
        finally:
            rows.secrets, batch.FEW_EVENTS = secrets, before

    def going_on(self):
        return self.store.reads.evacuations(going_on=True)

    def rows(self):
        with self.direct() as connection:
            return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall())) for name in TABLES}


PASSAGE = st.fixed_dictionaries(
    {
        "gate": st.sampled_from(["south"] * 6 + ["annex"]),
        "lane": st.sampled_from(["in", "in", "out", "out", "tells"]),
        "said": st.sampled_from([Direction.UNKNOWN] * 4 + [Direction.IN, Direction.OUT]),
        "card": st.sampled_from([*"AAAABBB", *READERS, "stranger", None]),
        "denied": st.sampled_from([False] * 15 + [True]),
        "ago": st.sampled_from([0] * 9 + [1, 4, 6, 20, 45, 200, -60, 60 * 24 * 900]),
        "number": st.sampled_from(["next"] * 9 + ["again", "other", "skip", "back"]),
        "word": st.sampled_from([None] * 8 + [True, False]),
        "later": st.sampled_from([0, 0, 0, 5, 30]),
    }
)
STEP = st.one_of(
    st.tuples(st.just("passages"), st.lists(PASSAGE, min_size=2, max_size=14)),
    st.tuples(st.just("passages"), st.lists(PASSAGE, min_size=2, max_size=14)),
    st.tuples(
        st.just("book"),
        st.tuples(st.sampled_from(READERS), st.sampled_from(["hall-1", "hall-2", "far-1", "open"]), st.integers(0, 2)),
    ),
    st.tuples(
        st.just("act"),
        st.tuples(st.integers(0, 9), st.sampled_from([Action.CHECK_IN, Action.STEP_AWAY, Action.END, Action.CANCEL])),
    ),
    st.tuples(st.just("wait"), st.sampled_from(READERS)),
    st.tuples(st.just("evacuation"), st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from([1, 11, 31, 61])),
    st.tuples(st.just("sweep"), st.none()),
)
STEPS = st.lists(STEP, min_size=3, max_size=12)
HOUSES = st.builds(house, st.sampled_from(ExitMeans), st.sampled_from(InsideAtOpening), reporting=st.booleans())


@pytest.mark.timeout(300)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(places=HOUSES, steps=STEPS)
def test_together_and_one_by_one_are_the_same(places, steps):
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        files = [Path(folder) / name for name in ("together", "singly")]
        twins = [
            Twin(file, lambda file=file: contextlib.closing(apsw.Connection(str(file))), places, few)
            for file, few in zip(files, (1, NEVER), strict=True)
        ]
        try:
            play(*twins, steps)
        finally:
            for twin in twins:
                twin.store.close()


@pytest.mark.databases("postgres")
@pytest.mark.timeout(300)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=HOUSES, steps=STEPS)
def test_so_they_are_on_postgresql(database, places, steps):
    names = ("together", "singly")
    twins = [
        Twin(database.named(name), lambda name=name: database.direct(name), places, few)
        for name, few in zip(names, (1, NEVER), strict=True)
    ]
    try:
        play(*twins, steps)
    finally:
        for twin in twins:
            twin.store.close()
        for name in names:
            database.give_back(name)


def play(together, singly, steps):
    now, booked, sequences, told = at("09:00"), [], {"south": 0, "annex": 0}, []
    begins = [
        ("book", (reader, place, 0))
        for reader, place in zip(READERS, ("hall-1", "hall-2", "open", "far-1"), strict=True)
    ]
    for kind, what in [*begins, *steps]:
        if kind == "pass":
            now += timedelta(minutes=what)
            continue
        commands = list(commands_of(kind, what, now, booked, sequences, told, together.going_on()))
        outcomes = together.submit(commands) if commands else []
        assert outcomes == [outcome for command in commands for outcome in singly.submit([command])]
        booked += [one.reservation for one in outcomes if isinstance(one, Changed) and kind == "book"]
        assert together.rows() == singly.rows()


def commands_of(kind, what, now, booked, sequences, told, evacuations):
    if kind == "sweep":
        yield Sweep(at=now)
    elif kind == "evacuation":
        if what:
            yield BeginEvacuation(staff="A", at=now, venue="main")
        else:
            yield from (EndEvacuation(staff="A", at=now, evacuation=one.id) for one in evacuations)
    elif kind == "wait":
        yield StartWaiting(reader=what, at=now, seat=None, area="hall", start=None, end=at("21:00"))
    elif kind == "act":
        number, action = what
        if booked:
            stay = booked[number % len(booked)]
            yield Act(reader=stay.reader, at=now, reservation=stay.id, action=action, channel=Channel.KIOSK)
    elif kind == "book":
        reader, place, ahead = what
        hour = now.replace(minute=0)
        start = hour + timedelta(hours=ahead) if ahead else None
        seat, area = (None, place) if place == "open" else (place, None)
        yield Reserve(reader=reader, at=now, seat=seat, area=area, start=start, end=hour + timedelta(hours=ahead + 2))
    else:
        for one in what:
            yield from events_of(one, now, sequences, told)


def events_of(one, now, sequences, told):
    gate, received = one["gate"], now + timedelta(seconds=one["later"])
    earlier = [event for name, event in told if name == gate]
    if one["number"] == "again" and earlier:
        yield recorded(gate, earlier[-1], received)
        return
    sequences[gate] += 3 if one["number"] == "skip" else 1
    number = sequences[gate]
    if one["number"] == "other" and earlier:
        number = earlier[-1].sequence
    elif one["number"] == "back" and number > 2:
        number -= 2
    event = AccessEvent(
        portal=one["lane"],
        direction=one["said"],
        credential=one["card"] and Credential(CredentialKind.CARD, f"000{one['card']}"),
        outcome=AccessOutcome.DENIED if one["denied"] else AccessOutcome.REPORTED,
        occurred_at=(now - timedelta(minutes=one["ago"])).astimezone(ZONE),
        monotonic_ns=0,
        boot_id="b",
        epoch=1,
        sequence=number,
    )
    told.append((gate, event))
    if one["word"] is not None:
        sequences[gate] += 1
        word = PassageEvent(
            portal=one["lane"],
            of=number,
            passed=one["word"],
            occurred_at=event.occurred_at,
            monotonic_ns=0,
            boot_id="b",
            epoch=1,
            sequence=sequences[gate],
        )
        yield recorded(gate, word, received)  # it may overtake its own event
    yield recorded(gate, event, received)


def recorded(gate, event, received):
    payload = access.encode("lib", gate, event)
    digest = hashlib.sha256(payload).digest()
    return RecordGateEvent(gate=gate, at=received, event=event, payload=payload, digest=digest)


def test_they_are_decided_together_and_change_something(monkeypatch, tmp_path):
    """Else the tests above compare the same with the same, or nothing with nothing."""
    runs = []

    class Watched(batch.GateRun):
        def __init__(self, db, places, commands):
            runs.append(len(commands))
            super().__init__(db, places, commands)

    monkeypatch.setattr(batch, "GateRun", Watched)
    places = house(ExitMeans.AWAY, InsideAtOpening.PROMPT, reporting=False)
    file, now = tmp_path / "one", at("09:00")
    twin = Twin(file, lambda: contextlib.closing(apsw.Connection(str(file))), places)
    plain = {"gate": "south", "denied": False, "ago": 0, "word": None, "later": 0, "number": "next"}
    sequences, told = {"south": 0}, []
    try:
        twin.submit(list(commands_of("book", ("A", "hall-1", 0), now, [], sequences, told, [])))
        events = [
            command
            for lane in ("in", "out", "in")
            for command in events_of(
                plain | {"card": "A", "lane": lane, "said": Direction.UNKNOWN}, now, sequences, told
            )
        ]
        twin.submit(events)
        twin.submit([events[0]])
        with twin.direct() as db:
            effects = db.execute("SELECT effect FROM gate_records ORDER BY sequence").fetchall()
    finally:
        twin.store.close()
    assert runs == [3, 1]
    assert [effect for (effect,) in effects] == ["checked-in", "stepped-away", "returned"]
