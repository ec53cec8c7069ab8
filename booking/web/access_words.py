"""What a gate decided, in words for staff."""

from booking.service.views import PassageView
from booking.web.language import N_, Words
from messages.access import AccessOutcome, AccessReason

WHY = {
    AccessReason.OUT: N_("out is never refused"),
    AccessReason.WAY_UNKNOWN: N_("nothing says which way"),
    AccessReason.FIRE: N_("fire release"),
    AccessReason.RESERVATION: N_("has reserved"),
    AccessReason.READER: N_("may come in at any time"),
    AccessReason.LIST_MISSING: N_("the gate has no list"),
    AccessReason.LIST_OLD: N_("the gate's list has run out"),
    AccessReason.CLOCK_WRONG: N_("the gate's clock is wrong"),
    AccessReason.LOCKED: N_("locked by staff"),
    AccessReason.UNKNOWN: N_("not on the list"),
    AccessReason.BLOCKED: N_("suspended"),
    AccessReason.NOT_NOW: N_("not at this time"),
    AccessReason.IN_TWICE: N_("has come in already"),
    AccessReason.FULL: N_("the house is full"),
}


def decided(one: PassageView, words: Words) -> str:
    """Say what the gate, or the turnstile, decided and why; "" where it only reported."""
    if one.outcome is AccessOutcome.REPORTED:
        return ""
    denied = one.outcome is AccessOutcome.DENIED
    if one.reason is None:
        return words(N_("denied")) if denied else words(N_("let in"))
    why = words(WHY[one.reason])
    return words(N_("denied: {why}"), why=why) if denied else words(N_("let in: {why}"), why=why)
