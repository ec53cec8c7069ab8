"""Faces at a running library: a terminal that calls over HTTP, and two serial forms, check a reader in and mark one away."""

import json

import httpx
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey-faces")]

SECRET = "correct-horse-battery"
MARK = b"THIS-IS-THE-FACE-OF-A-READER"
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + MARK * 4000 + b"\xff\xd9"


@pytest.fixture(scope="module")
def address(free_port):
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def library(library_with, address, tmp_path_factory):
    """The north gate's first lane has a terminal that calls; at the south gate two speak on serial lines."""
    secret = tmp_path_factory.mktemp("secret") / "terminal"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    options = f'options = {{ secret_file = "{secret}", allow = ["127.0.0.1"], user = "north-face" }}\n'

    def at(site: str, portal: str, protocol: str, port: str = "", more: str = "") -> str:
        above, named, below = site.partition(f'id = "{portal}"\n')
        before, _, after = below.partition('protocol = "')
        _, _, after = after.partition('port = ""\n')
        return f'{above}{named}{before}protocol = "{protocol}"\nport = "{port}"\n{more}{after}'

    def change(site: str) -> str:
        site = at(site, "north-1", "face-push", address, options)
        return at(at(site, "south-1", "face-55aa"), "south-2", "face-line")

    return library_with(change, "south-1", "south-2")


@pytest.fixture
def push(address):
    """What a terminal sends of a person; returns the status."""

    def push(person: str, serial: int) -> int:
        event = {
            "dateTime": "2023-07-17T16:38:10+08:00",
            "eventType": "AccessControllerEvent",
            "AccessControllerEvent": {"majorEventType": 5, "subEventType": 75, "serialNo": serial, "doorNo": 1,
                                      "employeeNoString": person, "currentEvent": True, "picturesNumber": 1},
        }  # fmt: skip
        files = {
            "AccessControllerEvent": (None, json.dumps(event).encode(), "application/json"),
            "Picture": ("Picture.jpg", PICTURE, "image/jpeg"),
        }
        auth = httpx.DigestAuth("north-face", SECRET)
        return httpx.post(f"http://{address}/", files=files, auth=auth, timeout=30, trust_env=False).status_code

    return push


def test_a_terminal_that_calls_checks_a_reader_in_and_its_picture_is_nowhere(library, push, wait_for):
    reader = library.reader(0)
    booked = reader.reserve()
    assert push(reader.account["face"], 7) == 200
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the face checked the reader in")
    [record] = reader.passages()
    assert (record["portal"], record["kind"], record["effect"]) == ("north-1", "face", "checked-in")
    assert reader.told()[-1] == "checked-in"
    held = [file.name for file in library.data.rglob("*") if file.is_file() and MARK in file.read_bytes()]
    assert held == [], "in no file, no database and no log of any process"
    found = [file.name for file in library.data.rglob("*") if file.is_file() and b"north-1" in file.read_bytes()]
    assert found, "that the search reads what there is"


def frame(person: str, score: int, way: int) -> bytes:
    """55 AA, command 01, length, the person number in 16 bytes, score, direction, XOR: written without our codec."""
    data = person.encode().ljust(16, b"\0") + bytes([score, way])
    raw = b"\x55\xaa\x01" + len(data).to_bytes(2, "little") + data
    check = 0
    for byte in raw:
        check ^= byte
    return raw + bytes([check])


def test_two_serial_forms_check_in_and_mark_away_and_what_is_not_sure_does_neither(library, wait_for):
    reader, lines = library.reader(1), library.turnstiles
    face = reader.account["face"]
    booked = reader.reserve("2f-centre-066")
    lines["south-1"].write(frame(face, 40, 1))  # not sure enough
    lines["south-1"].write(b"\xff\xd8" + MARK * 30 + b"\xff\xd9")  # a picture on a serial line is noise
    lines["south-1"].write(frame(face, 93, 1))
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "in-use", "the face checked the reader in")
    lines["south-2"].write(f"FACE,{face},12,OUT\r\nFACE,STRANGER,99,OUT\r\n".encode())
    lines["south-2"].write(f"FACE,{face},88.5,OUT\r\n".encode())
    wait_for(lambda: reader.reservation(booked["id"])["status"] == "away", "the face marked the reader away")
    assert [(each["portal"], each["effect"]) for each in reader.passages()] == [
        ("south-1", "checked-in"),
        ("south-2", "stepped-away"),
    ]
    assert [file.name for file in library.data.rglob("*") if file.is_file() and MARK in file.read_bytes()] == []
