"""People and cards through the running service: all or nothing, history kept, one holder at a time, by the holder then."""

import stat
import time

import pytest
from click.testing import CliRunner

from booking.local_call import FILE, offered
from booking.people_cli import credentials, readers
from booking.web.sessions import hash_of
from messages.access import CredentialKind

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"
CARD = "0006547886"
SETTINGS = """
site = "unused.toml"
data = "{data}"
[http]
host = "127.0.0.1"
port = 0
[broker]
host = "127.0.0.1"
port = 1883
username = "booking"
password_file = "{data}/unused"
"""


@pytest.fixture
def load(house, tmp_path):
    """`load(command, text, *options)`: run the console command against the running service."""
    settings = tmp_path / "booking.toml"
    settings.write_text(SETTINGS.format(data=tmp_path), encoding="utf-8")

    def run(command, text, *options):
        file = tmp_path / "people.csv"
        file.write_text(text, encoding="gb18030")
        return CliRunner().invoke(command, ["import", str(file), "--config", str(settings), *options])

    host, port = house.socket.getsockname()[:2]
    with offered(tmp_path, host, port) as access:
        object.__setattr__(house.context, "local_token_hash", hash_of(access.token))
        yield run


def holder(house, value, when):
    house.at(when)
    return house.reads.reader_of_card(CredentialKind.CARD, value, house.clock.now())


def test_new_readers_can_be_found_and_known_ones_keep_their_password(load, house, api):
    done = load(readers, "学号,姓名\nS2023001,林之夏\nS2023777,新同学\n")
    assert done.exit_code == 0, done.output
    assert "1 added, 1 changed" in done.output
    assert house.reads.reader(ONE).name == "林之夏"
    assert api(ONE).get("/api/v1/reservations").status_code == 200
    assert house.reads.reader("S2023777").role == "reader"
    assert "2 unchanged" in load(readers, "学号,姓名\nS2023001,林之夏\nS2023777,新同学\n").output
    line = house.reads.identity_audit()[0]
    assert (line.actor, line.action, line.facts["unchanged"]) == ("command on the server", "readers-imported", "2")


def test_one_bad_line_stops_everything_unless_it_is_skipped(load, house):
    text = "reader,name\nS2023777,A\n,B\nS2023778,C\n"
    done = load(readers, text)
    assert done.exit_code == 1
    assert "people.csv:3: reader is empty" in done.output
    assert "nothing was changed" in done.output
    assert house.reads.reader("S2023777") is None
    done = load(readers, text, "--skip-bad")
    assert (done.exit_code, house.reads.reader("S2023778").name) == (0, "C")
    assert "1 lines skipped" in done.output


def test_readers_who_are_missing_go_only_with_complete_and_keep_their_records(load, house, api):
    stay = api(OTHER).book().json()["id"]
    token = api(OTHER)
    text = "reader,name\nS2023001,林知夏\n"
    assert load(readers, text).exit_code == 0
    assert token.get("/api/v1/reservations").status_code == 200
    done = load(readers, text, "--complete")
    assert "1 gone" in done.output
    assert token.get("/api/v1/reservations").status_code == 401
    signing_in = api().post("/api/v1/session", json={"reader": OTHER, "password": "correct horse"})
    assert signing_in.json()["code"] == "sign-in-failed"
    assert house.reads.reader_of_card(CredentialKind.CARD, "0000000002", house.clock.now()) is None
    assert house.reads.reservation(OTHER, stay, house.clock.now()) is not None
    assert house.reads.reader(STAFF).role == "staff"
    assert load(readers, f"reader,name\n{OTHER},王小满\n").exit_code == 0
    assert api(OTHER).get(f"/api/v1/reservations/{stay}").status_code == 200


def test_a_complete_file_that_is_none_takes_nobody_away(load, house):
    many = "reader,name\n" + "".join(f"S3{n:06},x\n" for n in range(100))
    assert load(readers, many).exit_code == 0
    done = load(readers, "reader,name\nS2023001,林知夏\n", "--complete")
    assert done.exit_code == 1
    assert "101 of 102 readers are not in this file" in done.output
    assert house.reads.reader(OTHER) is not None
    assert load(readers, "reader,name\nS2023001,林知夏\n", "--complete", "--most", "1").exit_code == 0


def test_a_card_that_changes_hands_is_each_holders_in_their_time(load, house):
    """ "A card belongs to one reader at a time, with validity dates; an event uses the holder at `occurred_at`." """
    house.at("17:00")
    assert load(credentials, f"reader,value\n{OTHER},{CARD}\n").exit_code == 0
    assert holder(house, CARD, "16:59") == ONE
    assert holder(house, CARD, "17:00") == OTHER
    assert "1 unchanged" in load(credentials, f"reader,value\n{OTHER},{CARD}\n").output


def test_a_card_that_was_lost_ends(load, house):
    done = load(credentials, f"reader,value,valid_until\n{ONE},{CARD},2023-07-17T18:00:00+08:00\n")
    assert done.exit_code == 0, done.output
    assert (holder(house, CARD, "17:59"), holder(house, CARD, "18:00")) == (ONE, None)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("S9999999,77", "there is no reader S9999999"),
        (f"{OTHER},{CARD},2000-01-01", None),
        (f"{OTHER},12,2023-07-01,2023-07-02", None),
    ],
)
def test_what_the_store_knows_better_is_a_fault_of_the_line(load, house, line, problem):
    done = load(credentials, f"reader,value,valid_from,valid_until\n{line}{',' * (3 - line.count(','))}\n")
    assert (done.exit_code == 1) == (problem is not None), done.output
    assert (problem or "") in done.output


def test_a_card_is_never_two_peoples_at_once(load, house):
    text = "reader,value,valid_from,valid_until\n{},77,{},{}\n"
    assert load(credentials, text.format(ONE, "2023-08-01", "2023-09-01")).exit_code == 0
    done = load(credentials, text.format(OTHER, "2023-07-20", "2023-08-02"))
    assert done.exit_code == 1
    assert "belongs to somebody else from that time on" in done.output
    assert load(credentials, text.format(OTHER, "2023-07-20", "2023-08-01")).exit_code == 0
    assert load(credentials, text.format(OTHER, "2023-07-20", "2023-08-02")).exit_code == 1


def test_twenty_thousand_readers_and_cards_take_seconds(load, house):
    people = "reader,name\n" + "".join(f"S4{n:06},读者{n}\n" for n in range(20_000))
    cards = "reader,value\n" + "".join(f"S4{n:06},{n + 10_000_000}\n" for n in range(20_000))
    began = time.monotonic()
    done = load(readers, people)
    assert "applying 20000 lines" in done.output
    assert "20000 added" in done.output
    assert "20000 added" in load(credentials, cards).output
    assert time.monotonic() - began < 50
    assert holder(house, "0010019999", "16:38") == "S4019999"


def test_only_staff_and_this_machine_may_import(load, api, browser, house, tmp_path):
    path, body = "/staff/imports/readers", b"reader,name\nS7,x\n"
    assert api().post(path, content=body).status_code == 401
    assert api(ONE).post(path, content=body).json()["code"] == "forbidden"
    wrong = api()
    wrong.headers["authorization"] = "Bearer wrong"
    assert wrong.post(path, content=body).status_code == 401
    assert api(STAFF).post(path, content=body).status_code == 200
    assert house.reads.identity_audit()[0].actor == f"staff {STAFF}"
    assert browser(STAFF).post(path, content=body).status_code == 403  # a cookie without our Origin
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_without_a_running_service_the_command_says_what_to_do(tmp_path):
    settings = tmp_path / "booking.toml"
    settings.write_text(SETTINGS.format(data=tmp_path / "data"), encoding="utf-8")
    file = tmp_path / "people.csv"
    file.write_text("reader,name\n", encoding="utf-8")
    done = CliRunner().invoke(readers, ["import", str(file), "--config", str(settings)])
    assert done.exit_code == 1
    assert "must be running" in done.output
    with offered(tmp_path / "data", "127.0.0.1", 9):
        done = CliRunner().invoke(readers, ["import", str(file), "--config", str(settings)])
    assert "does not answer" in done.output
    assert not (tmp_path / "data" / FILE).exists()
