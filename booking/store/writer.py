"""The one thread that writes: it drains a queue into group commits, one savepoint per command.

A command that fails is rolled back alone and answered with FAULT; its neighbours in the same commit are untouched.
Futures resolve only after the commit is on the disk.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime

import apsw

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
from booking.service.ports import Touched
from booking.service.presence import catch_up, check_in_by_code, record_event
from booking.service.recognition import RecognitionCommand
from booking.service.reserve import reserve
from booking.service.telling import StartWaiting, TellingCommand, WaitingCommand
from booking.service.violation_commands import Appeal, DecideViolation, GrantAmnesty, HearGate
from booking.service.waiting import start_waiting, tell_of_free
from booking.store import desk_commands as desk
from booking.store import floor_commands as floor
from booking.store import gate_commands, identity_commands, numbering, people_commands, recognition_commands
from booking.store import telling_commands as telling
from booking.store.draw_rows import DrawRows
from booking.store.errors import StoreError
from booking.store.held_places import forget_past
from booking.store.reminders import remind
from booking.store.retention import erase
from booking.store.rows import outcome_json, outcome_of_json, us
from booking.store.unit import StoreUnit
from booking.store.violation_commands import judge
from booking.store.waits import WaitRows

MOST_PER_COMMIT = 256
_OVERLAPS = {
    "seat-overlap": RefusalCode.SEAT_TAKEN,
    "reader-overlap": RefusalCode.READER_OVERLAP,
    "area-full": RefusalCode.AREA_FULL,
}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Submission:
    """Commands handed in together, and where their outcomes go."""

    commands: Sequence[Command]
    future: "Future[list[Outcome]]" = field(default_factory=Future)
    outcomes: list[Outcome] = field(default_factory=list)


class SqliteWriter:
    """booking.service.ports.Writer over one connection. `start` makes its thread, `stop` ends it after the last commit."""

    def __init__(self, connection: apsw.Connection, places: Places) -> None:
        self._db = connection
        self._places = places
        self._queue: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._listeners: list[Callable[[Touched], None]] = []
        self._thread = threading.Thread(target=self._run, name="booking-writer", daemon=True)
        self._closing = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Start the writing thread."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is queued, then end. What is submitted afterwards fails with StoreError."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the writing thread runs."""
        return self._thread.is_alive()

    @property
    def depth(self) -> int:
        """How many submissions wait."""
        return self._queue.qsize()

    def submit(self, commands: Sequence[Command]) -> "Future[list[Outcome]]":
        """Queue `commands`; the future resolves, in order, once the transaction that holds them has committed."""
        submission = _Submission(tuple(commands))
        with self._closing:
            if self._closed:
                submission.future.set_exception(StoreError("booking is stopping: ask again in a moment"))
            else:
                self._queue.put(submission)
        return submission.future

    def on_commit(self, listener: Callable[[Touched], None]) -> None:
        """Call `listener` after each commit, on the writer's thread: it may only enqueue."""
        self._listeners.append(listener)

    def _run(self) -> None:
        open_ = True
        while open_:
            first = self._queue.get()
            if first is None:
                return
            batch, count = [first], len(first.commands)
            while count < MOST_PER_COMMIT:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    open_ = False
                    break
                batch.append(following)
                count += len(following.commands)
            self._commit([one for one in batch if one.future.set_running_or_notify_cancel()])

    def _commit(self, batch: list[_Submission]) -> None:
        touched: set[str] = set()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for submission in batch:
                submission.outcomes = [self._one(command, touched) for command in submission.commands]
            numbering.count(self._db, touched)
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, this thread goes on with the next batch
            _log.exception("commit failed commands=%d", sum(len(one.commands) for one in batch))
            with contextlib.suppress(apsw.Error):
                self._db.execute("ROLLBACK")
            for submission in batch:
                submission.future.set_exception(StoreError(f"nothing was stored: {error}"))
            return
        for submission in batch:
            submission.future.set_result(submission.outcomes)
        for listener in self._listeners:
            try:
                listener(frozenset(touched))
            except Exception:  # noqa: BLE001 - what is stored is stored, whatever a listener makes of it
                _log.exception("a commit listener failed")

    def _one(self, command: Command, touched: set[str]) -> Outcome:
        unit = StoreUnit(self._db, self._places)
        self._db.execute("SAVEPOINT command")
        try:
            outcome = self._once(unit, command)
            self._tell_waiting(unit.touched, command.at)
        except Exception as error:
            if not self._db.in_transaction:
                raise StoreError(f"the database gave up the whole transaction: {error}") from error
            self._db.execute("ROLLBACK TO command")
            self._db.execute("RELEASE command")
            return _answer_to(error, command)
        self._db.execute("RELEASE command")
        touched |= unit.touched
        return outcome

    def _once(self, unit: StoreUnit, command: Command) -> Outcome:
        """Carry a command out, or give the stored answer when its request was answered before."""
        request = getattr(command, "request", None)
        if request is None:
            return self._carry_out(unit, command)
        reader = getattr(command, "reader", "")
        known = self._db.execute(
            "SELECT digest, outcome FROM idempotency WHERE reader = ? AND key = ?", (reader, request.key)
        ).fetchone()
        if known is not None:
            if known[0] != request.digest:
                return Refusal(RefusalCode.KEY_REUSED)
            stored = outcome_of_json(known[1])
            return replace(stored, repeated=True) if isinstance(stored, Changed) else stored
        outcome = self._carry_out(unit, command)
        text = outcome_json(outcome)
        if text is not None:
            self._db.execute(
                "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)",
                (reader, request.key, request.digest, text, us(command.at)),
            )
        return outcome

    def _carry_out(self, unit: StoreUnit, command: Command) -> Outcome:  # noqa: C901, PLR0912 - one line per command
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
        if isinstance(command, GateCommand):
            return gate_commands.carry_out(unit, self._places, command)
        match command:
            case Reserve():
                return enter(DrawRows(self._db), unit, self._places, command) or reserve(unit, self._places, command)
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
                return desk.keep_dead_letter(self._db, command)
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
        if not known.replay and not known.conflict:
            record_event(unit, self._places, command)
        return known


def _answer_to(error: Exception, command: Command) -> Refusal:
    if isinstance(error, apsw.ConstraintError):
        for name, code in _OVERLAPS.items():
            if name in str(error):
                # the rules let it through and storage did not: no double booking, but a fault of ours all the same
                _log.error("storage refused an overlap constraint=%s command=%s", name, type(command).__name__)
                return Refusal(code)
    _log.error("command failed command=%s", type(command).__name__, exc_info=error)
    return Refusal(RefusalCode.FAULT)
