"""Settings `[sign_in]`: the shipped ones change nothing; what cannot be meant is a sentence with the key that it is about."""

import pytest

from booking.settings import load_settings
from config import ConfigError

BASE = """
site = "config/sites/bjut.toml"
data = "/nowhere"
{top}
[broker]
password_file = "/nowhere/mqtt"
{more}
"""
HTTPS = 'production = true\npublic_url = "https://seat.example"\n'
CAS = '[sign_in.cas]\nserver = "{}"\n'
OIDC = '[sign_in.oidc]\nissuer = "{}"\nclient_id = "seats"\n'


@pytest.fixture
def load(tmp_path):
    def load_(more="", top=""):
        file = tmp_path / "booking.toml"
        file.write_text(BASE.format(top=top, more=more), encoding="utf-8")
        return load_settings(file)

    return load_


def test_without_a_word_there_are_local_accounts_alone(load):
    sign_in = load().sign_in
    assert (sign_in.local, sign_in.admit_unknown, sign_in.cas.server, sign_in.oidc.issuer) == (True, False, "", "")


def test_both_can_stand_beside_each_other(load):
    sign_in = load(CAS.format("https://cas.example/cas") + OIDC.format("https://id.example"), HTTPS).sign_in
    assert sign_in.cas.server == "https://cas.example/cas"
    assert sign_in.oidc.scopes == ["openid", "profile"]
    assert sign_in.cas.label["zh"] == "统一身份认证登录"


@pytest.mark.parametrize(
    ("more", "top", "sentence"),
    [
        ("[sign_in]\nlocal = false", "", "sign_in: nobody could sign in"),
        ('[sign_in]\nlocal = "no"', "", "sign_in.local: 'no' is not true or false"),
        ('[sign_in]\ntimeout = "0s"', "", "sign_in.timeout: more than nothing, at most 30s"),
        ('[sign_in]\ntimeout = "31s"', "", "sign_in.timeout: more than nothing, at most 30s"),
        ("[sign_in]\nlokal = true", "", "unknown key 'lokal', did you mean 'local'?"),
        (CAS.format("cas.example"), "", "sign_in.cas.server: is no address"),
        (CAS.format("ftp://cas.example"), "", "is no address"),
        (CAS.format("https://"), "", "is no address"),
        (CAS.format("https://cas.example/cas?x=1"), "", "is no address"),
        (CAS.format("https://me:secret@cas.example/"), "", "is no address"),
        (CAS.format("https://[cas"), "", "is no address"),
        (CAS.format("http://cas.example/cas"), HTTPS, "sign_in.cas.server: in production it begins with https://"),
        (OIDC.format("http://id.example"), HTTPS, "sign_in.oidc.issuer: in production it begins with https://"),
        ('[sign_in.oidc]\nissuer = "https://id.example"', "", "sign_in.oidc.client_id: the name under which"),
        ('[sign_in.oidc]\nclient_id = "x"', "", "sign_in.oidc.issuer: is missing"),
        (OIDC.format("https://id.example") + 'scopes = ["profile"]', "", '"openid" must be one of them'),
        (OIDC.format("https://id.example") + 'reader = ""', "", "sign_in.oidc.reader: the claim that holds"),
        (CAS.format("https://cas.example") + 'groups = "memberOf"', "", "groups (where a person's groups stand)"),
        (OIDC.format("https://id.example") + 'staff_groups = ["x"]', "", "sign_in.oidc: groups"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(load, more, top, sentence):
    with pytest.raises(ConfigError) as refused:
        load(more, top)
    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)
