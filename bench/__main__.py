"""`python -m bench [--write] [CLAIM …]`: measure the named claims; all of them, or with --write, also write bench/results.md.

It is written after each claim, so that a run that is cut short keeps what it has. After all claims come the fault
campaigns in their reduced form (`python -m bench.faults`).
"""

import importlib
import sys
import tempfile
from pathlib import Path

from bench import measure
from bench.faults import __main__ as faults

CLAIMS = (
    "outbox",
    "card_to_ack",
    "card_to_open",
    "booking_post",
    "writer_rush",
    "pg_writer",
    "rush",
    "history",
    "gate_ingest",
    "sustained",
    "drain",
    "gate_footprint",
    "many_lines",
    "viewers",
    "ready",
)

WRITE = "--write"


def main(wanted: list[str]) -> int:
    """Run the claims. A missed aim is a finding in the table, not an error: the exit code tells only of those."""
    write = not wanted or WRITE in wanted
    wanted = [name for name in wanted if name != WRITE]
    if unknown := [name for name in wanted if name not in CLAIMS]:
        print(f"there is no claim {', '.join(unknown)}: choose from {', '.join(CLAIMS)}", file=sys.stderr)
        return 2
    results: list[measure.Result] = []
    measured: list[str] = []
    # In the checkout, not in /tmp: that is often memory, and a commit there costs nothing.
    with tempfile.TemporaryDirectory(prefix=".run-", dir=Path(__file__).parent) as folder:
        machine = measure.facts(Path(folder))
        for name in wanted or CLAIMS:
            data = Path(folder) / name
            data.mkdir()
            result: measure.Result = importlib.import_module(f"bench.{name}").run(data)
            results.append(result)
            print(measure.table([result], machine), flush=True)
            if write:
                left = [other for other in CLAIMS if other not in {*measured, name}]
                note = f"\nNot measured in this run: {', '.join(left)}.\n" if left else ""
                measure.RESULTS.write_text(measure.table(results, machine) + note, encoding="utf-8")
            measured.append(name)
    return 0 if wanted else faults.main([])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
