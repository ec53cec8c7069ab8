"""Signing in through a real CAS server: whose ticket counts, and when the server says that it is over."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from booking.web.sessions import hash_of

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"


def session_of(house, someone):
    """Return who the service thinks this browser is; "" for nobody."""
    page = someone.get(house.url + "/me")
    found = re.search(r"S\d{7}|S2099999|STAFF\d\d", page.text) if page.status_code == 200 else None
    return found[0] if found else ""


def ticket_of(address):
    return parse_qs(urlsplit(address).query)["ticket"][0]


@pytest.fixture(scope="module")
def house(shared_library, cas):
    return shared_library(**cas())


@pytest.fixture
def own_house(open_library, cas):
    return open_library(**cas())


def test_a_reader_signs_in_with_the_universitys_account(house, person):
    """「读者使用学校统一身份认证账号、密码登录」「研究生学号请使用大写字母」: the portal's name is in small letters here."""
    someone = person(house, "s2023001")
    page = someone.sign_in("cas")
    assert page.url.path == "/areas"
    assert session_of(house, someone) == ONE


def test_the_page_asks_for_our_own_address_whatever_the_request_says(house, person):
    someone = person(house, "s2023001")
    answer = someone.get(
        f"{house.url}/sign-in/cas?service=http://evil.example/&next=/me",
        headers={"host": "evil.example", "x-forwarded-host": "evil.example"},
    )
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked == {"service": [house.url + "/sign-in/cas/back"]}
    assert answer.headers["cache-control"] == "no-store"


def test_signing_in_gives_a_new_session_and_ends_the_old_one(house, person):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    someone.cookies.set("seatgate", "chosen-by-somebody-else", domain="127.0.0.1")
    first = someone.get(back).cookies["seatgate"]
    assert first != "chosen-by-somebody-else"
    assert len(first) > 40


def test_a_session_that_was_opened_meanwhile_is_closed(house, person):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    local = {"reader": OTHER, "password": "correct horse"}
    before = someone.post(house.url + "/sign-in", data=local, headers={"origin": house.url}).cookies["seatgate"]
    someone.get(back)
    assert session_of(house, someone) == ONE
    assert house.reads.session(hash_of(before), house.clock.now()) is None


def test_a_used_ticket_counts_for_nobody(house, person, refusal):
    someone, thief = person(house, "s2023001"), person(house, "s2023002")
    back = someone.back("cas")
    assert someone.get(back).status_code == 303
    thief.leave("cas")
    assert refusal(thief.get(back)) == "university-denied"
    assert session_of(house, thief) == ""


def test_loading_the_way_back_again_is_harmless(house, person):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    someone.get(back)
    again = someone.get(back, follow_redirects=True)
    assert again.status_code == 200
    assert session_of(house, someone) == ONE


def test_an_old_ticket_counts_for_nobody(house, person, university, refusal):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    university.age_tickets()
    assert refusal(someone.get(back)) == "university-denied"


def test_a_ticket_for_another_service_counts_for_nobody(house, person, university, refusal):
    someone = person(house, "s2023001")
    someone.leave("cas")
    elsewhere = f"{house.url}/other"
    ticket = ticket_of(someone.answer_of(f"{university.cas}/login?service={elsewhere}"))
    assert refusal(someone.get(f"{house.url}/sign-in/cas/back?ticket={ticket}")) == "university-denied"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "ticket=",
        "ticket=ST-forged",
        "ticket=" + "S" * 513,
        "ticket=ST-%26service%3Dhttp://evil.example",
        "ticket=ST-1%00",
        "ticket=ST-1&ticket=ST-2",
        "ticket=%F0%9F%8E%AB",
        "&".join(f"p{n}=1" for n in range(30)),
    ],
)
def test_no_ticket_of_the_server_is_a_clear_page(house, person, query, refusal):
    someone = person(house, "s2023001")
    someone.leave("cas")
    answer = someone.get(f"{house.url}/sign-in/cas/back?{query}")
    assert refusal(answer) == "university-denied"
    assert "统一身份认证未能确认你的身份" in answer.text
    assert 'href="/sign-in/cas"' in answer.text  # the way to try again
    assert 'action="/sign-in"' in answer.text  # and the other way


def test_a_ticket_brought_to_another_browser_signs_nobody_in(house, person, refusal):
    """Who sends a reader a link with a ticket of their own would have them act in the sender's name."""
    someone, victim = person(house, "s2023001"), person(house, "s2023002")
    answer = victim.get(someone.back("cas"))
    assert refusal(answer) == "sign-in-over"
    assert session_of(house, victim) == ""


def test_a_try_of_eleven_minutes_ago_begins_anew(own_house, person, ahead, refusal):
    someone = person(own_house, "s2023001")
    back = someone.back("cas")
    ahead(own_house, minutes=11)
    answer = someone.get(back)
    assert refusal(answer) == "sign-in-over"
    assert "已超时" in answer.text


@pytest.mark.parametrize(
    "change", [lambda value: value[:-2], lambda value: "x" + value, lambda _: "ü.ü", lambda _: "a" * 4000]
)
def test_a_changed_cookie_is_none(house, person, change, refusal):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    value = change(someone.cookies["seatgate-try"]).encode()
    answer = httpx.get(back, headers={"accept": "text/html", "cookie": b"seatgate-try=" + value})
    assert refusal(answer) == "sign-in-over"


@pytest.mark.parametrize(
    "onward",
    [
        "http://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nX: y",
        "https:evil",
        "x" * 600,
    ],
)
def test_next_leads_to_our_own_pages_only(house, person, onward):
    page = person(house, "s2023001").sign_in("cas", next=onward)
    assert str(page.url).startswith(house.url)
    assert page.url.path == "/areas"


def test_next_is_kept_over_the_way_there_and_back(house, person):
    page = person(house, "s2023001").sign_in("cas", next="/me?x=1")
    assert page.url.raw_path == b"/me?x=1"


def test_somebody_new_is_refused_where_people_are_imported(own_house, person, refusal):
    answer = person(own_house, "s2099999").sign_in("cas")
    assert refusal(answer) == "university-only"
    assert "读者名单中还没有你" in answer.text
    assert own_house.reads.reader("S2099999") is None


def test_somebody_new_becomes_a_reader_where_the_library_says_so(open_library, cas, person):
    house = open_library(admit_unknown=True, **cas(name="displayName"))
    someone = person(house, "s2099999")
    assert someone.sign_in("cas").status_code == 200
    assert session_of(house, someone) == "S2099999"
    known = house.reads.reader("S2099999")
    assert (known.name, known.role) == ("新同学", "reader")
    [line] = [line for line in house.reads.identity_audit() if line.action == "reader-admitted"]
    assert line.subject == "S2099999"


def test_a_reader_who_is_gone_stays_gone(open_library, cas, person, refusal):
    from booking.service.people import ImportReaders, ReaderRow

    house = open_library(admit_unknown=True, **cas())
    rows = (ReaderRow(2, OTHER, "王小满"),)
    assert house.do(ImportReaders(at=house.clock.now(), actor="test", rows=rows, complete=True)).applied
    assert refusal(person(house, "s2023001").sign_in("cas")) == "university-only"
    assert person(house, "S2023002").sign_in("cas").status_code == 200


@pytest.mark.parametrize("account", ["odd", "s2023001"])
def test_an_attribute_that_holds_no_number_is_refused(open_library, cas, person, account, refusal):
    """`odd` has one with a space in it; the other has none."""
    house = open_library(admit_unknown=True, **cas(reader="staffNumber"))
    assert refusal(person(house, account).sign_in("cas")) == "university-denied"


def test_a_number_that_is_too_long_is_refused(open_library, cas, person, refusal):
    house = open_library(admit_unknown=True, **cas(reader="memberOf"))
    assert refusal(person(house, "long").sign_in("cas")) == "university-denied"


def test_a_group_makes_nobody_staff_unless_the_settings_map_it(open_library, cas, person):
    house = open_library(admit_unknown=True, **cas(reader="staffNumber"))
    someone = person(house, "t7")
    assert someone.sign_in("cas").url.path == "/areas"
    assert someone.home("/staff").status_code == 403


def test_a_mapped_group_is_staff_for_the_session(open_library, cas, person):
    house = open_library(
        admit_unknown=True, **cas(reader="staffNumber", groups="memberOf", staff_groups=["library-staff"])
    )
    someone = person(house, "t7")
    assert someone.sign_in("cas").url.path == "/staff"
    assert house.reads.reader("STAFF07").role == "reader"
    student = person(house, "odd")
    assert student.sign_in("cas").status_code == 403


def slo(house, ticket, *, head=""):
    message = (
        f'{head}<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="i" Version="2.0">'
        f"<samlp:SessionIndex>{ticket}</samlp:SessionIndex></samlp:LogoutRequest>"
    )
    return httpx.post(house.url + "/sign-in/cas/back", data={"logoutRequest": message})


def test_signing_out_at_the_university_ends_the_session_here(house, person, university, wait_for):
    someone, other = person(house, "s2023001"), person(house, "S2023002")
    someone.sign_in("cas")
    other.sign_in("cas")
    someone.get(university.cas + "/logout")
    wait_for(lambda: session_of(house, someone) == "", "the session ended")
    assert session_of(house, other) == OTHER
    assert any(line.action == "session-ended" and line.subject == ONE for line in house.reads.identity_audit())


@pytest.mark.parametrize("head", ["", '<?xml version="1.0" encoding="UTF-8"?>\n'], ids=["bare", "declared"])
def test_a_single_logout_message_needs_the_ticket(house, person, head):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    someone.get(back)
    assert slo(house, "ST-guessed").status_code == 200
    assert session_of(house, someone) == ONE
    assert slo(house, ticket_of(back), head=head).status_code == 200
    assert session_of(house, someone) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"logoutRequest=",
        b"logoutRequest=%3Cx",
        b"logoutRequest=%FF%FE",
        b"logoutRequest=%3C!DOCTYPE+a+[%3C!ENTITY+b+SYSTEM+%22file:///etc/passwd%22%3E]%3E%3Ca%3E%26b;%3C/a%3E",
        b"ticket=ST-1",
        b"logoutRequest=" + b"a" * 70_000,
    ],
)
def test_a_single_logout_message_of_any_form_ends_nothing(house, person, content):
    someone = person(house, "s2023001")
    someone.sign_in("cas")
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = httpx.post(house.url + "/sign-in/cas/back", content=content, headers=kind)
    assert answer.status_code in (200, 413)
    assert session_of(house, someone) == ONE


def test_a_single_logout_message_defines_no_words_of_its_own(house, person):
    someone = person(house, "s2023001")
    back = someone.back("cas")
    someone.get(back)
    slo(house, "&t;", head=f'<!DOCTYPE a [<!ENTITY t "{ticket_of(back)}">]>')
    assert session_of(house, someone) == ONE


def test_signing_out_here_shows_the_way_out_of_the_university(house, person, university):
    someone = person(house, "s2023001")
    someone.sign_in("cas")
    asked = someone.home("/sign-out")
    csrf = re.search(r'name="csrf" value="([^"]+)"', asked.text)[1]
    page = someone.post(house.url + "/sign-out", data={"csrf": csrf}, headers={"origin": house.url})
    assert page.status_code == 200
    assert "统一身份认证仍处于登录状态" in page.text
    assert f'href="{university.cas}/logout?service=' in page.text
    assert session_of(house, someone) == ""
    # at the university nothing has ended yet, so the link is no ornament
    someone.get(someone.get(someone.leave("cas")).headers["location"])
    assert session_of(house, someone) == ONE


def test_one_address_cannot_make_us_ask_for_ever(own_house, person, monkeypatch):
    from booking.service.identity import Budget
    from booking.web import budgets

    monkeypatch.setattr(
        budgets, "UNIVERSITY_ADDRESS", Budget("university-address", 3, budgets.UNIVERSITY_ADDRESS.window)
    )
    someone = person(own_house, "s2023001")
    codes = []
    for _ in range(4):
        someone.leave("cas")
        codes.append(someone.get(f"{own_house.url}/sign-in/cas/back?ticket=ST-x").status_code)
    assert codes == [403, 403, 403, 429]


def test_sign_ins_are_counted_by_kind_and_outcome(own_house, person):
    local = {"reader": OTHER, "password": "wrong"}
    person(own_house, "s2023001").sign_in("cas")
    person(own_house, "s2099999").sign_in("cas")
    httpx.post(own_house.url + "/api/v1/session", json=local)
    httpx.post(own_house.url + "/api/v1/session", json=local | {"password": "correct horse"})
    counts = httpx.get(own_house.url + "/metrics").text
    for kind, outcome in (("cas", "ok"), ("cas", "university-only"), ("local", "sign-in-failed"), ("local", "ok")):
        assert f'seatgate_sign_ins_total{{kind="{kind}",outcome="{outcome}"}} 1.0' in counts
    assert 'seatgate_refusals_total{code="university-only"} 1.0' in counts


def test_what_is_not_set_up_is_not_there(house, person):
    someone = person(house, "s2023001")
    for path in ("/sign-in/oidc", "/sign-in/oidc/back", "/sign-in/saml", "/sign-in/CAS"):
        assert someone.get(house.url + path).status_code == 404, path
    assert someone.post(house.url + "/sign-in/oidc/over", data={"logout_token": "x"}).status_code == 404


def test_logs_name_nobody_in_full(house, person, caplog):
    caplog.set_level("INFO")
    someone = person(house, "s2023001")
    back = someone.back("cas")
    someone.get(back)
    person(house, "s2099999").sign_in("cas")
    mine = [record.getMessage() for record in caplog.records if record.name.startswith("booking")]
    assert "sign-in by cas: reader …01" in mine
    assert "sign-in by cas failed: university-only (reader …99)" in mine
    for line in mine:
        assert ONE not in line
        assert ticket_of(back) not in line
