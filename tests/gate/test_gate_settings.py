"""Settings and lanes: the shipped defaults, and a sentence for whatever does not fit."""

from datetime import timedelta

import pytest

from config import ConfigError, shipped
from gate.settings import load_lanes, load_settings

OWN = """
gate = "{gate}"
site = "{site}"
data = "/tmp/x"
booking_url = "http://127.0.0.1:8080"
[broker]
host = "127.0.0.1"
port = 1883
username = "gate-south"
password_file = "/tmp/x"
[ports]
{ports}
"""
BOTH = 'south-1 = "/dev/ttyUSB0"\nsouth-2 = "/dev/ttyUSB1"'


@pytest.fixture
def settings(tmp_path):
    def settings(gate="south", ports=BOTH, site=None, more=""):
        site = site or shipped("sites", "bjut.toml")
        (tmp_path / "gate.toml").write_text(more + OWN.format(gate=gate, site=site, ports=ports))
        return load_settings(tmp_path / "gate.toml")

    return settings


def test_defaults_are_those_of_the_shipped_file(settings):
    loaded = settings()
    assert loaded.repeat_quiet == timedelta(milliseconds=500)
    assert loaded.keep_acknowledged_days == 7


def test_lanes_follow_from_site_and_ports(settings):
    site, lanes = load_lanes(settings())
    assert site.id == "bjut"
    assert [(lane.portal.id, lane.device, lane.family.serial.baud) for lane in lanes] == [
        ("south-1", "/dev/ttyUSB0", 9600),
        ("south-2", "/dev/ttyUSB1", 9600),
    ]


def test_every_bad_key_is_reported_at_once(settings):
    with pytest.raises(ConfigError) as failure:
        settings(more='repeat_quite = "1s"\nkeep_acknowledged_days = "7"\nlog_level = 3\n')
    assert len(failure.value.problems) == 3
    assert "did you mean 'repeat_quiet'?" in str(failure.value)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("keep_acknowledged_days = 0\n", "keep_acknowledged_days"),
        ('log_level = "loud"\n', "log_level"),
        ('repeat_quiet = "500"\n', "repeat_quiet: '500' is not a duration"),
        ('repeat_quiet = "1h"\n', "repeat_quiet must be at most 5min"),
    ],
)
def test_a_bad_value_names_its_key(settings, more, sentence):
    with pytest.raises(ConfigError, match=sentence):
        settings(more=more)


@pytest.mark.parametrize(
    ("gate", "ports", "sentence"),
    [
        ("east", BOTH, "has no gate 'east': there are south, north"),
        ("south", "", "portal 'south-1' of gate 'south' has no port: name its device"),
        ("south", BOTH + '\nsouth-9 = "/dev/x"', "has no portal 'south-9'"),
    ],
)
def test_what_does_not_fit_the_site_is_a_sentence(settings, gate, ports, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load_lanes(settings(gate, ports))


def test_a_description_of_ones_own_lies_beside_the_site_file(settings, tmp_path):
    site = shipped("sites", "bjut.toml").read_text(encoding="utf-8").replace('"rdm6300"', '"mine.toml"')
    (tmp_path / "site.toml").write_text(site, encoding="utf-8")
    own = settings(site=tmp_path / "site.toml")
    with pytest.raises(ConfigError, match=r"mine\.toml: there is no such file"):
        load_lanes(own)
    source = shipped("protocols", "rdm6300.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(source.replace("9600", "19200"), encoding="utf-8")
    assert load_lanes(own)[1][0].family.serial.baud == 19200
