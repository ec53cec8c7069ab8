"""What the staff's page of gates says: a sentence and an advice for each fault, and the page of docs/operations about it."""

from booking.service.gate_health import GateFault, Trouble, Weight
from booking.service.gate_views import AlertKind
from booking.web.language import N_, Words

SAID = {
    GateFault.NOT_JOINED: N_("This gate has not joined with its one-time code yet."),
    GateFault.NEVER_HEARD: N_("This gate has joined, but has never said how it is."),
    GateFault.OFFLINE: N_("This gate has left: it was stopped, or its machine or its network is away."),
    GateFault.SILENT: N_(
        "Nothing has been heard of this gate for some minutes: its machine, its network or the broker is away."
    ),
    GateFault.CANNOT_STORE: N_("Events cannot be stored, so reading has stopped."),
    GateFault.PORT: N_("The device cannot be used."),
    GateFault.BAD_FRAMES: N_("{count} bad frames, most of them of the kind “{kind}”."),
    GateFault.QUIET: N_("No card, face or other frame for a day."),
    GateFault.SET_ASIDE: N_("{count} events were refused for ever and are kept aside on the gate."),
    GateFault.WAITING: N_("{count} events wait to be acknowledged, some for minutes."),
    GateFault.CLOCK: N_("The gate's clock differs from ours by {seconds} s."),
    GateFault.RIGHTS: N_(
        "The broker's rights are not as they should be: it lets this gate write too much, or too little."
    ),
    GateFault.OUTBOX_LOST: N_("This gate's outbox was lost, and a new one begun."),
    GateFault.OUTBOX_DAMAGED: N_("This gate's outbox was damaged: it was set aside, and a new one begun."),
    GateFault.ACCESS_LIST: N_(
        "This gate decides whom to let in, and has no list that counts: its portals stand open or shut for in."
    ),
    GateFault.LOCKED: N_("A portal of this gate is locked for in."),
    GateFault.WARNED: N_("The gate warns of something: {word}."),
}
DO = {
    GateFault.NOT_JOINED: N_("Put its code into the file that its settings name, and start it."),
    GateFault.NEVER_HEARD: N_("Look at its log on its machine: it says what keeps it from the broker."),
    GateFault.OFFLINE: N_("Start it, or look for its power and network. What it has read is in its outbox."),
    GateFault.SILENT: N_("Look for its power and network, then for the broker. What it has read is in its outbox."),
    GateFault.CANNOT_STORE: N_("Make room on its disk or mend it: reading then goes on by itself."),
    GateFault.PORT: N_("Look at plug and power of the reader: it is opened again by itself."),
    GateFault.BAD_FRAMES: N_(
        "Look at cable and speed; “seatgate frames” shows what comes and which checksum rule would fit."
    ),
    GateFault.QUIET: N_("Hold a card against it. Nothing comes? “seatgate frames” shows whether there are any bytes."),
    GateFault.SET_ASIDE: N_("Keep its data folder and ask for help: a key or a copied disk is wrong."),
    GateFault.WAITING: N_("Nothing is lost and it drains by itself: see whether broker and service are well."),
    GateFault.CLOCK: N_(
        "Set up time synchronisation on its machine. Passages are dated right meanwhile where they can be."
    ),
    GateFault.RIGHTS: N_(
        "Correct the broker's rights (ACL): “seatgate broker” writes them. Nobody can forge an event meanwhile."
    ),
    GateFault.OUTBOX_LOST: N_("Look at its disk. What it had read and not yet sent is missing."),
    GateFault.OUTBOX_DAMAGED: N_("Keep the file that was set aside and ask for help: what is in it can still be sent."),
    GateFault.ACCESS_LIST: N_(
        "See why it does not hear from the service, or why its log refuses the list. Out is let through."
    ),
    GateFault.LOCKED: N_("Unlock it under “Open and lock portals” when it is time. Out is let through."),
    GateFault.WARNED: N_("“seatgate diagnose” on its machine says what was seen and what to do."),
}
PAGE = {
    GateFault.NOT_JOINED: "gate-replaced",
    GateFault.NEVER_HEARD: "broker-refuses",
    GateFault.OFFLINE: "gate-offline",
    GateFault.SILENT: "gate-offline",
    GateFault.CANNOT_STORE: "outbox-full",
    GateFault.PORT: "port-unplugged",
    GateFault.BAD_FRAMES: "checksum-errors",
    GateFault.QUIET: "turnstile-silent",
    GateFault.SET_ASIDE: "set-aside",
    GateFault.WAITING: "server-down",
    GateFault.CLOCK: "clock-wrong",
    GateFault.RIGHTS: "acl-too-wide",
    GateFault.OUTBOX_LOST: "outbox-damaged",
    GateFault.OUTBOX_DAMAGED: "outbox-damaged",
    GateFault.ACCESS_LIST: "list-out-of-date",
    GateFault.LOCKED: "list-out-of-date",
    GateFault.WARNED: "index",
}
ALERT_PAGE = {
    AlertKind.DIGEST_CONFLICT: "outbox-copied",
    AlertKind.UNCLOSED_EPOCH: "gate-replaced",
    AlertKind.GAP: "events-missing",
    AlertKind.CLOCK_UNKNOWN: "clock-wrong",
    AlertKind.LATE_ALARM: "fire-input",
    AlertKind.TAMPER: "tamper",
    AlertKind.FORCED: "tamper",
    AlertKind.HELD: "tamper",
    AlertKind.POWER: "tamper",
}
KINDS = {
    "checksum": N_("checksum"),
    "length": N_("cut short"),
    "garbage": N_("bytes outside a frame"),
    "overlong": N_("too long"),
    "not-matching": N_("of another form"),
    "no-answer": N_("no answer"),
    "refused": N_("refused by the device"),
    "sequence": N_("answer to something else"),
    "forged": N_("not authentic"),
}
WELL = N_("All well")
LOOK = N_("Worth a look")
BROKEN = N_("Does not work")
AWAY = N_("Offline")
OUT = N_("{count} of {all} lanes out")


def sentence(trouble: Trouble, words: Words) -> str:
    """Say what is wrong."""
    facts = {name: words(KINDS.get(value, value)) if name == "kind" else value for name, value in trouble.facts.items()}
    return words(SAID[trouble.fault], **facts)


def state(troubles: list[Trouble], words: Words, lanes: int = 0) -> str:
    """Name the state of a gate with so many `lanes`, or of one lane (0), by the worst that is wrong with it."""
    broken = [one for one in troubles if one.weight is Weight.BROKEN]
    out = len({one.portal for one in broken})
    if broken and lanes and all(one.portal for one in broken):
        return words(OUT, count=out, all=lanes)
    if broken:
        return words(AWAY if broken[0].fault in {GateFault.OFFLINE, GateFault.SILENT} else BROKEN)
    return words(LOOK if troubles else WELL)


def bad_frames(counts: dict[str, int], words: Words) -> str:
    """Write bad frames by kind, the commonest first."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{words(KINDS.get(kind, kind))} {count}" for kind, count in ordered)
