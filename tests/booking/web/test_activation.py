"""激活码: six digits made on the web bind an app to one reader; everything else that is tried with them is refused."""

import asyncio
import threading
from datetime import timedelta

import attrs
import pytest

from booking.service.commands import OpenSession
from booking.web.activation import Bells
from booking.web.sessions import hash_of
from config.policy import IdentityPolicy

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
CODES, BINDINGS = "/api/v1/activation-codes", "/api/v1/bindings"


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.fixture
def rules(house):
    """`rules(key=value)`: another identity policy from now on."""

    def change(**keys):
        policy = attrs.evolve(house.site.policy, identity=IdentityPolicy(**keys))
        object.__setattr__(house.context, "site", attrs.evolve(house.site, policy=policy))

    return change


@pytest.fixture
def bound(api):
    """`bound(web)`: an app that the reader of this web session has bound."""

    def bind(web, app="一考即过"):
        code = web.post(CODES).json()["code"]
        asked = api().post(BINDINGS, json={"reader": ONE, "code": code, "app": app}).json()
        assert web.post(f"{BINDINGS}/{asked['id']}/confirm").status_code == 200
        client = api()
        client.headers["authorization"] = f"Bearer {asked['token']}"
        return client, asked

    return bind


def test_six_digits_bind_an_app_once_and_for_good(api, house):
    """「点击激活码获取6为数字 … 输入此6位数字，可进入小程序内使用」「以后使用无需再次绑定」"""
    web = api(ONE)
    made = web.post(CODES)
    assert made.status_code == 201
    code = made.json()["code"]
    assert len(code) == 6
    assert code.isdigit()
    assert made.json()["expires_at"] == "2023-07-17T16:48:00+08:00"
    asked = api().post(BINDINGS, json={"reader": "s2023001", "code": code, "app": "一考即过"})
    assert (asked.status_code, asked.json()["status"]) == (201, "pending")
    app = api()
    app.headers["authorization"] = f"Bearer {asked.json()['token']}"
    assert app.get("/api/v1/reservations").json()["code"] == "binding-pending"
    assert web.get(BINDINGS).json()["items"][0]["app"] == "一考即过"
    assert web.post(f"{BINDINGS}/{asked.json()['id']}/confirm").json()["status"] == "active"
    assert app.book().status_code == 201
    house.at("16:38", day=31)
    assert app.get("/api/v1/reservations").status_code == 200
    stay = app.get("/api/v1/reservations").json()["items"][0]["id"]
    assert house.reads.reservation(ONE, stay, house.clock.now()).history[0].source == "app"


def test_the_code_is_stored_nowhere(api, house, tmp_path):
    made = api(ONE).post(CODES).json()
    link = made["link"].rpartition("/")[2]
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    assert link.encode() not in stored
    assert hash_of(made["code"]) not in stored
    assert hash_of(ONE + made["code"]) not in stored
    assert b"activation-code-made" in stored  # so the files that were read are the ones it would be in


@pytest.mark.parametrize(
    "typed", ["{}", " {} ", "{0[0]}{0[1]}{0[2]} {0[3]}{0[4]}{0[5]}", "{0[0]}{0[1]}{0[2]}-{0[3]}{0[4]}{0[5]}"]
)
def test_a_code_may_be_typed_in_groups(api, typed):
    code = api(ONE).post(CODES).json()["code"]
    assert api().post(BINDINGS, json={"reader": ONE, "code": typed.format(code)}).status_code == 201


def test_the_link_has_34_bits_and_needs_no_number(api):
    made = api(ONE).post(CODES).json()
    secret = made["link"].rpartition("/")[2]
    assert 5 * len(secret) >= 34
    assert made["picture"].startswith("data:image/svg+xml;base64,")
    assert api().get(made["link"]).status_code == 200
    assert api().post(BINDINGS, json={"link": secret[:-1] + ("0" if secret[-1] != "0" else "1")}).status_code == 403
    assert api().post(BINDINGS, json={"link": made["link"].lower()}).status_code == 201
    assert api().post(BINDINGS, json={"link": made["link"]}).json()["code"] == "activation-code-invalid"


def test_a_code_counts_once(api):
    code = api(ONE).post(CODES).json()["code"]
    assert api().post(BINDINGS, json={"reader": ONE, "code": code}).status_code == 201
    again = api().post(BINDINGS, json={"reader": ONE, "code": code})
    assert (again.status_code, again.json()["code"]) == (403, "activation-code-invalid")


def test_a_new_code_replaces_the_old_one(api):
    web = api(ONE)
    old, new = web.post(CODES).json()["code"], web.post(CODES).json()["code"]
    if old != new:
        assert api().post(BINDINGS, json={"reader": ONE, "code": old}).status_code == 403
    assert api().post(BINDINGS, json={"reader": ONE, "code": new}).status_code == 201


@pytest.mark.parametrize(("lasts", "outcome"), [(10, 403), (11, 201)])
def test_a_code_lasts_ten_minutes(api, house, rules, lasts, outcome):
    """ "Activation code: 6 digits … 10 minutes" """
    rules(activation_code_lasts=timedelta(minutes=lasts))
    code = api(ONE).post(CODES).json()["code"]
    house.at("16:48")
    assert api().post(BINDINGS, json={"reader": ONE, "code": code}).status_code == outcome


@pytest.mark.parametrize(("tries", "outcome"), [(5, 403), (6, 201)])
def test_five_wrong_tries_void_the_code(api, house, rules, tries, outcome):
    """ "bound to the student number, 10 minutes, 5 tries, single use" """
    rules(activation_code_tries=tries)
    code = api(ONE).post(CODES).json()["code"]
    for _ in range(5):
        assert api().post(BINDINGS, json={"reader": ONE, "code": wrong(code)}).status_code == 403
    assert house.reads.activation(ONE, house.clock.now()).wrong_tries == 5
    assert api().post(BINDINGS, json={"reader": ONE, "code": code}).status_code == outcome


def test_a_code_counts_for_its_own_reader_only(api, house):
    code = api(ONE).post(CODES).json()["code"]
    answer = api().post(BINDINGS, json={"reader": OTHER, "code": code})
    assert answer.json()["code"] == "activation-code-invalid"
    assert house.reads.activation(ONE, house.clock.now()).wrong_tries == 0


def test_a_reader_with_a_code_and_one_without_are_one_answer(api):
    code = api(ONE).post(CODES).json()["code"]
    known = api().post(BINDINGS, json={"reader": ONE, "code": wrong(code)})
    without = api().post(BINDINGS, json={"reader": OTHER, "code": wrong(code)})
    nobody = api().post(BINDINGS, json={"reader": "S9999999", "code": wrong(code)})
    assert known.json() == without.json() == nobody.json()
    assert "学号" in known.json()["sentences"]["zh"]


def test_guesses_are_limited_for_each_address_and_written_down(api, house):
    answers = [api().post(BINDINGS, json={"reader": f"S{n}", "code": "000000"}).status_code for n in range(31)]
    assert answers == [403] * 30 + [429]
    refused = api().post(BINDINGS, json={"reader": ONE, "code": "000000"})
    assert refused.json()["next_allowed_at"] == "2023-07-17T16:48:00+08:00"
    lines = [line for line in house.reads.identity_audit() if line.action == "activation-code-wrong"]
    assert len(lines) == 30
    assert lines[0].facts == {"activation-address": "127.0.0.1"}
    code = api(ONE).post(CODES).json()["code"]
    house.at("16:48")
    assert api().post(BINDINGS, json={"reader": ONE, "code": wrong(code)}).status_code == 403


def test_making_codes_is_limited(api):
    web = api(ONE)
    assert [web.post(CODES).status_code for _ in range(11)] == [201] * 10 + [429]


def test_only_the_web_session_that_made_the_code_may_answer(api, bound):
    web, elsewhere, thief = api(ONE), api(ONE), api(OTHER)
    app, _ = bound(api(ONE))
    code = web.post(CODES).json()["code"]
    asked = api().post(BINDINGS, json={"reader": ONE, "code": code}).json()
    path = f"{BINDINGS}/{asked['id']}/confirm"
    assert elsewhere.post(path).json()["code"] == "binding-elsewhere"
    assert app.post(path).json()["code"] == "binding-elsewhere"
    assert thief.post(path).json()["code"] == "not-found"
    assert api().post(path).status_code == 401
    assert web.post(path).status_code == 200
    assert web.post(path).status_code == 200  # a second yes changes nothing


def test_an_app_that_was_refused_stays_out(api):
    web = api(ONE)
    code = web.post(CODES).json()["code"]
    asked = api().post(BINDINGS, json={"reader": ONE, "code": code}).json()
    assert web.post(f"{BINDINGS}/{asked['id']}/refuse").status_code == 204
    app = api()
    app.headers["authorization"] = f"Bearer {asked['token']}"
    assert app.get("/api/v1/reservations").json()["code"] == "sign-in-required"
    assert app.get(f"{BINDINGS}/{asked['id']}").json()["status"] == "refused"
    assert web.post(f"{BINDINGS}/{asked['id']}/confirm").json()["code"] == "binding-over"


@pytest.mark.parametrize(("waits", "outcome"), [(10, 410), (11, 200)])
def test_an_app_waits_ten_minutes_for_an_answer(api, house, rules, waits, outcome):
    rules(binding_confirm_for=timedelta(minutes=waits))
    web = api(ONE)
    code = web.post(CODES).json()["code"]
    asked = api().post(BINDINGS, json={"reader": ONE, "code": code}).json()
    house.at("16:48")
    assert web.post(f"{BINDINGS}/{asked['id']}/confirm").status_code == outcome


def test_the_waiting_app_is_told_when_the_reader_answers(api):
    web = api(ONE)
    asked = api().post(BINDINGS, json={"reader": ONE, "code": web.post(CODES).json()["code"]}).json()
    seen = []

    def wait():
        with api() as app:
            headers = {"authorization": f"Bearer {asked['token']}"}
            seen.append(app.get(f"{BINDINGS}/{asked['id']}?wait=25", headers=headers).json()["status"])

    thread = threading.Thread(target=wait)
    thread.start()
    web.post(f"{BINDINGS}/{asked['id']}/confirm")
    thread.join(20)
    assert seen == ["active"]


def test_an_app_ends_when_the_reader_unbinds_it(api, bound):
    web = api(ONE)
    app, asked = bound(web)
    assert api(OTHER).delete(f"{BINDINGS}/{asked['id']}").status_code == 404
    assert web.delete(f"{BINDINGS}/{asked['id']}").status_code == 204
    assert app.get("/api/v1/reservations").status_code == 401
    assert web.get(BINDINGS).json()["items"] == []


def test_an_app_is_a_reader_and_no_web_session(api, house, bound):
    app, asked = bound(api(ONE))
    assert app.post(CODES).json()["code"] == "forbidden"
    cookie = api()
    cookie.cookies.set("seatgate", asked["token"])
    assert cookie.get("/api/v1/reservations").status_code == 401
    staff = api(STAFF)
    code = staff.post(CODES).json()["code"]
    one = api().post(BINDINGS, json={"reader": STAFF, "code": code}).json()
    staff.post(f"{BINDINGS}/{one['id']}/confirm")
    assert api().get("/staff", headers={"authorization": f"Bearer {one['token']}"}).status_code == 403


def test_a_kiosk_session_makes_no_code(api, house):
    house.do(
        OpenSession(
            reader=ONE, at=house.clock.now(), token_hash=hash_of("kiosk-token"), csrf="x",
            expires_at=house.clock.now() + timedelta(minutes=1), channel="kiosk",
        )
    )  # fmt: skip
    answer = api().post(CODES, headers={"authorization": "Bearer kiosk-token"})
    assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reader": ONE},
        {"code": "123456"},
        {"reader": ONE, "code": "123456", "link": "ABCDEFGH"},
        {"reader": ONE, "link": "ABCDEFGH"},
        {"reader": ONE, "code": "1"},
        {"reader": ONE, "code": 123456},
        {"reader": "x" * 65, "code": "123456"},
        {"link": "x" * 201},
        {"reader": ONE, "code": "123456", "app": "a\nb"},
        {"reader": ONE, "code": "123456", "more": 1},
    ],
)
def test_a_wrong_form_is_a_problem_and_counts_nothing(api, house, body):
    made = api(ONE).post(CODES).json()
    assert api().post(BINDINGS, json=body).status_code == 422
    assert house.reads.activation(ONE, house.clock.now()).wrong_tries == 0
    assert api().post(BINDINGS, json={"reader": ONE, "code": made["code"]}).status_code == 201


def test_the_page_shows_the_digits_and_takes_the_answer(browser, api):
    """「点击激活码获取6为数字」"""
    phone = browser(ONE)
    assert 'href="/me/activation"' in phone.get("/areas").text
    page = phone.get("/me/activation")
    shown = phone.submit(page, "/me/activation")
    code = shown.text.partition('data-activation-code="')[2][:6]
    assert "激活码" in shown.text
    assert "10:00" in shown.text
    asked = api().post(BINDINGS, json={"reader": ONE, "code": code, "app": "<b>小程序</b>"}).json()
    page = phone.get("/me/activation")
    assert "&lt;b&gt;小程序&lt;/b&gt;" in page.text
    page = phone.submit(page, f"/me/apps/{asked['id']}/confirm")
    assert api().get("/api/v1/reservations", headers={"authorization": f"Bearer {asked['token']}"}).status_code == 200
    page = phone.submit(page, f"/me/apps/{asked['id']}/revoke")
    assert "尚未绑定任何应用" in page.text
    assert phone.post(f"/me/apps/{asked['id']}/confirm", data={"csrf": "x"}).status_code == 403


def test_the_page_warns_of_wrong_codes(browser, api):
    phone = browser(ONE)
    phone.submit(phone.get("/me/activation"), "/me/activation")
    api().post(BINDINGS, json={"reader": ONE, "code": "0000000"})
    assert "已有 1 次输错" in phone.get("/me/activation").text


def test_what_happened_at_another_process_ends_the_wait_too():
    """Only this process's bells ring here; a commit of another one is seen by looking."""

    async def test():
        states = iter(["asked", "asked", "bound"])
        await asyncio.wait_for(Bells().wait("S1", 60, lambda: next(states)), 30)
        assert list(states) == []

    asyncio.run(test())
