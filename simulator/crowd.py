"""Simulated readers do the steps of their day: at the web API, at the turnstiles, before the kiosk. No thread starts here.

What is refused or not answered is counted and the day goes on, as it does for people.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from messages.access import CredentialKind, Direction
from simulator.ledger import Ledger
from simulator.phone import NoAnswer, Phone, Refused, code_on
from simulator.scenarios import Do, Step, chance
from simulator.turnstile import Act, Passing, Swipe

_log = logging.getLogger(__name__)
LOOKS = 3
"""How often somebody holds their phone before a kiosk whose code was over, or could not be read."""
STALE = "code-stale"


@dataclass(frozen=True, slots=True)
class Lane:
    """A simulated portal: whether its terminal knows faces, and which board says that somebody walked through ("" none)."""

    portal: str
    by_face: bool
    leads: Direction
    board: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """What a crowd must know of a running library. `screens`: venue → the picture of a kiosk there, for `staff` to fetch."""

    accounts: Mapping[str, Mapping[str, str]]
    staff: Mapping[str, str]
    lanes: Mapping[str, Lane]
    screens: Mapping[str, str]
    positions: Mapping[str, tuple[float, float]]
    """Venue → where its readers stand, where it asks for that."""


class Crowd:
    """`do` a step with a phone. Each reader's steps must come in order; different readers' may come at once."""

    def __init__(self, library: Library, ledger: Ledger, send: Callable[[Act], int], seed: int) -> None:
        self._library = library
        self._ledger = ledger
        self._send = send
        self._seed = seed

    def do(self, step: Step, phone: Phone) -> None:
        """Do one step and count what came of it; never raises for what the library says."""
        try:
            done = self._do(step, phone)
        except Refused as refused:
            self._ledger.refused(refused.code)
            _log.info("refused reader=%s do=%s code=%s", step.reader, step.do, refused.code)
        except NoAnswer as error:
            self._ledger.done("no-answer")
            _log.warning("no answer reader=%s do=%s: %s", step.reader, step.do, error)
        except (ValueError, OSError) as error:
            self._ledger.done("no-turnstile")
            _log.warning("not done reader=%s do=%s: %s", step.reader, step.do, error)
        else:
            if done:
                self._ledger.done(step.do)

    def reservations(self, reader: str, phone: Phone) -> list[dict[str, Any]]:
        """Return what the library tells a reader of their reservations, all pages of it. Refused, NoAnswer."""
        account, found, cursor = self._library.accounts[reader], [], ""
        while True:
            page = phone.get(account, f"/reservations?limit=100{cursor}")
            found += page["items"]
            if not page["next"]:
                return found
            cursor = f"&cursor={page['next']}"

    def _do(self, step: Step, phone: Phone) -> bool:
        """Return False for what there is nothing to do about: who has no seat does not extend it."""
        account = self._library.accounts[step.reader]
        match step.do:
            case Do.BOOK:
                wish = {"area": step.where, "end": step.until.isoformat() if step.until else ""}
                self._ledger.answered(step.reader, step.visit, phone.post(account, "/reservations", wish))
            case Do.ENTER | Do.LEAVE:
                return self._walk(step, account)
            case Do.STRANGE_CARD:
                number = int(chance(self._seed, step.reader, step.visit) * 1_000_000)
                self._send(Swipe(step.where, CredentialKind.CARD, f"0003{number:06}"))
            case Do.SCAN | Do.SCAN_OUT:
                if self._ledger.held(step.reader, step.visit) is None:
                    return False
                self._scan(step, phone, account)
                self._through_the_door(step)
            case _:
                held = self._ledger.held(step.reader, step.visit)
                if held is None:
                    return False
                self._ledger.answered(
                    step.reader, step.visit, phone.post(account, f"/reservations/{held}/{step.do.value}")
                )
        return True

    def _through_the_door(self, step: Step) -> None:
        """Where no turnstile is, who scanned the code at the door is in, or out."""
        if step.do is Do.SCAN_OUT:
            self._ledger.leaves(step.reader)
        elif not self._ledger.is_inside(step.reader):
            self._ledger.enters(step.reader, step.venue)

    def _walk(self, step: Step, account: Mapping[str, str]) -> bool:
        if step.do is Do.ENTER:
            self._ledger.enters(step.reader, step.venue)
        elif not self._ledger.is_inside(step.reader):
            return False
        else:
            self._ledger.leaves(step.reader)
        lane = self._library.lanes[step.where]
        if lane.by_face and account.get("face"):
            self._send(Swipe(step.where, CredentialKind.FACE, account["face"], lane.leads))
        else:
            self._send(Swipe(step.where, CredentialKind.CARD, account["card"], lane.leads))
        if lane.board:
            self._send(Passing(lane.board, direction=lane.leads))
        return True

    def _scan(self, step: Step, phone: Phone, account: Mapping[str, str]) -> None:
        path = "/check-ins" if step.do is Do.SCAN else "/check-outs"
        where = self._library.positions.get(step.venue)
        position = {"position": {"lat": where[0], "lon": where[1], "accuracy": 10.0}} if where else {}
        for look in range(1, LOOKS + 1):
            code = code_on(phone.fetch(self._library.staff, self._library.screens[step.venue]))
            if code is None:
                continue
            try:
                answer = phone.post(account, path, {"code": code, **position})
            except Refused as refused:
                if refused.code != STALE or look == LOOKS:
                    raise
            else:
                self._ledger.answered(step.reader, step.visit, answer)
                return
        raise Refused("no-code-to-read", 0)
