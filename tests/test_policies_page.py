"""docs/policies.md answers every line of the manuals and of our rules: with a key, a test that quotes it, and a second case.

The list of lines is tests/rules/lines.toml. Tests are read, not run: their own suite runs them.
"""

import ast
import re
import tomllib
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import get_args

import attrs
import pytest

from config.policy import Policy
from config.schema import Site

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
LINES = tomllib.loads((ROOT / "tests" / "rules" / "lines.toml").read_text(encoding="utf-8"))["line"]
ROW = re.compile(r"^\| ([A-Z]\d\d) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)

DRIVERS = {
    "house", "open_house", "api", "api_of", "browser", "browser_of", "wire_of", "device", "device_of", "library",
    "receiver", "mail", "broker", "private_broker", "phone", "desktop",
}  # fmt: skip
"""Fixtures that put a test behind HTTP or a wire."""


def said(text):
    """Return a text without spaces, signs and the width of its letters, so that a quotation may be wrapped."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def nodes(cell):
    """The test ids of a cell."""
    return re.findall(r"`(tests/[^`]+)`", cell)


def keys(cell):
    return re.findall(r"`([\w.]+)`", cell) if not cell.startswith("none") else []


@cache
def module(path):
    """A file's text, and its top-level functions, classes and names with their source."""
    text = (ROOT / path).read_text(encoding="utf-8")
    lines, found = text.splitlines(), {}
    for node in ast.parse(text).body:
        names = [getattr(node, "name", None)]
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        for name in filter(None, names):
            found[name] = ("\n".join(lines[first - 1 : node.end_lineno]), node)
    return found


def source(node_id):
    """The source of a test; None where there is no such test."""
    path, _, name = node_id.partition("::")
    if not (ROOT / path).is_file() or not name.startswith("test_"):
        return None
    return module(path).get(name, (None,))[0]


def used(node_id):
    """A test's source with that of whatever its file gives it, and the names that it uses."""
    path, _, name = node_id.partition("::")
    there, seen, texts, names = module(path), set(), [], set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in seen or one not in there:
            continue
        seen.add(one)
        text, node = there[one]
        texts.append(text)
        for part in ast.walk(node):
            name_of = getattr(part, "id", None) or getattr(part, "arg", None)
            if isinstance(name_of, str):
                names.add(name_of)
                waiting.append(name_of)
    return "\n".join(texts), names


def is_key(path):
    """Tell whether a dotted name leads through the settings' types: `areas.capacity`, `policy.booking.grid`."""
    kind = Site
    for name in path.split("."):
        kind = next((inner for inner in (kind, *get_args(kind)) if attrs.has(inner)), None)
        if kind is None:
            return False
        field = next((one for one in attrs.fields(kind) if one.name == name), None)
        if field is None:
            return False
        kind = field.type
    return True


def every_policy_key():
    return [f"policy.{part.name}.{key.name}" for part in attrs.fields(Policy) for key in attrs.fields(part.type)]


def test_the_list_is_a_list():
    ids = [line["id"] for line in LINES]
    assert len(ids) == len(set(ids))
    quotes = [(line["source"], said(line["quote"])) for line in LINES]
    assert len(quotes) == len(set(quotes)), "each line once"
    assert {line["source"] for line in LINES} == {"entry", "seats", "ours"}


def faults(page, lines):
    """Everything that is wrong with a page for these lines, a sentence each."""
    rows = {found[1]: found.groups()[1:] for found in ROW.finditer(page)}
    listed = {line["id"]: line for line in lines}
    found = [f"{row}: its row is there twice" for row, n in Counter(m[1] for m in ROW.finditer(page)).items() if n > 1]
    found += [f"{row}: this line is not in the list" for row in rows.keys() - listed.keys()]
    found += [f"{line}: no row" for line in listed.keys() - rows.keys()]
    named = {key for row in rows.values() for key in keys(row[1])}
    found += [f"{key}: no row names it" for key in set(every_policy_key()) - named]
    for row, cells in rows.items():
        if row in listed:
            found += [f"{row}: {fault}" for fault in row_faults(listed[row]["quote"], *cells)]
    return sorted(found)


def row_faults(quote, text, key_cell, first_cell, second_cell):
    first = nodes(first_cell)
    second = first if second_cell == "the same" else nodes(second_cell)
    if said(text) != said(quote):
        yield "it quotes another line"
    gone = [node for node in (*first, *second) if source(node) is None]
    yield from (f"there is no test {node}" for node in gone)
    if gone or not first:
        yield "no test"
        return
    if not any(said(quote) in said(source(node)) for node in first):
        yield "no test quotes the line"
    yield from (f"{node} drives neither HTTP nor a wire" for node in first if not used(node)[1] & DRIVERS)
    if key_cell.startswith("none: ") and len(key_cell) > len("none: a"):
        return
    yield from key_faults(keys(key_cell), first, second)


def key_faults(named, first, second):
    if not named:
        yield "no key, and not told why"
    if not second:
        yield "no second case"
    for key in named:
        if not is_key(key):
            yield f"the settings have no key {key}"
        name = key.rpartition(".")[2]
        word = re.compile(rf"""["']{name}["']\s*[:,]|(?<![.\w]){name}=""")  # set, not only read
        if not any(word.search(used(node)[0]) for node in second):
            yield f"no second case changes {key}"
    for node in set(first) & set(second):
        if "@pytest.mark.parametrize" not in source(node):
            yield f"{node} is both cases and has one"


def test_each_line_has_its_row_its_key_its_test_and_its_second_case():
    assert faults(PAGE, LINES) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda page: re.sub(r"^\| S12 .*\n", "", page, flags=re.MULTILINE), "S12: no row"),
        (lambda page: re.sub(r"^(\| S12 .*\n)", r"\1\1", page, flags=re.MULTILINE), "S12: its row is there twice"),
        (lambda page: page.replace("| S12 |", "| S99 |"), "S99: this line is not in the list"),
        (lambda page: page.replace("20分钟之内签到 |", "30分钟之内签到 |"), "E10: it quotes another line"),
        (lambda page: page.replace("test_opening_hours`", "test_closing_hours`"), "E24: there is no test "),
        (lambda page: page.replace("`venues.geofence`", "`venues.fence`"), "E12: the settings have no key venues.fence"),
        (lambda page: page.replace("`policy.away.meals`", "`policy.away.limit`"), "policy.away.meals: no row names it"),
        (lambda page: page.replace("test_who_has_not_booked_is_not_signed_in", "test_the_campus_is_chosen"), "E04: no test quotes the line"),
        (lambda page: re.sub(r"(\| S38 .*\|) [^|]+ \|$", r"\1 – |", page, flags=re.MULTILINE), "S38: no second case"),
        (lambda page: re.sub(r"(\| S38 .*\|) [^|]+ \|$", r"\1 the same |", page, flags=re.MULTILINE), "S38: no second case changes "),
        (lambda page: page.replace("| `policy.booking.filters` |", "| none: |"), "S38: no key, and not told why"),
        (lambda page: page.replace("test_the_clock_is_the_librarys", "test_that_moved"), "S06: there is no test "),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(change, fault):
    changed = change(PAGE)
    assert changed != PAGE
    found = faults(changed, LINES)
    assert any(one.startswith(fault) for one in found), found


def test_a_new_line_needs_a_row():
    line = {"id": "E99", "source": "entry", "chapter": "", "quote": "每次最少预约半小时"}
    assert faults(PAGE, [*LINES, line]) == ["E99: no row"]


def test_the_page_is_for_people():
    assert "contradict" in PAGE
    assert not re.search(r"^\| manual", PAGE, re.MULTILINE)
    for number in range(1, 11):
        assert re.search(rf"^\| {number} \| ", PAGE, re.MULTILINE), f"contradiction {number} is not decided"
    refs = {ref for row in re.findall(r"^\| \d+ \|.*\| ([^|]+) \|$", PAGE, re.MULTILINE) for ref in row.split(", ")}
    assert refs <= {line["id"] for line in LINES}
