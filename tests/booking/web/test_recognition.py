"""How a reader is recognised on site: the kiosk PIN, and the last unknown card that staff pair."""

import hashlib
from datetime import timedelta

import attrs
import pytest

from booking.service.commands import RecordGateEvent
from booking.service.people import CardRow, ImportCards
from config.policy import IdentityPolicy
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
SESSIONS = "/api/v1/kiosks/k-2s/sessions"
PIN = "271828"


@pytest.fixture
def rules(house):
    """`rules(key=value)`: another identity policy from now on."""

    def change(**keys):
        policy = attrs.evolve(house.site.policy, identity=IdentityPolicy(**keys))
        object.__setattr__(house.context, "site", attrs.evolve(house.site, policy=policy))

    return change


@pytest.fixture
def kiosk(device):
    joined = device()
    joined.enrol()
    return joined


@pytest.fixture
def swipe(house):
    """`swipe(card, portal)`: a read at a gate, now."""
    gate = house.site.gates[0]
    count = 0

    def read(card, portal=None):
        nonlocal count
        count += 1
        event = AccessEvent(
            portal=portal or gate.portals[0].id,
            direction=Direction.IN,
            credential=Credential(CredentialKind.CARD, card),
            outcome=AccessOutcome.REPORTED,
            occurred_at=house.clock.now(),
            monotonic_ns=count,
            boot_id="boot",
            epoch=1,
            sequence=count,
        )
        payload = f"{count}".encode()
        house.do(
            RecordGateEvent(
                gate=gate.id,
                at=house.clock.now(),
                event=event,
                payload=payload,
                digest=hashlib.sha256(payload).digest(),
            )
        )

    return read


def set_pin(browser, pin=PIN, again=None):
    phone = browser(ONE)
    return phone.submit(phone.get("/me/pin"), "/me/pin", pin=pin, again=again or pin)


def by_pin(kiosk, pin=PIN, reader=ONE):
    return kiosk.signed("POST", SESSIONS, {"reader": reader, "pin": pin})


def test_a_pin_set_on_the_web_opens_a_kiosk_session(browser, kiosk, house):
    """ "Kiosk PIN: set after sign-in or at the desk, argon2, 5 tries." """
    assert "密码已设置" in set_pin(browser).text
    answer = by_pin(kiosk, reader="s2023001")
    assert (answer.status_code, answer.json()["reader"]) == (201, {"name": "林知夏"})
    assert house.reads.pin_hash(ONE).startswith("$argon2id$")
    assert PIN not in house.reads.pin_hash(ONE)


def test_a_pin_set_at_the_desk_does_too(browser, kiosk, house):
    desk = browser(STAFF)
    page = desk.submit(desk.get("/staff/desk"), "/staff/desk/pin", reader="s2023001", pin=PIN)
    assert "密码已设置" in page.text
    assert by_pin(kiosk).status_code == 201
    assert house.reads.identity_audit()[0].actor == f"staff {STAFF}"
    page = desk.submit(desk.get("/staff/desk"), "/staff/desk/pin", reader="S999", pin=PIN)
    assert "没有这位读者" in page.text


@pytest.mark.parametrize(("most", "outcome"), [(5, "pin-locked"), (6, None)])
def test_five_wrong_tries_lock_it_until_it_is_set_anew(browser, kiosk, rules, most, outcome):
    """ "5 tries" """
    set_pin(browser)
    rules(pin_tries=most)
    assert [by_pin(kiosk, "000001").json()["code"] for _ in range(5)] == ["pin-wrong"] * 5
    assert by_pin(kiosk).json().get("code") == outcome
    set_pin(browser, "314159")
    assert by_pin(kiosk, "314159").status_code == 201


def test_a_right_pin_forgives_the_wrong_ones(browser, kiosk):
    set_pin(browser)
    for _ in range(2):
        assert [by_pin(kiosk, "000001").status_code for _ in range(4)] == [403] * 4
        assert by_pin(kiosk).status_code == 201


def test_a_reader_without_a_pin_and_a_wrong_pin_are_one_answer(browser, kiosk):
    set_pin(browser)
    wrong, without, nobody = by_pin(kiosk, "000001"), by_pin(kiosk, reader=OTHER), by_pin(kiosk, reader="S999")
    assert wrong.json() == without.json() == nobody.json()


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "111111", "123456", "987654", "12345a", "１２３４５６"])
def test_a_weak_pin_is_refused(browser, house, pin):
    assert "6 位数字" in set_pin(browser, pin).text
    assert house.reads.pin_hash(ONE) is None


def test_two_pins_that_differ_are_refused(browser, house):
    assert "两次输入" in set_pin(browser, PIN, "314159").text
    assert house.reads.pin_hash(ONE) is None


@pytest.mark.parametrize(
    "body", [{"reader": ONE}, {"pin": PIN}, {"reader": ONE, "pin": PIN, "card": "1"}, {"reader": ONE, "pin": ""}]
)
def test_a_pin_comes_with_its_reader_and_alone(kiosk, body):
    assert kiosk.signed("POST", SESSIONS, body).status_code == 422


def test_staff_pair_the_last_unknown_card(browser, house, swipe):
    """ "staff can pair the last unknown read to a reader" """
    swipe("0000777777")
    desk = browser(STAFF)
    page = desk.get("/staff/desk")
    assert "0000777777" not in page.text
    assert "77" in page.text
    done = desk.submit(page, "/staff/desk/pair", reader="s2023001")
    assert "卡已绑定" in done.text
    assert house.reads.reader_of_card(CredentialKind.CARD, "0000777777", house.clock.now()) == ONE
    before = house.clock.now() - timedelta(seconds=1)
    assert house.reads.reader_of_card(CredentialKind.CARD, "0000777777", before) is None
    line = house.reads.identity_audit()[0]
    assert (line.actor, line.action, line.subject) == (f"staff {STAFF}", "card-paired", ONE)
    assert "0000777777" not in line.facts["card"]
    assert "没有未知卡" in desk.get("/staff/desk").text


def test_only_the_last_card_of_a_lane_can_be_paired(browser, house, swipe):
    swipe("0000777777")
    desk = browser(STAFF)
    page = desk.get("/staff/desk")
    house.at("16:39")
    swipe("0006547886")  # somebody else's, behind them
    assert "没有未知卡" in desk.get("/staff/desk").text
    late = desk.submit(page, "/staff/desk/pair", reader=ONE)
    assert late.status_code == 409
    assert house.reads.reader_of_card(CredentialKind.CARD, "0000777777", house.clock.now()) is None


@pytest.mark.parametrize(("within", "seen"), [(10, False), (11, True)])
def test_an_unknown_card_can_be_paired_for_ten_minutes(browser, house, swipe, rules, within, seen):
    rules(pair_within=timedelta(minutes=within))
    swipe("0000777777")
    house.at("16:48")
    assert ('action="/staff/desk/pair"' in browser(STAFF).get("/staff/desk").text) is seen


def test_a_card_that_somebody_will_hold_cannot_be_paired(browser, house, swipe):
    now = house.clock.now()
    row = CardRow(1, OTHER, "card", "0000777777", valid_from=now + timedelta(days=1))
    house.do(ImportCards(at=now, actor="test", rows=(row,)))
    swipe("0000777777")
    assert "没有未知卡" in browser(STAFF).get("/staff/desk").text


def test_the_desk_is_for_staff(browser, api):
    phone = browser(ONE)
    assert phone.get("/staff/desk").status_code == 403
    form = phone.form(phone.get("/me/pin"), "/me/pin")
    for path in ("/staff/desk/pair", "/staff/desk/pin"):
        body = form | {"reader": OTHER, "pin": PIN, "record": "x"}
        assert phone.post(path, data=body, headers={"origin": phone.own}).status_code == 403
