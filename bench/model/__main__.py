"""`python -m bench.model --steps N --seed N [--database sqlite] [--fault NAME]`, `--replay SCRIPT`: see `--help`."""

import argparse
import contextlib
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.model.databases import NOTHING, PostgresDatabase, Server, SqliteDatabase, server
from bench.model.driver import Found, Make, Run, replay, run, shorten
from bench.model.faults import FAULTS, Fault, planted
from bench.model.steps import Step

ROOT = Path(__file__).parents[1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.model", description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--url", help="PostgreSQL: a database of a server in which others may be made and dropped")
    parser.add_argument("--folder", type=Path, help="where database files go (default: beside this program)")
    parser.add_argument("--fault", choices=[*FAULTS, "all"], help="a mistake to plant; `all`: each in turn")
    parser.add_argument("--replay", type=Path, help="play a script that an earlier run wrote")
    parser.add_argument("--script", type=Path, default=Path("model-divergence.txt"), help="where a script goes")
    return parser.parse_args()


def tell(result: Run) -> None:
    rate = result.steps / max(result.seconds, 0.001)
    print(f"\r{result.steps} steps, {result.plays} plays, {rate:.0f} steps/s", end="", flush=True, file=sys.stderr)


def write_script(found: Found, file: Path) -> None:
    lines = [f"{found.library} {found.began}", *(step.to_json() for step in found.steps)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def report(found: Found, file: Path, make: Make) -> None:
    print(f"seed {found.seed}, library {found.library}, step {found.number}: {found.error}")
    short = shorten(found, make)
    write_script(short, file)
    print(f"the same in {len(short.steps)} steps ({file}; --replay {file}): {short.error.what}")
    for step in short.steps:
        print(" ", step.to_json())


def play_script(file: Path, make: Make) -> int:
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    library, began = head.split()
    found = replay(library, int(began), [Step.of_json(line) for line in lines], make)
    print(found.error if found else "no difference")
    return 1 if found else 0


def search(asked: argparse.Namespace, make: Make, fault: Fault | None) -> Run:
    """One run, with or without a mistake on purpose."""
    with planted(fault):
        result = run(asked.seed, asked.steps, make, tell, fault.library if fault else None)
        print(file=sys.stderr)
        if result.found is not None:
            report(result.found, asked.script, make)
    return result


def faults(asked: argparse.Namespace, make: Callable[[Fault], Make]) -> int:
    """Plant one mistake after the other; a table of how many steps each took to find."""
    missed, lines = 0, ["| fault | what is wrong | found after steps | shortest play |", "|---|---|---|---|"]
    for name in FAULTS if asked.fault == "all" else [asked.fault]:
        fault = FAULTS[name]
        result = search(asked, make(fault), fault)
        length = sum(1 for _ in asked.script.open(encoding="utf-8")) - 1 if result.found else 0
        lines.append(f"| {name} | {fault.what} | {result.found.number if result.found else 'not found'} | {length} |")
        missed += result.found is None
    print("\n".join(lines))
    return 1 if missed else 0


def maker(folder: Path, at: Server | None, fault: Fault | None) -> Make:
    """What makes a fresh database for each play."""
    spoil = fault.spoil if fault else NOTHING
    if at is not None:
        return lambda library: PostgresDatabase(library.places, at, spoil)
    return lambda library: SqliteDatabase(library.places, folder, spoil)


def main() -> int:
    asked = arguments()
    logging.disable()  # a mistake on purpose fills the log with what it breaks
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".run-model-", dir=asked.folder or ROOT)))
        at = stack.enter_context(server(asked.url)) if asked.database == "postgres" else None
        if asked.replay:
            return play_script(asked.replay, maker(folder, at, None))
        if asked.fault:
            return faults(asked, lambda fault: maker(folder, at, fault))
        result = search(asked, maker(folder, at, None), None)
        rate = result.steps / result.seconds
        print(f"{result.steps} steps in {result.plays} plays, {result.seconds:.0f} s, {rate:.0f} steps/s")
        print(f"steps by kind: {result.kinds}\nreservations by last status: {result.statuses}")
        print(f"answers: {dict(result.answers.most_common())}")
        print("0 divergences" if result.found is None else "1 divergence")
        return 1 if result.found else 0


if __name__ == "__main__":
    sys.exit(main())
