"""The model's reservations: what time does to them, and what readers and staff may do. Plain lists, whole seconds.

A request is answered by the set of all reasons against it (code → when it will be allowed, where the rules say that);
an empty set is a yes. Which of several true reasons is told first is not a rule.
"""

from dataclasses import dataclass, field

from bench.model.rules import DAY, Rules

HOLDS = ("reserved", "in-use", "away")
THERE = ("in-use", "away")
Reasons = dict[str, int | None]


@dataclass
class Stay:
    """One reservation. `name` is the number of the step that made it, `id` what the store calls it."""

    name: int
    id: str
    reader: str
    area: str
    seat: str
    start: int
    end: int
    created: int
    status: str = "reserved"
    checked_in: int | None = None
    away_at: int | None = None
    away_until: int | None = None
    returned: int | None = None
    closed: int | None = None
    by_time: bool = False
    """Nothing but time closed it."""

    @property
    def holds(self) -> bool:
        return self.status in HOLDS

    def meets(self, start: int, end: int) -> bool:
        return self.holds and self.start < end and start < self.end

    def facts(self) -> tuple:
        """Everything that a passage can change, and a dispute restores."""
        return (
            *(self.area, self.seat, self.end, self.status),
            *(self.checked_in, self.away_at, self.away_until, self.returned, self.closed, self.by_time),
        )

    def restore(self, facts: tuple) -> None:
        self.area, self.seat, self.end, self.status = facts[:4]
        self.checked_in, self.away_at, self.away_until, self.returned, self.closed, self.by_time = facts[4:]


@dataclass
class Closure:
    """What staff closed; `seat` "": the whole area; `end` None: until lifted."""

    area: str
    seat: str
    start: int
    end: int | None
    lifted: bool = False

    def meets(self, start: int, end: int) -> bool:
        return not self.lifted and self.start < end and (self.end is None or start < self.end)


@dataclass
class Stays:
    """All reservations of a library, at `now`. `on_closed` hears of each that time has closed."""

    rules: Rules
    now: int = 0
    stays: list[Stay] = field(default_factory=list)
    live: list[Stay] = field(default_factory=list)
    """Those that hold."""
    closures: dict[str, Closure] = field(default_factory=dict)
    reported: dict[str, str] = field(default_factory=dict)
    """Open task → the seat that somebody is said to sit on."""
    cancelled: list[tuple[str, str, int]] = field(default_factory=list)
    """(reader, seat, when) of each cancellation."""

    # ---- time --------------------------------------------------------------------------------------------------------

    def due(self, stay: Stay) -> int:
        """When time alone changes a stay that holds."""
        if stay.status == "reserved":
            return min(stay.start + self.rules.window_after, stay.end)
        if stay.status == "away" and stay.away_until is not None and stay.away_until < stay.end:
            return stay.away_until
        return self.over(stay)

    def over(self, stay: Stay) -> int:
        return stay.end + (self.rules.sign_out_grace or 0)

    def pass_time(self, now: int) -> None:
        """Let time do everything up to `now`, one thing after the other."""
        self.now = now
        while self.live:
            stay = min(self.live, key=lambda one: (self.due(one), one.start))
            if self.due(stay) > now:
                return
            self.close_by_time(stay, self.due(stay))

    def close_by_time(self, stay: Stay, moment: int, *, blame: bool = True) -> None:
        before = stay.status
        if before == "reserved":
            status = "no-show"
        elif moment < stay.end:
            status = "lapsed"
        else:
            status = "ended" if self.rules.sign_out_grace is None else "not-signed-out"
        self.close(stay, status, moment)
        stay.by_time = True
        if blame:
            self.on_closed(stay)
        if status == "ended":
            self.carry_over(stay, absent=before == "away")

    def on_closed(self, stay: Stay) -> None:
        """What follows from time having closed a stay; blame.py says."""

    def carry_over(self, ended: Stay, *, absent: bool) -> None:
        """Back-to-back reservations of one reader on one seat carry attendance over."""
        for stay in list(self.live):
            if (stay.reader, stay.seat, stay.start) == (ended.reader, ended.seat, ended.end) and stay.seat:
                if stay.status != "reserved":
                    continue
                stay.status, stay.checked_in = "in-use", stay.start
                if absent:
                    self.step_away(stay, stay.start, stay.start)
        for stay in self.stays:
            follows = (stay.reader, stay.seat, stay.start) == (ended.reader, ended.seat, ended.end) and stay.seat
            if follows and stay.status == "no-show" and stay.by_time and not absent:
                self.bring_back(stay, stay.start)

    def bring_back(self, stay: Stay, occurred: int) -> None:
        """What late evidence makes of a stay that time has closed; attendance.py says."""

    def step_away(self, stay: Stay, at: int, counted_from: int) -> None:
        begins = max(counted_from, stay.start)
        stay.status, stay.away_at, stay.returned = "away", at, None
        stay.away_until = min(begins + self.rules.away_limit(begins), stay.end)

    def close(self, stay: Stay, status: str, at: int) -> None:
        stay.status, stay.closed = status, at
        if stay in self.live:
            self.live.remove(stay)

    # ---- staff -------------------------------------------------------------------------------------------------------

    def close_floor(self, name: str, closure: Closure) -> None:
        """Nobody is blamed: who is there, or has enough of a stay left, keeps what comes before the closing."""
        self.closures[name] = closure
        for stay in list(self.live):
            if stay.area != closure.area or closure.seat not in ("", stay.seat) or stay.end <= closure.start:
                continue
            if closure.end is not None and stay.start >= closure.end:
                continue
            self.make_room(stay, closure.start)

    def make_room(self, stay: Stay, closes: int) -> None:
        there = stay.checked_in is not None
        left = closes - (max(stay.start, self.now) if there else stay.start)
        if closes > self.now and left > 0 and (there or left >= self.rules.min_length):
            stay.end = closes
        else:
            self.close(stay, "cancelled" if stay.status == "reserved" else "ended", self.now)

    def give_way(self, stay: Stay) -> None:
        """What comes back is held against what staff have closed meanwhile."""
        shut = [one for one in self.closures.values() if one.area == stay.area and one.seat in ("", stay.seat)]
        starts = [max(one.start, self.now) for one in shut if one.meets(self.now, stay.end)]
        if stay.holds and starts and stay.end > self.now:
            self.make_room(stay, min(starts))

    # ---- maps --------------------------------------------------------------------------------------------------------

    def shown(self, seat: str) -> str:
        """How a seat is drawn now."""
        area = self.rules.area_of(seat)
        if seat in self.rules.areas[area].closed or not self.rules.open_at(self.now):
            return "closed"
        if any(
            one.area == area and one.seat in ("", seat) and one.meets(self.now, self.now + 1)
            for one in self.closures.values()
        ):
            return "closed"
        today = [s for s in self.live if s.seat == seat and s.end > self.now and s.start // DAY == self.now // DAY]
        here = [stay for stay in today if stay.start <= self.now]
        early = sorted((stay for stay in today if stay.status != "reserved"), key=lambda stay: stay.start)
        words = {"reserved": "reserved", "in-use": "taken", "away": "away"}
        return words[(here or early)[0].status] if here or early else "free"

    def places_free(self, area: str) -> int:
        """How many places of a capacity area are free now."""
        if not self.rules.open_at(self.now):
            return 0
        if any(one.area == area and one.meets(self.now, self.now + 1) for one in self.closures.values()):
            return 0
        held = sum(stay.area == area and stay.start <= self.now < stay.end for stay in self.live)
        return max(0, (self.rules.areas[area].capacity or 0) - held)
