"""Sessions that the university vouched for, in storage: opened, ended from there, gone with what they hang on."""

from datetime import timedelta

import pytest

from booking.domain.refusals import Refusal, RefusalCode
from booking.service.commands import CloseSession, Identified, Sweep
from booking.service.people import ImportReaders, ReaderRow
from booking.service.sso import EndVouched, OpenVouched

ONE, OTHER = "S001", "S002"


def token(number):
    return bytes([number]) * 32


@pytest.fixture
def open_session(desk, at):
    def open_(number, reader=ONE, now="08:00", **more):
        wish = {
            "kind": "cas", "name": "", "is_staff": False, "admit_unknown": False, "handle_hash": token(100 + number),
            "subject_hash": token(200), "csrf": "c", "expires_at": at(now) + timedelta(hours=12), "id_token": "jwt",
        }  # fmt: skip
        return desk.do(OpenVouched(at=at(now), reader=reader, token_hash=token(number), **(wish | more)))

    return open_


def is_open(desk, at, number, now="08:01"):
    return desk.reads.session(token(number), at(now)) is not None


def end(desk, at, **hashes):
    desk.do(EndVouched(at=at("08:02"), kind="cas", **({"handle_hash": None, "subject_hash": None} | hashes)))


def test_a_sign_in_is_ended_alone_and_a_person_everywhere(desk, at, open_session):
    for number in (1, 2, 3):
        assert open_session(number) == Identified(ONE)
    open_session(4, OTHER, subject_hash=token(201))
    assert desk.reads.has_vouched("cas", token(101), None)
    assert not desk.reads.has_vouched("oidc", token(101), None)
    end(desk, at, handle_hash=token(101))
    assert [is_open(desk, at, number) for number in (1, 2, 3, 4)] == [False, True, True, True]
    assert not desk.reads.has_vouched("cas", token(101), None)
    end(desk, at, subject_hash=token(200))
    assert [is_open(desk, at, number) for number in (1, 2, 3, 4)] == [False, False, False, True]
    ended = [line.subject for line in desk.reads.identity_audit() if line.action == "session-ended"]
    assert ended == [ONE] * 3


def test_a_message_that_names_nothing_ends_nothing(desk, at, open_session):
    open_session(1, handle_hash=None, subject_hash=None)
    end(desk, at)
    assert is_open(desk, at, 1)
    assert not desk.reads.has_vouched("cas", None, None)


def test_a_group_lifts_the_session_and_not_the_reader(desk, at, open_session):
    open_session(1, is_staff=True)
    open_session(2)
    roles = [desk.reads.session(token(number), at("08:01")).role for number in (1, 2)]
    assert roles == ["staff", "reader"]
    assert desk.reads.reader(ONE).role == "reader"


def test_somebody_new_is_admitted_only_when_wished_and_only_once(desk, at, open_session):
    assert open_session(1, "NEW1") == Refusal(RefusalCode.UNIVERSITY_ONLY)
    assert desk.reads.reader("NEW1") is None
    assert open_session(1, "NEW1", admit_unknown=True, name="新") == Identified("NEW1")
    assert open_session(2, "NEW1", admit_unknown=True, name="另") == Identified("NEW1")
    assert desk.reads.reader("NEW1").name == "新"
    assert open_session(3, "NEW2", admit_unknown=True) == Identified("NEW2")
    assert desk.reads.reader("NEW2").name == "NEW2"


def test_what_hangs_on_a_session_goes_with_it(desk, at, open_session):
    for number in (1, 2):
        open_session(number)
        assert desk.reads.vouched_session(token(number)).id_token == "jwt"
    desk.do(CloseSession(token_hash=token(1), at=at("08:01")))
    assert desk.reads.vouched_session(token(1)) is None
    desk.do(Sweep(at=at("20:01")))
    assert desk.reads.vouched_session(token(2)) is None


def test_who_is_taken_away_loses_the_session_and_gets_no_other(desk, at, open_session):
    open_session(1)
    rows = tuple(ReaderRow(line, f"S{line:03}", "n") for line in range(2, 40))
    assert desk.do(ImportReaders(at=at("08:01"), actor="test", rows=rows, complete=True)).applied
    assert desk.reads.vouched_session(token(1)) is None
    assert open_session(2, admit_unknown=True) == Refusal(RefusalCode.UNIVERSITY_ONLY)
    assert open_session(3, OTHER) == Identified(OTHER)
