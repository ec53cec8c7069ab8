"""Row 12: the university's sign-in is slow, silent, cut short or gone, while readers book and check in.

A real CAS server in a process of its own (the one of the tests), a proxy before it, the real booking service. In every round the
proxy misbehaves in one way; meanwhile people come back from its page and are told why they are not signed in, readers who are signed in book seats and
check in, and afterwards somebody signs in with the university's password.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench import proxy as proxies
from bench.faults.house import until
from bench.faults.ledger import prefill, token_of
from bench.faults.server import NOW, Server, places_of
from bench.measure import ROOT
from booking.identity import MASTER_FILE
from messages import checkin
from runtime.clock import Clock

KIOSK = 7
KIOSK_TEXT = (
    f'\n[[kiosks]]\nid = "k-7"\nnumber = {KIOSK}\nname = {{ zh = "七号机", en = "Kiosk 7" }}\nvenue = "library"\n'
)
TIMEOUT = timedelta(seconds=1)
TRY = 5
"""People who come back from the university's page while it is away: fewer in all than one address may be (web.budgets)."""
BOOK = 6
"""Readers who book and check in meanwhile."""
ACCOUNT, PASSWORD = "s2023001", "portal password"
EXPLAINED = "已登录的读者不受影响"
FAULTS: dict[str, dict[str, object]] = {
    "refuses": {"refusing": True},
    "is silent": {},
    "is late": {"latency": 30.0},
    "cuts it short": {"script": lambda: proxies.cut_after(40)},
}


@dataclass
class Outcome:
    """What the rounds did. Times in seconds."""

    rounds: Counter[str] = field(default_factory=Counter)
    told: Counter[int] = field(default_factory=Counter)
    """Answers to those who tried to sign in, by status."""
    unexplained: int = 0
    """Of these, without the sentence that says why and what to do."""
    longest_told: float = 0.0
    served: int = 0
    """Readers who booked and checked in meanwhile."""
    failed: int = 0
    """Answers to them that were no success."""
    longest_served: float = 0.0
    dropped: int = 0
    """Sessions that no longer held afterwards."""
    back: int = 0
    """Rounds after which somebody signed in through the university."""

    @property
    def good(self) -> bool:
        """Tell whether only signing in was touched, and said so."""
        rounds = self.rounds.total()
        return (
            (self.unexplained, self.failed, self.dropped) == (0, 0, 0)
            and self.back == rounds
            and set(self.told) == {503}
        )


def run(folder: Path, site_file: Path, ports: tuple[int, int], *, rounds: int, say: Callable[[str], None]) -> Outcome:
    """Take the university away `rounds` times in each way. `ports`: of booking and of the CAS server."""
    site_file.write_text(site_file.read_text("utf-8") + KIOSK_TEXT, encoding="utf-8")
    outcome, places = Outcome(), places_of(site_file)
    with _cas(folder / "university", ports[1]), proxies.in_thread(ports[1]) as proxy:
        settings: dict[str, object] = {
            "sign_in.cas.server": f"http://127.0.0.1:{proxy.port}/cas",
            "sign_in.admit_unknown": True,
            "sign_in.timeout": f"{TIMEOUT.total_seconds():.0f}s",
        }
        server = Server(folder / "booking", ports[0], site_file, settings=settings)
        prefill(server.database, places, len(FAULTS) * rounds * BOOK, NOW)
        clock = Clock.starting_at(NOW)
        server.start()
        try:
            seats = [seat.id for seats in places.seats_of.values() for seat in seats]
            master = (folder / "booking" / "data" / MASTER_FILE).read_bytes()
            scene = _Scene(server.url, clock, master, seats, outcome)
            for _ in range(rounds):
                for name, knobs in FAULTS.items():
                    scene.round(proxy, name, knobs)
                    say(f"{name}: {outcome}")
            server.stop()
        finally:
            server.close()
    return outcome


class _Scene:
    """What people do in a round."""

    def __init__(self, url: str, clock: Clock, master: bytes, seats: list[str], outcome: Outcome) -> None:
        self._url, self._clock, self._master, self._seats, self._outcome = url, clock, master, seats, outcome
        self._next = 0

    def round(self, proxy: proxies.ProxyInThread, name: str, knobs: dict[str, object]) -> None:
        """Let the university misbehave once, and come back."""
        outcome = self._outcome
        outcome.rounds[name] += 1
        on_their_way = [self._set_out() for _ in range(TRY)]
        proxy.turn(**knobs)
        proxy.black_hole(on=not knobs)
        proxy.reset_all()
        with ThreadPoolExecutor(TRY) as pool:
            tries = [pool.submit(self._come_back, client) for client in on_their_way]
            for _ in range(BOOK):
                self._book_and_check_in()
            for one in tries:
                one.result(60)
        proxy.turn(latency=0.0, refusing=False, script=lambda: None)
        proxy.black_hole(on=False)
        proxy.reset_all()
        until("the university is asked again", self._signs_in)
        outcome.back += 1
        with httpx.Client(base_url=self._url) as client:
            held = client.get("/api/v1/reservations", headers={"Authorization": f"Bearer {token_of(self._next - 1)}"})
            outcome.dropped += held.status_code != 200

    def _set_out(self) -> httpx.Client:
        """Return the browser of somebody who has gone to the university's page."""
        client = httpx.Client(base_url=self._url, headers={"accept": "text/html"}, timeout=60)
        answer = client.get("/sign-in/cas")
        if answer.status_code != 302:
            raise RuntimeError(f"the university should be there: {answer.status_code}")
        return client

    def _come_back(self, client: httpx.Client) -> None:
        """Come back from there with a ticket, which only the university can vouch for."""
        with closing(client):
            began = time.monotonic()
            answer = client.get("/sign-in/cas/back?ticket=ST-1")
        outcome = self._outcome
        outcome.longest_told = max(outcome.longest_told, time.monotonic() - began)
        outcome.told[answer.status_code] += 1
        outcome.unexplained += EXPLAINED not in answer.text

    def _book_and_check_in(self) -> None:
        number, self._next = self._next, self._next + 1
        step = checkin.step_at(self._clock.now())
        code = checkin.mint(checkin.day_key(self._master, checkin.epoch_of(step), KIOSK), KIOSK, step)
        wish = {"seat": self._seats[number], "end": (NOW + timedelta(hours=2)).replace(minute=0).isoformat()}
        with httpx.Client(
            base_url=self._url, headers={"Authorization": f"Bearer {token_of(number)}"}, timeout=60
        ) as client:
            for path, body in (("/api/v1/reservations", wish), ("/api/v1/check-ins", {"code": code})):
                began = time.monotonic()
                answer = client.post(path, json=body, headers={"Idempotency-Key": path})
                self._outcome.longest_served = max(self._outcome.longest_served, time.monotonic() - began)
                self._outcome.failed += answer.status_code != 201
        self._outcome.served += 1

    def _signs_in(self) -> bool:
        """Sign in with the university's password, as a browser would; False while its sign-in is still said to be away."""
        with httpx.Client(headers={"accept": "text/html"}, timeout=60) as client:
            answer = client.get(f"{self._url}/sign-in/cas")
            while answer.status_code in {302, 303}:
                answer = client.get(answer.url.join(answer.headers["location"]))
            if answer.status_code == 503:
                return False
            form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
            form |= {"username": ACCOUNT, "password": PASSWORD}
            answer = client.post(answer.url, data={name: value.replace("&amp;", "&") for name, value in form.items()})
            while answer.status_code in {302, 303}:
                answer = client.get(answer.url.join(answer.headers["location"]))
            if not str(answer.url).startswith(self._url) or "sign-in" in answer.url.path:
                raise RuntimeError(f"signing in ended at {answer.url} with {answer.status_code}: {answer.text[-1500:]}")
            return True


@contextmanager
def _cas(folder: Path, port: int) -> Iterator[None]:
    """Run the CAS server of the tests until the block ends."""
    folder.mkdir(parents=True)
    key, script = folder / "key.pem", ROOT / "tests" / "booking" / "web" / "sso" / "serve.py"
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key.write_bytes(
        made.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    command = [sys.executable, str(script), str(port), str(folder / "university.sqlite"), str(key)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            if not process.stdout or process.stdout.readline() != "ready\n":
                raise RuntimeError(f"the CAS server does not start: see {folder / 'log'}")
            yield
        finally:
            process.communicate(timeout=30)
