"""The model's violations: what counts against a reader, whether it stands yet, and how long it keeps them from booking."""

from dataclasses import dataclass, field

from bench.model.rules import DAY, WEEK
from bench.model.stays import Reasons, Stay
from bench.model.wishes import Floor

HEARD_LAG = 5
"""What a gate captured less than this many seconds before it reported may not have been in its outbox."""
ALWAYS = 10**12


@dataclass
class Blame:
    """One violation."""

    stay: Stay
    kind: str
    since: int
    at: int
    confirmed: bool = False
    lifted: bool = False
    appealed: bool = False
    decided: bool = False

    @property
    def key(self) -> tuple[int, str, int]:
        return self.stay.name, self.kind, self.at


@dataclass
class Blaming(Floor):
    """The floor with what follows from it."""

    blames: dict[tuple[int, str, int], Blame] = field(default_factory=dict)
    outages: list[tuple[int, int, str]] = field(default_factory=list)
    """(from, until, venue or "")."""
    heard: dict[str, int] = field(default_factory=dict)
    """Gate → until when it has told everything."""

    def on_closed(self, stay: Stay) -> None:
        kind = {"no-show": "no-show", "lapsed": "lapsed", "not-signed-out": "no-sign-out"}.get(stay.status)
        if kind is None or stay.closed is None:
            return
        since = {
            "no-show": stay.start - self.rules.window_before,
            "lapsed": stay.away_at or stay.start,
            "no-sign-out": stay.end,
        }[kind]
        self.blame(stay, kind, since, stay.closed)

    def blame(self, stay: Stay, kind: str, since: int, at: int) -> None:
        """Record a violation, once, where the library counts it; an outage of ours excuses it at once."""
        if kind not in self.rules.blamed:
            return
        blame = Blame(stay, kind, since, at)
        if blame.key not in self.blames:
            self.blames[blame.key] = blame
            blame.lifted = any(self.touches(outage, blame) for outage in self.outages)

    def touches(self, outage: tuple[int, int, str], blame: Blame) -> bool:
        start, end, venue = outage
        return venue in ("", self.venue_of(blame.stay)) and start < blame.at and blame.since < end

    def venue_of(self, stay: Stay) -> str:
        return self.rules.areas[stay.area].venue

    def heard_all_until(self, venue: str) -> int:
        """Until when every gate with a way in to this venue has told everything."""
        gates = [
            gate.id
            for gate in self.rules.gates.values()
            if gate.venue == venue and any(way != "out" for way in gate.lanes.values())
        ]
        return min((self.heard.get(gate, -1) for gate in gates), default=ALWAYS)

    def stands(self, blame: Blame) -> bool:
        """Once every gate has told everything up to it, a violation counts, and goes on counting."""
        if not blame.lifted and self.heard_all_until(self.venue_of(blame.stay)) >= blame.at:
            blame.confirmed = True
        return blame.confirmed and not blame.lifted

    def lift(self, stay: Stay) -> None:
        """Evidence lifts what the present state of `stay` was held to be."""
        for blame in self.blames.values():
            if blame.stay is stay and blame.at == stay.closed:
                blame.lifted = True

    def of_reader(self, reader: str) -> list[Blame]:
        return [blame for blame in self.blames.values() if blame.stay.reader == reader]

    def suspended_until(self, reader: str) -> int | None:
        """违约1次，将隔天才能预约；违约两次本周不能再预约；下周可继续预约. Weeks are the calendar's, Monday to Sunday."""
        counted: dict[int, int] = {}
        until = None
        for blame in sorted(self.of_reader(reader), key=lambda one: one.at):
            if not self.stands(blame):
                continue
            week, day = blame.at // WEEK, blame.at // DAY
            counted[week] = counted.get(week, 0) + 1
            for after, lasts in self.rules.steps:
                if counted[week] >= after:
                    reached = (day + 1) * DAY if lasts == "next-day" else (week + 1) * WEEK
                    if blame.at <= self.now < reached:
                        until = max(until or 0, reached)
        return until

    def why_not_appeal(self, reader: str, blame: Blame) -> Reasons:
        if blame.stay.reader != reader:
            return {"not-found": None}
        reasons = Reasons()
        if blame.lifted or blame.decided or blame.appealed:
            reasons["not-possible-now"] = None
        if self.now >= blame.at + self.rules.appeal_within:
            reasons["appeal-too-late"] = None
        return reasons

    def decide(self, blame: Blame, *, uphold: bool) -> None:
        blame.decided = True
        if uphold:
            blame.confirmed = True
        else:
            blame.lifted = True

    def excuse(self, outage: tuple[int, int, str]) -> None:
        """An outage of ours never costs a reader anything."""
        self.outages.append(outage)
        for blame in self.blames.values():
            blame.lifted = blame.lifted or self.touches(outage, blame)
