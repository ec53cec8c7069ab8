"""The process of simulated readers: waits for a running library, lives one day after the other in it, until stopped.

Threads: the main one keeps the time and hands out steps; a few, each with a phone of its own, do them. One reader's
steps are always the same thread's, so they keep their order; no more requests are under way than there are threads.
"""

import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from config import read_toml
from config.schema import KioskRole, Portal, PortalDirection, Site
from config.site_check import load_site
from messages.access import Direction
from runtime.clock import Clock
from runtime.service import Service, notify
from simulator.app import PORTS_FILE
from simulator.control import call
from simulator.crowd import Crowd, Lane, Library
from simulator.ledger import Ledger
from simulator.phone import NoAnswer, Phone, Refused
from simulator.scenarios import Doors, Step, Terms, day, from_now, steps_of
from simulator.turnstile import FOLDER

_log = logging.getLogger(__name__)
RUN_FILE = "run.json"
DAY_FILE = "day.json"
PHONES = 4
"""Requests under way at once: a living day is company for the library, not a load test."""
SCANS_UP_TO = 10.0
"""A code is shown for ten seconds of the library's clock: faster than this nobody gets it scanned in time."""
LOOK_SECONDS = 0.2
"""Between two looks whether the library is ready."""
JOIN_SECONDS = 1.0
QUARTER = timedelta(minutes=15)


class CannotLive(Exception):  # noqa: N818 - named after what happened
    """Why there can be no simulated readers here, and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: how many readers (0: all there are), which day, and for how long (None: until stopped)."""

    data: Path
    readers: int
    seed: int
    lasts: timedelta | None


def run(wanted: Wanted, say: Callable[[str], None]) -> dict[str, Any]:
    """Live until stopped or until `lasts` is over; return the numbers. CannotLive says what is missing."""
    with Service() as service:
        service.ready("readers wait for the library")
        found = _library(wanted, service)
        if found is None:
            return {}
        life = _Life(wanted, found, say, service)
        try:
            life.go_on()
        finally:
            life.close()
        return life.end()


def doors_of(site: Site, devices: Mapping[str, str]) -> list[Doors]:
    """Return how one gets into each venue, by the portals that are simulated: those that lead both ways where both are."""
    found = []
    for venue in site.venues:
        areas = tuple(area.id for area in site.areas if area.venue == venue.id and not area.eligible)
        lanes = [
            portal
            for gate in site.gates
            if gate.venue == venue.id
            for portal in gate.portals
            if portal.id in devices and not portal.passage_for
        ]
        ways_in = tuple(lane.id for lane in lanes if lane.direction is not PortalDirection.OUT)
        ways_out = tuple(lane.id for lane in lanes if lane.direction is not PortalDirection.IN)
        both = ways_in and ways_out and site.policy.gate.enter_checks_in
        if areas:
            found.append(Doors(venue.id, ways_in if both else (), ways_out if both else (), areas))
    return found


@dataclass(frozen=True, slots=True)
class _Found:
    """A running library."""

    site: Site
    clock: Clock
    url: str
    doors: list[Doors]
    people: Library


def _library(wanted: Wanted, service: Service) -> _Found | None:
    """Wait for `seatgate run` over the data folder; None when stopped before that."""
    file = wanted.data / RUN_FILE
    while not file.exists():
        if service.stop.wait(LOOK_SECONDS):
            return None
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        settings = read_toml(wanted.data / "config" / "booking.toml")
        ports = wanted.data / FOLDER / PORTS_FILE
        devices = json.loads(ports.read_text(encoding="utf-8")) if ports.exists() else {}
    except (OSError, ValueError) as error:
        raise CannotLive(f"the data folder {wanted.data} cannot be read: {error}") from error
    site = load_site(Path(str(settings["site"])))
    crowd = told.get("simulated_readers") or told["demo_accounts"]
    if wanted.readers > len(crowd):
        raise CannotLive(
            f"there are accounts for {len(crowd)} readers: ask for so many, or start `seatgate run "
            f"--readers {wanted.readers}`"
        )
    doors = doors_of(site, devices)
    if not doors:
        raise CannotLive("no area of this site is open to every reader, so nobody can be simulated")
    people = Library(
        accounts={account["reader"]: account for account in crowd[: wanted.readers or None]},
        staff=told["staff_account"],
        lanes={lane.portal: lane for gate in site.gates for lane in _lanes(gate.portals)},
        screens=_screens(site, told["kiosks"]),
        positions={venue.id: (at.lat, at.lon) for venue in site.venues if (at := venue.geofence) is not None},
    )
    clock = Clock.from_environment(told["clock"])
    unreachable = [door.venue for door in doors if not door.ways_in and clock.rate > SCANS_UP_TO]
    if unreachable:
        raise CannotLive(
            f"{', '.join(unreachable)} has no simulated turnstile, so its readers scan a code, which nobody can at "
            f"{clock.rate:g} times the speed: start with --speed {SCANS_UP_TO:g} or less"
        )
    return _Found(site, clock, str(told["http"]), doors, people)


def _lanes(portals: Sequence[Portal]) -> list[Lane]:
    boards = {portal.passage_for: portal.id for portal in portals if portal.passage_for}
    return [
        Lane(
            portal.id,
            portal.protocol == "line",
            Direction.OUT if portal.direction is PortalDirection.OUT else Direction.IN,
            boards.get(portal.id, portal.id if portal.reports_passage else ""),
        )
        for portal in portals
    ]


def _screens(site: Site, kiosks: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return venue → where staff find the picture of a kiosk there, one at the entrance before others."""
    venue_of = {kiosk.id: kiosk.venue for kiosk in site.kiosks}
    first = sorted(kiosks, key=lambda kiosk: kiosk["role"] != KioskRole.ENTRANCE)
    return {venue_of[kiosk["id"]]: urlsplit(kiosk["screen"]).path for kiosk in reversed(first)}


class _Life:
    """Plans, keeps the time, and owns the threads with the phones."""

    def __init__(self, wanted: Wanted, found: _Found, say: Callable[[str], None], service: Service) -> None:
        self._wanted, self._found, self._say, self._service = wanted, found, say, service
        self._clock = found.clock
        self._ledger = Ledger()
        self._crowd = Crowd(found.people, self._ledger, partial(call, wanted.data), wanted.seed)
        self._phones = [Phone(found.url) for _ in range(PHONES)]
        self._queues: list[queue.SimpleQueue[Step | None]] = [queue.SimpleQueue() for _ in self._phones]
        self._threads = [
            threading.Thread(target=partial(self._work, phone, waiting), name=f"phone-{n}", daemon=True)
            for n, (phone, waiting) in enumerate(zip(self._phones, self._queues, strict=True))
        ]
        self._began, self._until = self._clock.now(), None if wanted.lasts is None else self._clock.now() + wanted.lasts
        self._told = ""
        for thread in self._threads:
            thread.start()

    def go_on(self) -> None:
        """Live day after day."""
        start = self._began.astimezone(self._found.site.timezone)
        people = len(self._found.people.accounts)
        self._tell(start, f"{people} readers, seed {self._wanted.seed}, {self._clock.rate:g} times as fast as time")
        quarter = start - (start - start.replace(minute=0, second=0, microsecond=0)) % QUARTER + QUARTER
        today = start.date()
        while not self._over(start):
            for step in self._plan(today, start):
                while quarter <= step.at:
                    if not self._wait(quarter):
                        return
                    self._tell_once(quarter)
                    quarter += QUARTER
                if not self._wait(step.at):
                    return
                self._queues[crc32(step.reader.encode()) % PHONES].put(step)
            today += timedelta(days=1)
            start = datetime.combine(today, time(), start.tzinfo)
        if self._until is not None:
            self._wait(self._until)

    def _plan(self, today: date, start: datetime) -> list[Step]:
        """Return the steps of a day that are still to come; of each venue in the hours that its site file gives."""
        site, seed = self._found.site, self._wanted.seed
        policy = site.policy
        terms = Terms(
            policy.booking.grid,
            policy.booking.max_length,
            policy.away.offered,
            policy.extend.offered,
            self._clock.rate <= SCANS_UP_TO and bool(self._found.people.screens),
        )
        opens = max(venue.opens for venue in site.venues)
        closes = min(venue.closes for venue in site.venues)
        hours = [datetime.combine(today, at, site.timezone) for at in (opens, closes)]
        visits = day(seed, list(self._found.people.accounts), self._found.doors, terms, (hours[0], hours[1]))
        return [step for step in steps_of(from_now(visits, start)) if step.at >= start]

    def _over(self, at: datetime) -> bool:
        return self._service.stop.is_set() or (self._until is not None and at >= self._until)

    def _wait(self, until: datetime) -> bool:
        """Wait until the library's clock shows `until`; False when it is to end before that."""
        ends = until if self._until is None else min(until, self._until)
        while not self._service.stop.is_set() and (left := ends - self._clock.now()) > timedelta():
            self._service.stop.wait(self._clock.seconds(left))
        return not self._service.stop.is_set() and ends == until

    def _work(self, phone: Phone, waiting: "queue.SimpleQueue[Step | None]") -> None:
        while (step := waiting.get()) is not None:
            if not self._service.stop.is_set():
                self._crowd.do(step, phone)
        phone.close()

    def _tell(self, at: datetime, what: str) -> None:
        line = f"{at.astimezone(self._found.site.timezone):%H:%M}  {what}"
        _log.info("%s", line)
        self._say(line)
        notify(f"X_SAY={line}")

    def _tell_once(self, at: datetime) -> None:
        """Say where things stand, unless nothing has happened: at night it is quiet."""
        line = self._ledger.line()
        if line != self._told:
            self._tell(at, line)
            self._told = line

    def close(self) -> None:
        """Let the steps at hand come to their end; when stopped, cut their connections off."""
        stopped = self._service.stop.is_set()
        for waiting in self._queues:
            waiting.put(None)
        for phone in self._phones if stopped else ():
            phone.hang_up()
        for thread in self._threads:
            thread.join(JOIN_SECONDS / PHONES if stopped else None)

    def end(self) -> dict[str, Any]:
        """Say and return the numbers; where the library still runs, whether it and its readers agree."""
        numbers = self._ledger.numbers()
        if not self._service.stop.is_set():
            numbers["differences"] = self._differences()
        with suppress(OSError):
            file = self._wanted.data / FOLDER / DAY_FILE
            file.parent.mkdir(exist_ok=True, mode=0o700)
            file.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
        return numbers

    def _differences(self) -> list[str]:
        phone = Phone(self._found.url)
        try:
            seen = {reader: self._crowd.reservations(reader, phone) for reader in self._found.people.accounts}
        except (Refused, NoAnswer) as error:
            return [f"could not be compared: {error}"]
        finally:
            phone.close()
        ours = {
            reader: [each for each in told if datetime.fromisoformat(each["created_at"]) >= self._began]
            for reader, told in seen.items()
        }
        return self._ledger.differences(ours)
