"""Signing out by a scanned code, and what a venue with a geofence asks of every scan."""

from dataclasses import replace

from booking.domain.evidence import Source
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import Action, Reservation, Status, apply, as_of, at
from booking.service.commands import Changed, CheckInByCode, CheckOutByCode
from booking.service.consequences import lift_by_evidence
from booking.service.ledger import Occasion, settle, write
from booking.service.unit import Unit


def position_missing(places: Places, command: CheckInByCode | CheckOutByCode) -> Refusal | None:
    """Refuse a scan without a position inside the venue's range where the venue has one."""
    venue = places.site.venue(places.venue_of_kiosk(command.kiosk) or "")
    if venue is None or venue.geofence is None or command.near is not None:
        return None
    return Refusal(RefusalCode.POSITION_REQUIRED, "venues.geofence")


def occasion_of(places: Places, command: CheckInByCode | CheckOutByCode) -> Occasion:
    """Return what the ledger keeps of a scan: which machine's code, when it was seen, and how near its reader was."""
    source = Source.ENTRANCE_CODE if places.is_entrance(command.kiosk) else Source.KIOSK_CODE
    facts = {"kiosk": str(command.kiosk)} | ({"near": command.near} if command.near else {})
    return Occasion(source, command.seen_at, command.at, facts)


def check_out_by_code(unit: Unit, places: Places, command: CheckOutByCode) -> Changed | Refusal:
    """Sign out (签退) by a code that was seen at `seen_at`."""
    refused = position_missing(places, command)
    if refused:
        return refused
    settle(unit, places, unit.fallen_due(min(command.seen_at, command.at), reader=command.reader), command.at)
    stay = _present(unit, places, command)
    if stay is None:
        settle(unit, places, unit.fallen_due(command.at, reader=command.reader), command.at)
        return Refusal(RefusalCode.NOTHING_TO_CHECK_OUT)
    action = Action.EXCUSE if stay.status is Status.NOT_SIGNED_OUT else Action.END
    after = apply(stay, action, command.seen_at)
    if isinstance(after, Refusal):
        return replace(after, facts=after.facts | {"reservation": stay.id})
    if not unit.use_code(command.reader, command.kiosk, command.step, command.at):
        return Refusal(RefusalCode.CODE_USED)
    write(unit, places, after, action, occasion_of(places, command))
    if action is Action.EXCUSE:
        lift_by_evidence(unit, places, stay, Source.ENTRANCE_CODE, command.at)
    return Changed(after)


def _present(unit: Unit, places: Places, command: CheckOutByCode) -> Reservation | None:
    """Return the stay in this venue that its reader was at when the code was seen.

    What time has ended since is over, whether that is written down yet or not: such a scan does not end the next stay instead,
    for which the reader may have checked in already.
    """
    stays = unit.stays_at(command.reader, command.seen_at, places.venue_of_kiosk(command.kiosk))
    there = {Status.IN_USE, Status.AWAY}
    stay = next((one for one in stays if as_of(one, places.policy, command.seen_at).status in there), None)
    if stay is None:
        return None
    now = at(stay, places.policy, command.at)
    if now.status is Status.ENDED:
        return None
    return now if now.status is Status.LAPSED else stay
