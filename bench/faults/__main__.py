"""`python -m bench.faults [ROW …] [--short | --full]`: run the rows, print what was found; with --full also write it down."""

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import measure
from bench.faults import table
from bench.faults.rows import FULL, ROWS, SHORT, USUAL


def main(words: list[str]) -> int:
    """Run the campaigns; the exit code tells whether everything held."""
    form = SHORT if "--short" in words else FULL if "--full" in words else USUAL
    wanted = [word for word in words if not word.startswith("--")] or [*ROWS]
    unknown = [word for word in words if word not in ROWS and word not in {"--short", "--full"}]
    if unknown:
        print(f"there is no {', '.join(unknown)}: choose from {', '.join(ROWS)}, --short, --full", file=sys.stderr)
        return 2
    found, commit = [], measure.commit()
    # In the checkout, not in /tmp: that is often memory.
    with tempfile.TemporaryDirectory(prefix=".run-", dir=Path(__file__).parents[1]) as folder:
        for name in wanted:
            began = time.monotonic()
            row = ROWS[name](Path(folder) / name, form, lambda text, name=name: print(f"  {name}: {text}", flush=True))
            found.append(row)
            print(f"{row.line(f'{time.monotonic() - began:.0f} s')}", flush=True)
            if form == FULL:
                table.write([row], f"{commit}, {datetime.now(UTC):%Y-%m-%d}, load {os.getloadavg()[0]:.0f}")
    return 0 if all(row.held for row in found) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
