"""The pages of docs/operations as HTML for staff: what the fault pages are written with, and no more Markdown than that.

The text is ours, yet everything of it is escaped. Where the program is installed without its documents there are no pages.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape

from booking.domain.refusals import RefusalCode
from booking.web.problems import refuse

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "operations"
_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)")
_ROW_LINE = re.compile(r"^\|[\s:|-]+\|$")


class Page(NamedTuple):
    """A page's title and what stands under it."""

    title: str
    body: Markup


def names() -> frozenset[str]:
    """Return the names of the pages that there are."""
    return frozenset(file.stem for file in FOLDER.glob("*.md"))


def page(name: str) -> Page:
    """Return a page by its name; Refused where there is none."""
    if name not in names():
        raise refuse(RefusalCode.NOT_FOUND)
    return _rendered((FOLDER / f"{name}.md").read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def _rendered(text: str) -> Page:
    title, _, rest = text.removeprefix("# ").partition("\n")
    return Page(title.strip(), Markup("\n").join(map(_block, _blocks(rest))))


def _blocks(text: str) -> list[str]:
    """Cut a text into paragraphs, lists, tables and code: at empty lines outside of code."""
    found, fenced = [""], False
    for line in text.strip().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        if not line.strip() and not fenced:
            found.append("")
        else:
            found[-1] += line + "\n"
    return [block for block in found if block.strip()]


def _block(block: str) -> Markup:
    lines = block.rstrip("\n").split("\n")
    first = lines[0]
    if first.startswith("```"):
        return Markup("<pre>{}</pre>").format("\n".join(lines[1:-1]))
    if first.startswith("#"):
        level = min(len(first) - len(first.lstrip("#")), 4)
        return Markup("<h{0}>{1}</h{0}>").format(level, inline(first.lstrip("# ")))
    if first.startswith("|"):
        return _table(lines)
    if first.startswith(("- ", "1. ")):
        numbered = not first.startswith("- ")
        items = [re.sub(r"\s+", " ", item) for item in re.split(r"\n(?=- |\d+\. )", "\n".join(lines))]
        listed = Markup("").join(
            Markup("<li>{}</li>").format(inline(re.sub(r"^(?:- |\d+\. )", "", item))) for item in items
        )
        return (Markup("<ol>{}</ol>") if numbered else Markup("<ul>{}</ul>")).format(listed)
    return Markup("<p>{}</p>").format(inline(" ".join(lines)))


def _table(lines: list[str]) -> Markup:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not _ROW_LINE.match(line)]
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(inline(cell)) for cell in rows[0])
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(inline(cell)) for cell in row))
        for row in rows[1:]
    )
    return Markup(
        '<div class="scroll" tabindex="0"><table class="card table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, body)


def inline(text: str) -> Markup:
    """Write code, bold and links; a link leads to another of these pages, or is left as words."""
    made, at = Markup(""), 0
    for found in _INLINE.finditer(text):
        made += escape(text[at : found.start()])
        code, bold, label, href = found.groups()
        if code is not None:
            made += Markup("<code>{}</code>").format(code)
        elif bold is not None:
            made += Markup("<b>{}</b>").format(bold)
        else:
            made += _link(label, href)
        at = found.end()
    return made + escape(text[at:])


def _link(label: str, href: str) -> Markup:
    name = href.partition("#")[0].removesuffix(".md")
    if re.fullmatch(r"[a-z0-9-]+", name) and name in names():
        return Markup('<a href="/staff/help/{}">{}</a>').format(name, inline(label))
    return inline(label)
