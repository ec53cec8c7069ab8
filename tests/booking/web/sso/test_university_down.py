"""The university's sign-in is slow or gone: who is signed in stays so, the page says why, everything else answers.

Row 12 of the fault matrix: "SSO slow or down".
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from booking.sso import contact
from booking.sso.settings import CasSettings, OidcSettings
from booking.sso.vouching import Kind, SsoDownError

ONE, OTHER = "S2023001", "S2023002"
LOCAL = {"reader": OTHER, "password": "correct horse"}
SHORT = timedelta(milliseconds=300)


@pytest.fixture
def library(open_library, valve):
    """`library(timeout)`: a service whose way to the CAS server is the valve."""
    return lambda timeout=SHORT, **more: open_library(timeout=timeout, cas=CasSettings(valve.url + "/cas"), **more)


def reserved(house, client):
    """Book a seat from now on; the reservation's id."""
    now = house.clock.now().astimezone(house.site.timezone)
    end = (now + timedelta(hours=3)).replace(minute=0, second=0)
    made = client.book(end=end.isoformat())
    assert made.status_code == 201, made.text
    return made.json()["id"]


def come_back(house, someone, ticket="ST-1"):
    """Come back from the CAS server with some ticket, as one who set out from here."""
    university = house.app.state.university
    someone.cookies.set("seatgate-try", university.seal(university.begin(Kind.CAS, "/")), domain="127.0.0.1")
    return someone.get(f"{house.url}/sign-in/cas/back?ticket={ticket}")


@pytest.mark.parametrize("mode", ["swallow", "drop", "drip", "drip-head", "closed"])
def test_the_page_says_why_and_what_to_do(library, valve, person, refusal, mode):
    house = library()
    if mode == "closed":
        valve.shut()
    else:
        valve.mode = mode
    someone = person(house, "s2023001")
    answer = someone.get(house.url + "/sign-in/cas?next=/me")
    assert (refusal(answer), answer.status_code) == ("university-down", 503)
    assert "学校统一身份认证暂时没有响应。已登录的读者不受影响，座位和签到照常。请一分钟后重试。" in answer.text
    assert "有图书馆密码的读者可在下方登录。" in answer.text
    assert 'href="/sign-in/cas?next=/me"' in answer.text
    someone.get(house.url + "/language/en")
    english = someone.get(house.url + "/sign-in/cas")
    assert "The university's sign-in does not answer at the moment." in english.text.replace("&#39;", "'")
    landed = someone.post(house.url + "/sign-in", data=LOCAL | {"next": "/me"}, headers={"origin": house.url})
    assert landed.headers["location"] == "/me"


def test_without_passwords_of_ours_the_page_offers_none(library, valve, person, refusal):
    house = library(local=False)
    valve.mode = "swallow"
    answer = person(house, "s2023001").get(house.url + "/sign-in/cas")
    assert refusal(answer) == "university-down"
    assert "有图书馆密码" not in answer.text
    assert 'name="password"' not in answer.text


@pytest.mark.parametrize("mode", ["swallow", "drop", "drip", "drip-head"])
def test_a_server_that_goes_away_halfway_signs_nobody_in(library, valve, person, refusal, mode):
    house = library()
    someone = person(house, "s2023001")
    back = someone.back("cas")
    valve.mode = mode
    assert refusal(someone.get(back)) == "university-down"
    valve.mode = "open"
    assert someone.sign_in("cas").url.path == "/areas"


def test_who_is_signed_in_stays_so_and_everything_else_answers(library, valve, person, api_of, browser_of, wait_for):
    """Three dozen readers wait for a server that never answers; meanwhile seats are booked and checked in."""
    house = library(timeout=timedelta(seconds=25))
    before = person(house, "s2023001")
    before.sign_in("cas")
    valve.mode = "swallow"
    lost = [person(house, f"s{n}") for n in range(36)]
    with ThreadPoolExecutor(36) as pool:
        waiting = [pool.submit(come_back, house, someone) for someone in lost]
        wait_for(lambda: valve.swallowed >= 16, "every thread waits for the server")
        assert httpx.get(house.url + "/healthz").status_code == 200
        assert before.get(house.url + "/me").status_code == 200
        client = api_of(house, OTHER)  # a password of ours
        stay = reserved(house, client)
        phone = browser_of(house, OTHER)
        asked = phone.get(f"/c/{house.code()}")
        assert "/check-in" in str(asked.url)
        assert phone.submit(asked, "/check-in").status_code == 200
        assert client.get(f"/api/v1/reservations/{stay}").json()["status"] == "in-use"
        assert not any(one.done() for one in waiting)
        assert valve.swallowed == 16  # bounded: the others wait for their turn
        valve.mode = "drop"
        valve.released.set()
        assert {one.result(30).status_code for one in waiting} == {503}
    valve.mode = "open"
    assert person(house, "s2023001").sign_in("cas").url.path == "/areas"


def test_a_way_back_waits_for_its_turn_no_longer_than_for_an_answer(library, valve, person, refusal):
    """The slots are taken by a server that drips for ever: who comes next is told, not kept."""
    house = library(timeout=timedelta(milliseconds=100))
    valve.mode = "drip-head"
    with ThreadPoolExecutor(20) as pool:
        many = [person(house, "s2023001") for _ in range(20)]
        answers = list(pool.map(lambda someone: come_back(house, someone), many))
    assert {refusal(answer) for answer in answers} == {"university-down"}


@pytest.mark.parametrize("ticket", ["", "S" * 513, "ST-%26service%3Dhttp://evil.example", "ST-1%0A"])
def test_what_no_server_gives_is_no_question_to_one(library, valve, person, refusal, ticket):
    house = library()
    valve.mode = "swallow"
    assert refusal(come_back(house, person(house, ""), ticket)) == "university-denied"
    assert valve.swallowed == 0


def test_signing_out_does_not_wait_for_a_provider_that_is_gone(open_library, false_provider, person):
    house = open_library(timeout=SHORT, **false_provider.settings())
    someone = person(house, "")
    assert someone.get(false_provider.back_of(someone)).status_code == 303
    asked = someone.get(house.url + "/sign-out").text
    csrf = asked.partition('name="csrf" value="')[2].partition('"')[0]
    false_provider.say["/.well-known/openid-configuration"] = (500, b"")
    page = someone.post(house.url + "/sign-out", data={"csrf": csrf}, headers={"origin": house.url})
    assert page.status_code == 200
    assert someone.get(house.url + "/me").status_code == 303


def test_a_provider_that_was_never_reached_is_said_to_be_away(open_library, valve, person, false_provider):
    house = open_library(timeout=SHORT, oidc=OidcSettings(valve.url, "seatgate"))
    valve.mode = "swallow"
    answer = httpx.post(house.url + "/sign-in/oidc/over", data={"logout_token": "a.b.c"})
    assert answer.status_code == 400
    assert person(house, "").get(house.url + "/sign-in/oidc").status_code == 503


# ---- what is remembered of a server ----------------------------------------------------------------------------------


class Hands:
    """A clock and a server of a test's own."""

    def __init__(self):
        self.at, self.asked, self.down = 0.0, 0, False

    def ask(self):
        self.asked += 1
        if self.down:
            raise SsoDownError("gone")
        return self.asked


def test_a_server_is_asked_once_a_minute_and_a_failure_counts_for_a_few_seconds():
    hands = Hands()
    known = contact.Contact(hands.ask, lambda: hands.at)
    assert [known.now(), known.now()] == [1, 1]
    hands.at, hands.down = contact.GOOD_FOR, True
    for _ in range(3):
        with pytest.raises(SsoDownError, match="gone"):
            known.now()
    assert hands.asked == 2
    assert known.lately() == 1
    hands.at, hands.down = contact.GOOD_FOR + contact.BAD_FOR, False
    assert known.now() == 3


def test_an_api_client_is_told_which_sign_ins_there_are(open_library, university, cas, oidc):
    house = open_library(local=False, **cas(), **oidc())
    answer = httpx.post(house.url + "/api/v1/session", json=LOCAL)
    assert answer.status_code == 403
    told = answer.json()
    assert told["code"] == "sign-in-elsewhere"
    assert [(one["kind"], one["url"]) for one in told["sign_ins"]] == [
        ("cas", house.url + "/sign-in/cas"),
        ("oidc", house.url + "/sign-in/oidc"),
    ]
    assert told["sign_ins"][0]["label"]["zh"] == "统一身份认证登录"
    page = httpx.post(house.url + "/sign-in", data=LOCAL, headers={"accept": "text/html", "origin": house.url})
    assert page.status_code == 403
    assert "不保存密码" in page.text
