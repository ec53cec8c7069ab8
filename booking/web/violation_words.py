"""The words for violations: what it was, whether it counts, why it was lifted, what follows. Facts in, words out."""

from booking.domain.violations import Because, Standing
from booking.service.violation_views import ViolationView
from booking.web.language import N_, Words
from booking.web.refusal_words import rule_of
from config.policy import Policy, ViolationKind

KINDS = {
    ViolationKind.NO_SHOW: N_("Not checked in in time"),
    ViolationKind.LAPSED: N_("Stayed away too long"),
    ViolationKind.NO_SIGN_OUT: N_("Not signed out"),
    ViolationKind.LEFT: N_("Went out without stepping away"),
}
STANDINGS = {
    Standing.PROVISIONAL: N_("being verified"),
    Standing.STANDING: N_("counts"),
    Standing.LIFTED: N_("lifted"),
}
LOOKS = {Standing.PROVISIONAL: "away", Standing.STANDING: "no-show", Standing.LIFTED: "ended"}
"""The pill of each standing, among those of a reservation's status."""
_BECAUSE = {
    Because.EVIDENCE: N_("Lifted: you were here in time, and we learned of it later."),
    Because.AMNESTY: N_("Lifted: the library's own machines failed at that time."),
    Because.APPEAL: N_("Lifted on your appeal."),
    Because.STAFF: N_("Lifted by staff."),
    Because.EVACUATION: N_("Lifted: the library was being evacuated at that time."),
}
_UNVERIFIED = N_("Nothing follows from it until every gate has reported up to that time.")
_UPHELD = N_("Staff have looked at it and upheld it.")
_APPEALED = N_("Your appeal is before staff.")
_ACTIONS = {
    "uphold": N_("upheld a violation"),
    "lift": N_("lifted a violation"),
    "amnesty": N_("excused an outage"),
    "patrol": N_("marked a seat on patrol"),
    "alert-seen": N_("saw to an alert"),
    "dead-letter-replayed": N_("had an event applied that could not be"),
    "card-flag-cleared": N_("looked at a disputed card"),
    "gate-open": N_("had a portal opened"),
    "gate-lock": N_("locked a portal for in"),
    "gate-unlock": N_("unlocked a portal"),
    "evacuation-begun": N_("began an evacuation"),
    "evacuation-ended": N_("ended an evacuation"),
}
_OTHER_ACTION = N_("changed something")


def rule(view: ViolationView, words: Words, policy: Policy) -> str:
    """State the rule that was broken, with its number."""
    return rule_of(view.policy_key, {}, words, policy) or ""


def state(view: ViolationView, words: Words) -> str:
    """Say what has become of a violation and what follows from it."""
    if view.lifted_because is not None:
        return words(_BECAUSE[view.lifted_because])
    parts = []
    if view.standing is Standing.PROVISIONAL:
        parts.append(words(_UNVERIFIED))
    elif view.suspended_until is not None and words.now < view.suspended_until:
        parts.append(words(N_("Booking is possible again from {moment}."), moment=words.moment(view.suspended_until)))
    if view.decided_at is not None:
        parts.append(words(_UPHELD))
    elif view.appealed_at is not None:
        parts.append(words(_APPEALED))
    return words.joined(parts)


def staff_action(action: str, words: Words) -> str:
    """Name what staff did."""
    return words(_ACTIONS.get(action, _OTHER_ACTION))
