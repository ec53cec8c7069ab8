"""A library on this machine: `seatgate run` as a child process, turnstiles that the test itself holds, readers at the API.

Nothing here is mocked: mosquitto, SQLite file, pseudo-terminals, SDL's off-screen driver, Debian's Chromium.
"""

import json
import os
import signal
import subprocess
import sys
import time
import tty
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import httpx
import pytest

from onsite.broker import find_mosquitto

ROOT = Path(__file__).resolve().parents[2]
NOW = "2023-07-17T16:38+08:00"
"""The moment of the manual's pictures: a Monday, "现在" is 16:38."""
SEAT = "2f-centre-065"
"""The manual's own example: 二层中厅 065 号."""
CEILING = 30.0


class Turnstile:
    """The other end of a portal's serial line: what this writes, the gate reads."""

    def __init__(self) -> None:
        self._ours, device = os.openpty()
        tty.setraw(device)
        self.device = os.ttyname(device)
        os.close(device)  # the gate wants it for itself alone

    def write(self, frame: bytes) -> None:
        os.write(self._ours, frame)

    def swipe(self, card: str) -> None:
        """Hold a card with this printed number against an RDM6300 reader."""
        self.write(_rdm6300(card))

    def close(self) -> None:
        os.close(self._ours)


def _rdm6300(card: str, *, spoil: int = 0) -> bytes:
    """Return the frame of a card: 02, ten hex digits, their XOR (made wrong by `spoil`), 03."""
    number = bytes([0x01]) + int(card).to_bytes(4, "big")
    check = spoil
    for byte in number:
        check ^= byte
    return b"\x02" + number.hex().upper().encode() + f"{check:02X}".encode() + b"\x03"


class Reader:
    """A person at the API, signed in with a bearer token."""

    def __init__(self, url: str, account: dict[str, str]) -> None:
        self.account = account
        self.http = httpx.Client(base_url=url, timeout=CEILING, trust_env=False)
        wish = {"reader": account["reader"], "password": account["password"]}
        answer = self.http.post("/api/v1/session", json=wish)
        assert answer.status_code == 201, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def get(self, path: str):
        answer = self.http.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: dict | None = None, *, expect: int):
        answer = self.http.post(f"/api/v1{path}", json=body, headers={"Idempotency-Key": os.urandom(8).hex()})
        assert answer.status_code == expect, answer.text
        return answer.json()

    def reserve(self, seat: str = SEAT, *, end: str = "2023-07-17T18:00:00+08:00"):
        """Book a seat from now."""
        return self.post("/reservations", {"seat": seat, "end": end}, expect=201)

    def reservation(self, reservation: str):
        return self.get(f"/reservations/{reservation}")

    def passages(self):
        """The reader's gate records, oldest first."""
        return self.get("/gate-records")["items"][::-1]

    def told(self) -> list[str]:
        """The kinds of the reader's notifications, oldest first."""
        return [note["kind"] for note in self.get("/notifications")["items"][::-1]]


_OTHER_TESTS_SCREEN = {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"}
"""What this machine, or a test before in the same worker, says of a screen: none of it is meant for the machine under test."""


class Library:
    """`seatgate run` over a data folder of its own, and what a test asks of it."""

    def __init__(self, folder: Path, ports: tuple[int, int], turnstiles: dict[str, Turnstile], site: str) -> None:
        self.root = ROOT
        self.data = folder / "var"
        self.turnstiles = turnstiles
        self._ports = ports
        self._site = folder / "site.toml"
        self._site.write_text(site, encoding="utf-8")
        self._console = folder / "console"
        self._running: subprocess.Popen[bytes] | None = None
        self.run: dict = {}
        self.display = ""
        """The X display that the kiosk shall open a window on; without one it draws off screen."""
        self.environment: dict[str, str] = {}
        """What else it shall find in its environment."""

    def start(self, *options: str) -> None:
        """Start it and return once run.json says that it is ready."""
        command = [sys.executable, "-m", "seatgate", "run", "--data", str(self.data), "--site", str(self._site)]
        environment = {name: value for name, value in os.environ.items() if name not in _OTHER_TESTS_SCREEN}
        if self.display:
            environment["DISPLAY"] = self.display
        environment |= {"SEATGATE_HTTP_PORT": str(self._ports[0]), "SEATGATE_MQTT_PORT": str(self._ports[1])}
        environment |= self.environment
        with self._console.open("wb") as console:
            self._running = subprocess.Popen(
                [*command, "--now", NOW, *options], cwd=ROOT, env=environment, stdout=console, stderr=console
            )
        file = self.data / "run.json"
        deadline = time.monotonic() + 2 * CEILING
        while not file.exists():
            with suppress(subprocess.TimeoutExpired):
                self._running.wait(0.02)
                pytest.fail(f"seatgate run ended: {self._console.read_text()}{self.logs()}")
            assert time.monotonic() < deadline, f"not ready: {self._console.read_text()}{self.logs()}"
        self.run = json.loads(file.read_text(encoding="utf-8"))

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Stop it as Ctrl-C does; return how many seconds it took. Its exit code must say that all is well."""
        began = time.monotonic()
        self._running.send_signal(number)
        code = self._running.wait(CEILING)
        self._running = None
        assert code == 0, self.console()
        return time.monotonic() - began

    def kill(self) -> None:
        """Kill `seatgate run` alone, as `kill -9` does."""
        self._running.kill()
        self._running.wait(CEILING)
        self._running = None

    def abandon(self) -> None:
        """End it if it still runs, whatever state it is in."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def command(self, *words: str, expect: tuple[int, ...] = (0,), patience: float = 2 * CEILING) -> str:
        """Run another `seatgate` command over this data folder; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "seatgate", *words, "--data", str(self.data)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        assert done.returncode in expect, done.stdout + done.stderr
        return done.stdout

    def console(self) -> str:
        return self._console.read_text(encoding="utf-8")

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def logs(self) -> str:
        """The end of every process's log, for the message of a failed test."""
        return "\n".join(
            f"--- {file.name}\n{file.read_text(errors='replace')[-1500:]}"
            for file in sorted((self.data / "logs").glob("*"))
        )

    def processes(self) -> dict[int, str]:
        """Every process of this library except `seatgate run` itself: pid → command line (found by the data folder)."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.data) in command and " run " not in command:
                    found[int(folder.name)] = command
        return found

    def pid(self, part: str) -> int:
        """The process whose command line holds `part`, such as "booking.toml" or "mosquitto.conf"."""
        found = self.pid_or_none(part)
        assert found is not None, f"no process has {part} in its command line"
        return found

    def pid_or_none(self, part: str) -> int | None:
        return next((pid for pid, command in self.processes().items() if part in command), None)

    @contextmanager
    def broker_by_hand(self):
        """Run the broker that was stopped, with the very settings that `seatgate run` wrote."""
        folder = self.data / "broker"
        with (folder / "by-hand.log").open("ab") as log:
            mosquitto = subprocess.Popen(
                [find_mosquitto(), "-c", str(folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        try:
            yield
        finally:
            mosquitto.terminate()
            mosquitto.wait(CEILING)

    @contextmanager
    def without_right(self, rule: str):
        """Take one line out of the broker's rights, as long as the block lasts (mosquitto reads them again on SIGHUP)."""
        file = self.data / "broker" / "acl"
        before = file.read_text(encoding="utf-8")
        assert rule in before
        try:
            self._set_rights(before.replace(rule, "# taken away"))
            yield
        finally:
            self._set_rights(before)

    def _set_rights(self, text: str) -> None:
        (self.data / "broker" / "acl").write_text(text, encoding="utf-8")
        reloads = self.log("broker").count("Reloading config")
        os.kill(self.pid("mosquitto.conf"), signal.SIGHUP)
        deadline = time.monotonic() + CEILING
        while self.log("broker").count("Reloading config") == reloads:
            assert time.monotonic() < deadline, "mosquitto did not read its rights again"

    def reader(self, number: int) -> Reader:
        return Reader(self.run["http"], self.run["demo_accounts"][number])

    def staff(self) -> Reader:
        return Reader(self.run["http"], self.run["staff_account"])

    def seat(self, seat: str) -> str:
        """The state of a seat on the retained map's twin at the API: what web and kiosk draw."""
        area = seat.rpartition("-")[0]
        found = httpx.get(f"{self.run['http']}/api/v1/areas/{area}/seats", timeout=CEILING, trust_env=False).json()
        return next(item["status"] for item in found["items"] if item["seat"] == seat)

    def outbox(self, gate: str = "south") -> tuple[int, int]:
        """Return (rows in a gate's outbox, rows that booking has not acknowledged), read beside the running gate."""
        file = next((self.data / f"gate-{gate}").glob("*outbox*.db"))
        return _rows(file, "SELECT count(*), count(*) FILTER (WHERE state = 'pending') FROM rows")[0]

    def show_to_camera(self, picture: bytes) -> None:
        """Hold a picture before the kiosk's camera."""
        camera = Path(self.run["kiosks"][0]["camera"])
        draft = camera.with_suffix(".draft")
        draft.write_bytes(picture)
        draft.replace(camera)

    def kiosk_sessions(self) -> list[str]:
        """The readers whom a kiosk has identified: each got a session of channel "kiosk"."""
        rows = _rows(self.data / "booking" / "seatgate.db", "SELECT reader FROM sessions WHERE channel = 'kiosk'")
        return [reader for (reader,) in rows]


def _rows(file: Path, query: str) -> list[tuple]:
    """Read a SQLite file beside the process that owns it."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def site_with_ports(ports: dict[str, str], text: str = "") -> str:
    """Return the shipped site, or `text`, with a device of the test's own at some portals."""
    text = text or (ROOT / "config" / "sites" / "bjut.toml").read_text(encoding="utf-8")
    for portal, device in ports.items():
        above, named, below = text.partition(f'id = "{portal}"\n')
        assert 'port = ""\n' in below, f"the shipped site has a portal {portal} with its key `port`"
        text = above + named + below.replace('port = ""\n', f'port = "{device}"\n', 1)
    return text


@pytest.fixture(scope="session")
def rdm6300():
    return _rdm6300


@pytest.fixture(scope="module")
def display() -> str:
    """No screen; a module that wants one replaces this fixture."""
    return ""


@pytest.fixture(scope="module")
def library(tmp_path_factory, free_port, display):
    """A running library; three of its portals are held by the test, the fourth by the simulator."""
    turnstiles = {portal: Turnstile() for portal in ("south-1", "south-2", "north-1")}
    site = site_with_ports({portal: turnstile.device for portal, turnstile in turnstiles.items()})
    running = Library(tmp_path_factory.mktemp("library"), (free_port(), free_port()), turnstiles, site)
    running.display = display
    running.start()
    yield running
    running.abandon()
    for turnstile in turnstiles.values():
        turnstile.close()


@pytest.fixture(scope="module")
def make_library(tmp_path_factory, free_port):
    """`make_library(*options)`: another library, running with these options; no turnstile of the test's own."""
    made = []

    def make(*options: str) -> Library:
        text = (ROOT / "config" / "sites" / "bjut.toml").read_text(encoding="utf-8")
        made.append(Library(tmp_path_factory.mktemp("library"), (free_port(), free_port()), {}, text))
        made[-1].start(*options)
        return made[-1]

    yield make
    for library in made:
        library.abandon()


@pytest.fixture(scope="module")
def library_with(tmp_path_factory, free_port):
    """`library_with(change, *portals, **environment)`: a running library whose site text went through `change`, the test at `portals`."""
    made = []

    def make(change, *portals: str, **environment: str) -> Library:
        turnstiles = {portal: Turnstile() for portal in portals}
        ports = {portal: turnstile.device for portal, turnstile in turnstiles.items()}
        text = change((ROOT / "config" / "sites" / "bjut.toml").read_text(encoding="utf-8"))
        folder = tmp_path_factory.mktemp("library")
        made.append(Library(folder, (free_port(), free_port()), turnstiles, site_with_ports(ports, text)))
        made[-1].environment = environment
        made[-1].start()
        return made[-1]

    yield make
    for library in made:
        library.abandon()
        for turnstile in library.turnstiles.values():
            turnstile.close()


@pytest.fixture
def sign_in(library):
    """`sign_in(page, account)`: fill in the sign-in page; `here=True` when the page shows it already."""

    def fill(page, account: dict[str, str], *, here: bool = False) -> None:
        if not here:
            page.goto(f"{library.run['http']}/sign-in")
        page.locator("#reader").fill(account["reader"])
        page.locator("#password").fill(account["password"])
        page.locator("form[action='/sign-in'] button").click()
        page.wait_for_url(lambda url: "/sign-in" not in url)

    return fill
