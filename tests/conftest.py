"""What every test may ask for: a port of this worker's own, a real broker, a site of its own, a real browser, a patient wait."""

import fcntl
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

import pytest

from onsite import broker as onsite_broker

CEILING = 30.0
"""Seconds after which a wait is a failure. A condition that is met is seen at once: no test takes longer for it."""
GATES = ("south", "north")
KIOSKS = ("second-floor", "third-floor")
OBSERVER = onsite_broker.Account("observer", reads=("#",), writes=("#",))


# ---- waiting ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., object]:
    """`wait_for(condition, what)`: the first true value of `condition()`, or a failure that says what never happened."""

    def wait(condition: Callable[[], object], what: str, *, ceiling: float = CEILING) -> object:
        deadline = time.monotonic() + ceiling
        pause = threading.Event()
        while not (seen := condition()):
            if time.monotonic() > deadline:
                pytest.fail(f"within {ceiling:.0f} s this never happened: {what}")
            pause.wait(0.01)
        return seen

    return wait


# ---- ports -----------------------------------------------------------------------------------------------------------


@cache
def _ports() -> Iterator[int]:
    """Walk round a block of 100 ports that this process alone uses, below the range from which the kernel gives its own.

    The block is held by a lock on a file, so that no other worker, and no other suite on this machine, walks in it too.
    """
    folder = Path(tempfile.gettempdir()) / f"seatgate-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for block in range(10_000, 32_700, 100):
        lock = os.open(folder / str(block), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return itertools.cycle(range(block, block + 100))  # the lock is let go when this process ends
    pytest.fail("every block of ports is taken by other test runs")


def unused_port() -> int:
    for port in itertools.islice(_ports(), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    pytest.fail("every port of this worker's block is taken")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """`free_port()`: a port that nobody listens on, another one at each call."""
    return unused_port


# ---- the broker ------------------------------------------------------------------------------------------------------


class RunningBroker:
    """A real mosquitto with Seatgate's own configuration and rights; `observer` may read and write everything.

    Accounts (see `onsite.broker.accounts`): "booking", "gate-south", "gate-north", "kiosk-second-floor",
    "kiosk-third-floor", "observer"; their rights hold for every site id.
    """

    def __init__(self, folder: Path, port: int, tls: onsite_broker.TlsListener | None = None) -> None:
        accounts = (*onsite_broker.accounts("+", GATES, KIOSKS), OBSERVER)
        self.files = onsite_broker.prepare(folder, "127.0.0.1", port, accounts, tls)
        self.host, self.port = self.files.host, port
        self.log = folder / "mosquitto.log"
        self._running: subprocess.Popen[bytes] | None = None

    def password_file(self, account: str) -> Path:
        return self.files.password_file(account)

    def password(self, account: str) -> str:
        return self.password_file(account).read_text()

    def settings(self, account: str) -> object:
        """Return the `runtime.mqtt.BrokerSettings` of one account."""
        from runtime.mqtt import BrokerSettings

        return BrokerSettings(self.host, self.port, account, self.password_file(account))

    def start(self) -> None:
        """Start mosquitto and return once it listens."""
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.settimeout(CEILING)
        address = f"\0seatgate-test-{os.getpid()}-{id(ready)}"
        ready.bind(address)
        with ready, self.log.open("ab") as log:
            environment = {**os.environ, "NOTIFY_SOCKET": "@" + address[1:]}
            self._running = subprocess.Popen(self.files.command, stdout=log, stderr=log, env=environment)
            while b"READY=1" not in ready.recv(4096):
                pass

    def stop(self) -> None:
        """Stop mosquitto as systemd would: it says goodbye to nobody but writes its file."""
        self._end(lambda process: process.terminate())

    def kill(self) -> None:
        """Kill mosquitto as a power cut would."""
        self._end(lambda process: process.kill())

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._running is not None:
            how(self._running)
            self._running.wait(CEILING)
            self._running = None


@pytest.fixture(scope="session")
def broker(tmp_path_factory) -> Iterator[RunningBroker]:
    """This worker's broker. Nobody stops it: a test that does asks for `private_broker`."""
    running = RunningBroker(tmp_path_factory.mktemp("broker"), unused_port())
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def running_broker() -> Callable[..., AbstractContextManager[RunningBroker]]:
    """`with running_broker(folder, tls=…) as broker`: one more broker, running, with a configuration of its own."""

    @contextmanager
    def make(folder: Path, tls: onsite_broker.TlsListener | None = None) -> Iterator[RunningBroker]:
        running = RunningBroker(folder, unused_port(), tls)
        running.start()
        try:
            yield running
        finally:
            running.kill()

    return make


@pytest.fixture
def private_broker(tmp_path) -> Iterator[RunningBroker]:
    """A broker of this test alone, running: `.stop()`, `.kill()` and `.start()` it as you like."""
    (tmp_path / "broker").mkdir()
    running = RunningBroker(tmp_path / "broker", unused_port())
    running.start()
    yield running
    running.kill()


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------


class RunningPostgres:
    """A real PostgreSQL of Debian's, listening on this machine alone; role `seatgate` may do everything there.

    Data is not forced to the disk: a test may kill any process, and what the kernel holds stays.
    """

    def __init__(self, port: int) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        self.programs = (
            found[-1].parent if found else pytest.fail("PostgreSQL is not installed: run tools/install test")
        )
        self.folder, self.port, self.password = Path(tempfile.mkdtemp(prefix="seatgate-postgres-")), port, "swordfish"
        if os.getuid() == 0:  # as which it refuses to run
            shutil.chown(self.folder, "nobody", "nogroup")
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o644)
        self._databases = itertools.count(1)
        self._running: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "--no-sync", "--username=seatgate", f"--pwfile={password_file}", "--auth-local=trust",
            "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "-D", self.folder / "data",
        )  # fmt: skip

    def _command(self, program: str, *arguments: object) -> list[str]:
        as_nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.getuid() == 0 else []
        words = ["setpriv", *as_nobody, "--pdeathsig=INT", self.programs / program, *arguments]
        return [str(word) for word in words]

    def _run(self, program: str, *arguments: object) -> None:
        done = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, done.stderr + done.stdout

    def start(self) -> None:
        """Start the server and return once it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "shared_buffers": "24MB",
            "max_connections": 80,
            "fsync": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "log_checkpoints": "off",
            "deadlock_timeout": "100ms",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = self._command("postgres", "-D", self.folder / "data", *options)
            self._running = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        ready = self._command("pg_isready", "-q", "-h", self.folder, "-p", self.port)
        deadline, pause = time.monotonic() + CEILING, threading.Event()
        while subprocess.run(ready, cwd="/", check=False).returncode:
            if time.monotonic() > deadline or self._running.poll() is not None:
                pytest.fail(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            pause.wait(0.02)

    def stop(self, signal_: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT is PostgreSQL's "fast", SIGQUIT its "immediate", which is a crash."""
        if self._running is not None:
            self._running.send_signal(signal_)
            self._running.wait(CEILING)
            self._running = None

    def remove(self) -> None:
        """Stop the server and delete everything."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, **more: str) -> str:
        """Return the address of a database, on the socket of this server."""
        options = {"host": self.folder, "port": self.port, **more}
        return f"postgresql://seatgate@/{database}?" + "&".join(f"{name}={value}" for name, value in options.items())

    def tcp_url(self, database: str, port: int | None = None) -> str:
        """Return the address of a database over TCP, with its password."""
        return f"postgresql://seatgate:{self.password}@127.0.0.1:{port or self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """Make a database that no other test uses, and return its name."""
        name = f"t{next(self._databases)}"
        self.administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Delete a database, whoever is still connected."""
        self.administer(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def administer(self, sql: str) -> None:
        """Run one statement as the superuser, outside any test's database."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql)


@pytest.fixture(scope="session")
def postgres() -> Iterator[RunningPostgres]:
    """This worker's PostgreSQL. Nobody stops it: a test that does asks for `private_postgres`."""
    running = RunningPostgres(unused_port())
    running.start()
    yield running
    running.remove()


@pytest.fixture
def private_postgres() -> Iterator[RunningPostgres]:
    """A PostgreSQL of this test alone, running: `.stop(signal)` and `.start()` it as you like."""
    running = RunningPostgres(unused_port())
    running.start()
    yield running
    running.remove()


_SITES = itertools.count(1)


@pytest.fixture
def site_id() -> str:
    """A site id that no other test uses: topics of two tests never meet on one broker."""
    return f"t{os.getpid()}-{next(_SITES)}"


# ---- the browser -----------------------------------------------------------------------------------------------------

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium without a window, driven by playwright: `chromium.new_context(viewport=…).new_page()`.

    Per module, not per session: while it is open, playwright's event loop counts as running in this thread.
    """
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or pytest.fail("chromium is not installed: run tools/install test")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium):
    """A page as large as a phone, with nothing remembered."""
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True, locale="zh-CN"
    )
    context.set_default_timeout(CEILING * 1000)
    yield context.new_page()
    context.close()


@pytest.fixture
def desktop(chromium):
    """A page as large as a desktop's, with nothing remembered."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    context.set_default_timeout(CEILING * 1000)
    yield context.new_page()
    context.close()


@pytest.fixture
def asked_by() -> Callable[..., list[str]]:
    """`asked_by(page)`: what the page asks the server for from now on, a list that grows.

    The icon in the browser's tab does not count: Chromium fetches it when it finds the time, not when the page does something.
    """

    def watch(page: object) -> list[str]:
        asked: list[str] = []
        page.on("request", lambda request: "/static/icon." in request.url or asked.append(request.url))
        return asked

    return watch


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items) -> None:
    """Keep the tests with a browser on one worker: two Chromiums on two cores make both slow."""
    for item in items:
        if "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("chromium"))
