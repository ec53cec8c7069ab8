"""Every sentence that tells a reader what happened and what is next (`refusal_words` says why not). Facts in, one language's words out."""

from datetime import datetime

from booking.domain.reservation import Action, Status
from booking.service.views import HistoryLine, NotificationView, ReservationView
from booking.web.language import N_, Words
from config.schema import Site
from runtime.locales import CHINESE

STATUS = {
    Status.RESERVED: N_("Reserved"),
    Status.IN_USE: N_("In use"),
    Status.AWAY: N_("Away"),
    Status.ENDED: N_("Completed"),
    Status.CANCELLED: N_("Cancelled"),
    Status.NO_SHOW: N_("Missed"),
    Status.LAPSED: N_("Away too long"),
    Status.NOT_SIGNED_OUT: N_("Not signed out"),
    Status.DISPLACED: N_("Seat given on, no fault"),
}

ENDED_EARLY = N_("Use ended")

ACTIONS = {
    Action.CHECK_IN: N_("Check in"),
    Action.STEP_AWAY: N_("Step away"),
    Action.RETURN: N_("I am back"),
    Action.EXTEND: N_("Extend"),
    Action.END: N_("End"),
    Action.CANCEL: N_("Cancel"),
    Action.MOVE: N_("Change seat"),
}

_CHANGES = {
    "reserved": N_("Booked"),
    "checked-in": N_("Checked in"),
    "stepped-away": N_("Stepped away"),
    "returned": N_("Came back"),
    "extended": N_("Extended"),
    "ended": N_("Ended"),
    "cancelled": N_("Cancelled"),
    "missed": N_("Missed: not checked in in time"),
    "lapsed": N_("Released: away too long"),
    "reinstated": N_("Restored: you were here in time"),
    "not-signed-out": N_("Not signed out in time"),
    "excused": N_("Settled: you went out in time"),
    "displaced": N_("The seat has gone to another reader; nothing is recorded against you"),
    "undone": N_("Undone"),
    "check-in-soon": N_("Please check in soon"),
    "return-soon": N_("Please come back soon"),
    "ending-soon": N_("Your time is nearly over"),
    "moved": N_("Moved to another seat"),
    "seat-free": N_("A seat that you wait for is free"),
    "inside": N_("You are inside already: please confirm your check-in"),
    "withdrawn": N_("Taken back because the place closes; nothing is recorded against you"),
    "shortened": N_("Ends earlier because the place closes"),
    "frozen": N_("Evacuation: your times stand still"),
    "thawed": N_("The evacuation is over: your times run on"),
    "draw-lost": N_("Not granted in the draw"),
    "violation": N_("One violation recorded"),
    "violation-lifted": N_("Violation lifted"),
    "appealed": N_("Appealed against the violation"),
    "violation-upheld": N_("Violation upheld after a look at it"),
}

_ADVICE = {
    "frozen": N_("Please leave by the nearest exit. Going out changes nothing; you will be told when it is over."),
    "stepped-away": N_("Not you? Correct it under gate records, or come back in time."),
    "missed": N_("The seat was given to others because nobody checked in within the window."),
    "lapsed": N_("The seat was given to others because the time away was over."),
    "draw-lost": N_("Others came before you in the lot. Seats that are still free can be booked now."),
    "displaced": N_("Please choose another seat: nothing is recorded against you."),
}

_BEFORE = {
    "inside": N_("check in before {time}"),
    "thawed": N_("next deadline {time}"),
    "check-in-soon": N_("check in before {time}"),
    "seat-free": N_("it is kept for nobody; the next in line is told at {time}"),
    "ending-soon": N_("it ends at {time}: extend it, or take your things with you"),
}

_SOMETHING = N_("Changed")

_EXPLAINED = {
    ("patrol", "empty"): N_("staff found nobody on the seat"),
    ("patrol", "belongings"): N_("staff found belongings alone on the seat"),
    ("unconfirmed", "yes"): N_("the turnstile did not say whether you walked through"),
    ("inside", "yes"): N_("you were inside already"),
    ("inside", "confirmed"): N_("you were inside already, and said so"),
    ("clock", "rebuilt"): N_("the gate's clock was wrong; the time is worked out"),
}
"""What one fact of an entry adds to its sentence, in brackets."""

_SOURCES = {
    "web": N_("on the web"),
    "kiosk": N_("at a kiosk"),
    "kiosk-code": N_("by scanning a kiosk's code"),
    "entrance-code": N_("by scanning the code at the entrance"),
    "app": N_("in the app"),
    "gate": N_("at the gate"),
    "staff": N_("by staff"),
    "system": N_("by the system"),
}


def status(view: ReservationView, words: Words) -> str:
    """Name where a reservation stands: one that its reader ended before its end is 结束使用, one that ran out is 完成."""
    ended = view.status is Status.ENDED and view.closed_at is not None and view.closed_at < view.end
    return words(ENDED_EARLY if ended else STATUS[view.status])


def change(kind: str, words: Words) -> str:
    """Name what happened."""
    return words(_CHANGES.get(kind, _SOMETHING))


def history(line: HistoryLine, words: Words) -> str:
    """Write one line of a reservation's history: what happened and through what."""
    source = _SOURCES.get(line.source)
    what = _explained(change(line.change, words), line.facts, words)
    return words("{what} {source}", what=what, source=words(source)) if source else what


def notice(note: NotificationView, words: Words, site: Site) -> str:
    """Write what a reader was told: what happened through what, on which seat, and by when to act."""
    facts = note.facts
    what = change(note.kind, words)
    source = _SOURCES.get("gate" if "gate" in facts else "")
    if source:
        what = words("{what} {source}", what=what, source=words(source))
    area = site.area(facts.get("area", ""))
    place = f"{words.text(area.name)} {facts.get('label', '')}".strip() if area else facts.get("seat", "")
    said = [words("{what}: {place}", what=what, place=place) if place else what]
    start, end = _moment(facts.get("start")), _moment(facts.get("end"))
    if start and end:
        said.append(words.span(start, end))
    said[0] = _explained(said[0], facts, words)
    until = _moment(facts.get("until"))
    if until:
        said.append(words("be back before {time}", time=words.moment(until)))
    deadline = _moment(facts.get("deadline"))
    if deadline and note.kind in _BEFORE:
        said.append(words(_BEFORE[note.kind], time=words.moment(deadline)))
    return words(", ").join(said)


def _explained(what: str, facts: dict[str, str], words: Words) -> str:
    """Add in brackets the library's reason, where it gave one; or from which seat to which."""
    if "from_label" in facts:
        return words("{what} (No. {old} → No. {new})", what=what, old=facts["from_label"], new=facts.get("label", ""))
    for fact in facts.items():
        if fact in _EXPLAINED:
            what = words("{what} ({reason})", what=what, reason=words(_EXPLAINED[fact]))
    if "offer_label" in facts:
        what = words("{what}; No. {label} is free for you", what=what, label=facts["offer_label"])
    given = facts.get("reason_zh" if words.language == CHINESE else "reason_en")
    return words("{what} ({reason})", what=what, reason=given) if given else what


_LETTERS = {
    "unknown-portal": N_("The site file has no such lane."),
    "impossible-time": N_("The gate's clock is wrong; it is applied once the gate has told how far."),
    "clock-unknown": N_("The event's time cannot be worked out: the gate was started again before it could tell."),
    "digest-conflict": N_("Its number was another event's."),
    "fault": N_("We failed at it."),
}


def dead_letter(reason: str, words: Words) -> str:
    """Say why an event could not be applied."""
    return words(_LETTERS.get(reason, _LETTERS["fault"]))


def advice(note: NotificationView, words: Words) -> str:
    """Say what to do now, to a reader who does not see our pages; "" where nothing is to be done."""
    sentence = _ADVICE.get(note.kind)
    return words(sentence) if sentence else ""


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
