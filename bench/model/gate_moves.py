"""What gates tell, and how readers answer it, played on both sides."""

import hashlib
from typing import Any

from bench.model.blame import HEARD_LAG
from bench.model.libraries import moment
from bench.model.steps import Step
from bench.model.twin import Twin
from booking.service.commands import AnswerGateRecord, Recorded, RecordGateEvent
from booking.service.violation_commands import HearGate
from messages import access
from messages.access import AccessEvent, AccessOutcome, Credential, CredentialKind, Direction, PassageEvent

EPOCH = 1


def _send(twin: Twin, step: Step, event: AccessEvent | PassageEvent, gate: str) -> Any:
    payload = access.encode("lib", gate, event)
    digest = hashlib.sha256(payload).digest()
    return twin.do(RecordGateEvent(gate=gate, at=moment(step.at), event=event, payload=payload, digest=digest))


def _access(args: dict[str, Any]) -> AccessEvent:
    return AccessEvent(
        portal=args["lane"],
        direction=Direction(args["way"]),
        credential=Credential(CredentialKind.CARD, f"000{args['card']}"),
        outcome=AccessOutcome.DENIED if args["denied"] else AccessOutcome.REPORTED,
        occurred_at=moment(args["occurred"]),
        monotonic_ns=0,
        boot_id="b",
        epoch=EPOCH,
        sequence=args["sequence"],
    )


def _recorded(twin: Twin, outcome: Any, expected: Recorded) -> None:
    if outcome != expected:
        raise twin.differs(f"{outcome} instead of {expected}")


def pass_gate(twin: Twin, step: Step) -> bool:
    """A gate's event, for the first time, again, or another event under a known number."""
    args, model = step.args, twin.model
    gate, sequence, event = args["gate"], args["sequence"], _access(args)
    known = model.known.get((gate, sequence))
    outcome = _send(twin, step, event, gate)
    if known is not None:
        _recorded(twin, outcome, Recorded(replay=known == event, conflict=known != event))
        return True
    _recorded(twin, outcome, Recorded())
    model.known[gate, sequence] = event
    way = args["way"] if args["way"] != "unknown" else model.rules.gates[gate].lanes[args["lane"]]
    reader = args["card"] if args["card"] in model.rules.readers else None
    model.pass_gate(gate, sequence, reader, way, args["occurred"], denied=args["denied"])
    return True


def report(twin: Twin, step: Step) -> bool:
    """Whether somebody walked through after an event. Nobody: what it did is void, unless its reader has answered."""
    args, model = step.args, twin.model
    gate, sequence = args["gate"], args["sequence"]
    event = PassageEvent(
        args["lane"],
        args["of"],
        passed=args["passed"],
        occurred_at=moment(args["occurred"]),
        monotonic_ns=0,
        boot_id="b",
        epoch=EPOCH,
        sequence=sequence,
    )
    known = model.known.get((gate, sequence))
    passage = model.passages.get((gate, args["of"]))
    if known is None and (model.early.get((gate, args["of"])) if passage is None else passage.passed) is not None:
        return False  # a turnstile says it once
    outcome = _send(twin, step, event, gate)
    if known is not None:
        _recorded(twin, outcome, Recorded(replay=known == event, conflict=known != event))
        return True
    _recorded(twin, outcome, Recorded())
    model.known[gate, sequence] = event
    if passage is None:
        model.early[gate, args["of"]] = args["passed"]
    else:
        passage.passed = args["passed"]
        if not args["passed"] and not passage.answered:
            model.undo(passage)
    return True


def answer(twin: Twin, step: Step) -> bool:
    args, model = step.args, twin.model
    passage = model.passages.get((args["gate"], args["sequence"]))
    if passage is None or passage.reader is None:
        return False
    known = twin.database.rows(
        f"SELECT id FROM gate_records WHERE gate = '{args['gate']}' AND sequence = {args['sequence']}"
    )
    if len(known) != 1:
        raise twin.differs(f"passage {args['gate']} {args['sequence']} is stored {len(known)} times")
    reasons = model.why_not_answer(args["reader"], passage)

    def judge(outcome: Any) -> None:
        plain = args["confirm"] or passage.stay is None
        against = reasons or ({} if plain else model.undo(passage))
        if twin.expect(outcome, against):
            passage.answered = True
            if not plain and passage.stay is not None:
                twin.same(outcome, passage.stay)

    def command(key: Any) -> AnswerGateRecord:
        return AnswerGateRecord(
            reader=args["reader"], at=moment(step.at), record=known[0][0], confirm=args["confirm"], request=key
        )

    twin.ask(command, judge)
    return True


def hear(twin: Twin, step: Step) -> bool:
    """A gate says how far its outbox is; it is believed once all rows that it names are here, and we have lost none."""
    args, model = step.args, twin.model
    gate, first, last = args["gate"], args["watermark"] + 1, args["last"]
    twin.do(
        HearGate(
            gate=gate,
            at=moment(step.at),
            wall=moment(args["wall"]),
            epoch=EPOCH,
            watermark=args["watermark"],
            last_sequence=last,
        )
    )
    lost = args["watermark"] > max((number for name, number in model.known if name == gate), default=0)
    if not lost and all((gate, sequence) in model.known for sequence in range(first, last + 1)):
        until = min(args["wall"], step.at) - HEARD_LAG
        model.heard[gate] = max(model.heard.get(gate, until), until)
    return True
