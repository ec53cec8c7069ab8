"""Signing in through a real OpenID provider, and what one that lies or errs can and cannot do."""

import base64
import hashlib
import json
import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwk, jwt

from booking.sso import contact
from booking.web.sessions import hash_of

ONE, CLIENT = "S2023001", "seatgate"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def session_of(house, someone):
    """Return who the service thinks this browser is; "" for nobody."""
    page = someone.get(house.url + "/me")
    found = re.search(r"S\d{7}|STAFF\d\d", page.text) if page.status_code == 200 else None
    return found[0] if found else ""


@pytest.fixture(scope="module")
def house(shared_library, oidc):
    return shared_library(**oidc())


# ---- the real provider -----------------------------------------------------------------------------------------------


def test_a_reader_signs_in_with_the_universitys_account(house, person):
    """「读者使用学校统一身份认证账号、密码登录」"""
    someone = person(house, "s2023001")
    page = someone.sign_in("oidc", next="/me")
    assert page.url.path == "/me"
    assert session_of(house, someone) == ONE


def test_the_way_there_is_bound_to_this_browser_and_proves_itself(house, person):
    someone, other = person(house, "s2023001"), person(house, "s2023001")
    asked = [parse_qs(urlsplit(one.leave("oidc")).query) for one in (someone, other)]
    for query in asked:
        assert query["response_type"] == ["code"]
        assert query["redirect_uri"] == [house.url + "/sign-in/oidc/back"]
        assert query["code_challenge_method"] == ["S256"]
        assert query["scope"] == ["openid profile"]
        assert "client_secret" not in query
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name][0]) >= 43
    cookie = someone.cookies["seatgate-try"]
    assert asked[0]["nonce"][0] not in cookie  # nothing of it stands in the browser


def test_a_code_counts_once(house, person, refusal):
    someone = person(house, "s2023001")
    back = someone.back("oidc")
    kept = someone.cookies["seatgate-try"]
    assert someone.get(back).status_code == 303
    again = httpx.get(back, headers={"accept": "text/html", "cookie": f"seatgate-try={kept}"})
    assert refusal(again) == "university-denied"


def test_a_code_of_another_browser_signs_nobody_in(house, person, refusal):
    someone, victim = person(house, "s2023001"), person(house, "S2023002")
    back = someone.back("oidc")
    victim.leave("oidc")
    assert refusal(victim.get(back)) == "university-denied"  # the state is the other's
    state = parse_qs(urlsplit(victim.leave("oidc")).query)["state"][0]
    code = parse_qs(urlsplit(back).query)["code"][0]
    answer = victim.get(f"{house.url}/sign-in/oidc/back?code={code}&state={state}")
    assert refusal(answer) == "university-denied"  # and so is the proof key


def test_without_a_try_in_this_browser_it_begins_anew(house, person, refusal):
    someone, victim = person(house, "s2023001"), person(house, "S2023002")
    assert refusal(victim.get(someone.back("oidc"))) == "sign-in-over"


def test_a_cookie_of_a_try_at_another_provider_is_none(open_library, cas, oidc, person, refusal):
    house = open_library(**cas(), **oidc())
    someone = person(house, "s2023001")
    back = someone.back("oidc")
    someone.leave("cas")
    assert refusal(someone.get(back)) == "sign-in-over"


def test_a_claim_that_only_userinfo_has_is_asked_for(open_library, oidc, person, refusal):
    house = open_library(
        admit_unknown=True, **oidc(reader="staff_number", groups="groups", staff_groups=["library-staff"])
    )
    someone = person(house, "t7")
    assert someone.sign_in("oidc").url.path == "/staff"
    assert house.reads.reader("STAFF07").name == "馆员乙"
    assert refusal(person(house, "s2023001").sign_in("oidc")) == "university-denied"  # has no staff number


def test_a_wrong_client_secret_is_our_fault_and_the_log_says_so(open_library, oidc, person, tmp_path, caplog, refusal):
    secret = tmp_path / "wrong"
    secret.write_text("wrong")
    secret.chmod(0o600)
    house = open_library(**oidc(client_secret_file=secret))
    assert refusal(person(house, "s2023001").sign_in("oidc")) == "university-down"
    assert "it does not take this service as it is set up: invalid_client" in caplog.text
    assert "wrong)" not in caplog.text


def test_signing_out_leads_to_the_providers_sign_out_and_back(house, person, university):
    someone = person(house, "s2023001")
    someone.sign_in("oidc")
    csrf = re.search(r'name="csrf" value="([^"]+)"', someone.home("/sign-out").text)[1]
    page = someone.post(house.url + "/sign-out", data={"csrf": csrf}, headers={"origin": house.url})
    way = re.search(rf'href="({re.escape(university.issuer)}/logout/[^"]+)"', page.text)[1].replace("&amp;", "&")
    back = someone.get(way)
    assert back.headers["location"] == house.url + "/sign-in"
    assert someone.get(someone.leave("oidc")).headers["location"].startswith("/login")  # a password is asked for again


def logout_token(university, someone_sub, **changes):
    now = int(time.time())
    claims = {
        "iss": university.issuer, "aud": CLIENT, "sub": someone_sub, "iat": now, "exp": now + 120, "jti": "j",
        "events": {EVENT: {}},
    } | changes  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def subject_of(house, someone):
    session = house.reads.vouched_session(hash_of(someone.cookies["seatgate"]))
    body = session.id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=="))["sub"]


def test_the_provider_ends_every_session_of_a_person(house, person, university):
    first, second, other = person(house, "s2023001"), person(house, "s2023001"), person(house, "S2023002")
    for someone in (first, second, other):
        someone.sign_in("oidc")
    token = university.signed(logout_token(university, subject_of(house, first)))
    answer = httpx.post(house.url + "/sign-in/oidc/over", data={"logout_token": token})
    assert answer.status_code == 200
    assert [session_of(house, someone) for someone in (first, second, other)] == ["", "", "S2023002"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "http://evil.example"},
        {"aud": "another"},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"events": None},
        {"events": {"other": {}}},
        {"events": [EVENT]},
        {"nonce": "an ID token is no logout token"},
        {"sub": None},
        {"sub": 7},
        {"sub": "nobody"},
    ],
)
def test_a_message_that_is_no_logout_token_ends_nothing(house, person, university, changes):
    someone = person(house, "s2023001")
    someone.sign_in("oidc")
    token = university.signed(logout_token(university, subject_of(house, someone), **changes))
    answer = httpx.post(house.url + "/sign-in/oidc/over", data={"logout_token": token})
    assert answer.status_code == (200 if changes == {"sub": "nobody"} else 400)
    assert session_of(house, someone) == ONE


@pytest.mark.parametrize("made", ["nothing", "junk", "long", "none", "other key", "hs256"])
def test_a_logout_token_that_the_provider_did_not_sign_ends_nothing(house, person, university, made):
    someone = person(house, "s2023001")
    someone.sign_in("oidc")
    claims = logout_token(university, subject_of(house, someone))
    public = jwk.RSAKey.import_key(university.key).as_pem(private=False)
    token = {
        "nothing": lambda: "",
        "junk": lambda: "a.b.c",
        "long": lambda: "a" * 20_000,
        "none": lambda: unsigned(claims),
        "other key": lambda: jwt.encode({"alg": "RS256"}, claims, jwk.RSAKey.generate_key(2048)),
        "hs256": lambda: shared(claims, public),
    }[made]()
    answer = httpx.post(house.url + "/sign-in/oidc/over", data={"logout_token": token})
    assert answer.status_code == 400
    assert session_of(house, someone) == ONE


# ---- a provider that lies --------------------------------------------------------------------------------------------


def encoded(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def unsigned(claims):
    return f"{encoded({'alg': 'none'})}.{encoded(claims)}."


def shared(claims, secret):
    """Return a token "signed" by HMAC with the public key: what a verifier that trusts `alg` takes for RS256's."""
    import hmac

    head = f"{encoded({'alg': 'HS256', 'kid': 'k1'})}.{encoded(claims)}"
    mac = hmac.digest(secret, head.encode(), hashlib.sha256)
    return f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.fixture(scope="module")
def lied_to(shared_library, running_provider):
    return shared_library(**running_provider.settings())


def test_what_this_provider_says_counts_when_it_is_right(lied_to, person, false_provider):
    """Else nothing below would show anything."""
    someone = person(lied_to, "")
    assert someone.get(false_provider.back_of(someone)).status_code == 303
    assert session_of(lied_to, someone) == ONE
    [form] = [form for path, form, _ in false_provider.asked if path == "/token"]
    assert form["code"] == "c"
    assert len(form["code_verifier"]) >= 43


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": ["seatgate", "another"]},
        {"aud": ["seatgate", "another"], "azp": "another"},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 99999999999},
        {"iat": None},
        {"nbf": 99999999999},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": 7},
        {"sub": "s" * 600},
        {"at_hash": "wrong"},
        {"preferred_username": None},
        {"preferred_username": ""},
        {"preferred_username": 2023001},
        {"preferred_username": ["s2023001"]},
        {"preferred_username": "s" * 65},
        {"preferred_username": "s2023001\u202e"},
        {"preferred_username": "s2023001 x"},
        {"preferred_username": "S9999999"},
    ],
)
def test_a_token_that_is_not_for_us_now_signs_nobody_in(lied_to, person, false_provider, claims, refusal):
    someone = person(lied_to, "")
    false_provider.claims = claims
    answer = someone.get(false_provider.back_of(someone))
    unknown = claims == {"preferred_username": "S9999999"}
    assert refusal(answer) == "university-only" if unknown else "university-denied"
    assert session_of(lied_to, someone) == ""


def tampered(token):
    head, body, mac = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"preferred_username": "STAFF01"}
    return f"{head}.{encoded(claims)}.{mac}"


@pytest.mark.parametrize(
    "made", ["none", "None", "tampered", "stripped", "other key", "own jwk", "jku", "hs256", "junk", "long", "int"]
)
def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(lied_to, person, false_provider, made, refusal):
    someone, lie = person(lied_to, ""), false_provider
    back = lie.back_of(someone)
    thief = jwk.RSAKey.generate_key(2048, {"kid": "k1"})
    good = lie.token()
    claims = json.loads(base64.urlsafe_b64decode(good.split(".")[1] + "=="))
    token = {
        "none": lambda: unsigned(claims),
        "None": lambda: f"{encoded({'alg': 'None'})}.{encoded(claims)}.",
        "tampered": lambda: tampered(good),
        "stripped": lambda: good.rpartition(".")[0] + ".",
        "other key": lambda: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, thief),
        "own jwk": lambda: jwt.encode({"alg": "RS256", "jwk": thief.as_dict(private=False)}, claims, thief),
        "jku": lambda: jwt.encode({"alg": "RS256", "kid": "k1", "jku": "http://evil.example/"}, claims, thief),
        "hs256": lambda: shared(claims, lie.key.as_pem(private=False)),
        "junk": lambda: "a.b.c",
        "long": lambda: "a" * 20_000,
        "int": lambda: 7,
    }[made]()
    lie.say["/token"] = {"access_token": "a", "token_type": "Bearer", "id_token": token}
    assert refusal(someone.get(back)) == "university-denied"
    assert session_of(lied_to, someone) == ""


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"access_token": "a", "token_type": "Bearer"}, "university-denied"),
        ((400, {"error": "invalid_grant"}), "university-denied"),
        ((400, {"error": "x" * 5000}), "university-denied"),
        ((401, {"error": "invalid_client"}), "university-down"),
        ((500, b"<h1>no</h1>"), "university-down"),
        ((200, b"not JSON"), "university-down"),
        ((200, b"[]"), "university-down"),
        ((302, b""), "university-down"),
        ((200, b'{"id_token": "' + b"a" * 300_000 + b'"}'), "university-down"),
    ],
)
def test_a_token_endpoint_that_answers_otherwise(lied_to, person, false_provider, said, code, refusal):
    someone = person(lied_to, "")
    false_provider.say["/token"] = said
    assert refusal(someone.get(false_provider.back_of(someone))) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": None}, "university-denied"),
        ({"state": "another"}, "university-denied"),
        ({"state": "ü"}, "university-denied"),
        ({"code": None}, "university-denied"),
        ({"code": "c" * 5000}, "university-denied"),
        ({"code": "c\x00"}, "university-denied"),
        ({"iss": "http://evil.example"}, "university-denied"),
        ({"error": "access_denied", "code": None}, "university-denied"),
        ({"error": "<script>alert(1)</script>", "code": None}, "university-denied"),
        ({"error": "temporarily_unavailable", "code": None}, "university-down"),
    ],
)
def test_a_way_back_of_any_other_form(lied_to, person, false_provider, changes, code, refusal):
    someone = person(lied_to, "")
    answer = someone.get(false_provider.back_of(someone, **changes))
    assert refusal(answer) == code
    assert "<script>alert" not in answer.text
    assert not any(path == "/token" for path, *_ in false_provider.asked)


def test_keys_that_change_are_fetched_again(open_library, person, false_provider, monkeypatch):
    from booking.sso import provider_facts

    house = open_library(**false_provider.settings())
    someone, later = person(house, ""), person(house, "")
    assert someone.get(false_provider.back_of(someone)).status_code == 303
    fresh = jwk.RSAKey.generate_key(2048, {"kid": "k2", "use": "sig"}, private=True)
    false_provider.key = false_provider.signed_with = fresh
    false_provider.header = {"kid": "k2"}
    assert later.get(false_provider.back_of(later)).status_code == 403  # fetched a moment ago
    monkeypatch.setattr(provider_facts, "KEYS_REST", 0.0)
    assert later.get(false_provider.back_of(later)).status_code == 303


def test_a_provider_that_is_none_is_said_on_our_page(open_library, person, false_provider, monkeypatch, refusal):
    monkeypatch.setattr(contact, "BAD_FOR", 0.0)
    house, lie = open_library(**false_provider.settings()), false_provider
    for said in (
        (404, b""),
        (200, b"<html>"),
        {"issuer": "http://evil.example"},
        {"issuer": None},
        {"issuer": lie.url, "authorization_endpoint": "javascript:x"},
        (301, b""),
        (200, b"{" + b" " * 300_000 + b"}"),
    ):
        lie.say["/.well-known/openid-configuration"] = said
        answer = person(house, "").get(house.url + "/sign-in/oidc")
        assert (refusal(answer), answer.status_code) == ("university-down", 503), said
    lie.become_honest()
    assert person(house, "").leave("oidc").startswith(lie.url)


def test_a_provider_without_https_endpoints_is_not_believed_when_it_has_https():
    from booking.sso.provider_facts import ProviderFacts
    from booking.sso.vouching import SsoDownError

    document = {
        "issuer": "https://id.example",
        "authorization_endpoint": "https://id.example/a",
        "token_endpoint": "http://id.example/t",
        "jwks_uri": "https://id.example/k",
    }
    with pytest.raises(SsoDownError, match="without https"):
        ProviderFacts.of(document, "https://id.example")
    document["token_endpoint"] = "https://id.example/t"
    assert ProviderFacts.of(document, "https://id.example").end_session_endpoint == ""


def test_the_providers_way_out_keeps_its_own_query(lied_to, person, false_provider):
    someone = person(lied_to, "")
    someone.get(false_provider.back_of(someone))
    csrf = re.search(r'name="csrf" value="([^"]+)"', someone.home("/sign-out").text)[1]
    page = someone.post(lied_to.url + "/sign-out", data={"csrf": csrf}, headers={"origin": lied_to.url})
    assert f'href="{false_provider.url}/bye?x=1&amp;client_id=seatgate' in page.text


def test_the_session_of_one_sign_in_is_ended_by_its_sid(lied_to, person, false_provider):
    first, second = person(lied_to, ""), person(lied_to, "")
    for someone, sid in ((first, "s-1"), (second, "s-2")):
        false_provider.claims = {"sid": sid}
        someone.get(false_provider.back_of(someone))
    false_provider.claims = {"sid": "s-1", "events": {EVENT: {}}, "jti": "j", "nonce": None}
    answer = httpx.post(lied_to.url + "/sign-in/oidc/over", data={"logout_token": false_provider.token()})
    assert answer.status_code == 200
    assert [session_of(lied_to, someone) for someone in (first, second)] == ["", ONE]
