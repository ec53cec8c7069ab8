"""Commands that bring many people and cards up to date at once, and how they ended. Facts only."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one line of a file (1 is its heading); line 0 is the file as a whole."""

    line: int
    problem: str


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """One person of a file. `role` None keeps the one there is; a new person is a reader."""

    line: int
    reader: str
    name: str
    role: str | None = None
    groups: tuple[str, ...] | None = None
    """None keeps those there are."""


@dataclass(frozen=True, slots=True)
class CardRow:
    """One credential of a file: canonical value, valid in `[valid_from, valid_until)`.

    `valid_from` None: from the import on when somebody had it before, else for as long as anybody remembers.
    """

    line: int
    reader: str
    kind: str
    value: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReaders:
    """Add people or bring them up to date. `complete`: the file is everybody, so readers who are not in it are gone.

    Nothing is applied when a row is at fault, unless `skip_bad`. `most_gone`: a complete file that would take more
    readers away than this share of them is a fault of the file.
    """

    at: datetime
    actor: str
    rows: tuple[ReaderRow, ...]
    faults: tuple[Fault, ...] = ()
    """What was wrong with the file before the store saw it."""
    complete: bool = False
    skip_bad: bool = False
    most_gone: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCards:
    """Give cards to people. A card has one holder at a time: who had it before keeps it up to the new holder's start."""

    at: datetime
    actor: str
    rows: tuple[CardRow, ...]
    faults: tuple[Fault, ...] = ()
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """How an import ended. With faults and not `applied`, nothing changed."""

    applied: bool
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    faults: tuple[Fault, ...] = ()


PeopleCommand = ImportReaders | ImportCards
