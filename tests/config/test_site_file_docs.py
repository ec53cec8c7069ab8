"""docs/site-file.md names every key that a site file may have, and every policy default as it is."""

from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from config.policy import Policy
from config.schema import Area, DateHours, Gate, Kiosk, Portal, Site, Venue, WeekHours
from config.values import duration

DOCS = Path(__file__).parents[2] / "docs" / "site-file.md"


@pytest.mark.parametrize(
    "kind", [Site, Venue, WeekHours, DateHours, Area, Gate, Portal, Kiosk], ids=lambda kind: kind.__name__
)
def test_every_key_is_documented(kind):
    text = DOCS.read_text(encoding="utf-8")
    missing = [
        field.name
        for field in attrs.fields(kind)
        if f"`{field.name}`" not in text and f"{field.name}]]" not in text and f" {field.name} = " not in text
    ]
    assert missing in ([], ["policy"])


def test_every_policy_default_is_the_one_in_the_table():
    documented = {}
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        keys, _, rest = line.strip("| ").partition(" | ")
        defaults = rest.partition(" | ")[0].split(", ")
        if keys.startswith("`") and "." in keys:
            documented |= dict(zip((key.strip("`") for key in keys.split(", ")), defaults, strict=True))
    actual = {
        f"{part.name}.{key}": value
        for part in attrs.fields(Policy)
        for key, value in attrs.asdict(getattr(Policy(), part.name), recurse=False).items()
    }
    assert documented.keys() == actual.keys()
    for key, value in actual.items():
        shown = documented[key]
        read = (
            duration(shown)
            if isinstance(value, timedelta)
            else {"true": True, "false": False, "none": None, "[]": []}.get(shown, shown.strip('"'))
        )
        assert read == value or read == str(value), key
