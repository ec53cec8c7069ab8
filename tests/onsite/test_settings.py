"""What `seatgate run` accepts, and the sentence for everything that it does not."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config import ConfigError
from onsite.errors import OnsiteError
from onsite.settings import check_ports, settings

SITE = """
id = "small"
name = { zh = "小馆", en = "Small library" }
timezone = "Asia/Shanghai"

[[venues]]
id = "library"
name = { zh = "图书馆", en = "Library" }
opens = "08:00"
closes = "22:00"

[[areas]]
id = "2f-centre"
name = { zh = "二层中厅", en = "2F Centre" }
venue = "library"
floor = 2
plan = "2f-centre.json"
"""


@pytest.fixture
def site_file(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    return file


def asked(site_file, *, data=None, now=None, host="127.0.0.1", **environment):
    return settings(site_file, data, now, host, environment)


def test_the_defaults(site_file):
    wanted = asked(site_file)
    assert (wanted.http_port, wanted.mqtt_port, wanted.url) == (8080, 1883, "http://127.0.0.1:8080")
    assert wanted.data == Path("var").resolve()
    assert wanted.database == str(wanted.data / "booking" / "seatgate.db")
    assert wanted.shift == timedelta()
    assert not wanted.windowed
    assert wanted.mqtt_tls_port is None


def test_a_port_for_other_machines(site_file):
    wanted = asked(site_file, SEATGATE_MQTT_TLS_PORT="8883")
    assert wanted.mqtt_tls_port == 8883
    assert wanted.broker_names[:2] == ("127.0.0.1", "localhost")


def test_the_environment_and_the_option_over_it(site_file, tmp_path):
    wanted = asked(
        site_file,
        data=tmp_path / "mine",
        SEATGATE_HTTP_PORT="9000",
        SEATGATE_MQTT_PORT="9001",
        SEATGATE_DATA="/elsewhere",
        SEATGATE_DATABASE="postgresql://somewhere/seats",
        WAYLAND_DISPLAY="wayland-0",
    )
    assert (wanted.http_port, wanted.mqtt_port) == (9000, 9001)
    assert wanted.data == tmp_path / "mine"
    assert wanted.database == "postgresql://somewhere/seats"
    assert wanted.windowed


@pytest.mark.parametrize("now", ["2023-07-17T16:38+08:00", "2023-07-17T16:38", "2023-07-17T08:38Z"])
def test_now_without_a_zone_is_the_sites_time(site_file, now):
    shift = asked(site_file, now=now).shift
    meant = datetime(2023, 7, 17, 8, 38, tzinfo=UTC)
    assert abs(datetime.now(UTC) + shift - meant) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"now": "yesterday"},
            "--now yesterday is not a time: write one like 2023-07-17T16:38 or 2023-07-17T16:38+08:00",
        ),
        ({"SEATGATE_HTTP_PORT": "http"}, "SEATGATE_HTTP_PORT=http is not a port: give a number from 1 to 65535"),
        ({"SEATGATE_MQTT_PORT": "65536"}, "SEATGATE_MQTT_PORT=65536 is not a port: give a number from 1 to 65535"),
        ({"SEATGATE_MQTT_TLS_PORT": "x"}, "SEATGATE_MQTT_TLS_PORT=x is not a port: give a number from 1 to 65535"),
        ({"SEATGATE_MQTT_PORT": "-1"}, "SEATGATE_MQTT_PORT=-1 is not a port: give a number from 1 to 65535"),
    ],
)
def test_a_bad_wish_is_answered_with_a_sentence(site_file, change, sentence):
    with pytest.raises(OnsiteError) as refused:
        asked(site_file, **change)
    assert str(refused.value) == sentence


def test_a_site_file_that_is_not_there(tmp_path):
    with pytest.raises(
        OnsiteError, match=r"there is no site file .*nowhere\.toml: give --site a path, or the name of one that ships"
    ):
        asked(tmp_path / "nowhere.toml")


def test_a_site_file_that_contradicts_itself(site_file):
    site_file.write_text(SITE.replace('venue = "library"', 'venue = "libary"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no venue 'libary', did you mean 'library'"):
        asked(site_file)


@pytest.mark.parametrize("variable", ["SEATGATE_HTTP_PORT", "SEATGATE_MQTT_PORT", "SEATGATE_MQTT_TLS_PORT"])
def test_a_taken_port_is_named_with_its_variable(site_file, free_port, variable):
    names = ("SEATGATE_HTTP_PORT", "SEATGATE_MQTT_PORT", "SEATGATE_MQTT_TLS_PORT")
    ports = {name: free_port() for name in names}
    wanted = asked(site_file, **{name: str(port) for name, port in ports.items()})
    check_ports(wanted)
    with socket.create_server(("127.0.0.1", ports[variable])):
        with pytest.raises(OnsiteError) as refused:
            check_ports(wanted)
        assert str(refused.value) == (
            f"port {ports[variable]} on 127.0.0.1 cannot be opened (Address already in use): "
            f"stop the program that has it, or choose another, for example {variable}={ports[variable] + 1}"
        )


def test_an_address_of_another_machine(site_file):
    with pytest.raises(OnsiteError, match=r"port 8080 on 192\.0\.2\.1 cannot be opened"):
        check_ports(asked(site_file, host="192.0.2.1"))
    with pytest.raises(OnsiteError, match="--host not an address is not an address of this machine"):
        check_ports(asked(site_file, host="not an address"))
