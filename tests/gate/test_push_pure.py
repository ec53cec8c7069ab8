"""Face terminals that call, without a socket: bodies in any pieces, events, who calls, what was told before."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.values import Secret
from gate.push import doorman as doors
from gate.push import told
from gate.push.doorman import Auth, Doorman, Refused, Terminal
from gate.push.parts import EVENT_BYTES, BadBody, EventBody
from gate.push.serials import MOST_REMEMBERED, Serials
from messages.access import AlarmKind, Credential, CredentialKind
from wire.meanings import Says
from wire.reads import Alarm, Read, Remark

PICTURE = b"\xff\xd8\xff\xe0PICTURE-OF-A-FACE\r\n--wall\r\x00\xff\xd9"
EVENT = b'{"eventType":"AccessControllerEvent"}'
FORM = 'multipart/form-data; boundary="wall"'


def part(headers: bytes, content: bytes) -> bytes:
    return b"--wall\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


NAMED = b'Content-Disposition: form-data; name="event_log"'
AS_JSON = NAMED + b"\r\nContent-Type: application/json; charset=utf-8"
JPEG = b'Content-Disposition: form-data; name="Picture"; filename="Picture.jpg"\r\nContent-Type: image/jpeg'
END = b"--wall--\r\n"


def read(content_type: str, *pieces: bytes) -> bytes | BadBody:
    body = EventBody(content_type)
    for piece in pieces:
        body.feed(piece)
    return body.finish()


# ---- bodies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        part(AS_JSON, EVENT) + END,
        part(AS_JSON, EVENT) + part(JPEG, PICTURE) + END,
        part(JPEG, PICTURE) + part(JPEG, PICTURE) + part(AS_JSON, EVENT) + END,
        part(NAMED, EVENT) + part(JPEG, PICTURE) + END,
        part(AS_JSON, EVENT) + part(AS_JSON, b'{"second": 1}') + END,
    ],
)
def test_the_event_is_taken_whole_byte_by_byte_and_split_everywhere(content):
    assert read(FORM, content) == EVENT
    assert read(FORM, *(content[at : at + 1] for at in range(len(content)))) == EVENT
    for at in range(len(content)):
        assert read(FORM, content[:at], content[at:]) == EVENT


def test_a_body_may_be_the_event_itself():
    assert read("application/json; charset=UTF-8", EVENT[:5], EVENT[5:]) == EVENT


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("", EVENT, 415),
        ("application/xml", b"<EventNotificationAlert/>", 415),
        ("multipart/form-data", part(AS_JSON, EVENT) + END, 415),
        ("multipart/form-data; boundary=" + "w" * 300, b"", 400),
        (FORM, b"", 400),
        (FORM, b"no parts at all", 400),
        (FORM, part(AS_JSON, EVENT), 400),  # cut off before the end
        (FORM, part(JPEG, PICTURE) + END, 400),  # a picture and no event
        (FORM, part(AS_JSON, b"x" * (EVENT_BYTES + 1)) + END, 413),
        (FORM, part(JPEG, b"") * 17 + part(AS_JSON, EVENT) + END, 413),
        (FORM, part(b"X" * 9000 + b": y", EVENT) + END, 400),
        (FORM, part(b"\r\n".join(b"X-%d: y" % n for n in range(50)), EVENT) + END, 400),
        ("application/json", b"x" * (EVENT_BYTES + 1), 413),
        ("application/json", b"", 400),
    ],
)
def test_a_body_that_is_none_is_a_sentence_without_a_byte_of_it(content_type, content, status):
    found = read(content_type, content)
    assert isinstance(found, BadBody)
    assert (found.status, "PICTURE" in found.sentence) == (status, False)


def test_of_a_picture_nothing_is_kept_however_long_it_is():
    body = EventBody(FORM)
    body.feed(part(JPEG, PICTURE)[:-2])
    for _ in range(200):
        body.feed(b"\xff\xd8" * 20_000)
    kept = [value for value in vars(body).values() if isinstance(value, bytes | bytearray)]
    assert sum(map(len, kept)) < 200
    body.feed(b"\r\n" + part(AS_JSON, EVENT) + END)
    assert body.finish() == EVENT


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    pieces=st.lists(
        st.binary(max_size=80) | st.sampled_from([b"--wall\r\n", b"\r\n\r\n", AS_JSON, END, EVENT]), max_size=30
    )
)
def test_no_body_is_an_exception_and_none_depends_on_its_pieces(pieces):
    found = [read(FORM, *pieces), read(FORM, b"".join(pieces))]
    # Which of two faults is met first may differ; what is taken may not.
    assert all(isinstance(each, BadBody) for each in found) or found[0] == found[1]


# ---- events ------------------------------------------------------------------------------------------------------------


def event(code="5/75", **more) -> bytes:
    major, _, minor = code.partition("/")
    inner = {"majorEventType": int(major), "subEventType": int(minor), "serialNo": 7, "currentEvent": True} | more
    return json.dumps(
        {
            "ipAddress": "10.0.0.9",
            "eventType": "AccessControllerEvent",
            "dateTime": "2023-07-17T16:38:00+08:00",
            "AccessControllerEvent": inner,
        }
    ).encode()


def said(content: bytes, *, kept=False):
    return told.said_in(told.notice_of(content).event, told.Codes(), kept=kept)


ANN = Credential(CredentialKind.FACE, "S202304125")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (event(employeeNoString="s202304125", name="Lin", cardNo="1"), Read(ANN)),
        (event("5/77", employeeNoString="S202304125"), Read(ANN)),
        (event("5/76", employeeNoString="S202304125"), Remark(Says.STRANGER)),
        (event(employeeNoString=""), Remark(Says.STRANGER)),
        (event("5/1", cardNo="6547886"), Read(Credential(CredentialKind.CARD, "0006547886"))),
        (event("5/1"), Remark(Says.NOTHING)),
        (event("5/27"), Alarm(AlarmKind.FORCED, active=True)),
        (event("5/28"), Alarm(AlarmKind.HELD, active=True)),
        (event("1/1028"), Alarm(AlarmKind.TAMPER, active=True)),
        (event("1/1029"), Alarm(AlarmKind.TAMPER, active=False)),
        # From pergolafabio/Hikvision-Addons#177: door unlocked, which is nothing to us.
        (event("5/21", doorNo=1, serialNo=257, frontSerialNo=256, hasRecord=False), Remark(Says.NOTHING)),
    ],
)
def test_what_a_terminal_says(content, expected):
    """Face values are person numbers"""
    assert said(content) == expected


def test_what_was_kept_is_no_alarm_of_now_and_says_that_it_was_kept():
    assert said(event("5/27"), kept=True) == Remark(Says.NOTHING)
    assert said(event(employeeNoString="S202304125"), kept=True) == Read(ANN, kept=True)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"eventType": 5}', event(serialNo=-1), event(serialNo=2**40), event(serialNo="7"),
     event(employeeNoString="x" * 65), event(doorNo=1.5), event(majorEventType=True), EVENT.replace(b"Acc", b"\x00")],
)  # fmt: skip
def test_hostile_events_are_a_sentence(content):
    with pytest.raises(ValueError, match="not the JSON that terminals send"):
        told.notice_of(content)


@pytest.mark.parametrize("person", ["a b", "学号", "\x00", "x\n"])
def test_what_is_no_person_number_is_refused(person):
    with pytest.raises(ValueError, match="visible characters"):
        said(event(employeeNoString=person))


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59", "2023-13-01"])
def test_a_time_that_is_none_is_none(text):
    assert told.moment(text, None) is None


# ---- who calls -----------------------------------------------------------------------------------------------------------

HERE, AWAY = ip_address("10.3.4.17"), ip_address("10.3.4.18")
SECRET = "correct-horse-battery"


def terminal(user="north-1", auth=Auth.DIGEST, allow="10.3.4.17", secret=SECRET):
    return Terminal(user, Secret(secret), auth, (ip_network(allow),), {0: user})


TERMINALS = [
    terminal(),
    terminal("desk", Auth.BASIC, secret="another-long-secret"),
    terminal("tok", Auth.TOKEN, secret="token-of-a-terminal"),
]


@pytest.fixture
def doorman():
    return Doorman(TERMINALS, b"k" * 32)


def digest(doorman, now=0.0, *, user="north-1", secret=SECRET, uri="/push", nc="00000001", nonce=None, **over):
    challenge = doorman.challenges(Refused.UNSIGNED, now)[0]
    nonce = nonce or challenge.partition('nonce="')[2].partition('"')[0]

    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    response = md5(":".join([md5(f"{user}:seatgate:{secret}"), nonce, nc, "abc", "auth", md5(f"POST:{uri}")]))
    values = {
        "username": user,
        "realm": "seatgate",
        "nonce": nonce,
        "uri": uri,
        "response": response,
        "cnonce": "abc",
    } | over
    return "Digest " + ", ".join([f'{key}="{value}"' for key, value in values.items()] + [f"nc={nc}", "qop=auth"])


def basic(user, secret):
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def check(doorman, signed, *, address=HERE, now=1.0, target="/push"):
    found = doorman.check("POST", target, signed, address, now)
    return found.user if isinstance(found, Terminal) else found


def test_each_terminal_says_who_it_is_in_its_own_way(doorman):
    assert check(doorman, digest(doorman)) == "north-1"
    assert check(doorman, basic("desk", "another-long-secret")) == "desk"
    assert check(doorman, "Bearer token-of-a-terminal") == "tok"
    assert len(doorman.challenges(Refused.UNSIGNED, 0)) == 3


@pytest.mark.parametrize(
    ("signed", "refused"),
    [
        (lambda _d: "", Refused.UNSIGNED),
        (lambda _d: "Digest", Refused.WRONG),
        (lambda _d: "Digest username=", Refused.WRONG),
        (lambda _d: "Basic ", Refused.WRONG),
        (lambda _d: "Basic !!!", Refused.WRONG),
        (lambda _d: "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), Refused.WRONG),
        (lambda _d: "Bearer", Refused.WRONG),
        (lambda _d: "Negotiate abc", Refused.WRONG),
        (lambda d: digest(d, secret="wrong"), Refused.WRONG),
        (lambda d: digest(d, user="nobody"), Refused.WRONG),
        (lambda d: digest(d, uri="/other"), Refused.WRONG),
        (lambda d: digest(d, realm="elsewhere"), Refused.WRONG),
        (lambda d: digest(d, nonce="0" * 56), Refused.STALE),  # signed with the secret, but no nonce of ours
        (lambda d: digest(d, nonce="short"), Refused.WRONG),
        (lambda d: digest(d, nc="0"), Refused.STALE),
        (lambda d: digest(d, nc="zz"), Refused.WRONG),
        (lambda d: digest(d, now=-301.0), Refused.STALE),
        (lambda _d: basic("desk", "wrong"), Refused.WRONG),
        (lambda _d: basic("north-1", SECRET), Refused.WRONG),  # a digest's secret is never sent
        (lambda _d: f"Bearer {SECRET}", Refused.WRONG),
    ],
)
def test_whoever_does_not_prove_it_is_refused(doorman, signed, refused):
    assert check(doorman, signed(doorman)) is refused


def test_a_digest_counts_once_and_its_next_count_once_more(doorman):
    signed = digest(doorman)
    nonce = signed.partition('nonce="')[2].partition('"')[0]
    assert [check(doorman, signed) for _ in range(2)] == ["north-1", Refused.STALE]
    assert check(doorman, digest(doorman, nonce=nonce, nc="00000002")) == "north-1"
    assert "stale=true" in doorman.challenges(Refused.STALE, 0)[0]


def test_the_right_secret_from_another_address_is_none(doorman):
    assert check(doorman, basic("desk", "another-long-secret"), address=AWAY) is Refused.ADDRESS
    assert (doorman.may_call(HERE), doorman.may_call(AWAY)) == (True, False)


def test_guessing_ends_after_some_tries_and_begins_anew_a_minute_later(doorman):
    for _ in range(doors.TRIES_A_MINUTE):
        assert check(doorman, basic("desk", "guess")) is Refused.WRONG
    assert check(doorman, basic("desk", "another-long-secret")) is Refused.TOO_MANY
    assert check(doorman, "") is Refused.UNSIGNED, "a terminal that begins a digest is still heard"
    assert check(doorman, basic("desk", "another-long-secret"), now=62.0) == "desk"


# ---- what was told before ------------------------------------------------------------------------------------------------

NOW = datetime.fromisoformat("2023-07-17T16:38:00+08:00")


def notice(serial, front=None, *, current=True, at="2023-07-17T16:38:00+08:00"):
    content = json.loads(event(serialNo=serial, currentEvent=current))
    content["dateTime"] = at
    if front is not None:
        content["AccessControllerEvent"]["frontSerialNo"] = front
    return told.notice_of(json.dumps(content).encode())


def test_what_was_taken_is_a_repeat_also_after_a_restart_but_not_after_a_reset_of_the_terminal():
    serials = Serials()
    assert not serials.is_repeat(notice(7))
    serials.taken(notice(7))
    again = Serials(serials.kept())
    assert (again.is_repeat(notice(7)), again.repeats) == (True, 1)
    assert not again.is_repeat(notice(7, at="2023-07-18T08:00:00+08:00"))
    assert "S2023" not in str(again.kept())


def test_memory_of_what_was_told_is_bounded():
    serials = Serials()
    for serial in range(2 * MOST_REMEMBERED):
        serials.taken(notice(serial))
    assert len(serials.kept().told) == MOST_REMEMBERED


def test_a_gap_is_what_lies_between_the_last_and_the_one_before_this():
    serials = Serials()
    assert serials.gap(notice(7, 6)) == 0, "before the first nothing can be missing"
    serials.taken(notice(7, 6))
    assert serials.gap(notice(8, 7)) == 0
    assert (serials.gap(notice(12, 11)), serials.missing) == (4, 4)
    assert serials.gap(notice(3, 2)) == 0, "a terminal that was reset"
    assert serials.gap(notice(30, 29, current=False)) == 0, "what it kept comes in an order of its own"


def test_what_is_old_is_late_and_dated_by_the_terminals_clock_as_far_as_that_is_known():
    serials, ten = Serials(), timedelta(seconds=10)
    hour_ahead = NOW + timedelta(hours=1)
    assert not serials.is_late(notice(1), hour_ahead, NOW, ten)
    serials.heard_live(hour_ahead, NOW)
    assert serials.ahead == timedelta(hours=1)
    later = NOW + timedelta(minutes=30)
    assert serials.is_late(notice(2), hour_ahead, later, ten), "sent at once half an hour ago, and heard only now"
    assert serials.is_late(notice(3, current=False), later, later, ten)
    assert serials.happened(hour_ahead, later) == NOW
    # "Reject device timestamps reset to 2000-01-01"; and nothing comes from the future
    assert serials.happened(datetime.fromisoformat("2000-01-01T00:00:00+08:00"), later) is None
    assert serials.happened(later + timedelta(hours=2), later) is None
    assert serials.happened(None, later) is None
