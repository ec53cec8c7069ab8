"""Rules of reservations where the manuals are silent, over HTTP and the gates' wire: each as it ships, and with another key."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest

from booking.service.commands import LoadPeople, Person, Sweep
from config.policy import CountedIn, MealTime, SuspendUntil, ViolationStep

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SEAT = "2f-centre-065"
MIN = timedelta(minutes=1)
EAST = {"lat": 30.2741, "lon": 120.1551, "accuracy": 12.0}


def at(hhmm, day=17):
    return f"2023-07-{day:02}T{hhmm}:00+08:00"


EIGHT = at("20:00")


def policy(**parts):
    """Return what changes a site's policy: `policy(booking={"max_active": 3})`."""

    def change(site):
        changed = {name: attrs.evolve(getattr(site.policy, name), **part) for name, part in parts.items()}
        return attrs.evolve(site, policy=attrs.evolve(site.policy, **changed))

    return change


def both(*changes):
    def change(site):
        for one in changes:
            site = one(site)
        return site

    return change


def with_area(area_id, **changes):
    return lambda site: attrs.evolve(
        site, areas=[attrs.evolve(area, **changes) if area.id == area_id else area for area in site.areas]
    )


def with_venues(**changes):
    return lambda site: attrs.evolve(site, venues=[attrs.evolve(venue, **changes) for venue in site.venues])


@pytest.fixture
def library(open_house, api_of):
    """`library(change)`: the library at 16:38, and a client of a reader of it."""

    def open_(change=None, now="16:38", reader=ONE, site="bjut.toml"):
        house = open_house(change, now, site=site)
        return house, api_of(house, reader)

    return open_


def book(client, seat=SEAT, start=None, end=EIGHT, **more):
    wish = {"seat": seat, "end": end} | ({"start": start} if start else {})
    return client.post("/api/v1/reservations", json=wish, **more).json()


def take(client, start, end, area="east", day=17):
    """Book a place of the two-campus library."""
    return client.post("/api/v1/reservations", json={"area": area, "start": at(start, day), "end": at(end, day)}).json()


def scan(client, house, path="check-ins", **more):
    return client.post(f"/api/v1/{path}", json={"code": house.code(**more)})


def at_the_door(client, house, path="check-ins"):
    return client.post(f"/api/v1/{path}", json={"code": house.code(kiosk=1), "position": EAST})


def act(client, stay, verb, **body):
    return client.post(f"/api/v1/reservations/{stay['id']}/{verb}", json=body or None).json()


def seen(client, stay):
    return client.get(f"/api/v1/reservations/{stay['id']}").json()


# ---- time -----------------------------------------------------------------------------------------------------------


def test_one_reservation_ends_where_the_next_begins(library, api_of):
    """Intervals are half open"""
    house, reader = library()
    book(reader, start=at("17:00"), end=at("18:00"))
    assert book(api_of(house, OTHER), start=at("18:00"), end=at("19:00"))["status"] == "reserved"
    assert book(api_of(house, STAFF), start=at("18:00"), end=at("19:00"))["code"] == "seat-taken"


@pytest.mark.parametrize(("zone", "code"), [("Asia/Shanghai", None), ("Asia/Tokyo", "outside-opening-hours")])
def test_hours_and_days_are_those_of_the_sites_zone(library, zone, code):
    """Intervals are half open, in the site's zone"""
    _, reader = library(lambda site: attrs.evolve(site, timezone=ZoneInfo(zone)))
    answer = book(reader, start=at("20:00"), end=at("22:00"))  # in Tokyo until 23:00
    assert answer.get("code") == code


def test_now_is_the_servers(library):
    """ "Now" is server time"""
    _, reader = library()
    made = book(reader, headers={"date": "Mon, 17 Jul 2023 12:00:00 GMT"})
    assert made["start"] == at("16:38")
    assert book(reader, "2f-centre-066", start=at("16:00"))["code"] == "in-the-past"


@pytest.mark.parametrize(("after", "minute", "status"), [(30, "16:59", 201), (30, "17:08", 409), (10, "16:48", 409)])
def test_no_deadline_is_later_than_the_end(library, after, minute, status):
    """Deadlines are min(rule, end): a 16:38–17:00 reservation cannot be checked in at 17:08"""
    house, reader = library(policy(check_in={"closes_after": after * MIN}))
    stay = book(reader, end=at("17:00"))
    assert stay["check_in_until"] == (at("17:00") if after == 30 else at("16:48"))
    house.at(minute)
    assert scan(reader, house).status_code == status


# ---- one seat after another -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "status"), [(30, 201), (0, 409)])
def test_who_comes_early_has_come_and_waits_for_the_seat(library, api_of, before, status):
    """Early check-in proves arrival; the seat is the predecessor's until their end"""
    house, first = library(policy(check_in={"opens_before": before * MIN}))
    second = api_of(house, OTHER)
    now = book(first, end=at("17:00"))
    scan(first, house)
    later = book(second, start=at("17:00"), end=at("18:00"))
    house.at("16:45")
    assert scan(second, house, steps=0).status_code == status
    assert seen(first, now)["status"] == "in-use"
    states = {one["label"]: one for one in first.get("/api/v1/areas/2f-centre/seats").json()["items"]}
    assert states["065"]["status"] == "taken"
    house.at("17:00")
    assert seen(first, now)["status"] == "ended"
    assert seen(second, later)["status"] == ("in-use" if status == 201 else "reserved")


@pytest.mark.parametrize(("limit", "until"), [(30, "17:30"), (10, "17:10")])
def test_no_away_clock_starts_before_the_start(library, limit, until):
    """no away clock of ours starts before our start"""
    house, reader = library(policy(away={"limit": limit * MIN}))
    stay = book(reader, start=at("17:00"))
    scan(reader, house)
    house.at("16:45")
    assert act(reader, stay, "step-away")["away_until"] == at(until)


def test_back_to_back_on_one_seat_is_one_attendance(library):
    """Back-to-back reservations of one reader on one seat carry attendance over"""
    house, reader = library()
    first = book(reader, end=at("17:00"))
    second = book(reader, start=at("17:00"), end=at("18:00"))
    scan(reader, house)
    house.at("17:00")
    house.do(Sweep(at=house.clock.now()))
    assert (seen(reader, first)["status"], seen(reader, second)["status"]) == ("ended", "in-use")
    house.at("17:40")  # nobody was missed at 17:30
    assert seen(reader, second)["status"] == "in-use"


def test_on_another_seat_it_is_not(library):
    house, reader = library()
    book(reader, end=at("17:00"))
    second = book(reader, "2f-centre-066", start=at("17:00"), end=at("18:00"))
    scan(reader, house)
    house.at("17:30")
    assert seen(reader, second)["status"] == "no-show"


# ---- extending and ending -------------------------------------------------------------------------------------------


def in_use(library, end, change=None, seat=SEAT, now="16:38"):
    house, reader = library(change, now)
    stay = book(reader, seat, end=at(end))
    assert scan(reader, house).status_code == 201
    return house, reader, stay


@pytest.mark.parametrize("begins", ["18:00", "19:00", None])
def test_extending_stops_at_the_next_booking(library, api_of, begins):
    """Extend stops at: the next booking on the seat"""
    house, reader, stay = in_use(library, "18:00")
    if begins:
        book(api_of(house, OTHER), start=at(begins), end=at("20:00"))
    house.at("17:30")
    no = act(reader, stay, "extend", until=at("20:00"))
    if begins is None:
        assert no["end"] == at("20:00")
        return
    assert no["code"] == "extend-blocked"
    done = act(reader, stay, "extend")
    assert (done.get("end"), done.get("code")) == (
        (at("19:00"), None) if begins == "19:00" else (None, "extend-blocked")
    )


@pytest.mark.parametrize("begins", ["18:00", "19:00", None])
def test_extending_stops_at_the_readers_own_next(library, begins):
    """Extend stops at: the reader's own next"""
    house, reader, stay = in_use(library, "18:00")
    if begins:
        book(reader, "2f-east-001", start=at(begins), end=at("20:00"))
    house.at("17:30")
    answer = act(reader, stay, "extend", until=at("20:00"))
    assert (answer.get("code"), answer.get("end")) == (("reader-overlap", None) if begins else (None, at("20:00")))


@pytest.mark.parametrize(("closes", "end"), [(time(22), None), (time(23), at("23:00"))])
def test_extending_stops_at_closing(library, closes, end):
    """Extend stops at: closing"""
    wide = with_area("2f-centre", max_length=timedelta(hours=9))
    house, reader, stay = in_use(library, "22:00", both(with_venues(closes=closes), wide))
    house.at("21:30")
    answer = act(reader, stay, "extend")
    assert answer.get("end") == (end or None)
    if end is None:
        assert (answer["code"], answer["policy_key"]) == ("outside-opening-hours", "venues.closes")


@pytest.mark.parametrize(("hours", "end"), [(4, at("20:38")), (5, at("21:00"))])
def test_extending_stops_at_the_areas_maximum_in_total(library, hours, end):
    """Extend stops at: the area's maximum in total"""
    house, reader, stay = in_use(library, "20:00", with_area("2f-centre", max_length=timedelta(hours=hours)))
    house.at("19:30")
    assert act(reader, stay, "extend")["end"] == end
    no = act(reader, stay, "extend", until=at("22:00"))
    assert (no["code"], no["policy_key"]) in {
        ("too-long", "areas.max_length"),
        ("extend-too-early", "policy.extend.opens_before_end"),
    }


@pytest.mark.parametrize(("limit", "status"), [(30, "ended"), (10, "lapsed")])
def test_ending_while_within_the_away_limit_is_completion(library, limit, status):
    """Ending while within the away limit is completion"""
    house, reader, stay = in_use(library, "18:00", policy(away={"limit": limit * MIN}))
    house.at("17:45")
    act(reader, stay, "step-away")
    house.at("18:00")
    after = seen(reader, stay)
    assert after["status"] == status
    kinds = [one["kind"] for one in reader.get("/api/v1/violations").json()["items"]]
    assert kinds == ([] if status == "ended" else ["lapsed"])


@pytest.mark.parametrize(
    ("meals", "back"), [([MealTime(time(17), time(18, 30), timedelta(hours=1))], "18:00"), ([], "17:30")]
)
def test_away_is_longer_at_meals(library, meals, back):
    """away limits longer at meals"""
    house, reader, stay = in_use(library, "20:00", policy(away={"meals": meals}))
    house.at("17:00")
    assert act(reader, stay, "step-away")["away_until"] == at(back)


@pytest.mark.parametrize("counts", [True, False])
def test_away_longer_than_the_limit_is_a_violation(library, counts):
    """away longer than the limit is a violation"""
    house, reader, stay = in_use(library, "20:00", policy(violations={"lapsed": counts}))
    act(reader, stay, "step-away")
    house.at("17:08")
    assert seen(reader, stay)["status"] == "lapsed"
    house.do(Sweep(at=house.clock.now()))
    assert len(reader.get("/api/v1/violations").json()["items"]) == int(counts)


# ---- two campuses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "code"), [(2, "too-many-active"), (3, None)])
def test_at_most_two_unfinished_reservations(library, most, code):
    """at most two unfinished reservations"""
    _, reader = library(policy(booking={"max_active": most}), "07:50", site="two-campus.toml")
    take(reader, "08:00", "10:00")
    take(reader, "11:00", "13:00")
    answer = take(reader, "14:00", "15:00")
    assert answer.get("code") == code
    if code:
        assert (answer["policy_key"], answer["next_allowed_at"]) == ("policy.booking.max_active", at("10:20"))


@pytest.mark.parametrize(("one_venue", "code"), [(True, "other-venue"), (False, None)])
def test_one_campus_until_signed_out(library, one_venue, code):
    """one campus until signed out"""
    house, reader = library(policy(booking={"one_venue": one_venue}), "07:50", site="two-campus.toml")
    take(reader, "08:00", "10:00")
    assert take(reader, "13:00", "15:00", "west").get("code") == code
    at_the_door(reader, house)
    house.at("09:00")
    at_the_door(reader, house, "check-outs")
    assert take(reader, "16:00", "17:00", "west")["status"] == "reserved"


@pytest.mark.parametrize(("grace", "status"), [(20, "not-signed-out"), (40, "in-use")])
def test_signing_out_has_a_grace(library, grace, status):
    """未签退 is recorded `sign_out_grace` after the end"""
    house, reader = library(policy(sign_out={"grace": grace * MIN}), "07:50", site="two-campus.toml")
    stay = take(reader, "08:00", "09:00")
    at_the_door(reader, house)
    house.at("09:20")
    assert seen(reader, stay)["status"] == status


@pytest.mark.parametrize("steps", [[ViolationStep(1, SuspendUntil.NEXT_DAY)], []])
def test_a_suspension_keeps_what_is_booked(library, steps):
    """a suspension blocks new bookings and keeps existing ones"""
    house, reader = library(policy(violations={"steps": steps}), "07:50", site="two-campus.toml")
    kept = take(reader, "13:00", "15:00")
    take(reader, "08:00", "10:00")
    house.at("08:20")
    house.do(Sweep(at=house.clock.now()))
    assert take(reader, "18:00", "19:00").get("code") == ("suspended" if steps else None)
    assert seen(reader, kept)["status"] == "reserved"
    house.at("13:00")
    assert at_the_door(reader, house).status_code == 201


@pytest.mark.parametrize(("places", "codes"), [(1, [None, "area-full", None]), (2, [None, None, None])])
def test_capacity_is_a_count_at_every_instant(library, api_of, places, codes):
    """capacity is a count at every instant, refused only where some instant would exceed it"""
    house, first = library(with_area("east", capacity=places), "07:50", site="two-campus.toml")
    second = api_of(house, OTHER)
    found = [take(first, "09:00", "11:00"), take(second, "10:00", "12:00"), take(second, "12:00", "13:00")]
    assert [answer.get("code") for answer in found] == codes


@pytest.mark.parametrize(
    ("zone", "day", "until"),
    [
        ("Asia/Shanghai", "2023-10-28", "2023-10-29T00:00:00+08:00"),
        ("Europe/Berlin", "2023-10-28", "2023-10-29T00:00:00+02:00"),  # the night before clocks go back
        ("Europe/Berlin", "2023-10-29", "2023-10-30T00:00:00+01:00"),  # the day of 25 hours; and the week ends with it
        ("Europe/Berlin", "2024-03-31", "2024-04-01T00:00:00+02:00"),  # the day of 23 hours
        ("America/New_York", "2023-11-05", "2023-11-06T00:00:00-05:00"),
    ],
)
def test_days_and_weeks_end_at_the_sites_own_midnight(library, open_house, api_of, zone, day, until):
    """违约1次，将隔天才能预约; counted in the site's own time zone across midnight, week ends and clock changes"""
    steps = [ViolationStep(1, SuspendUntil.NEXT_DAY), ViolationStep(2, SuspendUntil.NEXT_WEEK)]
    change = both(
        lambda site: attrs.evolve(site, timezone=ZoneInfo(zone)),
        with_venues(opens=time(0), closes=time.max, geofence=None),
        policy(violations={"steps": steps, "counted_in": CountedIn.WEEK}),
    )
    house = open_house(change, site="two-campus.toml")

    def put(hhmm):
        house.clock.put(moment(hhmm))

    def moment(hhmm):
        return datetime_of(day, hhmm, zone)

    put("22:30")
    reader = api_of(house, ONE)
    wish = {"area": "east", "start": moment("23:00").isoformat(), "end": (moment("23:00") + 60 * MIN).isoformat()}
    assert reader.post("/api/v1/reservations", json=wish).status_code == 201
    put("23:20")
    house.do(Sweep(at=house.clock.now()))
    later = moment("23:20").astimezone(ZoneInfo("UTC")) + timedelta(hours=12)
    no = reader.post(
        "/api/v1/reservations",
        json={
            "area": "east",
            "start": whole_hour(later, zone).isoformat(),
            "end": (whole_hour(later, zone) + 60 * MIN).isoformat(),
        },
    ).json()
    assert (no["code"], no["next_allowed_at"]) == ("suspended", until)
    house.clock.put(datetime.fromisoformat(until))
    assert reader.post("/api/v1/reservations", json=wish_after(house, zone)).status_code == 201


def datetime_of(day, hhmm, zone):
    return datetime.fromisoformat(f"{day}T{hhmm}:00").replace(tzinfo=ZoneInfo(zone))


def whole_hour(moment, zone):
    return moment.astimezone(ZoneInfo(zone)).replace(minute=0, second=0)


def wish_after(house, zone):
    start = whole_hour(house.clock.now() + timedelta(hours=10), zone)
    return {"area": "east", "start": start.isoformat(), "end": (start + 60 * MIN).isoformat()}


# ---- who may have which seat ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_once", "status"), [(True, "in-use"), (False, "reserved")])
def test_a_booking_from_now_at_a_kiosk_is_a_check_in(library, device_of, at_once, status):
    """A kiosk booking from "now" with the reader's card present checks in at once (key)"""
    house, _ = library(policy(check_in={"at_kiosk_now": at_once}))
    machine = device_of(house, "k-2s", "kiosk")
    machine.enrol()
    session = machine.signed("POST", "/api/v1/kiosks/k-2s/sessions", {"card": "0006547886"}).json()
    made = book(machine, headers={"authorization": f"Bearer {session['token']}"})
    assert made["status"] == status


@pytest.mark.parametrize("limit", [3, 0])
@pytest.mark.parametrize("within", [120, 15])
@pytest.mark.parametrize("cool_down", [30, 60])
def test_a_cool_down_after_cancelling_again_and_again(library, limit, within, cool_down):
    """Cancelling and rebooking the same seat again and again has a cool-down"""
    rules = {"rebook_limit": limit, "rebook_within": within * MIN, "cool_down": cool_down * MIN}
    house, reader = library(policy(booking=rules))
    for minute in ("16:38", "16:48", "16:58"):
        house.at(minute)
        act(reader, book(reader, start=at("19:00")), "cancel")
    no = book(reader, start=at("19:00"))
    if not limit or within == 15:
        assert no["status"] == "reserved"
    else:
        until = at("17:28") if cool_down == 30 else at("17:58")
        assert (no["code"], no["policy_key"], no["next_allowed_at"]) == (
            "cool-down",
            "policy.booking.rebook_limit",
            until,
        )


@pytest.mark.parametrize(("most", "code"), [(1, "too-many-waits"), (2, None)])
def test_so_many_waits_at_once(library, api_of, most, code):
    """a waiting list: "tell me when it frees" """
    house, reader = library(policy(waiting={"max_open": most}))
    other, span = api_of(house, OTHER), {"start": at("17:00"), "end": at("20:00")}
    book(other, **span)
    book(api_of(house, STAFF), "2f-centre-066", **span)
    assert reader.post("/api/v1/waits", json={"seat": SEAT} | span).status_code == 201
    second = reader.post("/api/v1/waits", json={"seat": "2f-centre-066"} | span).json()
    assert second.get("code") == code


@pytest.mark.parametrize(("turn", "told"), [(10, False), (2, True)])
def test_the_next_in_line_has_the_next_turn(library, api_of, turn, told):
    """the first in line is told, the next one turn later if it is still free"""
    house, first = library(policy(waiting={"turn": turn * MIN}))
    second, span = api_of(house, OTHER), {"start": at("18:00"), "end": at("20:00")}
    held = book(api_of(house, STAFF), **span)
    for minute, reader in (("16:38", first), ("16:39", second)):
        house.at(minute)
        assert reader.post("/api/v1/waits", json={"seat": SEAT} | span).status_code == 201
    act(api_of(house, STAFF), held, "cancel")
    house.at("16:41")
    house.do(Sweep(at=house.clock.now()))
    kinds = [
        [note["kind"] for note in reader.get("/api/v1/notifications").json()["items"]] for reader in (first, second)
    ]
    assert kinds == [["seat-free"], ["seat-free"] if told else []]


@pytest.mark.parametrize("groups", [["postgraduate"], []])
def test_an_area_may_be_for_a_group(library, api_of, groups):
    """areas for groups of readers"""
    house, reader = library(with_area("2f-reserved", eligible=groups))
    house.do(LoadPeople(at=house.clock.now(), people=(Person(reader=ONE, name="林知夏", groups=("postgraduate",)),)))
    assert book(reader, "2f-reserved-001")["status"] == "reserved"
    no = book(api_of(house, OTHER), "2f-reserved-002")
    assert (no.get("code"), no.get("policy_key")) == (("not-eligible", "areas.eligible") if groups else (None, None))


@pytest.mark.parametrize(("share", "code"), [(66.5 / 68, "kept-for-walk-ups"), (0.0, None)])
@pytest.mark.parametrize("minutes", [20, 90])
def test_a_share_is_kept_for_who_comes_to_a_kiosk(library, api_of, share, code, minutes):
    """a walk-up share kept for kiosks"""
    house, reader = library(with_area("2f-centre", walk_up_share=share, walk_up_release=minutes * MIN))
    span = {"start": at("18:00"), "end": at("20:00")}
    assert book(reader, **span)["status"] == "reserved"  # 68 free, 67 kept
    no = book(api_of(house, OTHER), "2f-centre-001", **span)
    assert no.get("code") == (code if minutes == 20 else None)  # 90 minutes before 18:00 it is given out to all


@pytest.mark.parametrize(("key", "when", "kind"), [
    ("before_check_in_closes", "16:58", "check-in-soon"),
    ("before_away_ends", "17:03", "return-soon"),
    ("before_end", "19:50", "ending-soon"),
])  # fmt: skip
@pytest.mark.parametrize("reminded", [True, False])
def test_reminders_before_something_runs_out(library, key, when, kind, reminded):
    """reminders before the check-in window, an absence or the reservation ends, each once"""
    house, reader = library(None if reminded else policy(reminders={key: timedelta()}))
    stay = book(reader)
    if kind != "check-in-soon":
        scan(reader, house)
    if kind == "return-soon":
        act(reader, stay, "step-away")
    house.at(when)
    for _ in range(2):
        house.do(Sweep(at=house.clock.now()))
    kinds = [note["kind"] for note in reader.get("/api/v1/notifications").json()["items"]]
    assert kinds.count(kind) == int(reminded)


@pytest.mark.parametrize("presence", [180, 0])
def test_where_somebody_was_is_forgotten(library, api_of, presence):
    """retention limits that erase presence records after the policy's days"""
    kept = {"presence": timedelta(days=presence), "reservations": timedelta(days=2 * presence), "audit": timedelta()}
    house, reader = library(policy(retention=kept))
    stay = book(reader)
    scan(reader, house)
    house.at("20:00")
    house.do(Sweep(at=house.clock.now()))
    assert seen(reader, stay)["history"]
    house.clock.put(house.clock.now() + timedelta(days=181))
    house.do(Sweep(at=house.clock.now()))
    later = api_of(house, ONE)
    assert bool(seen(later, stay)["history"]) is (presence == 0)
    house.clock.put(house.clock.now() + timedelta(days=181))
    house.do(Sweep(at=house.clock.now()))
    assert len(api_of(house, ONE).get("/api/v1/reservations").json()["items"]) == (1 if presence == 0 else 0)
