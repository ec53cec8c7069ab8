"""Why not: what a refusal says, which rule decided, when it will be possible. Facts in, one language's words out."""

from collections.abc import Mapping
from datetime import timedelta

from booking.domain.refusals import Refusal, RefusalCode
from booking.web.language import N_, Words
from config.policy import Policy
from runtime.locales import CHINESE

_WHY = {
    RefusalCode.SEAT_TAKEN: N_("Somebody else has just booked this seat for that time. Please choose another one."),
    RefusalCode.DRAW_UNDER_WAY: N_(
        "The wishes for that day are being granted by lot this moment. Please try again in a few seconds."
    ),
    RefusalCode.SEAT_CLOSED: N_("This seat is closed. Please choose another one."),
    RefusalCode.READER_OVERLAP: N_("You already have a reservation at that time."),
    RefusalCode.AREA_FULL: N_("Nothing in this area is free for that whole time. Another area or another time may do."),
    RefusalCode.UNKNOWN_SEAT: N_("There is no such seat."),
    RefusalCode.UNKNOWN_AREA: N_("There is no such area."),
    RefusalCode.UNKNOWN_RESERVATION: N_("There is no such reservation among yours."),
    RefusalCode.OUTSIDE_OPENING_HOURS: N_("The library is closed at that time."),
    RefusalCode.NOT_ELIGIBLE: N_("This area is for other readers. Please choose another one."),
    RefusalCode.KEPT_FOR_WALK_UPS: N_("The last free seats here are kept for readers who come to a kiosk."),
    RefusalCode.COOL_DOWN: N_("You have booked and cancelled this seat several times. Please choose another one."),
    RefusalCode.OTHER_BUILDING: N_("A move is possible within the same building only."),
    RefusalCode.CLOSED: N_("It is closed at that time."),
    RefusalCode.TOO_FAR_AHEAD: N_("That day cannot be booked yet."),
    RefusalCode.IN_THE_PAST: N_("That time is already over."),
    RefusalCode.OFF_GRID: N_("Start and end must lie on full steps of the timetable."),
    RefusalCode.TOO_SHORT: N_("That is too short for a reservation."),
    RefusalCode.TOO_LONG: N_("That is longer than this area allows."),
    RefusalCode.TOO_MANY_ACTIVE: N_("You hold as many reservations as are allowed at once."),
    RefusalCode.OTHER_VENUE: N_(
        "You have a reservation at another campus. Once you have signed out there, or cancelled it, you can book here."
    ),
    RefusalCode.SIGN_OUT_ON_SITE: N_("Please sign out at the library's entrance: scan the code there as you go."),
    RefusalCode.WINDOW_NOT_OPEN: N_("It is too early to check in."),
    RefusalCode.WINDOW_CLOSED: N_("The time to check in is over."),
    RefusalCode.POSITION_REQUIRED: N_(
        "Signing in and out counts only in the library's range: please switch location on, allow it for this page, "
        "and try again."
    ),
    RefusalCode.POSITION_VAGUE: N_(
        "Your phone does not know well enough where it is. Please wait a moment, nearer to a window or the door, "
        "and try again."
    ),
    RefusalCode.OUTSIDE_GEOFENCE: N_("You are not in the library's range. Signing in and out counts only there."),
    RefusalCode.NOT_INSIDE: N_(
        "No gate has seen you come in today, or you have gone out since. Please scan a code inside to check in."
    ),
    RefusalCode.NOTHING_TO_CHECK_OUT: N_("You have no stay here to sign out of."),
    RefusalCode.NOTHING_TO_CHECK_IN: N_("You have no reservation that can be checked in now."),
    RefusalCode.NOT_POSSIBLE_NOW: N_("That is not possible as the reservation stands now."),
    RefusalCode.EXTEND_TOO_EARLY: N_("It is too early to extend."),
    RefusalCode.EXTEND_BLOCKED: N_(
        "It cannot be extended: the seat is booked next, or your time or the library's ends."
    ),
    RefusalCode.CODE_MALFORMED: N_("This is not a whole check-in code. Please scan the code on the screen again."),
    RefusalCode.CODE_FORGED: N_(
        "This code was not made by one of the library's machines. Please scan the code on a machine's screen."
    ),
    RefusalCode.CODE_STALE: N_(
        "This code is too old: it changes every 10 seconds and a picture of it does not count. "
        "Please scan the one on the screen now."
    ),
    RefusalCode.CODE_USED: N_("You have already used this code. Please scan the one on the screen now."),
    RefusalCode.GRANT_EXPIRED: N_(
        "It is too long since you scanned, or you have not scanned yet. Please scan the code on the screen again."
    ),
    RefusalCode.READER_CODE_INVALID: N_("This reader code is unknown, used or expired. Please show a fresh one."),
    RefusalCode.ACTIVATION_CODE_INVALID: N_(
        "This activation code is wrong, used or expired. Please get a fresh one on the seat page and enter it with your "
        "student number."
    ),
    RefusalCode.BINDING_PENDING: N_(
        "Please confirm this app on the page that showed you the activation code; until then it may do nothing."
    ),
    RefusalCode.BINDING_ELSEWHERE: N_("Only the browser that made the activation code may answer this."),
    RefusalCode.BINDING_OVER: N_("The time to confirm this app is over. Please get a fresh activation code."),
    RefusalCode.PIN_WRONG: N_("Student number or PIN is wrong. You can set a PIN under Me on the web."),
    RefusalCode.PIN_LOCKED: N_("Too many wrong PINs: it is locked. Set a new one under Me on the web, or at the desk."),
    RefusalCode.PIN_WEAK: N_("A PIN has six digits, not all the same and not in a row such as 123456."),
    RefusalCode.PIN_DIFFERS: N_("The two PINs are not the same."),
    RefusalCode.UNKNOWN_READER: N_("There is no such reader."),
    RefusalCode.CARD_NOT_PAIRABLE: N_(
        "This is no longer the last card at that lane, or somebody holds it now. Please let the reader swipe again."
    ),
    RefusalCode.CONFIRM_TOO_LATE: N_("The time to answer for this passage is over."),
    RefusalCode.SUSPENDED: N_(
        "Because of your violations you cannot book for a while. What you have booked stays yours."
    ),
    RefusalCode.APPEAL_TOO_LATE: N_("The time to appeal is over."),
    RefusalCode.FREE_NOW: N_("It is free: you can book it now."),
    RefusalCode.TOO_MANY_WAITS: N_("You wait for as many seats as are allowed at once."),
    RefusalCode.SIGN_IN_REQUIRED: N_("Please sign in first."),
    RefusalCode.SIGN_IN_FAILED: N_("Student number or password is wrong. Graduate numbers have capital letters."),
    RefusalCode.SIGN_IN_ELSEWHERE: N_(
        "Here you sign in with your university account, in a browser. The library keeps no passwords."
    ),
    RefusalCode.UNIVERSITY_DOWN: N_(
        "The university's sign-in does not answer at the moment. If you are signed in you stay signed in, and seats and "
        "check-ins are not affected. Please try again in a minute."
    ),
    RefusalCode.UNIVERSITY_DENIED: N_("The university's sign-in did not confirm who you are. Please sign in again."),
    RefusalCode.UNIVERSITY_ONLY: N_(
        "The university knows you, but the library does not have you among its readers yet. Please ask at the desk."
    ),
    RefusalCode.SIGN_IN_OVER: N_(
        "This sign-in was not begun in this browser, or too long ago. Please sign in again from here."
    ),
    RefusalCode.TOO_MANY_TRIES: N_("Too many tries. Please wait a little."),
    RefusalCode.FORBIDDEN: N_("Your account may not do this."),
    RefusalCode.CROSS_SITE: N_("This request did not come from a page of ours. Please go back and try again."),
    RefusalCode.KEY_REUSED: N_("This Idempotency-Key was already used for another request."),
    RefusalCode.INVALID_REQUEST: N_("The request does not have the form it should have."),
    RefusalCode.NOT_FOUND: N_("There is nothing at this address."),
    RefusalCode.UNAVAILABLE: N_("This cannot be reached at the moment. Please try again shortly."),
    RefusalCode.FAULT: N_("Something broke on our side. It is recorded; please try again."),
}
_POSSIBLE = N_("Possible from {moment}.")
_REASON = N_("The library's reason: {reason}.")
_WHEN = {
    RefusalCode.CLOSED: N_("Open again from {moment}."),
    RefusalCode.SEAT_CLOSED: N_("Open again from {moment}."),
    RefusalCode.OUTSIDE_OPENING_HOURS: N_("Open from {moment}."),
    RefusalCode.SEAT_TAKEN: N_("It is free again from {moment}."),
    RefusalCode.AREA_FULL: N_("It is full until {moment}."),
    RefusalCode.OTHER_VENUE: N_("Without signing out, from {moment}."),
    RefusalCode.READER_OVERLAP: N_("That one ends at {moment}."),
    RefusalCode.WINDOW_NOT_OPEN: N_("Check-in opens at {moment}."),
}
_RULES = {
    "areas.capacity": N_("At most {most} readers at once."),
    "areas.max_length": N_("At most {length} at a time."),
    "policy.booking.max_length": N_("At most {length} at a time."),
    "policy.booking.min_length": N_("At least {length}."),
    "policy.booking.max_active": N_("At most {count} reservations at once."),
    "policy.booking.advance_days": N_("Bookings open {count} day(s) ahead."),
    "policy.booking.grid": N_("Times go in steps of {length}."),
    "venues.opens": N_("Opening hours: {opens}–{closes}."),
    "venues.closes": N_("Opening hours: {opens}–{closes}."),
    "venues.weekdays": N_("Opening hours that day: {opens}–{closes}."),
    "venues.exceptions": N_("Opening hours that day: {opens}–{closes}."),
    "areas.exceptions": N_("Opening hours that day: {opens}–{closes}."),
    "policy.booking.rebook_limit": N_("After {count} cancellations of one seat it has a cool-down."),
    "policy.booking.release_at": N_("The last day that can be booked opens at {release}."),
    "policy.away.offered": N_("This library has no stepping away."),
    "policy.extend.offered": N_("This library has no extending."),
    "policy.check_in.opens_before": N_("Check-in opens {length} before the start."),
    "policy.check_in.closes_after": N_("Check-in closes {length} after the start."),
    "policy.check_in.position_accuracy_m": N_("It must be sure to {metres} m."),
    "policy.extend.opens_before_end": N_("Extending opens {length} before the end."),
    "policy.check_in.grant_lasts": N_("A scan counts for {length}."),
    "policy.check_in.reader_code_lasts": N_("A reader's code counts for {length}."),
    "policy.identity.pin_tries": N_("After {count} wrong tries it is locked."),
    "policy.identity.pair_within": N_("A card can be paired for {length}."),
    "policy.identity.activation_code_lasts": N_("A code counts for {length}."),
    "policy.identity.binding_confirm_for": N_("An app waits {length} for an answer."),
    "policy.away.limit": N_("Be back within {length} after stepping away."),
    "policy.violations.steps": N_("Violations counted: {violations}."),
    "policy.violations.appeal_within": N_("Appeals count for {length}."),
    "policy.waiting.max_open": N_("At most {count} at once."),
    "policy.gate.confirm_for": N_("Answers count for {length}."),
}
TITLES = {
    RefusalCode.SEAT_TAKEN: N_("The seat is taken"),
    RefusalCode.AREA_FULL: N_("The area is full"),
    RefusalCode.CLOSED: N_("Closed then"),
    RefusalCode.CODE_MALFORMED: N_("The code is incomplete"),
    RefusalCode.CODE_FORGED: N_("Not a code of this library"),
    RefusalCode.CODE_STALE: N_("The code is too old"),
    RefusalCode.CODE_USED: N_("The code is used"),
    RefusalCode.GRANT_EXPIRED: N_("Please scan again"),
    RefusalCode.ACTIVATION_CODE_INVALID: N_("The activation code does not count"),
    RefusalCode.NOTHING_TO_CHECK_IN: N_("Nothing to check in"),
    RefusalCode.WINDOW_NOT_OPEN: N_("Too early"),
    RefusalCode.WINDOW_CLOSED: N_("Too late"),
    RefusalCode.SUSPENDED: N_("You cannot book now"),
    RefusalCode.APPEAL_TOO_LATE: N_("Too late"),
    RefusalCode.NOT_FOUND: N_("Not found"),
    RefusalCode.UNKNOWN_AREA: N_("Not found"),
    RefusalCode.UNKNOWN_RESERVATION: N_("Not found"),
    RefusalCode.FORBIDDEN: N_("Not allowed"),
    RefusalCode.TOO_MANY_TRIES: N_("Too many tries"),
    RefusalCode.UNAVAILABLE: N_("Not reachable"),
    RefusalCode.FAULT: N_("Something broke"),
}
_NO = N_("That did not work")


def reason(refusal: Refusal, words: Words, policy: Policy) -> str:
    """Say why not, which rule decided, and when it will be possible."""
    parts = [words(_WHY[refusal.code])]
    stated = rule(refusal, words, policy)
    if stated:
        parts.append(stated)
    given = refusal.facts.get("reason_zh" if words.language == CHINESE else "reason_en")
    if given:
        parts.append(words(_REASON, reason=given))
    if refusal.next_allowed_at is not None:
        parts.append(words(_WHEN.get(refusal.code, _POSSIBLE), moment=words.moment(refusal.next_allowed_at)))
    return words.joined(parts)


def title(refusal: Refusal, words: Words) -> str:
    """Head a page that says no."""
    return words(TITLES.get(refusal.code, _NO))


def rule(refusal: Refusal, words: Words, policy: Policy) -> str | None:
    """State the rule behind `policy_key` with its number; None for a rule that needs no saying."""
    return rule_of(refusal.policy_key or "", refusal.facts, words, policy)


def rule_of(key: str, known: Mapping[str, str], words: Words, policy: Policy) -> str | None:
    """State the rule of a policy key with its number; `known` are facts that fill it. None where nothing is said."""
    sentence = _RULES.get(key)
    if sentence is None:
        return None
    facts: dict[str, str] = dict(known)
    value = _value(key, policy)
    if "minutes" in facts and facts["minutes"].isdigit():
        facts["length"] = words.length(timedelta(minutes=int(facts["minutes"])))
    elif isinstance(value, timedelta):
        facts["length"] = words.length(value)
    elif value is not None:
        facts["count"] = str(value)
    try:
        return words(sentence, **facts)
    except KeyError:
        return None


def _value(key: str, policy: Policy) -> object:
    """Return the number that a key of the site file's policy holds; None for a key of another table."""
    head, *path = key.split(".")
    found: object = policy if head == "policy" else None
    for name in path:
        found = getattr(found, name, None)
    return found
