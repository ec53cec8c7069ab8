"""A site file held against itself: `load_site` for whoever starts, `problems` for `seatgate site check`.

The types of `config.schema` accept what has the right form; here is what only the whole can tell: names that point
nowhere, numbers given twice, plans that do not load, rules that contradict each other.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from importlib.resources.abc import Traversable
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from config import ConfigError, load
from config.errors import nearest
from config.plans import Plan, load_plan
from config.policy_check import policy_problems, sign_out_problems
from config.protocol_names import coded, protocol_names
from config.schema import Area, DateHours, Geofence, PortalMode, Site, Support, WeekHours

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?")
"""An id may be a level of an MQTT topic."""
MAX_KIOSK_NUMBER = 32_767
LONGEST_QUIET = timedelta(minutes=5)
MAX_CAPACITY = 1_000_000
MAX_RADIUS_M = 100_000
SUPPORT_LINK = re.compile(r"tel:\+?[0-9 -]{3,30}|mailto:[^\s@]{1,64}@[^\s@]{1,190}|https://[^\s]{1,500}")
"""What a tap may open, and nothing a browser would run."""


def load_site(file: Path | Traversable) -> Site:
    """Read a site file and verify it; its `plans` folder is relative to the file. ConfigError lists every problem."""
    site = load(Site, file)
    if site.plans and isinstance(file, Path):
        site = attrs.evolve(site, plans=file.parent / site.plans)
    if found := problems(site):
        raise ConfigError(str(file), found)
    return site


def problems(site: Site) -> list[str]:
    """Return everything that is wrong with a site, a sentence each that begins with the key; empty when it is fit."""
    return [
        *_bad_ids(site),
        *_bad_venues(site),
        *_bad_areas(site),
        *_bad_gates(site),
        *_bad_control(site),
        *_bad_kiosks(site),
        *policy_problems(site.policy),
        *sign_out_problems(site),
        *_bad_support(site.support),
        *_bad_address(site.public_url),
    ]


def _bad_ids(site: Site) -> Iterator[str]:
    portals = [portal.id for gate in site.gates for portal in gate.portals]
    families: dict[str, Iterable[str]] = {
        "id": [site.id],
        "venues": [venue.id for venue in site.venues],
        "areas": [area.id for area in site.areas],
        "gates": [gate.id for gate in site.gates],
        "gates.portals": portals,
        "kiosks": [kiosk.id for kiosk in site.kiosks],
    }
    for family, ids in families.items():
        for name, count in Counter(ids).items():
            if not NAME.fullmatch(name):
                yield f"{family}: {name[:60]!r} is not an id: use 1-48 lower-case letters, digits and inner hyphens"
            if count > 1:
                yield f"{family}: the id {name!r} is given {count} times"


def _unknown(key: str, word: str, known: Iterable[str], kind: str) -> Iterator[str]:
    names = list(known)
    if word not in names:
        yield f"{key}: there is no {kind} {word!r}{nearest(word, names)}"


def _bad_venues(site: Site) -> Iterator[str]:
    if not site.venues:
        yield "venues: there is none"
    for venue in site.venues:
        if venue.opens >= venue.closes:
            yield f"venues.{venue.id}: it closes ({venue.closes:%H:%M}) before it opens ({venue.opens:%H:%M})"
        if venue.geofence is not None:
            yield from _bad_geofence(f"venues.{venue.id}.geofence", venue.geofence)
        if venue.capacity is not None and not 0 < venue.capacity <= MAX_CAPACITY:
            yield f"venues.{venue.id}.capacity: {venue.capacity} is not between 1 and {MAX_CAPACITY}"
        yield from _bad_hours(f"venues.{venue.id}.weekdays", venue.weekdays)
        yield from _bad_dates(f"venues.{venue.id}.exceptions", venue.exceptions)
        for day, count in Counter(day for week in venue.weekdays for day in week.days).items():
            if count > 1:
                yield f"venues.{venue.id}.weekdays: {day} is given {count} times"


def _bad_hours(key: str, rules: Sequence[WeekHours | DateHours]) -> Iterator[str]:
    for rule in rules:
        if (rule.opens is None) is not (rule.closes is None):
            yield f"{key}: write both opens and closes, or neither where it is closed"
        elif rule.opens is not None and rule.closes is not None and rule.opens >= rule.closes:
            yield f"{key}: it closes ({rule.closes:%H:%M}) before it opens ({rule.opens:%H:%M})"


def _bad_dates(key: str, exceptions: Sequence[DateHours]) -> Iterator[str]:
    yield from _bad_hours(key, exceptions)
    for one in exceptions:
        if one.last is not None and one.last < one.first:
            yield f"{key}: last ({one.last}) is before first ({one.first})"


def _bad_geofence(key: str, fence: Geofence) -> Iterator[str]:
    if not -90 <= fence.lat <= 90:  # noqa: PLR2004 - degrees
        yield f"{key}.lat: {fence.lat} is not between -90 and 90"
    if not -180 <= fence.lon <= 180:  # noqa: PLR2004 - degrees
        yield f"{key}.lon: {fence.lon} is not between -180 and 180"
    if not 0 < fence.radius_m <= MAX_RADIUS_M:
        yield f"{key}.radius_m: {fence.radius_m} is not between 1 and {MAX_RADIUS_M}"


def _bad_areas(site: Site) -> Iterator[str]:
    if not site.areas:
        yield "areas: there is none"
    for area in site.areas:
        key = f"areas.{area.id}"
        yield from _unknown(f"{key}.venue", area.venue, [venue.id for venue in site.venues], "venue")
        yield from _bad_dates(f"{key}.exceptions", area.exceptions)
        if not 0 <= area.walk_up_share < 1:
            yield f"{key}.walk_up_share: it is a part of the area, from 0 to less than 1, such as 0.1"
        yield from (f"{key}.eligible: {group!r} is one word without spaces" for group in area.eligible if " " in group)
        if area.max_length is not None and area.max_length < site.policy.booking.min_length:
            yield f"{key}.max_length: it is shorter than policy.booking.min_length"
        if area.capacity is not None:
            yield from _bad_capacity(key, area)
            continue
        try:
            plan = load_plan(site, area)
        except ConfigError as error:
            yield from (f"{key}.plan: {Path(error.origin).name}: {problem}" for problem in error.problems)
        else:
            yield from _bad_closed_seats(key, area, plan)


def _bad_capacity(key: str, area: Area) -> Iterator[str]:
    if area.plan or area.closed_seats:
        yield f"{key}.capacity: an area has a plan with seats or a capacity, not both: leave one out"
    if not 0 < (area.capacity or 0) <= MAX_CAPACITY:
        yield f"{key}.capacity: {area.capacity} is not between 1 and {MAX_CAPACITY}"


def _bad_closed_seats(key: str, area: Area, plan: Plan) -> Iterator[str]:
    labels = [seat.label for seat in plan.seats]
    for label in area.closed_seats:
        yield from _unknown(f"{key}.closed_seats", label, labels, "seat")


def _bad_gates(site: Site) -> Iterator[str]:
    yield from _bad_lines(site)
    for gate in site.gates:
        key = f"gates.{gate.id}"
        yield from _unknown(f"{key}.venue", gate.venue, [venue.id for venue in site.venues], "venue")
        if not gate.portals:
            yield f"{key}.portals: there is none"
        for portal in gate.portals:
            if portal.repeat_quiet is not None and not timedelta() <= portal.repeat_quiet <= LONGEST_QUIET:
                yield f"{key}.{portal.id}.repeat_quiet: at most 5min: somebody who comes back sooner would not be counted"
            if portal.passage_for:
                others = [each.id for each in gate.portals if each is not portal and not each.passage_for]
                yield from _unknown(f"{key}.{portal.id}.passage_for", portal.passage_for, others, "portal of a reader")
            # A description of the site's own is read, and complained about, by the gate that uses it.
            if not portal.protocol.endswith(".toml"):
                yield from _unknown(f"{key}.{portal.id}.protocol", portal.protocol, protocol_names(), "protocol")


def _bad_lines(site: Site) -> Iterator[str]:
    """Yield what is wrong with portals that name the same port."""
    owners: dict[str, tuple[str, str]] = {}
    for gate in site.gates:
        for portal in gate.portals:
            owner = owners.setdefault(portal.port, (gate.id, portal.protocol))
            key = f"gates.{gate.id}.{portal.id}"
            if portal.port and owner[0] != gate.id:
                yield f"{key}.port: {portal.port!r} is a line of gate {owner[0]!r}: one process holds it"
            elif portal.port and owner[1] != portal.protocol:
                yield f"{key}.protocol: another portal on {portal.port!r} has {owner[1]!r}"
    alone = [each.port for gate in site.gates for each in gate.portals if each.port and each.protocol not in coded()]
    for port, count in Counter(alone).items():
        if count > 1:
            yield f"gates.portals: {count} portals name the serial port {port!r}"


def _bad_control(site: Site) -> Iterator[str]:
    for gate in site.gates:
        of = {portal.id: portal for portal in gate.portals}
        for portal in gate.portals:
            key = f"gates.{gate.id}.{portal.id}"
            if portal.open_on:
                yield from _unknown(f"{key}.open_on", portal.open_on, of, "portal of this gate")
            if portal.mode is not PortalMode.CONTROL:
                continue
            if portal.passage_for:
                yield f"{key}.mode: nobody is read on the line of a board; write it at portal {portal.passage_for!r}"
                continue
            board = next((each.id for each in gate.portals if each.passage_for == portal.id), portal.id)
            line = of.get(portal.open_on or board)
            described = line is not None and line.protocol not in coded()
            if line is not None and described and not any(name.startswith("open") for name in line.options):
                yield (
                    f"{key}.mode: in control mode the gate opens, and portal {line.id!r} does not say with which message: "
                    'write options = { open = "…" } there'
                )


def _bad_kiosks(site: Site) -> Iterator[str]:
    for number, count in Counter(kiosk.number for kiosk in site.kiosks).items():
        if count > 1:
            yield f"kiosks.number: {number} is given {count} times"
        if not 0 <= number <= MAX_KIOSK_NUMBER:
            yield f"kiosks.number: {number} is not between 0 and {MAX_KIOSK_NUMBER}"
    for kiosk in site.kiosks:
        key = f"kiosks.{kiosk.id}"
        yield from _unknown(f"{key}.venue", kiosk.venue, [venue.id for venue in site.venues], "venue")
        for area in kiosk.areas:
            yield from _unknown(f"{key}.areas", area, [known.id for known in site.areas], "area")


def _bad_support(support: Support | None) -> Iterator[str]:
    if support is not None and support.link and not SUPPORT_LINK.fullmatch(support.link):
        yield f'support.link: {support.link[:60]!r} is not an address; write one like "tel:+861012345678" or "mailto:desk@lib.edu.cn"'


def _bad_address(address: str) -> Iterator[str]:
    if not address:
        return
    example = 'write one like "https://seat.example.edu.cn"'
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        yield f"public_url: {address!r} is not a web address ({error}): {example}"
        return
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        yield f"public_url: {address!r} is not a web address: {example}"
    elif parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        yield f"public_url: {address!r} has more than a host and a port: {example}"
