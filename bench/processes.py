"""What the processes that a bench has started use: processor time and memory, as the kernel counts them."""

import os
from pathlib import Path


def children() -> dict[int, str]:
    """Return the processes whose parent is this one: pid → command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            continue
        if parent == os.getpid():
            found[int(folder.name)] = command
    return found


def child(word: str) -> int:
    """Return the pid of the one child whose command line has this word."""
    found = [pid for pid, command in children().items() if word in command.split()]
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} processes have {word!r} in their command")
    return found[0]


def cpu(pid: int) -> float:
    """Return the processor seconds that a process has used, all threads that it has now together.

    As the scheduler counts it, in nanoseconds: what wakes in step with the kernel's tick is charged whole ticks elsewhere.
    """
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def resident(pid: int) -> float:
    """Return the memory of a process that is resident, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no memory is known of process {pid}")
