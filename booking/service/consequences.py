"""Violations within a transaction: recorded when time makes them so, confirmed by gates, lifted, and what they forbid."""

from dataclasses import replace
from datetime import datetime

from booking.domain.evidence import Change, Evidence, Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Reservation
from booking.domain.violations import (
    Because,
    Standing,
    Violation,
    breach,
    excused,
    heard_until,
    standing,
    suspension_at,
)
from booking.service.unit import Unit


def follow(unit: Unit, places: Places, stay: Reservation, now: datetime) -> None:
    """Record what `stay`, which time has just closed, is as a violation."""
    violation = breach(stay, places.policy)
    if violation is not None:
        record_violation(unit, places, violation, now)


def record_violation(unit: Unit, places: Places, violation: Violation, now: datetime) -> None:
    """Record a violation: lifted where an outage of ours excuses it, confirmed where every gate has told all."""
    if unit.violations.one(violation.id) is not None:
        return
    unit.violations.add(violation)
    if excused(violation, venue_of(places, violation), unit.violations.excuses()):
        lift(unit, places, violation, Because.AMNESTY, source=Source.SYSTEM, now=now)
    elif _standing(unit, places, violation) is Standing.STANDING:
        _confirm(unit, places, violation, now)


def confirm_heard(unit: Unit, places: Places, now: datetime) -> None:
    """Confirm every violation whose venue's gates have told everything up to its deadline."""
    for violation in unit.violations.unconfirmed():
        if _standing(unit, places, violation) is Standing.STANDING:
            _confirm(unit, places, violation, now)


def lift_by_evidence(unit: Unit, places: Places, stay: Reservation, source: str, now: datetime) -> None:
    """Lift what `stay` was held to be before late evidence showed that the reader was there in time."""
    lift_what_stood(unit, places, stay, Because.EVIDENCE, source=source, now=now)


def lift_what_stood(
    unit: Unit, places: Places, stay: Reservation, because: Because, *, source: str, now: datetime
) -> None:
    """Lift the violation that the state of `stay` is."""
    found = breach(stay, places.policy)
    if found is not None:
        lift_known(unit, places, found.id, because, source=source, now=now)


def lift_known(unit: Unit, places: Places, name: str, because: Because, *, source: str, now: datetime) -> None:
    """Lift a violation where it is recorded and stands; its reader hears of it where they were told that it counts."""
    violation = unit.violations.one(name)
    if violation is None or violation.lifted_at is not None:
        return
    if violation.confirmed_at is None:
        unit.violations.lift(violation.id, now, because)
    else:
        lift(unit, places, violation, because, source=source, now=now)


def suspended(unit: Unit, places: Places, reader: str, now: datetime) -> Refusal | None:
    """Refuse a booking while the reader's violations keep them from it."""
    policy = places.policy.violations
    if not policy.steps:
        return None
    counted = [one for one in unit.violations.of_reader(reader) if _standing(unit, places, one) is Standing.STANDING]
    suspension = suspension_at(counted, policy, places.zone, now)
    if suspension is None:
        return None
    facts = {"violations": str(suspension.count), "violation": suspension.violation}
    return Refusal(RefusalCode.SUSPENDED, suspension.policy_key, suspension.until, facts)


def _standing(unit: Unit, places: Places, violation: Violation) -> Standing:
    return standing(violation, heard_until(places.site, venue_of(places, violation), unit.violations.heard()))


def venue_of(places: Places, violation: Violation) -> str:
    """Return the venue of a violation; "" where the site no longer has its area."""
    known = places.area(violation.area)
    return known.venue if known else ""


def _confirm(unit: Unit, places: Places, violation: Violation, now: datetime) -> None:
    unit.violations.confirm(violation.id, now)
    tell(unit, places, violation, Change.VIOLATION, source=Source.SYSTEM, now=now)


def lift(unit: Unit, places: Places, violation: Violation, because: Because, *, source: str, now: datetime) -> None:
    """Lift a violation and tell the reader why."""
    unit.violations.lift(violation.id, now, because)
    tell(unit, places, replace(violation, lifted_because=because), Change.VIOLATION_LIFTED, source=source, now=now)


def tell(unit: Unit, places: Places, violation: Violation, change: Change, *, source: str, now: datetime) -> None:
    """Append to the ledger of the violation's reservation, and so tell the reader."""
    stay = unit.stay(violation.reservation)
    facts = {"violation": violation.id, "kind": str(violation.kind), "policy_key": violation.policy_key}
    if violation.lifted_because is not None:
        facts["because"] = str(violation.lifted_because)
    if stay is not None:
        facts |= {
            "area": stay.area,
            "seat": stay.seat,
            "label": places.label(stay.seat),
            "start": stay.start.astimezone(places.zone).isoformat(),
            "end": stay.end.astimezone(places.zone).isoformat(),
        }
    unit.record(
        Evidence(
            reservation=violation.reservation,
            reader=violation.reader,
            source=source,
            change=change,
            occurred_at=violation.occurred_at if change is Change.VIOLATION else now,
            received_at=now,
            facts=facts,
        )
    )
