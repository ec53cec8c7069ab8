"""Catalogues compiled in memory from a real package's .po files; nothing a client sends can break them."""

import importlib
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime import locales

PO = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=1; plural=0;\\n"

msgid "Check in"
msgstr "签到"

#, fuzzy
msgid "Cancel"
msgstr "撤销？"
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with Chinese texts only."""
    folder = tmp_path / "texts_of_test"
    (folder / "locale" / "zh_Hans_CN").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "locale" / "zh_Hans_CN" / "messages.po").write_text(PO, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield folder
    sys.modules.pop("texts_of_test", None)
    locales._compiled.cache_clear()


@pytest.mark.parametrize("language", ["zh_Hans_CN", "zh-CN,zh;q=0.9,en;q=0.8", "ZH", "fr", "", "../../etc/passwd"])
def test_chinese_is_translated_and_is_the_default(package, language):
    assert locales.catalogue("texts_of_test", language).gettext("Check in") == "签到"


@pytest.mark.parametrize("language", ["en", "en-GB", "en_US", "fr,en;q=0.5,zh;q=0.4"])
def test_english_needs_no_file(package, language):
    assert locales.catalogue("texts_of_test", language).gettext("Check in") == "Check in"


def test_a_doubtful_or_missing_translation_shows_the_message_id(package):
    assert locales.catalogue("texts_of_test", "zh").gettext("Cancel") == "Cancel"
    assert locales.catalogue("texts_of_test", "zh").gettext("Never seen") == "Never seen"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"nonsense here"])
def test_a_broken_catalogue_is_logged_and_english_is_shown(package, caplog, content):
    (package / "locale" / "zh_Hans_CN" / "messages.po").write_bytes(content)
    assert locales.catalogue("texts_of_test", "zh").gettext("Check in") == "Check in"
    assert "texts are broken package=texts_of_test" in caplog.text


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_any_header_gives_one_of_our_languages(header):
    assert locales.language_of(header) in locales.LANGUAGES
