"""Texts in the reader's language: a package's .po files, compiled in memory when first asked for.

Message ids are English, so a missing translation still reads. No compiled .mo file is kept in the tree.
"""

import gettext
import io
import logging
from functools import cache
from importlib import resources

from babel.messages import mofile, pofile

_log = logging.getLogger(__name__)
CHINESE = "zh_Hans_CN"
ENGLISH = "en"
LANGUAGES = (CHINESE, ENGLISH)
DEFAULT = CHINESE
_MAX_TAG_CHARS = 200


def language_of(tags: str) -> str:
    """Return the first of our languages in a tag ("en-GB") or an Accept-Language header; Chinese when none is there.

    Browsers list the languages in order of preference, so their weights are not read.
    """
    for tag in tags[:_MAX_TAG_CHARS].split(","):
        primary = tag.partition(";")[0].strip().replace("_", "-").partition("-")[0].lower()
        if primary in ("zh", "en"):
            return CHINESE if primary == "zh" else ENGLISH
    return DEFAULT


def catalogue(package: str, language: str) -> gettext.NullTranslations:
    """Return the texts of `package` in `language` (any tag); never fails: without a catalogue the message ids are shown."""
    return _compiled(package, language_of(language))


@cache
def _compiled(package: str, language: str) -> gettext.NullTranslations:
    file = resources.files(package).joinpath("locale", language, "messages.po")
    try:
        with file.open("rb") as source:
            texts = pofile.read_po(source, locale=language, abort_invalid=True)
        compiled = io.BytesIO()
        mofile.write_mo(compiled, texts)
        compiled.seek(0)
        return gettext.GNUTranslations(compiled)
    except FileNotFoundError:
        if language != ENGLISH:
            _log.warning("no texts package=%s language=%s: English is shown", package, language)
    except (OSError, ValueError, UnicodeError, pofile.PoFileError) as error:
        _log.error("texts are broken package=%s language=%s error=%s: English is shown", package, language, error)
    return gettext.NullTranslations()
