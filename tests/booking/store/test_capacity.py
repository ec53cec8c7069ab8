"""Places of a capacity area, held by storage: never more than fit at any instant, never refused where all fit."""

from datetime import UTC, datetime, time, timedelta
from itertools import count, groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking.domain.capacity import full_from, full_until, levels
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Status
from booking.domain.window import Interval
from booking.service.commands import Act, Changed, Channel, Reserve, Sweep
from config.policy import BookingPolicy, Policy
from config.schema import Area, Site, Venue
from config.values import Text

MINUTE, DAY = timedelta(minutes=1), 24 * 60
OPENS, CLOSES = 8 * 60, 22 * 60
WINDOW = 30
FILES = count()
"""A database of its own for every example."""
GRID = 10


def halls(capacity=2):
    """East has `capacity` places and west one."""
    return Places.of(
        Site(
            id="campus",
            name=Text("校区", "campus"),
            timezone=ZoneInfo("Asia/Shanghai"),
            venues=[Venue("hall", Text("馆", "hall"), time(8), time(22))],
            areas=[
                Area("east", Text("东", "east"), "hall", 1, capacity=capacity),
                Area("west", Text("西", "west"), "hall", 1, capacity=1),
            ],
            policy=Policy(booking=BookingPolicy(grid=GRID * MINUTE, max_active=9)),
        ),
        {},
    )


@pytest.fixture
def hall(open_desk):
    return open_desk(halls())


def book(desk, reader, start, end, *, area="east", now="08:00"):
    return desk.book(reader, None, start, end, area=area, now=now)


def held_now(desk, area="east"):
    """The counts as storage keeps them, one after the other, without the stretches where nothing is held."""
    with desk.direct() as db:
        rows = db.execute("SELECT held FROM held_places WHERE area = ? ORDER BY from_us", (area,)).fetchall()
    return [held for held, _ in groupby(row[0] for row in rows) if held]


def test_capacity_is_a_count_at_every_instant(hall, at):
    # rules: "capacity is a count at every instant, refused only where some instant would exceed it"
    assert isinstance(book(hall, "S001", "09:00", "11:00"), Changed)
    assert isinstance(book(hall, "S002", "10:00", "12:00"), Changed)
    refused = book(hall, "S003", "10:30", "11:30")
    assert (refused.code, refused.policy_key) == (RefusalCode.AREA_FULL, "areas.capacity")
    assert refused.next_allowed_at == at("11:00")
    # numbered places would refuse this one: each of two has somebody in it at some time of it
    assert isinstance(book(hall, "S003", "11:00", "12:00"), Changed)
    assert isinstance(book(hall, "S004", "09:00", "10:00"), Changed)


def test_the_number_is_the_site_files(open_desk):
    # "人数限制：东校区图书馆人数限制：300人 西校区图书馆人数限制：250人": another number, another outcome
    for most, allowed in ((1, 1), (3, 3)):
        desk = open_desk(halls(most), name=f"{most}.sqlite")
        outcomes = [book(desk, f"S00{n}", "09:00", "11:00") for n in range(4)]
        assert sum(isinstance(one, Changed) for one in outcomes) == allowed
        assert outcomes[-1].facts["most"] == str(most)


def test_each_area_counts_for_itself_and_no_reader_is_twice_anywhere(hall):
    assert isinstance(book(hall, "S001", "09:00", "11:00", area="west"), Changed)
    assert isinstance(book(hall, "S002", "09:00", "11:00"), Changed)
    refused = book(hall, "S001", "10:00", "11:00")
    assert refused.code is RefusalCode.READER_OVERLAP
    assert book(hall, "S003", "10:00", "11:00", area="west").code is RefusalCode.AREA_FULL


def leave(how, desk, stay):
    """Let `stay` (09:00-12:00, booked at 08:00) be over in one of the ways; return the time by which it is."""
    if how == "cancel":
        desk.act(stay, Action.CANCEL, "08:30")
        return "08:30"
    if how == "no-show":
        return "09:30"
    desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    if how == "end":
        desk.act(stay, Action.END, "09:40")
        return "09:40"
    if how == "lapse":
        desk.act(stay, Action.STEP_AWAY, "09:10")
        return "09:40"
    return "12:00"


@pytest.mark.parametrize("swept", [True, False], ids=["swept", "nobody swept"])
@pytest.mark.parametrize("how", ["cancel", "no-show", "end", "lapse", "complete"])
def test_every_way_out_gives_the_place_back_once(open_desk, at, how, swept):
    desk = open_desk(halls(1))
    stay = book(desk, "S001", "09:00", "12:00").reservation
    assert held_now(desk) == [1]
    over = leave(how, desk, stay)
    if swept:
        desk.do(Sweep(at=at(over)), Sweep(at=at(over)))
        assert held_now(desk) == []
    start, end = ("12:00", "13:00") if how == "complete" else ("10:00", "12:00")
    assert isinstance(book(desk, "S002", start, end, now=over), Changed)
    assert book(desk, "S003", start, end, now=over).code is RefusalCode.AREA_FULL
    assert held_now(desk) == [1]


def test_a_longer_stay_takes_its_hour_only_where_there_is_room(open_desk):
    desk = open_desk(halls(1))
    stay = book(desk, "S001", "09:00", "10:00").reservation
    later = book(desk, "S002", "10:30", "11:00").reservation
    desk.act(stay, Action.CHECK_IN, "09:00", channel=Channel.KIOSK)
    longer = desk.act(stay, Action.EXTEND, "09:30")
    assert longer.reservation.end == later.start
    assert held_now(desk) == [1]  # from 09:00 to 11:00, without a gap and never two
    assert desk.act(stay, Action.EXTEND, "09:40").code is RefusalCode.EXTEND_BLOCKED
    desk.act(later, Action.CANCEL, "09:45")
    assert held_now(desk) == [1]


def test_storage_refuses_what_no_rule_stopped(hall, database, at):
    """Written past all rules, straight into the table, a place too many is refused; a longer or revived stay too."""
    stays = [book(hall, reader, "09:00", "11:00").reservation for reader in ("S001", "S002")]
    ended = book(hall, "S003", "11:00", "12:00").reservation
    hall.act(ended, Action.CANCEL, "08:10")
    copy = (
        "INSERT INTO reservations (id, reader, area, seat, start_us, end_us, status, created_us, due_us) "
        "SELECT 'one-more', 'S009', area, seat, start_us, end_us, status, created_us, due_us FROM reservations WHERE id = ?"
    )
    back_in_time = "UPDATE reservations SET status = 'reserved', due_us = end_us, start_us = ? WHERE id = ?"
    with hall.direct() as db:
        with pytest.raises(database.refused, match="area-full"):
            db.execute(copy, (stays[0].id,)).fetchall()
        with pytest.raises(database.refused, match="area-full"):
            db.execute(back_in_time, (int(at("10:59").timestamp()) * 10**6, ended.id)).fetchall()
    assert held_now(hall) == [2]


def test_a_lowered_capacity_lets_what_is_booked_stand(open_desk):
    desk = open_desk(halls(3))
    stays = [book(desk, f"S00{n}", "09:00", "11:00").reservation for n in range(3)]
    desk.close()
    desk = open_desk(halls(1))
    assert desk.status(stays[2], "08:30") is Status.RESERVED
    assert book(desk, "S007", "10:00", "12:00").code is RefusalCode.AREA_FULL
    for stay in stays:
        assert isinstance(desk.act(stay, Action.CANCEL, "08:40"), Changed)
    assert isinstance(book(desk, "S007", "10:00", "12:00", now="08:40"), Changed)


def test_steps_that_are_long_over_are_forgotten(hall, at):
    book(hall, "S001", "09:00", "11:00")
    hall.do(Sweep(at=at("12:00", day=20)))
    with hall.direct() as db:
        rows = db.execute("SELECT held FROM held_places").fetchall()
    assert rows == [(0,)]
    assert isinstance(hall.book("S002", None, "13:00", "14:00", area="east", now="12:30"), Changed)


def test_areas_and_hours_show_what_is_free_at_the_worst_instant(hall, at):
    book(hall, "S001", "09:00", "10:00")
    book(hall, "S002", "09:30", "11:00")
    east, west = hall.reads.areas(at("08:00").date(), at("09:40"))
    assert (east.total, east.free, east.counted, west.free) == (2, 1, True, 1)  # S001 has not come: missed at 09:30
    east, _ = hall.reads.areas(at("08:00").date(), at("09:29"))
    assert east.free == 1
    steps = [Interval(at(f"{hour:02}:00"), at(f"{hour + 1:02}:00")) for hour in range(8, 12)]
    free = [step.free for step in hall.reads.places_free("east", steps, at("08:00"))]
    assert free == [2, 0, 1, 2]
    shown = hall.reads.area_map("east", at("09:29"))
    assert (shown.total, shown.free, shown.seats) == (2, 1, [])
    assert hall.reads.area_map("east", at("07:00")).free == 0
    assert hall.reads.next_change("east", at("08:10")) == at("09:00")


# ---- against a plain model -----------------------------------------------------------------------------------------------

starts = st.integers(OPENS // GRID, CLOSES // GRID - 1).map(lambda step: step * GRID)
books = st.tuples(st.just("book"), starts, st.integers(1, 36).map(lambda steps: steps * GRID))
others = st.tuples(st.sampled_from(["cancel", "check-in", "end", "away", "sweep"]), st.integers(0, 29), st.just(0))
waits = st.tuples(st.just("wait"), st.integers(1, 90), st.just(0))


class Model:
    """Every stay as [start, end, from when it holds no more], in minutes of the day."""

    def __init__(self, capacity):
        self.capacity, self.stays = capacity, []

    def fits(self, start, end, now):
        open_ = [stay for stay in self.stays if now < stay["until"]]
        return all(sum(s["start"] <= minute < s["end"] for s in open_) < self.capacity for minute in range(start, end))


@given(capacity=st.integers(1, 3), steps=st.lists(books | books | others | waits, min_size=5, max_size=30))
@settings(deadline=None, derandomize=True, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bookings_never_exceed_and_never_refuse_what_fits(open_desk, at, capacity, steps):
    desk = open_desk(halls(capacity), name=f"model-{next(FILES)}.sqlite")
    model, now = Model(capacity), OPENS
    midnight = at("00:00")
    for number, (what, first, second) in enumerate(steps):
        moment = midnight + now * MINUTE
        if what == "wait":
            now += first
        elif what == "sweep":
            desk.do(Sweep(at=moment))
        elif what == "book":
            start, end = first, min(first + second, CLOSES)
            if start < now or now >= CLOSES or end - start < GRID:
                continue
            wish = Reserve(
                reader=f"S{number:03}", at=moment, seat=None, area="east",
                start=midnight + start * MINUTE, end=midnight + end * MINUTE,
            )  # fmt: skip
            outcome = desk.do(wish)
            assert isinstance(outcome, Changed) == model.fits(start, end, now), (outcome, model.stays, now)
            if isinstance(outcome, Changed):
                stay = {"id": outcome.reservation.id, "reader": f"S{number:03}", "start": start, "end": end}
                model.stays.append(stay | {"until": min(start + WINDOW, end), "in": False})
        elif first < len(model.stays):
            _act(desk, model.stays[first], what, now, moment)
    desk.close()
    desk.give_database_back()


def _act(desk, stay, what, now, moment):
    action = {"cancel": Action.CANCEL, "check-in": Action.CHECK_IN, "end": Action.END, "away": Action.STEP_AWAY}[what]
    done = desk.do(Act(reader=stay["reader"], at=moment, reservation=stay["id"], action=action, channel=Channel.KIOSK))
    holds = now < stay["until"]
    if isinstance(done, Refusal):
        return
    assert holds
    match what:
        case "check-in":
            stay |= {"until": stay["end"], "in": True}
        case "away":
            stay["until"] = min(max(now, stay["start"]) + 30, stay["end"])
        case _:
            stay["until"] = now


spans = st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(stays=st.lists(spans, max_size=12), within=spans, capacity=st.integers(1, 4))
@settings(deadline=None, derandomize=True)
def test_levels_are_the_count_of_every_minute(stays, within, capacity):
    zero = datetime(2023, 7, 17, tzinfo=UTC)

    def interval(pair):
        return Interval(zero + pair[0] * MINUTE, zero + pair[1] * MINUTE)

    found = levels([interval(pair) for pair in stays], interval(within))
    assert [found[0].interval.start, found[-1].interval.end] == [interval(within).start, interval(within).end]
    counted = {minute: sum(a <= minute < b for a, b in stays) for minute in range(*within)}
    for minute, held in counted.items():
        assert [level.held for level in found if zero + minute * MINUTE in level.interval] == [held]
    full = [minute for minute, held in counted.items() if held >= capacity]
    assert full_from(found, capacity) == (zero + full[0] * MINUTE if full else None)
    assert full_until(found, capacity) == (zero + (full[-1] + 1) * MINUTE if full else None)
