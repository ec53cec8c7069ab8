"""The model of presence: what a passage or a scanned code does, judged by when it happened; disputes; what is void.

A passage is judged by the state that is known when it is learned of, in which what time alone has closed since the
passage is open again.
"""

from dataclasses import dataclass, field

from bench.model.blame import Blaming
from bench.model.stays import THERE, Reasons, Stay


@dataclass
class Passage:
    """A gate's stored event and what it did: the stay's facts before and after."""

    reader: str | None
    venue: str
    occurred: int
    received: int
    stay: Stay | None = None
    before: tuple = ()
    after: tuple = ()
    answered: bool = False
    denied: bool = False
    passed: bool | None = None
    """What the turnstile said: whether somebody walked through."""


@dataclass
class Model(Blaming):
    """The whole model."""

    passages: dict[tuple[str, int], Passage] = field(default_factory=dict)
    """By (gate, sequence)."""
    known: dict[tuple[str, int], object] = field(default_factory=dict)
    """What each gate has told, passages and reports of passing."""
    early: dict[tuple[str, int], bool] = field(default_factory=dict)
    """What turnstiles said of passages that have not come yet, by the passage's (gate, sequence)."""
    used_codes: set[tuple[str, int, int]] = field(default_factory=set)
    answers: dict[tuple[str, str], tuple] = field(default_factory=dict)
    """(reader, idempotency key) → (what was asked, the answer, when) of all that was not refused."""

    # ---- who is concerned --------------------------------------------------------------------------------------------

    def status_at(self, stay: Stay, moment: int) -> str:
        """The status of `stay` at `moment`, where only time has closed it since."""
        if stay.by_time and stay.closed is not None and stay.closed > moment:
            away = stay.away_at is not None and stay.returned is None
            return {"no-show": "reserved", "lapsed": "away"}.get(stay.status, "away" if away else "in-use")
        return stay.status

    def concerned(self, reader: str, venue: str, moment: int, *, made_by: int) -> Stay | None:
        """The one in use or away at `moment`; else the one whose window was open and whose start is nearest."""
        mine = [
            stay
            for stay in self.stays
            if stay.reader == reader
            and stay.created <= made_by
            and self.venue_of(stay) == venue
            and (stay.holds or (stay.by_time and stay.closed is not None and stay.closed > moment))
        ]
        for stay in sorted(mine, key=lambda one: one.start):
            if self.status_at(stay, moment) in THERE:
                return stay
        waiting = [s for s in mine if self.status_at(s, moment) == "reserved" and self.in_window(s, moment)]
        return min(waiting, key=lambda one: abs(one.start - moment), default=None)

    def in_window(self, stay: Stay, moment: int) -> bool:
        closes = min(stay.start + self.rules.window_after, stay.end)
        return stay.start - self.rules.window_before <= moment < closes

    # ---- arriving ----------------------------------------------------------------------------------------------------

    def arrival(self, reader: str, venue: str, occurred: int, *, made_by: int) -> Stay | None:
        """The stay that being there at `occurred` changes; None: recorded only."""
        stay = self.concerned(reader, venue, occurred, made_by=made_by)
        if stay is None or stay.status in ("reserved", "no-show"):
            return stay
        came_back = stay.away_at is not None and occurred >= stay.away_at
        return stay if stay.status in ("away", "lapsed") and came_back else None

    def arrive(self, stay: Stay, occurred: int) -> None:
        """In, window open → checked in; in, away → returned; learned of too late → the consequence is lifted."""
        if not stay.holds:
            self.bring_back(stay, occurred)
            return
        if stay.status == "reserved":
            stay.checked_in = occurred
        else:
            stay.returned, stay.away_until = occurred, None
        stay.status = "in-use"
        self.pass_time(self.now)

    def bring_back(self, stay: Stay, occurred: int) -> None:
        self.lift(stay)
        was, taken = stay.status, False
        if self.now < self.over(stay):
            taken = self.is_taken(stay)
        if taken:
            self.close(stay, "displaced", self.now)
            stay.by_time = False
            return
        if was == "no-show":
            stay.checked_in = occurred
        else:
            stay.returned, stay.away_until = occurred, None
        stay.status, stay.closed, stay.by_time = "in-use", None, False
        if self.now >= self.over(stay):
            self.close_by_time(stay, self.over(stay), blame=False)  # late evidence imposes no consequence
        else:
            self.live.append(stay)
            self.give_way(stay)

    def is_taken(self, stay: Stay) -> bool:
        """Whether seat, place or reader were booked meanwhile."""
        others = [one for one in self.live if one is not stay and one.meets(stay.start, stay.end)]
        if any(one.reader == stay.reader for one in others):
            return True
        if stay.seat:
            return any(one.seat == stay.seat for one in others)
        capacity = self.rules.areas[stay.area].capacity or 0
        return not stay.holds and self.most_held(stay.area, stay.start, stay.end) >= capacity

    # ---- leaving -----------------------------------------------------------------------------------------------------

    def leave(self, reader: str, venue: str, occurred: int) -> tuple[Stay, tuple] | None:
        """What going out does: the stay that it changed and its facts before; None: recorded only."""
        if any(
            one.reader == reader
            and one.venue == venue
            and one.occurred > occurred
            and not one.denied
            and one.passed is not False
            for one in self.passages.values()
        ):
            return None  # a later passage is known already
        stay = self.concerned(reader, venue, occurred, made_by=occurred)
        if stay is None:
            return None
        moved = [stay.checked_in, stay.away_at, stay.returned, stay.created]
        if occurred < max(moment for moment in moved if moment is not None):
            return None
        before, means = stay.facts(), self.rules.exit_means
        ends = means in ("end", "end-unless-away", "violation-unless-away")
        going = stay.status == "in-use" or (stay.status == "away" and means == "end")
        late = self.now - occurred > self.rules.late_after
        if stay.status == "not-signed-out" and ends:
            self.lift(stay)
            self.close(stay, "ended", occurred)
            stay.by_time = False
        elif going and ends and (not late or self.now >= stay.end):
            self.close(stay, "ended", occurred)
            if means == "violation-unless-away" and not late and occurred < stay.end:
                self.blame(stay, "left", occurred, occurred)
        elif stay.status == "in-use" and means == "away" and occurred < stay.end:
            self.step_away(stay, occurred, self.now if late else occurred)
        else:
            return None
        return stay, before

    # ---- a gate's event ----------------------------------------------------------------------------------------------

    def pass_gate(self, gate: str, sequence: int, reader: str | None, way: str, occurred: int, *, denied: bool) -> None:
        venue = self.rules.gates[gate].venue
        word = self.early.pop((gate, sequence), None)
        passage = Passage(reader, venue, occurred, self.now, denied=denied, passed=word)
        denied = denied or word is False  # nobody walked through: it is on record and does nothing
        if reader and not denied and way == "in":
            stay = self.arrival(reader, venue, occurred, made_by=occurred)
            if stay is not None:
                passage.stay, passage.before = stay, stay.facts()
                self.arrive(stay, occurred)
                passage.after = stay.facts()
        if reader and not denied and way == "out":
            done = self.leave(reader, venue, occurred)
            if done is not None:
                passage.stay, passage.before = done
                passage.after = passage.stay.facts()
                self.pass_time(self.now)
        self.passages[gate, sequence] = passage

    def undo(self, passage: Passage) -> Reasons:
        """Restore what was before a passage, without a penalty; an empty answer is a yes."""
        stay = passage.stay
        if stay is None or stay.facts() != passage.after:
            return {"not-possible-now": None}
        held = stay in self.live
        if held:
            self.live.remove(stay)
        stay.restore(passage.before)
        if stay.holds and self.due(stay) > self.now:
            reasons = self.others_came(stay, held=held)
            if reasons:
                stay.restore(passage.after)
                if held:
                    self.live.append(stay)
                return reasons
        if stay.holds:
            self.live.append(stay)
            self.blamelessly(stay)
            self.give_way(stay)
        for blame in self.blames.values():
            if blame.stay is stay and blame.kind == "left" and blame.at == passage.occurred:
                blame.lifted = True
        return {}

    def others_came(self, stay: Stay, *, held: bool) -> Reasons:
        """Who holds what `stay`, which is not among those that hold, would hold again. `held`: its place is still its own."""
        reasons = Reasons()
        others = [one for one in self.live if one.meets(stay.start, stay.end)]
        if any(one.reader == stay.reader for one in others):
            reasons["reader-overlap"] = None
        capacity = self.rules.areas[stay.area].capacity or 0
        if stay.seat:
            taken = any(one.seat == stay.seat for one in others)
        else:
            taken = not held and self.most_held(stay.area, stay.start, stay.end) >= capacity
        return reasons | ({"seat-taken": None} if taken else {})

    def blamelessly(self, stay: Stay) -> None:
        """What fell due meanwhile is no penalty: it is as if the reader had cancelled, or ended."""
        if self.due(stay) <= self.now:
            self.close_by_time(stay, self.due(stay), blame=False)
            if stay.status in ("no-show", "lapsed"):
                self.close(stay, "cancelled" if stay.status == "no-show" else "ended", self.now)
                stay.by_time = False

    def why_not_answer(self, reader: str, passage: Passage) -> Reasons:
        if passage.reader != reader:
            return {"not-found": None}
        reasons = Reasons()
        if self.now >= passage.received + self.rules.confirm_for:
            reasons["confirm-too-late"] = None
        if passage.answered:
            reasons["not-possible-now"] = None
        return reasons

    # ---- codes -------------------------------------------------------------------------------------------------------

    def why_not_check_in(self, reader: str, venue: str, seen: int) -> Reasons:
        """What a scan that can do nothing may be told."""
        reasons = Reasons()
        for stay in self.stays:
            if stay.reader != reader or self.venue_of(stay) != venue:
                continue
            if self.status_at(stay, seen) in THERE or stay.status in THERE:
                reasons["not-possible-now"] = None
                if stay.status != "in-use":
                    reasons["nothing-to-check-in"] = None  # scanned before they went: either sentence is true
            if stay.status == "reserved" and seen < stay.start - self.rules.window_before:
                opens = stay.start - self.rules.window_before
                reasons["window-not-open"] = min(opens, reasons.get("window-not-open") or opens)
            closes = min(stay.start + self.rules.window_after, stay.end)
            if stay.status == "no-show" and closes <= seen < stay.end:
                reasons["window-closed"] = None
        return reasons or {"nothing-to-check-in": None}

    def to_sign_out(self, reader: str, venue: str, seen: int) -> Stay | None:
        """The stay that its reader was at when the code was seen."""
        for stay in sorted(self.stays, key=lambda one: one.start):
            if stay.reader == reader and self.venue_of(stay) == venue and self.status_at(stay, seen) in THERE:
                return stay
        return None

    def why_not_sign_out(self, stay: Stay | None) -> Reasons:
        if stay is None or stay.status == "ended":
            return {"nothing-to-check-out": None}
        return {} if stay.holds or stay.status == "not-signed-out" else {"not-possible-now": None}

    def sign_out(self, stay: Stay, seen: int) -> None:
        if stay.status == "not-signed-out":
            self.lift(stay)
        self.close(stay, "ended", seen)
        stay.by_time = False
