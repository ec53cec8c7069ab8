"""A reader's own action on a reservation: step away, return, extend, end, cancel; check in where presence is proven."""

from dataclasses import replace

from booking.domain.attendance import away_until
from booking.domain.extension import extended_end, limit_of
from booking.domain.places import Places
from booking.domain.refusals import Refusal, RefusalCode
from booking.domain.reservation import TRANSITIONS, Action, Reservation, apply, window_of
from booking.service.commands import Act, Changed, Channel
from booking.service.ledger import Occasion, write
from booking.service.room import next_taken, settle_around
from booking.service.unit import Unit

READER_ACTIONS = frozenset({Action.CHECK_IN, Action.STEP_AWAY, Action.RETURN, Action.EXTEND, Action.END, Action.CANCEL})
"""What a reader may ask for; the rest is evidence's or time's."""
PRESENCE_PROVEN = frozenset({Channel.KIOSK, Channel.STAFF})
"""Where the reader has shown card or code on site, so that no kiosk code is needed to check in."""


def act(unit: Unit, places: Places, command: Act) -> Changed | Refusal:
    """Decide one action on facts of this transaction, and write it."""
    stay = unit.stay(command.reservation)
    if stay is None or stay.reader != command.reader:
        return Refusal(RefusalCode.UNKNOWN_RESERVATION)
    settle_around(unit, places, stay, command.at)
    stay = unit.stay(command.reservation) or stay
    if command.action not in READER_ACTIONS:
        return Refusal(RefusalCode.INVALID_REQUEST, facts={"action": command.action})
    after = _decide(unit, places, command, stay)
    if isinstance(after, Refusal):
        return after
    write(unit, places, after, command.action, Occasion(command.channel, command.at, command.at))
    return Changed(after)


def _decide(unit: Unit, places: Places, command: Act, stay: Reservation) -> Reservation | Refusal:
    if (stay.status, command.action) not in TRANSITIONS:
        return apply(stay, command.action, command.at, until=stay.end)
    refused = _not_here(places, command, stay)
    if refused:
        return refused
    match command.action:
        case Action.CHECK_IN:
            return _check_in(places, command, stay)
        case Action.STEP_AWAY:
            return apply(
                stay, command.action, command.at, until=away_until(stay, places.policy, command.at, places.zone)
            )
        case Action.EXTEND:
            return _extend(unit, places, command, stay)
        case _:
            return apply(stay, command.action, command.at)


def _not_here(places: Places, command: Act, stay: Reservation) -> Refusal | None:
    """Refuse what this library does not offer, or not in this way, or not after the end."""
    rules = places.policy
    if command.action is Action.END and rules.sign_out.required and command.channel not in PRESENCE_PROVEN:
        return Refusal(RefusalCode.SIGN_OUT_ON_SITE, "policy.sign_out.required")
    for action, offered, key in (
        (Action.STEP_AWAY, rules.away.offered, "policy.away.offered"),
        (Action.EXTEND, rules.extend.offered, "policy.extend.offered"),
    ):
        if command.action is action and not offered:
            return Refusal(RefusalCode.NOT_POSSIBLE_NOW, key, facts={"status": stay.status, "action": action})
    if command.action in _UNTIL_THE_END and command.at >= stay.end:
        return Refusal(RefusalCode.NOT_POSSIBLE_NOW, facts={"status": stay.status, "action": command.action})
    return None


_UNTIL_THE_END = frozenset({Action.STEP_AWAY, Action.RETURN, Action.EXTEND})


def _check_in(places: Places, command: Act, stay: Reservation) -> Reservation | Refusal:
    if command.channel not in PRESENCE_PROVEN:
        return Refusal(RefusalCode.FORBIDDEN, "policy.check_in", facts={"needs": "kiosk-code"})
    window = window_of(stay, places.policy)
    if command.at < window.opens:
        return Refusal(RefusalCode.WINDOW_NOT_OPEN, "policy.check_in.opens_before", window.opens)
    return apply(stay, Action.CHECK_IN, command.at)


def _extend(unit: Unit, places: Places, command: Act, stay: Reservation) -> Reservation | Refusal:
    limit = limit_of(
        places,
        stay,
        next_taken(unit, places, stay),
        unit.next_start_of(stay.reader, stay.end),
        unit.next_closing(stay.area, stay.seat, stay.end),
    )
    end = extended_end(places, stay, command.until, command.at, limit)
    if isinstance(end, Refusal):
        return replace(end, facts=end.facts | {"end": stay.end.astimezone(places.zone).isoformat()})
    return apply(stay, Action.EXTEND, command.at, until=end)
