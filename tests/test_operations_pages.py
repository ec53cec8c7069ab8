"""A page for each fault: whole, linked from the index, and every link in it leads somewhere."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "operations"
FAULTS = sorted(file.stem for file in FOLDER.glob("*.md") if file.stem not in {"index", "metrics"})
HEADINGS = ["What you see", "What it means", "What to do", "What is never lost"]


@pytest.mark.parametrize("name", FAULTS)
def test_each_page_says_what_is_seen_what_it_means_what_to_do_and_what_is_never_lost(name):
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    for part in re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]:
        assert part.strip()


def test_the_index_names_every_page_and_no_other():
    linked = re.findall(r"^\| \[[^\]]+\]\(([a-z-]+)\.md\)", (FOLDER / "index.md").read_text(), re.MULTILINE)
    assert sorted(linked) == FAULTS


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.md")), ids=lambda file: file.stem)
def test_every_link_leads_somewhere(file):
    for target in re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target


@pytest.mark.parametrize("name", FAULTS)
def test_every_metric_that_a_page_names_is_one(name):
    known = (FOLDER / "metrics.md").read_text(encoding="utf-8") + (FOLDER.parent / "operations.md").read_text(
        encoding="utf-8"
    )
    for metric in re.findall(r"seatgate_[a-z_]+", (FOLDER / f"{name}.md").read_text(encoding="utf-8")):
        assert re.search(rf"\b{metric}\b", known), metric
