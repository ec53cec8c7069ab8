"""Two disks that fail, as SQLite sees a disk: one whose power is cut at any moment, one that is full or broken on demand.

Both are VFS layers over the real one (apsw), and are made the default, so that the product opens its files as it always
does. `PowerCut` logs every write and sync in order; `images` rebuilds what could be on the disk after a cut: all that was
synced, and of what was not, any part of any write. `Failing` raises what its `fault` says.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import apsw

REAL = "unix"
"""The layer below: Linux, with its locks and shared memory."""
SECTOR = 512
"""Of an unsynced write each sector may or may not have reached the disk."""
Kind = Literal["write", "truncate", "sync", "delete", "mark"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a file, or (`mark`) something that a test wants to know the order of."""

    kind: Kind
    file: str = ""
    offset: int = 0
    data: bytes = b""
    what: object = None


class PowerCut(apsw.VFS):
    """Passes everything on and notes it in `steps`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[Step] = []
        super().__init__(name, REAL)

    def mark(self, what: object) -> None:
        """Note that `what` is known to the outside from here on, such as an answer that was given."""
        self.steps.append(Step("mark", what=what))

    def xOpen(self, name: Any, flags: list[int]) -> "_LoggedFile":  # noqa: N802 - apsw's name
        return _LoggedFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - apsw's signature
        super().xDelete(filename, syncdir)
        self.steps.append(Step("delete", filename))


class _LoggedFile(apsw.VFSFile):
    def __init__(self, vfs: PowerCut, name: Any, flags: list[int]) -> None:
        self._steps = vfs.steps
        self._file = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        super().__init__(REAL, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._steps.append(Step("write", self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._steps.append(Step("truncate", self._file, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._steps.append(Step("sync", self._file))


@dataclass(slots=True)
class _Disk:
    """A file as it surely is on the disk, and what was written to it since."""

    synced: bytearray = field(default_factory=bytearray)
    there: bool = False
    unsynced: list[Step] = field(default_factory=list)

    def sync(self) -> None:
        for step in self.unsynced:
            _apply(self.synced, step)
        self.unsynced, self.there = [], True


@dataclass(frozen=True, slots=True)
class Image:
    """What is on the disk after one cut, and the marks that were made before it."""

    cut: int
    files: dict[str, bytes]
    marks: list[object]

    def write(self, folder: Path) -> None:
        """Put the files into `folder` under their own names."""
        for name, content in self.files.items():
            (folder / Path(name).name).write_bytes(content)


def images(steps: list[Step], count: int, seed: int) -> Iterator[Image]:
    """Yield `count` images of disks whose power was cut at a moment of `steps`, in the order of the cuts."""
    dice = random.Random(seed)
    cuts = sorted(dice.randrange(len(steps) + 1) for _ in range(count))
    disks: dict[str, _Disk] = {}
    marks: list[object] = []
    done = 0
    for cut in cuts:
        for step in steps[done:cut]:
            _take(disks, marks, step)
        done = cut
        yield Image(cut, dict(_after_the_cut(disks, dice)), list(marks))


def _take(disks: dict[str, _Disk], marks: list[object], step: Step) -> None:
    if step.kind == "mark":
        marks.append(step.what)
    elif step.kind == "delete":
        disks.pop(step.file, None)
    else:
        disk = disks.setdefault(step.file, _Disk())
        if step.kind == "sync":
            disk.sync()
        else:
            disk.unsynced.append(step)


def _after_the_cut(disks: dict[str, _Disk], dice: random.Random) -> Iterator[tuple[str, bytes]]:
    survives = dice.choice([0.0, 1.0, 0.5, dice.random()])
    for name, disk in disks.items():
        if not disk.there and dice.random() >= survives:
            continue
        content = bytearray(disk.synced)
        for step in disk.unsynced:
            if dice.random() < survives:
                _apply(content, step)
            elif step.kind == "write" and dice.random() < survives:
                for torn in _sectors(step):
                    if dice.random() < survives:
                        _apply(content, torn)
        yield name, bytes(content)


def _sectors(step: Step) -> Iterator[Step]:
    for start in range(0, len(step.data), SECTOR):
        yield Step("write", step.file, step.offset + start, step.data[start : start + SECTOR])


def _apply(content: bytearray, step: Step) -> None:
    if step.kind == "truncate":
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
        return
    if len(content) < step.offset:
        content.extend(bytes(step.offset - len(content)))
    content[step.offset : step.offset + len(step.data)] = step.data


class Failing(apsw.VFS):
    """Passes everything on until `fault` is set: "full" fails writes, "write", "sync" and "read" fail as a broken disk does."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fault = ""
        self.spared = 0
        """How many accesses of the failing kind still succeed."""
        self.failed = 0
        """How often it has failed since it was made."""
        super().__init__(name, REAL)

    def xOpen(self, name: Any, flags: list[int]) -> "_FailingFile":  # noqa: N802
        return _FailingFile(self, name, flags)

    def meet(self, *faults: str) -> None:
        """Fail when one of `faults` is set."""
        if self.fault in faults:
            self.spared -= 1
            if self.spared >= 0:
                return
            self.failed += 1
            raise apsw.FullError("database or disk is full") if self.fault == "full" else apsw.IOError("disk I/O error")


class _FailingFile(apsw.VFSFile):
    def __init__(self, vfs: Failing, name: Any, flags: list[int]) -> None:
        self._vfs = vfs
        super().__init__(REAL, name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._vfs.meet("full", "write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._vfs.meet("sync")
        super().xSync(flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._vfs.meet("read")
        return super().xRead(amount, offset)


_MADE = threading.Lock()


@contextmanager
def disk(layer: "PowerCut | Failing") -> Iterator[Any]:
    """Let SQLite files that are opened inside the block be on `layer`; one at a time in a process."""
    with _MADE:
        apsw.set_default_vfs(layer.name)
        try:
            yield layer
        finally:
            apsw.set_default_vfs(REAL)
            layer.unregister()
