"""A run of bookings decided together and the same bookings one by one: the same outcomes and the same rows, whatever came before."""

import contextlib
import itertools
import secrets
import tempfile
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.domain.places import Places
from booking.domain.reservation import Action
from booking.service.commands import Act, Changed, Channel, LoadPeople, Person, Reserve, Sweep
from booking.service.floor import CloseFloor
from booking.service.request_key import RequestKey
from booking.service.telling import StartWaiting
from booking.store import rows
from booking.store.opening import open_store
from config.policy import BookingPolicy, CheckInPolicy, CountedIn, Policy, SuspendUntil, ViolationPolicy, ViolationStep
from config.schema import Area, Site, Venue
from config.values import Text

MEMORY = Path("/dev/shm")
READERS = ("A", "B", "C", "D", "E")
SEATS = {"hall": 3, "desk": 2, "quiet": 2, "open": 0}
TABLES = (
    "reservations",
    "evidence",
    "notifications",
    "idempotency",
    "held_places",
    "violations",
    "waits",
    "closures",
    "tasks",
)


ZONE = ZoneInfo("Asia/Shanghai")


def at(hhmm):
    hours, minutes = (int(part) for part in hhmm.split(":"))
    return datetime(2023, 7, 17, hours, minutes, tzinfo=ZONE).astimezone(UTC)


def house():
    site = Site(
        id="lib",
        name=Text("", ""),
        timezone=ZONE,
        venues=[Venue("main", Text("", ""), time(8), time(22))],
        areas=[
            Area("hall", Text("厅", "hall"), "main", 1, "hall.json"),
            Area("desk", Text("台", "desk"), "main", 1, "desk.json", walk_up_share=0.5),
            Area("quiet", Text("静", "quiet"), "main", 1, "quiet.json", eligible=["staff"]),
            Area("open", Text("开", "open"), "main", 1, capacity=2),
        ],
        policy=Policy(
            booking=BookingPolicy(rebook_limit=1),
            check_in=CheckInPolicy(closes_after=timedelta(minutes=10)),
            violations=ViolationPolicy(counted_in=CountedIn.DAY, steps=[ViolationStep(2, SuspendUntil.NEXT_DAY)]),
        ),
    )
    plans = {
        area: [SimpleNamespace(label=str(n), x=n * 100.0, y=0.0) for n in range(1, count + 1)]
        for area, count in SEATS.items()
    }
    return Places.of(site, plans)


class Twin:
    """A store of its own whose ids are counted, not drawn, so that two of them can be compared."""

    def __init__(self, where, direct):
        self.direct = direct
        self.store = open_store(where, house(), at("08:00"))
        self.count = itertools.count()
        people = tuple(Person(reader=name, name=name, groups=("staff",) if name < "C" else ()) for name in READERS)
        self.submit([LoadPeople(at=at("08:00"), people=people)])

    def submit(self, commands):
        rows.secrets = SimpleNamespace(randbits=lambda _bits: next(self.count))
        try:
            return self.store.writer.submit(commands).result(30)
        finally:
            rows.secrets = secrets

    def rows(self):
        with self.direct() as connection:
            return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}").fetchall())) for name in TABLES}


PLACES = (
    *(("hall-1", None), ("hall-2", None), ("hall-1", "hall"), ("hall-2", "hall"), (None, "hall"), (None, "open")),
    *((None, "open"), (None, "desk"), ("desk-1", None), ("quiet-1", None), ("hall-9", None), (None, "nowhere")),
)
WISH = st.fixed_dictionaries(
    {
        "reader": st.sampled_from(READERS),
        "place": st.sampled_from(PLACES),
        "start": st.sampled_from([-1, 1, 1, 1, 2, 3]),
        "hours": st.integers(1, 2),
        "key": st.sampled_from([None, None, "k1", "k2"]),
        "channel": st.sampled_from([Channel.WEB, Channel.WEB, Channel.WEB, Channel.KIOSK]),
        "later": st.integers(0, 2),
    }
)
STEP = st.one_of(
    st.tuples(st.just("book"), st.lists(WISH, min_size=4, max_size=16)),
    st.tuples(
        st.just("act"),
        st.tuples(st.integers(0, 9), st.sampled_from([Action.CANCEL, Action.CANCEL, Action.CHECK_IN, Action.END])),
    ),
    st.tuples(st.just("close"), st.tuples(st.sampled_from(["hall", "open"]), st.sampled_from([None, "hall-1"]))),
    st.tuples(st.just("wait"), WISH),
    st.tuples(st.just("pass"), st.sampled_from([1, 11, 61])),
    st.tuples(st.just("sweep"), st.none()),
)


STEPS = st.lists(STEP, min_size=2, max_size=9)
MEMORY = Path("/dev/shm")


@pytest.mark.timeout(300)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(steps=STEPS)
def test_together_and_one_by_one_are_the_same(steps):
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        files = [Path(folder) / name for name in ("together", "singly")]
        twins = [Twin(file, lambda file=file: contextlib.closing(apsw.Connection(str(file)))) for file in files]
        try:
            play(*twins, steps)
        finally:
            for twin in twins:
                twin.store.close()


@pytest.mark.databases("postgres")
@pytest.mark.timeout(300)
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_so_they_are_on_postgresql(database, steps):
    names = ("together", "singly")
    twins = [Twin(database.named(name), lambda name=name: database.direct(name)) for name in names]
    try:
        play(*twins, steps)
    finally:
        for twin in twins:
            twin.store.close()
        for name in names:
            database.give_back(name)


def play(together, singly, steps):
    now, booked = at("10:00"), []
    for kind, what in steps:
        if kind == "pass":
            now += timedelta(minutes=what)
            continue
        commands = list(commands_of(kind, what, now, booked))
        outcomes = together.submit(commands) if commands else []
        assert outcomes == [outcome for command in commands for outcome in singly.submit([command])]
        booked += [one.reservation for one in outcomes if isinstance(one, Changed) and kind == "book"]
        assert together.rows() == singly.rows()


def commands_of(kind, what, now, booked):
    if kind == "sweep":
        yield Sweep(at=now)
    elif kind == "close":
        area, seat = what
        if seat is None or seat.startswith(area):
            yield CloseFloor(
                id=f"c{area}{seat}{now}",
                staff="A",
                at=now,
                area=area,
                seat=seat,
                start=now + timedelta(hours=1),
                end=now + timedelta(hours=2),
                reason=Text("修", "repair"),
            )
    elif kind == "wait":
        wish = wish_of(what, now)
        yield StartWaiting(
            reader=wish.reader, at=now, seat=wish.seat, area=wish.area or "hall", start=wish.start, end=wish.end
        )
    elif kind == "act":
        number, action = what
        if booked:
            stay = booked[number % len(booked)]
            yield Act(reader=stay.reader, at=now, reservation=stay.id, action=action, channel=Channel.KIOSK)
    else:
        yield from (wish_of(one, now) for one in what)


def wish_of(wish, now):
    hour = now.replace(minute=0, second=0)
    start = None if wish["start"] < 0 else hour + timedelta(hours=wish["start"])
    digest = repr(sorted(wish.items(), key=str)).encode()
    return Reserve(
        reader=wish["reader"],
        at=now + timedelta(seconds=wish["later"]),
        seat=wish["place"][0],
        area=wish["place"][1],
        start=start,
        end=hour + timedelta(hours=max(wish["start"], 0) + wish["hours"]),
        channel=wish["channel"],
        request=RequestKey(wish["key"], digest) if wish["key"] else None,
    )
