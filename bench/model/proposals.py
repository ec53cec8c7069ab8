"""Inventing the next step: mostly what somebody would do, at the moments that matter, and now and then nonsense.

Every choice comes from a `Chooser`, so that a seed, or Hypothesis, decides all of it.
"""

from typing import Any

from bench.model.attendance import Model
from bench.model.choosing import Chooser
from bench.model.rules import DAY, HOUR, MINUTE
from bench.model.stays import Stay
from bench.model.steps import Step
from bench.model.wishing import Wishing

DELAYS = (0, 0, 0, 0, 2, 60, 5 * MINUTE - 1, 5 * MINUTE, 5 * MINUTE + 1, 20 * MINUTE, 50 * MINUTE, 3 * HOUR, 12 * HOUR)
"""How late a gate's event may come."""
KEPT = 6 * DAY
"""Requests older than this are not repeated: whether their answer is still known is for the sweeper to say."""
GRANT = 5 * MINUTE
"""How long a scanned code is good for: a scan that was refused does not reach the service again later than this."""


class Proposals(Wishing):
    """Invents steps for one play, looking at the model alone."""

    def __init__(self, model: Model, choose: Chooser) -> None:
        super().__init__(model, choose)
        self.sequences = dict.fromkeys(model.rules.gates, 0)
        self.sent: list[Step] = []
        """The latest events of gates, for duplicates."""
        self.overtaken: list[tuple[str, int]] = []
        """Numbers of events that a word on them has overtaken: (gate, sequence)."""
        self.keyed: list[Step] = []
        """The latest requests with a key."""
        self.closed: list[int] = []

    def next(self, kind: str | None = None) -> Step:
        at = self.at = self.model.now + self.pause()
        kind = kind or self.kind()
        again = self.repeated(kind, at)
        self.n += 1
        if again is not None:
            return Step(self.n, at, kind, again)
        args = self.invent(kind)
        if args is None:
            return Step(self.n, at, "sweep", {})
        step = Step(self.n, at, kind, args)
        if args.get("key"):
            self.keyed = [*self.keyed[-9:], step]
        if kind in ("pass", "report"):
            self.sent = [*self.sent[-19:], step]
        return step

    def kind(self) -> str:
        """A kind of step; who has nothing to act on mostly books first."""
        kind = self.choose.kind()
        idle = not self.model.live and kind in ("act", "move", "scan-in", "scan-out")
        return "reserve" if idle and self.choose.chance(80) else kind

    def repeated(self, kind: str, at: int) -> dict[str, Any] | None:
        """An earlier request or event once more; or another one under its number."""
        if kind in ("pass", "report") and self.choose.chance(8):
            known = [step for step in self.sent if step.kind == kind]
            if known:
                args = dict(self.choose.pick(known).args)
                if self.choose.chance(30):
                    args["occurred"] += 1
                return args
        known = [step for step in self.keyed if step.kind == kind and at - step.at < KEPT and self.can_come(step, at)]
        if known and self.choose.chance(12):
            step = self.choose.pick(known)
            if self.choose.chance(70):
                return dict(step.args)
            other = self.invent(kind)
            if other is not None and other["reader"] == step.args["reader"]:
                return other | {"key": step.args["key"]}
        return None

    def can_come(self, step: Step, at: int) -> bool:
        """Whether a request can come once more: done or not, unless it was a scan that is too old to be judged again."""
        done = (step.args["reader"], step.args["key"]) in self.model.answers
        return done or at - step.args.get("seen", at) < GRANT

    def invent(self, kind: str) -> dict[str, Any] | None:
        """What a step of this kind could be at `self.at`; None where there is nothing for it yet."""
        made: dict[str, Any] | None = getattr(self, "pass_" if kind == "pass" else kind.replace("-", "_"))()
        return made

    # ---- what gates tell ---------------------------------------------------------------------------------------------

    def gate_of(self, stay: Stay | None) -> str:
        gates = self.rules.gates
        right = [name for name, gate in gates.items() if stay and gate.venue == self.model.venue_of(stay)]
        return self.choose.pick(right if right and not self.choose.chance(5) else sorted(gates))

    def number(self, gate: str) -> int:
        """The next sequence; now and then one is left out, and comes never."""
        self.sequences[gate] += 2 if self.choose.chance(1) else 1
        return self.sequences[gate]

    def pass_(self) -> dict[str, Any]:
        choose = self.choose
        missed = [stay for stay in self.model.stays[-12:] if stay.status in ("no-show", "lapsed", "not-signed-out")]
        stay = choose.pick(missed) if missed and choose.chance(25) else self.stay()
        gate = self.gate_of(stay)
        lanes = self.rules.gates[gate].lanes
        way = "in"
        if stay and stay.status in ("in-use", "not-signed-out") and not choose.chance(20):
            way = "out"
        fitting = [lane for lane, leads in lanes.items() if leads in (way, "frame")]
        lane = choose.pick(fitting or sorted(lanes))
        occurred = self.at - choose.pick(DELAYS)
        if stay and choose.chance(25):
            edges = [stay.start - self.rules.window_before, stay.start + self.rules.window_after, stay.start, stay.end]
            if stay.away_at:
                edges += [stay.away_at, stay.away_at + (self.rules.away or 0)]
            occurred = choose.pick(edges) + choose.pick((0, -1, 1, -300, 300))
            if not 0 <= self.at - occurred < DAY:
                occurred = self.at
        said = way if lanes[lane] == "frame" and not choose.chance(5) else choose.pick((way, "unknown"))
        return {
            "gate": gate,
            "lane": lane,
            "way": said,
            "card": "?" if choose.chance(3) else stay.reader if stay and not choose.chance(8) else self.reader(),
            "occurred": occurred,
            "denied": choose.chance(3),
            "sequence": self.overtaken_at(gate) or self.number(gate),
        }

    def overtaken_at(self, gate: str) -> int | None:
        """The number of an event that comes only now; None where none is on its way."""
        waiting = [one for one in self.overtaken if one[0] == gate]
        if not waiting or not self.choose.chance(40):
            return None
        self.overtaken.remove(waiting[0])
        return waiting[0][1]

    def report(self) -> dict[str, Any] | None:
        passed = [step for step in self.sent if step.kind == "pass"]
        if not passed:
            return None
        step = self.choose.pick(passed[-4:])
        gate, of = step.args["gate"], step.args["sequence"]
        if self.choose.chance(10):
            of = self.number(gate)
            self.overtaken.append((gate, of))
        return {
            "gate": gate,
            "lane": step.args["lane"],
            "of": of,
            "passed": self.choose.chance(30),
            "occurred": min(self.at, step.args["occurred"] + 2),
            "sequence": self.number(gate),
        }

    def answer(self) -> dict[str, Any] | None:
        passed = [step for step in self.sent if step.kind == "pass" and step.args["card"] in self.rules.readers]
        if not passed:
            return None
        step = self.choose.pick(passed[-5:])
        return {
            "reader": self.reader() if self.choose.chance(4) else step.args["card"],
            "gate": step.args["gate"],
            "sequence": step.args["sequence"],
            "confirm": self.choose.chance(30),
            "key": self.key(),
        }

    def hear(self) -> dict[str, Any]:
        gate = self.choose.pick(sorted(self.rules.gates))
        last = self.sequences[gate]
        known = [sequence for name, sequence in self.model.known if name == gate]
        watermark = max(known, default=0) if self.choose.chance(70) else max(0, last - self.choose.below(5))
        return {
            "gate": gate,
            "wall": self.at - self.choose.pick((0, 0, 30, 600, -3600)),
            "watermark": min(watermark, last),
            "last": last + (1 if self.choose.chance(5) else 0),
        }

    # ---- what staff do -----------------------------------------------------------------------------------------------

    def blame(self) -> dict[str, Any] | None:
        blames = list(self.model.blames.values())[-8:]
        if not blames:
            return None
        blame = self.choose.pick(blames)
        return {"stay": blame.stay.name, "kind": blame.kind, "when": blame.at}

    def appeal(self) -> dict[str, Any] | None:
        blame = self.blame()
        if blame is None:
            return None
        owner = next(one.stay.reader for key, one in self.model.blames.items() if key[0] == blame["stay"])
        return blame | {"reader": self.reader() if self.choose.chance(5) else owner, "key": self.key()}

    def decide(self) -> dict[str, Any] | None:
        blame = self.blame()
        return None if blame is None else blame | {"uphold": self.choose.chance(50)}

    def excuse(self) -> dict[str, Any]:
        start = self.at - self.choose.pick((20 * MINUTE, HOUR, 3 * HOUR))
        end = start + self.choose.pick((15 * MINUTE, HOUR, 0))
        venues = sorted({area.venue for area in self.rules.areas.values()})
        return {"start": start, "end": end, "venue": self.choose.pick([*venues, ""])}

    def close(self) -> dict[str, Any]:
        area = self.area()
        seats = self.rules.seat_ids(area)
        start = None if self.choose.chance(50) else self.at // HOUR * HOUR + self.choose.below(5) * HOUR
        begins = self.at if start is None else start
        end = None if seats and self.choose.chance(20) else begins + self.choose.pick((HOUR, 2 * HOUR, HOUR, DAY, 0))
        self.closed = [*self.closed[-4:], self.n]
        return {
            "area": area,
            "seat": self.choose.pick(seats) if seats and self.choose.chance(75) else "",
            "start": start,
            "end": end,
        }

    def open(self) -> dict[str, Any] | None:
        return {"closure": self.choose.pick(self.closed)} if self.closed else None

    def settle_task(self) -> dict[str, Any] | None:
        return {"task": self.choose.pick(self.moved)} if self.moved else None

    def sweep(self) -> dict[str, Any]:
        return {}

    def keep_hours(self) -> dict[str, Any]:
        return {}

    def restart(self) -> dict[str, Any]:
        return {}
