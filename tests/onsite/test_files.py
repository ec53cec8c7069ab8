"""Settings written as TOML read back as what they were, whatever is in them; private files stay private."""

import stat
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from onsite.files import toml, write_private

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-(2**63), 2**63 - 1), st.booleans())
TABLES = st.recursive(
    st.dictionaries(NAMES, VALUES, max_size=4),
    lambda inner: st.dictionaries(NAMES, VALUES | inner, max_size=4),
    max_leaves=8,
)


def without_empty(table):
    """An empty table of a table is not written: it says nothing."""
    inner = {key: without_empty(value) if isinstance(value, dict) else value for key, value in table.items()}
    return {key: value for key, value in inner.items() if value != {}}


@given(TABLES)
@settings(deadline=None, derandomize=True)
def test_what_is_written_reads_back(table):
    assert tomllib.loads(toml(table)) == without_empty(table)


def test_a_private_file_is_replaced_whole_and_leaves_no_draft(tmp_path):
    file = tmp_path / "secret"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
