"""One step played on both sides, and everything compared afterwards. Nothing here knows a rule."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from bench.model.attendance import Model
from bench.model.databases import MOST_HELD, OVERLAPS, SAME_READER, SAME_SEAT, Database
from bench.model.libraries import Library, moment, seconds
from bench.model.stays import Reasons, Stay
from bench.model.steps import DivergenceError, Step
from booking.domain.refusals import Refusal
from booking.service.commands import Card, Changed, LoadPeople, Person
from booking.service.request_key import RequestKey

JUDGED = frozenset({"scan-in", "scan-out", "pass", "answer", "appeal", "decide"})
"""Kinds of step that change what counts against a reader: it is compared after every third of them, and with everything."""
NEWEST = 5
"""So many reservations of a reader are compared after a step that concerns them; all of them now and then."""
ANSWERS_KEPT = 7 * 86400
ALL = 100_000


class Twin:
    """A store and a model in the same state."""

    def __init__(self, library: Library, database: Database, now: int) -> None:
        self.library, self.database = library, database
        self.model = Model(library.rules, now)
        self.by_id: dict[str, Stay] = {}
        self.step = Step(0, now, "open", {})
        self.answers: Counter[str] = Counter()
        """How often each kind of step was answered by which code: a play in which everything is refused proves little."""
        self.tasks: dict[int, str] = {}
        """Step → the id of the task that it made."""
        database.open(moment(now))
        people = tuple(
            Person(reader=name, name=name, cards=(Card("card", f"000{name}"),), groups=tuple(sorted(groups)))
            for name, groups in library.rules.readers.items()
        )
        staff = Person(reader="STAFF", name="STAFF", role="staff")
        self.do(LoadPeople(at=moment(now), people=(*people, staff)))

    @property
    def reads(self) -> Any:
        return self.database.store.reads

    def do(self, command: Any) -> Any:
        return self.database.do(command)

    # ---- one step ----------------------------------------------------------------------------------------------------

    def play(self, step: Step, *, thorough: bool = False) -> bool:
        """Play a step and compare; DivergenceError where the sides differ. False: it refers to what is not there."""
        from bench.model.moves import MOVES

        self.step = step
        self.model.pass_time(step.at)
        done = MOVES[step.kind](self, step)
        readers = set(self.library.rules.readers) if thorough else self.concerned(step)
        self.compare(readers, everything=thorough)
        return done

    def concerned(self, step: Step) -> set[str]:
        """The reader of a step; where it is nobody's, and now and then, another one in turn."""
        names = sorted(self.library.rules.readers)
        found = {step.args.get("reader") or step.args.get("card")} & set(names)
        return found if found and step.n % 3 else found | {names[step.n // 3 % len(names)]}

    def differs(self, what: str) -> DivergenceError:
        return DivergenceError(self.step, what)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def ask(self, command: Callable[[RequestKey | None], Any], judge: Callable[[Any], None]) -> None:
        """Send a command that may carry an idempotency key; `judge` compares what was not done before, and changes the model.

        What was refused was not done: the same request is judged again, and the key is free for another.
        """
        step, key, reader = self.step, self.step.args.get("key"), self.step.args.get("reader", "")
        known = self.model.answers.get((reader, key)) if key else None
        if known and step.at - known[2] >= ANSWERS_KEPT:
            return  # forgotten or not: that is for the sweeper to say
        outcome = self.do(command(RequestKey(key, step.digest) if key else None))
        if known is None:
            judge(outcome)
            if key and not isinstance(outcome, Refusal):
                self.model.answers[reader, key] = (step.digest, outcome, step.at)
        elif known[0] != step.digest:
            self.expect(outcome, {"idempotency-key-reused": None})
        elif isinstance(known[1], Changed):
            if outcome != Changed(known[1].reservation, repeated=True):
                raise self.differs(f"a repeated request: {outcome} instead of {known[1]} again")
        elif outcome != known[1]:
            raise self.differs(f"a repeated request: {outcome} instead of {known[1]} again")

    def expect(self, outcome: Any, reasons: Reasons) -> bool:
        """Compare an answer with the reasons against it; True where both say yes."""
        self.answers[f"{self.step.kind} {outcome.code if isinstance(outcome, Refusal) else 'yes'}"] += 1
        if not isinstance(outcome, Refusal):
            if reasons:
                raise self.differs(f"the store says yes ({outcome}), the model no: {reasons}")
            return True
        code = str(outcome.code)
        if code not in reasons:
            raise self.differs(f"the store says {outcome}, the model {reasons or 'yes'}")
        when = reasons[code]
        if when is not None and outcome.next_allowed_at != moment(when):
            raise self.differs(f"{code}: next allowed at {outcome.next_allowed_at}, the model says {moment(when)}")
        return False

    def same(self, outcome: Any, stay: Stay) -> None:
        """Compare the reservation in an answer with the model's."""
        if not isinstance(outcome, Changed):
            raise self.differs(f"{outcome} instead of a changed reservation")
        self.compare_stay(outcome.reservation, stay)

    # ---- the state ---------------------------------------------------------------------------------------------------

    def compare(self, readers: Iterable[str], *, everything: bool) -> None:
        for reader in sorted(readers):
            self.compare_reader(reader, ALL if everything else NEWEST)
            if everything or (self.step.kind in JUDGED and self.step.n % 3 == 0):
                self.compare_blames(reader)
        areas = list(self.library.rules.areas)
        for area in areas if everything else [areas[self.step.n % len(areas)]]:
            self.compare_map(area)
        if everything:
            self.compare_rows()

    def compare_reader(self, reader: str, limit: int) -> None:
        mine = sorted((s for s in self.model.stays if s.reader == reader), key=lambda s: (s.start, s.id), reverse=True)
        shown = self.reads.reservations(reader, moment(self.model.now), limit=limit).items
        if [view.id for view in shown] != [stay.id for stay in mine[:limit]]:
            raise self.differs(f"reader {reader} has other reservations than in the model")
        for view, stay in zip(shown, mine, strict=False):
            self.compare_stay(view, stay)

    def compare_stay(self, view: Any, stay: Stay) -> None:
        times = (view.start, view.end, view.checked_in_at, view.away_at, view.closed_at)
        store = (view.reader, view.area, view.seat, str(view.status), *(at and seconds(at) for at in times))
        model = (stay.reader, stay.area, stay.seat, stay.status)
        model += (stay.start, stay.end, stay.checked_in, stay.away_at, stay.closed)
        if store != model:
            raise self.differs(f"reservation {stay.name}: store {store}, model {model}")
        if stay.status == "away" and view.away_until != moment(stay.away_until or 0):
            raise self.differs(f"reservation {stay.name} is away until {view.away_until}, not {stay.away_until}")

    def compare_blames(self, reader: str) -> None:
        now = moment(self.model.now)
        view = self.reads.violations(reader, now)
        store, lifted = {}, set()
        for one in view.items:
            key = (self.by_id[one.reservation].name, str(one.kind), seconds(one.occurred_at))
            if one.standing == "lifted":
                lifted.add(key)
            else:
                store[key] = (str(one.standing), one.appealed_at is not None, one.decided_at is not None)
        model = {
            blame.key: ("standing" if self.model.stands(blame) else "provisional", blame.appealed, blame.decided)
            for blame in self.model.of_reader(reader)
            if not blame.lifted
        }
        if store != model:
            raise self.differs(f"violations of {reader}: store {store} (lifted {lifted}), model {model}")
        until = self.model.suspended_until(reader)
        shown = view.suspension and seconds(view.suspension.until)
        if shown != until:
            raise self.differs(f"{reader} is suspended until {shown}, the model says {until}")

    def compare_map(self, area: str) -> None:
        shown = self.reads.area_map(area, moment(self.model.now))
        place = self.library.rules.areas[area]
        if place.capacity is not None:
            if shown.free != self.model.places_free(area):
                raise self.differs(f"{area}: {shown.free} places free, the model says {self.model.places_free(area)}")
            return
        store = {state.seat: str(state.status) for state in shown.seats}
        model = {seat: self.model.shown(seat) for seat in self.library.rules.seat_ids(area)}
        if store != model or shown.free != list(model.values()).count("free"):
            raise self.differs(f"map of {area}: store {store} ({shown.free} free), model {model}")

    def compare_rows(self) -> None:
        """Ask the tables themselves: no seat and no reader twice at one time, no area beyond its places."""
        for what, same in (("a seat", SAME_SEAT), ("a reader", SAME_READER)):
            if self.database.rows(OVERLAPS.format(same=same))[0][0]:
                raise self.differs(f"the tables hold {what} twice at one time")
        for area, held in self.database.rows(MOST_HELD):
            if held > (self.library.rules.areas[area].capacity or 0):
                raise self.differs(f"the tables hold {held} places of {area} at one time")
