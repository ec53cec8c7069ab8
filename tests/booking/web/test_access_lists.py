"""Access lists as booking makes them, asked as a gate asks them: who may come in when, by the rules of the site."""

from datetime import timedelta

import attrs
import pytest

from booking.access_lists import LONGEST_WAIT, AccessLists
from booking.identity import Identity
from booking.service.commands import Card, LoadPeople, Person, Sweep
from booking.service.portal_orders import MOST_WAITING
from booking.service.violation_commands import HearGate
from booking.web.access_words import WHY
from booking.web.pages_gate_orders import RESULTS
from config.policy import Admits, SuspendUntil, ViolationStep
from config.schema import Gate, Portal, PortalDirection, PortalMode
from config.values import Text
from gate.access_rules import Ask, LaneRules, Listing, Situation, decide
from messages import access_list
from messages.access import AccessReason, CommandEvent, CommandResult, Credential, CredentialKind, Direction
from runtime.mqtt import LinkDown
from runtime.signing import from_text, verify

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
CARD, OTHERS_CARD, STRANGER = "0006547886", "0000000002", "0000009999"
MASTER = b"m" * 32
MIN = timedelta(minutes=1)


def ruled(**keys):
    """Return a change of the site: all its portals decide, and `policy.gate` has these keys."""

    def change(site):
        gates = [
            attrs.evolve(gate, portals=[attrs.evolve(one, mode=PortalMode.CONTROL) for one in gate.portals])
            for gate in site.gates
        ]
        policy = attrs.evolve(site.policy, gate=attrs.evolve(site.policy.gate, **keys))
        return attrs.evolve(site, gates=gates, policy=policy)

    return change


class Lists:
    """What the leader would send, and the south gate as it would ask it."""

    def __init__(self, house):
        self.house, self.sent, self.down = house, [], False
        identity = Identity(house.site.id, house.server_key, MASTER)
        self.parts = AccessLists(house.places, house.reads, identity, house.clock, self.publish)

    def publish(self, message):
        if self.down:
            raise LinkDown("away")
        self.sent.append(message)

    def send(self, gate="south"):
        """Return the list that this round sends to the gate; None when it sends none."""
        before = len(self.sent)
        self.parts.send()
        new = [one for one in self.sent[before:] if one.topic.endswith(f"/gates/{gate}/access-list")]
        for one in new:
            assert verify(self.house.server_key.public_bytes, one.topic, one.payload, one.properties["sig"])
        return access_list.decode(gate, new[-1].payload) if new else None

    def now(self, gate="south"):
        return self.parts.listed(next(one for one in self.house.site.gates if one.id == gate), self.house.clock.now())

    def says(self, card=CARD, gate="south", at=None, **situation):
        """What the gate decides about a card by the list of this moment: the reason, which tells all."""
        key = access_list.gate_key(MASTER, gate)
        mark = access_list.mark(key, Credential(CredentialKind.CARD, card))
        ask = Ask(Direction.IN, mark, at or self.house.clock.now())
        return decide(Listing(self.now(gate)), LaneRules(), ask, Situation(**situation)).reason


@pytest.fixture
def lists_of():
    return Lists


def heard(house):
    """Every gate has told up to now: a missed reservation is a violation then."""
    for gate in house.site.gates:
        at = house.clock.now()
        house.do(HearGate(gate=gate.id, at=at, wall=at, epoch=1, last_sequence=0, watermark=0))


@pytest.mark.parametrize(("admits", "reason"), [("reader", "reader"), ("reservation", "unknown")])
def test_whom_a_gate_lets_in_is_the_sites_to_say(open_house, api_of, lists_of, admits, reason):
    """Issue: "grant or deny from the synced access list (reservations, readers, blocks, capacity 300 / 250)"."""
    house = open_house(ruled(admits=Admits(admits)), name=admits)
    lists = lists_of(house)
    assert lists.says() == reason
    assert lists.says(STRANGER) == "unknown"
    api_of(house, ONE).book(start="2023-07-17T18:00:00+08:00", end="2023-07-17T20:00:00+08:00")
    assert lists.says() == ("reader" if admits == "reader" else "not-now")
    house.at("17:29")
    assert lists.says() == ("reader" if admits == "reader" else "not-now")
    house.at("17:30")  # "check-in −30/+30 min"
    assert lists.says() == "reservation"
    house.at("20:00")
    assert lists.says() == reason


@pytest.mark.parametrize("group", ["faculty", "nobody"])
def test_groups_and_staff_come_in_at_any_time(open_house, lists_of, group):
    """Issue: "any-time readers by group/policy"."""
    house = open_house(ruled(admits=Admits.RESERVATION, admits_always=[group]), name=group)
    people = (
        Person(reader="S1", name="a", cards=(Card("card", "11"),), groups=("faculty",)),
        Person(reader="S2", name="b", role="staff", cards=(Card("card", "22"),)),
    )
    house.do(LoadPeople(at=house.clock.now(), people=people))
    lists = lists_of(house)
    assert [lists.says(card) for card in ("11", "22", CARD)] == [
        "reader" if group == "faculty" else "unknown", "reader", "unknown"
    ]  # fmt: skip


def test_a_card_counts_while_it_is_valid(open_house, lists_of):
    house = open_house(ruled())
    now = house.clock.now()
    cards = (Card("card", "11", now + MIN, now + 3 * MIN), Card("face", "S1", None, None))
    house.do(LoadPeople(at=now, people=(Person(reader="S1", name="a", cards=cards),)))
    lists = lists_of(house)
    found = [lists.says("11", at=now + minutes * MIN) for minutes in range(5)]
    assert found == ["not-now", "reader", "reader", "not-now", "not-now"]


def strict(site):
    """One violation suspends until the next day; lists count for two hours."""
    site = ruled(list_valid_for=timedelta(hours=2))(site)
    violations = attrs.evolve(site.policy.violations, steps=[ViolationStep(1, SuspendUntil.NEXT_DAY)])
    return attrs.evolve(site, policy=attrs.evolve(site.policy, violations=violations))


def test_who_is_suspended_comes_in_to_what_they_have_reserved_and_to_nothing_else(open_house, api_of, lists_of):
    """rules.md: "a suspension blocks new bookings and keeps existing ones"."""
    house = open_house(strict)
    lists = lists_of(house)
    for reader, seat in ((ONE, "2f-centre-060"), (OTHER, "2f-centre-061")):
        wish = {"seat": seat, "start": None, "end": "2023-07-17T18:00:00+08:00"}
        api_of(house, reader).book(**wish).raise_for_status()
    later = {"seat": "2f-centre-062", "start": "2023-07-17T20:00:00+08:00", "end": "2023-07-17T21:00:00+08:00"}
    api_of(house, ONE).book(**later).raise_for_status()
    assert [lists.says(card) for card in (CARD, OTHERS_CARD)] == ["reservation", "reservation"]
    house.at("17:40")
    heard(house)
    house.do(Sweep(at=house.clock.now()))
    assert [lists.says(card) for card in (CARD, OTHERS_CARD)] == ["not-now", "blocked"]
    house.at("19:35")
    assert [lists.says(card) for card in (CARD, OTHERS_CARD)] == ["reservation", "blocked"]
    house.at("22:30")  # the suspension ends within the two hours of this list
    assert lists.says(OTHERS_CARD) == "not-now"
    assert lists.says(OTHERS_CARD, at=house.clock.now() + timedelta(hours=1, minutes=31)) == "reader"


@pytest.mark.parametrize("hours", [4, 24])
def test_a_list_counts_as_long_as_the_site_says_and_is_made_anew_in_time(open_house, lists_of, hours):
    """Issue: "valid offline for a configured time"."""
    house = open_house(ruled(list_valid_for=timedelta(hours=hours)), now="08:00", name=f"h{hours}")
    lists = lists_of(house)
    first = lists.send()
    assert first.valid_until - first.made_at == timedelta(hours=hours)
    assert lists.send() is None
    house.clock.put(first.made_at + timedelta(hours=hours) / 2 - MIN)
    assert lists.send() is None
    house.clock.put(first.made_at + timedelta(hours=hours) / 2)
    second = lists.send()
    assert second.newer_than(first)
    assert Listing(first).fault(first.valid_until) == "list-old"


def test_a_change_is_sent_once_and_what_changes_nothing_is_not(open_house, api_of, lists_of):
    house = open_house(ruled(admits=Admits.RESERVATION))
    lists = lists_of(house)
    assert lists.send() is not None
    house.clock.put(house.clock.now() + timedelta(seconds=1))
    stay = api_of(house, ONE).book(start=None, end="2023-07-17T18:00:00+08:00").json()["id"]
    changed = lists.send()
    assert [window.grounds for window in changed.windows] == ["reservation"]
    assert lists.send() is None
    house.clock.put(house.clock.now() + timedelta(seconds=1))
    api_of(house, ONE).post(f"/api/v1/reservations/{stay}/cancel").raise_for_status()
    assert lists.send().windows == []
    lists.parts.everything()
    assert lists.send() is not None, "the broker may have lost what it held"


def test_what_the_broker_does_not_take_follows_and_a_site_that_reports_sends_nothing(open_house, house, lists_of):
    deciding = open_house(ruled())
    lists = lists_of(deciding)
    lists.down = True
    assert lists.send() is None
    lists.down = False
    assert lists.send() is not None
    assert lists_of(house).send() is None


def test_a_fault_with_one_gates_list_leaves_the_others(open_house, lists_of, monkeypatch, caplog):
    lists = lists_of(open_house(ruled()))
    facts = lists.house.reads.access_facts

    def broken(gate, now, until):
        if gate == "south":
            raise ValueError("of no kind that we know")
        return facts(gate, now, until)

    with monkeypatch.context() as patched:
        patched.setattr(lists.house.reads, "access_facts", broken)
        assert lists.send("north") is not None
    assert "access list not made gate=south" in caplog.text
    assert lists.parts.counts["failed"] == 1
    assert lists.send("south") is not None


def test_each_gate_gets_marks_of_its_own(open_house, lists_of):
    lists = lists_of(open_house(ruled()))
    south, north = lists.send("south"), lists.now("north")
    assert south.key != north.key
    assert south.windows != north.windows
    assert south.capacity is None
    assert (south.inside, south.counted) == (0, None)


@pytest.mark.parametrize(("campus", "capacity"), [("east", 300), ("west", 250)])
def test_the_one_after_the_capacity_of_a_campus_is_denied(open_house, lists_of, wire_of, campus, capacity):
    """Manual: "人数限制：东校区图书馆人数限制：300人 西校区图书馆人数限制：250人"."""
    house = open_house(gated(campus), site="two-campus.toml", name=campus, now="09:50")
    lists = lists_of(house)
    count = capacity + 2
    people = tuple(
        Person(reader=f"R{number:04}", name="r", role="staff", cards=(Card("card", str(number)),))
        for number in range(1, count)
    )
    house.do(LoadPeople(at=house.clock.now(), people=people))
    gate = wire_of(house)
    gate.say(*(gate.swipe("in", card=str(number), outcome="granted") for number in range(1, capacity)))
    found = lists.now()
    assert (found.capacity, found.inside) == (capacity, capacity - 1)
    assert found.counted.sequence == capacity - 1
    assert lists.says(str(capacity)) == "reader"
    assert lists.says(str(capacity), own_balance=1) == "full"
    gate.passes("in", card=str(capacity), outcome="granted")
    assert lists.says(str(capacity + 1)) == "full"
    gate.passes("out", card="1", outcome="granted")
    assert lists.says(str(capacity + 1)) == "reader"


def gated(campus):
    """The two-campus library with one gate, at one campus, that decides."""

    def change(site):
        portals = [
            Portal("south-1", PortalDirection.IN, "rdm6300", mode=PortalMode.CONTROL),
            Portal("south-2", PortalDirection.OUT, "rdm6300", mode=PortalMode.CONTROL),
        ]
        return attrs.evolve(site, gates=[Gate("south", campus, Text("南", "south"), portals)])

    return change


def test_a_count_that_the_gate_knows_itself_waits_for_the_minute(open_house, lists_of, wire_of):
    house = open_house(gated("east"), site="two-campus.toml", now="09:50")
    lists, gate = lists_of(house), wire_of(house)
    first = lists.send()
    gate.passes("in", outcome="granted")
    assert lists.send() is None
    house.clock.put(house.clock.now() + LONGEST_WAIT)
    later = lists.send()
    assert (first.inside, later.inside) == (0, 1)


# ---- the secret of the marks, and commands -----------------------------------------------------------------------------


def test_a_gate_fetches_its_secret_and_nobody_elses(house, device):
    gate, kiosk = device("south", "gate"), device()
    gate.enrol()
    kiosk.enrol()
    key = gate.signed("GET", "/api/v1/devices/south/keys").json()["access_list_key"]
    assert from_text(key) == access_list.gate_key(MASTER, "south")
    assert kiosk.signed("GET", "/api/v1/devices/k-2s/keys").json()["access_list_key"] == ""
    assert gate.signed("GET", "/api/v1/devices/north/keys").status_code == 403


def give(client, portal="south-1", command="open", reason="delivery", gate="south", **more):
    wish = {"portal": portal, "command": command, "reason": reason}
    return client.post(f"/api/v1/staff/gates/{gate}/commands", json=wish, **more)


@pytest.mark.parametrize("seconds", [15, 5])
def test_a_command_has_an_id_a_reason_a_name_and_a_deadline(open_house, api_of, seconds):
    """Contract: "open, lock, resync: signed, with id and deadline"."""
    house = open_house(ruled(command_within=timedelta(seconds=seconds)), name=f"s{seconds}")
    staff = api_of(house, STAFF)
    given = give(staff, headers={"idempotency-key": "once"})
    assert given.status_code == 202
    one = given.json()
    assert (one["result"], one["staff"], one["reason"]) == (None, STAFF, "delivery")
    [wanted] = house.reads.wanted_orders(house.clock.now())
    assert wanted.deadline - wanted.at == timedelta(seconds=seconds)
    assert give(staff, headers={"idempotency-key": "once"}).json()["id"] == one["id"]
    assert len(house.reads.orders()) == 1
    action = house.reads.staff_actions()[0]
    assert (action.staff, action.action, action.subject, action.facts["reason"]) == (
        STAFF, "gate-open", "south/south-1", "delivery"
    )  # fmt: skip
    house.clock.put(wanted.deadline)
    assert house.reads.wanted_orders(house.clock.now()) == []


def test_staff_see_what_became_of_it_and_the_first_word_counts(open_house, api_of, wire_of):
    house = open_house(ruled())
    staff, gate = api_of(house, STAFF), wire_of(house)
    one = give(staff, command="lock", reason="alarm test").json()
    told = {"of": one["id"], "detail": ""}
    gate.say(gate.event(CommandEvent, "south-1", result=CommandResult.DONE, **told))
    gate.say(gate.event(CommandEvent, "south-1", result=CommandResult.REPEATED, **told))
    found = staff.get(f"/api/v1/staff/gate-commands/{one['id']}").json()
    assert (found["result"], found["command"]) == ("done", "lock")
    assert staff.get("/api/v1/staff/gate-commands").json()["items"] == [found]
    other = wire_of(house, "north")
    two = give(staff).json()
    other.say(other.event(CommandEvent, "north-1", of=two["id"], result=CommandResult.DONE))
    assert staff.get(f"/api/v1/staff/gate-commands/{two['id']}").json()["result"] is None, "another gate's word"


def test_what_cannot_be_given_is_refused_and_nothing_is_kept(open_house, house, api_of, api):
    deciding = open_house(ruled())
    staff = api_of(deciding, STAFF)
    assert give(api_of(deciding, ONE)).status_code == 403
    assert give(api_of(deciding)).status_code == 401
    assert give(staff, portal="south-9").status_code == 404
    assert give(staff, gate="east").status_code == 404
    assert give(staff, reason="  ").status_code == 422
    assert give(staff, command="explode").status_code == 422
    assert deciding.reads.orders() == []
    assert staff.get("/api/v1/staff/gate-commands/none").status_code == 404
    for _ in range(MOST_WAITING):
        assert give(staff).status_code == 202
    assert give(staff).json()["code"] == "too-many-tries"
    reports = give(api(STAFF), command="lock").json()
    assert (reports["code"], reports["policy_key"]) == ("invalid-request", "gates.portals.mode")
    assert give(api(STAFF)).status_code == 202  # opening once does not need a portal that decides
    assert house.reads.orders()[0].what == "open"


def test_the_page_gives_a_command_and_tells_what_became_of_it(open_house, browser_of, wire_of):
    house = open_house(ruled())
    staff, gate = browser_of(house, STAFF), wire_of(house)
    page = staff.get("/staff/gates/commands")
    assert "还没有人开闸或锁定通道。" in page.text
    action = "/staff/gates/commands"
    wrong = staff.submit(page, action, where="south/south-1", command="open", reason=" ")
    assert wrong.status_code == 422
    page = staff.submit(page, action, where="south/south-1", command="open", reason="wheelchair")
    assert "wheelchair" in page.text
    [one] = house.reads.orders()
    event = gate.event(CommandEvent, "south-1", of=one.id, result=CommandResult.FAILED, detail="the board is unplugged")
    gate.say(event)
    page = staff.get(action)
    assert "the board is unplugged" in page.text
    assert browser_of(house, ONE).get(action).status_code == 403


def test_staff_see_what_a_gate_decided_and_why(open_house, browser_of, wire_of):
    house = open_house(ruled())
    staff, gate = browser_of(house, STAFF), wire_of(house)
    gate.passes("in", outcome="denied", reason=AccessReason.FULL)
    gate.passes("in", card=OTHERS_CARD, outcome="granted", reason=AccessReason.READER)
    page = staff.get("/staff/gates").text
    assert "已拒绝：馆内已满" in page
    assert "已放行：可随时入馆" in page
    assert {one.reason for one in house.reads.passages()} == {AccessReason.READER, AccessReason.FULL}


def test_every_reason_has_its_words():
    assert set(WHY) == set(AccessReason)
    assert set(RESULTS) == set(CommandResult)
