"""The commands of one transaction, carried out one after another: each answered by the rules, none spoilt by another.

Bookings that follow each other are decided on facts that were asked for together (booking.store.run_unit). A command that fails is rolled back alone and answered with FAULT; its neighbours in the same commit are untouched.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.service.act import act
from booking.service.answers import answer_record
from booking.service.commands import (
    Act,
    AnswerGateRecord,
    Changed,
    CheckInByCode,
    CheckOutByCode,
    CloseSession,
    Command,
    EnrolDevice,
    IssueReaderCode,
    KeepDeadLetter,
    KeepTime,
    LoadPeople,
    MarkTold,
    MoveSeat,
    OfferEnrolment,
    OpenSession,
    Outcome,
    Recorded,
    RecordGateEvent,
    Reserve,
    Stored,
    Sweep,
    UseReaderCode,
    WithdrawEntry,
)
from booking.service.consequences import confirm_heard
from booking.service.draws import enter, hold, prepare, withdraw
from booking.service.entrance import check_out_by_code
from booking.service.floor import CloseFloor, KeepHours, OpenFloor, SettleTask
from booking.service.gate_commands import GateCommand
from booking.service.identity import IdentityCommand
from booking.service.inside import look_at_openings
from booking.service.ledger import settle
from booking.service.move import move
from booking.service.patrol import MarkSeat
from booking.service.people import PeopleCommand
from booking.service.pictures import PictureCommand
from booking.service.ports import Touched
from booking.service.presence import catch_up, check_in_by_code
from booking.service.recognition import RecognitionCommand
from booking.service.reserve import reserve
from booking.service.sso import SsoCommand
from booking.service.streams import take_event, watch_letter
from booking.service.telling import StartWaiting, TellingCommand, WaitingCommand
from booking.service.violation_commands import Appeal, DecideViolation, GrantAmnesty, HearGate
from booking.service.waiting import start_waiting, tell_of_free
from booking.store import desk_commands as desk
from booking.store import floor_commands as floor
from booking.store import (
    gate_commands,
    identity_commands,
    numbering,
    people_commands,
    picture_rows,
    recognition_commands,
    sso_commands,
)
from booking.store import telling_commands as telling
from booking.store.draw_rows import DrawRows
from booking.store.engine import Engine
from booking.store.gate_run import GateRun
from booking.store.held_places import forget_past
from booking.store.reminders import remind
from booking.store.retention import erase
from booking.store.rows import outcome_json, outcome_of_json, us
from booking.store.run_unit import RunUnit
from booking.store.sql import Connection
from booking.store.unit import StoreUnit
from booking.store.violation_commands import judge
from booking.store.waits import WaitRows
from messages.access import AccessEvent

_OVERLAPS = {
    "seat-overlap": RefusalCode.SEAT_TAKEN,
    "reader-overlap": RefusalCode.READER_OVERLAP,
    "area-full": RefusalCode.AREA_FULL,
}
FEW = 4
"""From so many bookings in a row on, their facts are asked for together."""
FEW_EVENTS = 1
"""The same for passages: each asks for so much that even one pays for it."""
_log = logging.getLogger(__name__)


class Batch:
    """One transaction's commands. With an engine each stands in a savepoint; without one every error is let through."""

    def __init__(self, db: Connection, places: Places, engine: Engine | None) -> None:
        self._db = db
        self._places = places
        self._engine = engine
        self._touched: set[str] = set()

    def answer(self, commands: Sequence[Command]) -> list[Outcome]:
        """Carry commands out, one after the other; what one touched counts unless it failed."""
        if self._engine is not None:
            return [self._guarded(command, self._engine) for command in commands]
        outcomes: list[Outcome] = []
        for kind, run in groupby(commands, self._kind_of_run):
            these = list(run)
            if kind is RecordGateEvent and len(these) >= FEW_EVENTS:
                outcomes += self._events(these)
            else:
                outcomes += self._run(these) if kind is Reserve and len(these) >= FEW else map(self._outcome, these)
        return outcomes

    def _kind_of_run(self, command: Command) -> type | None:
        """Return the kind of commands that this one can be decided together with."""
        if isinstance(command, RecordGateEvent):
            return RecordGateEvent if isinstance(command.event, AccessEvent) else None
        return Reserve if isinstance(command, Reserve) and not self._places.policy.draw.collect else None

    def _events(self, commands: Sequence[Command]) -> list[Outcome]:
        """Store passages on facts that are asked for together."""
        events = [command for command in commands if isinstance(command, RecordGateEvent)]
        unit, outcomes = GateRun(self._db, self._places, events), list[Outcome]()
        while len(outcomes) < len(events) and unit.worth_it:
            event = events[len(outcomes)]
            catch_up(unit, self._places, event.at)
            known = unit.known(event)
            take_event(unit, self._places, event, known)
            outcomes.append(known)
            self._tell_waiting(unit.freed(), event.at)
        unit.end()
        self._touched |= unit.touched
        return outcomes + [self._outcome(command) for command in events[len(outcomes) :]]

    def _run(self, commands: Sequence[Command]) -> list[Outcome]:
        """Carry out bookings on facts that are asked for together."""
        bookings = [command for command in commands if isinstance(command, Reserve)]
        unit, outcomes = RunUnit(self._db, self._places, bookings), list[Outcome]()
        while len(outcomes) < len(bookings) and unit.worth_it:
            outcomes.append(self._once(unit, bookings[len(outcomes)]))
        self._tell_waiting(unit.end(), bookings[len(outcomes) - 1].at)
        self._touched |= unit.touched
        return outcomes + [self._outcome(command) for command in bookings[len(outcomes) :]]

    def finish(self) -> Touched:
        """Count this transaction as a change of what was touched, and return that."""
        numbering.count(self._db, self._touched)
        return frozenset(self._touched)

    def _outcome(self, command: Command) -> Outcome:
        unit = StoreUnit(self._db, self._places)
        outcome = self._once(unit, command)
        self._tell_waiting(unit.touched, command.at)
        self._touched |= unit.touched
        return outcome

    def _guarded(self, command: Command, engine: Engine) -> Outcome:
        self._db.execute("SAVEPOINT command")
        try:
            outcome = self._outcome(command)
        except Exception as error:
            if engine.ends_all(error):
                raise
            self._db.execute("ROLLBACK TO command")
            self._db.execute("RELEASE command")
            return _answer_to(error, engine.refused_by(error), command)
        self._db.execute("RELEASE command")
        return outcome

    def _once(self, unit: StoreUnit, command: Command) -> Outcome:
        """Carry a command out, or give the stored answer when its request was carried out before."""
        request = getattr(command, "request", None)
        if request is None:
            return self._carry_out(unit, command)
        reader = getattr(command, "reader", "")
        known = unit.answer_to(reader, request.key)
        if known is not None:
            if known[0] != request.digest:
                return Refusal(RefusalCode.KEY_REUSED)
            stored = outcome_of_json(known[1])
            return replace(stored, repeated=True) if isinstance(stored, Changed) else stored
        outcome = self._carry_out(unit, command)
        # a refusal has done nothing that must not be done twice: asked again, it is judged again
        text = None if isinstance(outcome, Refusal) else outcome_json(outcome)
        if text is not None:
            unit.keep_answer(reader, request, text, command.at)
        return outcome

    def _carry_out(self, unit: StoreUnit, command: Command) -> Outcome:  # noqa: C901, PLR0912 - one line per command
        if isinstance(command, Reserve):  # first: in the release second nearly all are
            catch_up(unit, self._places, command.at)
            return enter(DrawRows(self._db), unit, self._places, command) or reserve(unit, self._places, command)
        if isinstance(command, IdentityCommand):
            return identity_commands.carry_out(self._db, command)
        if isinstance(command, TellingCommand):
            return telling.carry_out(self._db, command)
        if isinstance(command, WaitingCommand):
            return self._wait(unit, command)
        if isinstance(command, PeopleCommand):
            return people_commands.carry_out(self._db, command)
        if isinstance(command, RecognitionCommand):
            return recognition_commands.carry_out(self._db, command)
        catch_up(unit, self._places, command.at)
        if isinstance(command, SsoCommand):
            return sso_commands.carry_out(self._db, command)
        if isinstance(command, GateCommand):
            return gate_commands.carry_out(unit, self._places, command)
        if isinstance(command, PictureCommand):
            return picture_rows.carry_out(self._db, command)
        match command:
            case WithdrawEntry():
                return withdraw(DrawRows(self._db), command)
            case Act():
                return act(unit, self._places, command)
            case MoveSeat():
                return move(unit, self._places, command)
            case CheckInByCode():
                return check_in_by_code(unit, self._places, command)
            case CheckOutByCode():
                return check_out_by_code(unit, self._places, command)
            case RecordGateEvent():
                return self._gate_event(unit, command)
            case AnswerGateRecord():
                return answer_record(unit, self._places, command)
            case KeepDeadLetter():
                known = desk.keep_dead_letter(self._db, command)
                watch_letter(unit, command, known)
                return known
            case IssueReaderCode():
                return desk.issue_reader_code(self._db, command)
            case UseReaderCode():
                return desk.use_reader_code(self._db, command)
            case OpenSession():
                return desk.open_session(self._db, command)
            case CloseSession():
                return desk.close_session(self._db, command)
            case EnrolDevice():
                return desk.enrol_device(self._db, command)
            case OfferEnrolment():
                return desk.offer_enrolment(self._db, command)
            case LoadPeople():
                return desk.load_people(self._db, command)
            case MarkTold():
                return desk.mark_told(self._db, command)
            case Sweep():
                look_at_openings(unit, self._places, command.at)
                settle(unit, self._places, unit.fallen_due(command.at), command.at)
                confirm_heard(unit, self._places, command.at)
                desk.forget_old(self._db, us(command.at))
                remind(self._db, self._places, command.at)
                self._tell_waiting(WaitRows(self._db, self._places).turns_over(command.at), command.at)
                forget_past(self._db, us(command.at))
                draws = DrawRows(self._db)
                prepare(draws, self._places, command.at)
                hold(draws, unit, self._places, reserve, command.at)
                self._erase(command.at)
                return Stored()
            case KeepTime():
                if numbering.keep_time(self._db, command.at):
                    unit.touched |= {area.id for area in self._places.site.areas}
                return Stored()
            case CloseFloor() | OpenFloor() | SettleTask() | KeepHours() | MarkSeat():
                return floor.carry_out(unit, self._places, command)
            case HearGate() | Appeal() | DecideViolation() | GrantAmnesty():
                return judge(unit, self._places, command)

    def _erase(self, now: datetime) -> None:
        erased = erase(self._db, self._places.policy.retention, now)
        if erased:
            _log.info("erased what is past its time %s", " ".join(f"{kind}={n}" for kind, n in erased.items()))

    def _wait(self, unit: StoreUnit, command: WaitingCommand) -> Outcome:
        waits = WaitRows(self._db, self._places)
        if isinstance(command, StartWaiting):
            return start_waiting(unit, waits, self._places, command)
        return Stored() if waits.stop(command) else Refusal(RefusalCode.NOT_FOUND)

    def _tell_waiting(self, touched: set[str], now: datetime) -> None:
        """Tell who waits in the areas that a command has changed; after every command, so that none is missed."""
        if touched:
            unit = StoreUnit(self._db, self._places)
            tell_of_free(unit, WaitRows(self._db, self._places), self._places, sorted(touched), now)

    def _gate_event(self, unit: StoreUnit, command: RecordGateEvent) -> Recorded:
        known = desk.gate_event_known(self._db, command)
        take_event(unit, self._places, command, known)
        return known


def _answer_to(error: Exception, constraint: str | None, command: Command) -> Refusal:
    if constraint in _OVERLAPS:
        # the rules let it through and storage did not: no double booking, but a fault of ours all the same
        _log.error("storage refused an overlap constraint=%s command=%s", constraint, type(command).__name__)
        return Refusal(_OVERLAPS[constraint])
    _log.error("command failed command=%s", type(command).__name__, exc_info=error)
    return Refusal(RefusalCode.FAULT)
