"""`python -m bench [CLAIM …]`: measure the named claims, or all of them and write bench/results.md.

After all of them come the fault campaigns in their reduced form (`python -m bench.faults`).
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
    "booking_post",
    "writer_rush",
    "pg_writer",
    "rush",
    "history",
    "gate_ingest",
    "viewers",
    "ready",
)


def main(wanted: list[str]) -> int:
    """Run the claims. A missed aim is a finding in the table, not an error: the exit code tells only of those."""
    if unknown := [name for name in wanted if name not in CLAIMS]:
        print(f"there is no claim {', '.join(unknown)}: choose from {', '.join(CLAIMS)}", file=sys.stderr)
        return 2
    results = []
    # In the checkout, not in /tmp: that is often memory, and a commit there costs nothing.
    with tempfile.TemporaryDirectory(prefix=".run-", dir=Path(__file__).parent) as folder:
        machine = measure.facts(Path(folder))
        for name in wanted or CLAIMS:
            data = Path(folder) / name
            data.mkdir()
            result: measure.Result = importlib.import_module(f"bench.{name}").run(data)
            results.append(result)
            print(measure.table([result], machine), flush=True)
    if not wanted:
        measure.RESULTS.write_text(measure.table(results, machine), encoding="utf-8")
        print(f"written to {measure.RESULTS}")
        return faults.main([])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
