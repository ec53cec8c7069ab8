"""Imports of people and cards, in the writer's transaction: history is never rewritten, a card has one holder."""

from collections import Counter
from dataclasses import asdict

from booking.service.identity import AuditLine
from booking.service.people import CardRow, Fault, Imported, ImportReaders, PeopleCommand, ReaderRow
from booking.store.identity_commands import audit
from booking.store.rows import us, us_or_none
from booking.store.sql import Connection

FEW = 10
"""Below so many readers a complete file may take away as many as it likes."""


class _BadError(Exception):
    """A row that cannot be applied; never leaves this module."""


def carry_out(db: Connection, command: PeopleCommand) -> Imported:
    """Do one import, whole or not at all."""
    done: Counter[str] = Counter()
    faults = list(command.faults)
    db.execute("SAVEPOINT import")
    for row in command.rows:
        try:
            done[_reader(db, row) if isinstance(row, ReaderRow) else _card(db, row, us(command.at))] += 1
        except _BadError as bad:
            faults.append(Fault(row.line, str(bad)))
    complete = isinstance(command, ImportReaders) and command.complete
    if isinstance(command, ImportReaders) and complete:
        faults += _take_away(db, command, done)
    applied = not faults or (command.skip_bad and not complete)
    faults.sort(key=lambda fault: fault.line)
    db.execute("RELEASE import" if applied else "ROLLBACK TO import")
    if not applied:
        db.execute("RELEASE import")
        return Imported(applied=False, faults=tuple(faults))
    result = Imported(applied=True, faults=tuple(faults), **done)
    action = "readers-imported" if isinstance(command, ImportReaders) else "cards-imported"
    facts = {name: str(count) for name, count in asdict(result).items() if isinstance(count, int)}
    audit(db, AuditLine(command.at, command.actor, action, "", facts | {"faults": str(len(faults))}))
    return result


def _reader(db: Connection, row: ReaderRow) -> str:
    known = db.execute("SELECT name, role, gone_us, groups FROM readers WHERE id = ?", (row.reader,)).fetchone()
    groups = None if row.groups is None else " ".join(row.groups)
    if known is None:
        db.execute(
            "INSERT INTO readers (id, name, role, groups) VALUES (?, ?, ?, ?)",
            (row.reader, row.name, row.role or "reader", groups or ""),
        )
        return "added"
    wanted = (row.name, row.role or known[1], None, known[3] if groups is None else groups)
    if known == wanted:
        return "unchanged"
    db.execute("UPDATE readers SET name = ?, role = ?, gone_us = ?, groups = ? WHERE id = ?", (*wanted, row.reader))
    return "changed"


def _take_away(db: Connection, command: ImportReaders, done: Counter[str]) -> list[Fault]:
    """Mark readers who are not in a complete file as gone; staff stay. Their records stay too."""
    known = db.execute("SELECT id FROM readers WHERE role = 'reader' AND gone_us IS NULL").fetchall()
    gone = {row[0] for row in known} - {row.reader for row in command.rows}
    before = len(known) - done["added"]
    if before > FEW and len(gone) > command.most_gone * before:
        return [
            Fault(0, f"{len(gone)} of {before} readers are not in this file, which is hardly meant: is it complete?")
        ]
    for reader in sorted(gone):
        db.execute("UPDATE readers SET gone_us = ? WHERE id = ?", (us(command.at), reader))
        db.execute("DELETE FROM sessions WHERE reader = ?", (reader,))
    done["gone"] = len(gone)
    return []


def _card(db: Connection, row: CardRow, at_us: int) -> str:
    if db.execute("SELECT 1 FROM readers WHERE id = ?", (row.reader,)).fetchone() is None:
        raise _BadError(f"there is no reader {row.reader}: import the readers first, or correct the number")
    held: list[tuple[int, int | None, str]] = db.execute(
        "SELECT valid_from_us, valid_until_us, reader FROM credentials WHERE kind = ? AND value = ? "
        "ORDER BY valid_from_us",
        (row.kind, row.value),
    ).fetchall()
    until = us_or_none(row.valid_until)
    start = us(row.valid_from) if row.valid_from else (at_us if held else 0)
    own = [one for one in held if one[2] == row.reader and _overlap(one, start, until)]
    if own:
        return _renew(db, row, own[-1], until, [one for one in held if one != own[-1]])
    if until is not None and until <= start:
        raise _BadError("valid_until is not after the start")
    for began, ended, _ in held:
        if not _overlap((began, ended, ""), start, until):
            continue
        if began >= start:
            raise _BadError("this card belongs to somebody else from that time on: end that first")
        db.execute(
            "UPDATE credentials SET valid_until_us = ? WHERE kind = ? AND value = ? AND valid_from_us = ?",
            (start, row.kind, row.value, began),
        )
    db.execute("INSERT INTO credentials VALUES (?, ?, ?, ?, ?)", (row.kind, row.value, start, until, row.reader))
    return "changed" if held else "added"


def _renew(
    db: Connection,
    row: CardRow,
    own: tuple[int, int | None, str],
    until: int | None,
    others: list[tuple[int, int | None, str]],
) -> str:
    """Move the end of a card that this reader holds already."""
    began, ended, _ = own
    if until == ended:
        return "unchanged"
    if until is not None and until <= began:
        raise _BadError("valid_until is before the card was given out")
    if any(_overlap(one, began, until) for one in others):
        raise _BadError("this card belongs to somebody else after that: end that first")
    db.execute(
        "UPDATE credentials SET valid_until_us = ? WHERE kind = ? AND value = ? AND valid_from_us = ?",
        (until, row.kind, row.value, began),
    )
    return "changed"


def _overlap(held: tuple[int, int | None, str], start: int, until: int | None) -> bool:
    began, ended, _ = held
    return (ended is None or ended > start) and (until is None or began < until)
