"""What the documents say of the code is what the code does: the diagram is made from the table, links lead somewhere."""

import re
from pathlib import Path

import pytest

from booking.domain.reservation import HOLDING, TRANSITIONS, Status

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
BEGIN, END = "<!-- transitions -->\n", "<!-- /transitions -->"


def diagram():
    """Draw the transition table as a Mermaid state diagram, in the order of the table."""
    name = {status: status.value.replace("-", "_") for status in Status}
    lines = [f'    state "{status.value}" as {name[status]}' for status in Status if name[status] != status.value]
    lines.append(f"    [*] --> {name[Status.RESERVED]}: reserve")
    lines += [f"    {name[was]} --> {name[becomes]}: {action.value}" for (was, action), becomes in TRANSITIONS.items()]
    lines += [f"    {name[status]} --> [*]" for status in Status if status not in HOLDING]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"


def test_the_diagram_is_the_table():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = text.partition(BEGIN)[2].partition(END)[0]
    assert drawn == diagram(), f"put this between the two marks:\n{diagram()}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_leads_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert dead == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_file_that_is_named_exists(document):
    """`docs/…`, `tools/…`, `config/…` and the like in backquotes name files of this repository."""
    folders = (
        "docs|tools|config|systemd|requirements|tests|bench|booking|gate|kiosk|display|runtime|wire|messages|onsite"
    )
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", document.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
