"""What simulated readers did and were answered: the counts of a line, the numbers at the end, and what is to agree then.

Thread-safe; knows no network and no clock.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One reservation as its reader was last answered. `seat` is empty for a place without a number."""

    reader: str
    area: str
    seat: str
    status: str


class Ledger:
    """`done` and `refused` count; `answered` keeps what the library said of a reservation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._entries: dict[str, Entry] = {}
        self._held: dict[tuple[str, int], str] = {}
        self._inside: dict[str, str] = {}

    def done(self, what: str) -> None:
        """Count one thing that was done."""
        with self._lock:
            self._counts[what] += 1

    def refused(self, code: str) -> None:
        """Count one refusal."""
        with self._lock:
            self._refusals[code] += 1

    def answered(self, reader: str, visit: int, answer: Mapping[str, Any]) -> None:
        """Keep what the library said of the reservation of a reader's visit."""
        said = Entry(reader, str(answer["area"]), str(answer["seat"] or ""), str(answer["status"]))
        with self._lock:
            self._entries[str(answer["id"])] = said
            self._held[reader, visit] = str(answer["id"])

    def held(self, reader: str, visit: int) -> str | None:
        """Return the reservation of a reader's visit; None where booking was refused."""
        with self._lock:
            return self._held.get((reader, visit))

    def enters(self, reader: str, venue: str) -> None:
        """Somebody walks in. ValueError when they are inside somewhere: nobody is at two places."""
        with self._lock:
            if reader in self._inside:
                raise ValueError(f"{reader} is inside {self._inside[reader]} and cannot walk into {venue}")
            self._inside[reader] = venue

    def leaves(self, reader: str) -> None:
        """Somebody walks out."""
        with self._lock:
            self._inside.pop(reader, None)

    def is_inside(self, reader: str) -> bool:
        """Tell whether a reader walked in and not out again."""
        with self._lock:
            return reader in self._inside

    def entries(self) -> dict[str, Entry]:
        """Return every reservation that was ever answered, by its id."""
        with self._lock:
            return dict(self._entries)

    def line(self) -> str:
        """Return where things stand, for the line of a quarter of an hour."""
        with self._lock:
            count, refusals = self._counts, sum(self._refusals.values())
            inside = len(self._inside)
        parts = [
            f"{inside} inside",
            f"booked {count['book']}",
            f"in {count['enter']}",
            f"out {count['leave']}",
            f"scanned {count['scan'] + count['scan-out']}",
            f"away {count['step-away']}",
            f"extended {count['extend']}",
            f"ended {count['end']}",
            f"cancelled {count['cancel']}",
            f"unknown cards {count['strange-card']}",
            f"refused {refusals}",
        ]
        faults = count["no-answer"] + count["no-turnstile"]
        return " · ".join([*parts, f"UNANSWERED {faults}"] if faults else parts)

    def numbers(self) -> dict[str, Any]:
        """Return everything that was counted, for a program."""
        with self._lock:
            return {
                "done": dict(sorted(self._counts.items())),
                "refused": dict(sorted(self._refusals.items())),
                "reservations": len(self._entries),
                "inside": len(self._inside),
            }

    def differences(self, seen: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[str]:
        """Compare with what the library now tells each reader of their reservations; say what one has and the other not."""
        entries = self.entries()
        told = {str(each["id"]): (reader, each) for reader, each_of in seen.items() for each in each_of}
        found = [f"{name} of {entries[name].reader} is not in the library" for name in entries if name not in told]
        found += [f"{name} of {reader} was never answered" for name, (reader, _) in told.items() if name not in entries]
        for name, (reader, each) in told.items():
            entry = entries.get(name)
            if entry and (entry.reader, entry.seat) != (reader, each["seat"] or ""):
                found.append(
                    f"{name}: {entry.reader} was given {entry.seat}, the library has {reader} at {each['seat']}"
                )
        return sorted(found)
