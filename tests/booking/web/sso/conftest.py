"""A real university beside a real service: a CAS server and an OpenID provider in a process of their own, accounts known."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import attrs
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk, jwt

from booking.sso.providers import sign_ins
from booking.sso.settings import CasSettings, OidcSettings, SignInSettings

PORTAL_PASSWORD = "portal password"
CLIENT, SECRET = "seatgate", "client secret"


class University:
    """The process of serve.py."""

    def __init__(self, folder, port):
        self.url = f"http://127.0.0.1:{port}"
        self.cas, self.issuer = f"{self.url}/cas", f"{self.url}/o"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key_file = folder / "key.pem"
        key_file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        script = Path(__file__).with_name("serve.py")
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(port), str(folder / "university.sqlite"), str(key_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            self.log.seek(0)
            pytest.fail(f"the university did not start: {self.log.read()[-3000:]}")

    def age_tickets(self):
        httpx.post(f"{self.url}/control/age-tickets").raise_for_status()

    def signed(self, claims, **header):
        """Return a token that the provider's own key signs."""
        key = jwk.RSAKey.import_key(self.key)
        return jwt.encode({"alg": "RS256", "kid": key.thumbprint()} | header, claims, key)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()
        self.log.close()


@pytest.fixture(scope="session")
def university(tmp_path_factory, free_port):
    running = University(tmp_path_factory.mktemp("university"), free_port())
    yield running
    running.close()


def midday(site):
    """Return the site as one that never closes, in a zone where it is about noon: tokens of a real provider are of today."""
    hour = datetime.now(UTC).hour
    zone = ZoneInfo(f"Etc/GMT{hour - 12:+d}")
    venues = [
        attrs.evolve(venue, opens=datetime.min.time(), closes=datetime.max.time(), weekdays=[], exceptions=[])
        for venue in site.venues
    ]
    return attrs.evolve(site, timezone=zone, venues=venues)


@pytest.fixture(scope="session")
def cas(university):
    """`cas(reader="…")`: settings that sign in through the real CAS server."""
    return lambda **more: {"cas": CasSettings(university.cas, **more)}


@pytest.fixture(scope="session")
def oidc(university, tmp_path_factory):
    """`oidc(…)`: settings that sign in through the real OpenID provider."""

    def settings(**more):
        secret = tmp_path_factory.mktemp("oidc") / "client-secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        return {
            "oidc": OidcSettings(
                **({"issuer": university.issuer, "client_id": CLIENT, "client_secret_file": secret} | more)
            )
        }

    return settings


def opened(make, settings):
    wanted = SignInSettings(**settings)
    return make(
        midday, now=datetime.now(UTC).replace(microsecond=0), sign_in=lambda url, clock: sign_ins(wanted, url, clock)
    )


@pytest.fixture(scope="module")
def shared_library(house_type, tmp_path_factory):
    """`shared_library(**settings)`: one for all tests of a module that leave nothing behind in it."""
    houses = []

    def open_(**settings):
        file = tmp_path_factory.mktemp("shared") / "booking.sqlite"
        houses.append(opened(lambda change, now, sign_in: house_type(file, now, change, sign_in=sign_in), settings))
        return houses[-1]

    yield open_
    for house in houses:
        house.close()


@pytest.fixture
def open_library(open_house):
    """`open_library(**settings)`: a service with these `[sign_in]` settings, today at about noon."""

    return lambda **settings: opened(open_house, settings)


class Person(httpx.Client):
    """Somebody's browser, with the portal's password of one account."""

    def __init__(self, house, account, password=PORTAL_PASSWORD):
        super().__init__(headers={"accept": "text/html"}, timeout=30)
        self.house, self.account, self.password = house, account, password

    def leave(self, kind, **query):
        """Return the address that our sign-in link leads to."""
        answer = self.get(f"{self.house.url}/sign-in/{kind}", params=query)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def answer_of(self, address):
        """Sign in at the university's page behind `address` and return where that sends the browser back to."""
        for _ in range(6):
            if address.startswith(self.house.url):
                return address
            page = self.get(address)
            if page.status_code == 200:
                form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
                form |= {"username": self.account, "password": self.password}
                page = self.post(page.url, data={name: value.replace("&amp;", "&") for name, value in form.items()})
            assert page.status_code in (302, 303), page.text[:2000]
            address = str(page.url.join(page.headers["location"]))
        raise AssertionError(address)

    def back(self, kind, **query):
        """Go there and return the address of the way back, with its ticket or code, not yet followed."""
        return self.answer_of(self.leave(kind, **query))

    def sign_in(self, kind, **query):
        """Sign in and return our answer, redirects followed."""
        return self.get(self.back(kind, **query), follow_redirects=True)

    def home(self, path):
        return self.get(self.house.url + path, follow_redirects=True)


@pytest.fixture
def person(clients):
    """`person(house, "s2023001")`: somebody with a browser of their own."""

    def make(house, account, **more):
        made = Person(house, account, **more)
        clients.append(made)
        return made

    return make


class FalseProvider:
    """An OpenID provider that says what a test wants: its discovery, its keys, its tokens. `say` is changed at will."""

    def __init__(self):
        self.key = jwk.RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}, private=True)
        self._first_key = self.key
        self.become_honest()
        provider = self

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                provider._answer(self, {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                provider._answer(self, {name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, *_args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def become_honest(self):
        self.asked, self.nonce, self.say = [], "", {}
        self.claims, self.header, self.key, self.signed_with = {}, {}, self._first_key, self._first_key

    def token(self, **changes):
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "u1", "iat": now, "exp": now + 300, "nonce": self.nonce,
            "preferred_username": "s2023001",
        } | self.claims | changes  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": "k1"} | self.header, claims, self.signed_with)

    def _answer(self, request, form):
        path = urlsplit(request.path).path
        self.asked.append((path, form, dict(request.headers)))
        documents = {
            "/.well-known/openid-configuration": lambda: {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "end_session_endpoint": f"{self.url}/bye?x=1",
            },
            "/keys": lambda: {"keys": [self.key.as_dict(private=False)]},
            "/token": lambda: {"access_token": "a", "token_type": "Bearer", "id_token": self.token()},
        }
        said = self.say.get(path, documents.get(path, dict)())
        status, content = said if isinstance(said, tuple) else (200, said)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        if 300 <= status < 400:
            request.send_header("location", "http://127.0.0.1:1/")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def settings(self, **more):
        return {"oidc": OidcSettings(**({"issuer": self.url, "client_id": CLIENT} | more))}

    def back_of(self, someone, **changes):
        """Begin as `someone` and return the address that this provider would send the browser back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(someone.leave("oidc")).query).items()}
        self.nonce = asked["nonce"]
        answer = {"code": "c", "state": asked["state"]} | changes
        answer = {name: value for name, value in answer.items() if value is not None}
        return f"{someone.house.url}/sign-in/oidc/back?{urlencode(answer)}"

    def close(self):
        self.server.shutdown()
        self.thread.join(30)
        self.server.server_close()


@pytest.fixture(scope="module")
def running_provider():
    running = FalseProvider()
    yield running
    running.close()


@pytest.fixture
def false_provider(running_provider):
    """Honest again at each test's beginning."""
    running_provider.become_honest()
    return running_provider


def refusal_of(answer):
    """Return the code that our sign-in page shows; it must have opened no session."""
    assert answer.status_code in (403, 429, 503), answer.status_code
    assert "seatgate=" not in answer.headers.get("set-cookie", "")
    return re.search(r'role="alert" data-code="([^"]+)"', answer.text)[1]


@pytest.fixture(scope="session")
def refusal():
    """`refusal(answer)`: the code that our sign-in page shows."""
    return refusal_of


class Valve:
    """A way to a server that can be shut: `mode` is "open", "swallow" (takes and never answers), "drop" (hangs up),
    "drip" (an answer that never ends, byte by byte) or "drip-head" (whose head never ends).
    """

    def __init__(self, target_port):
        self.target, self.mode, self.swallowed = target_port, "open", 0
        self.released = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                taken, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(threading.Thread(target=self._serve, args=(taken, self.mode), daemon=True))
            self.threads[-1].start()

    def _serve(self, taken, mode):
        with taken, suppress(OSError):
            if mode == "open":
                with socket.create_connection(("127.0.0.1", self.target)) as target:
                    back = threading.Thread(target=self._pump, args=(target, taken), daemon=True)
                    back.start()
                    self._pump(taken, target)
                    back.join(30)
            elif mode == "swallow":
                self.swallowed += 1
                self.released.wait(60)
            elif mode in ("drip", "drip-head"):
                taken.sendall(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 9999\r\n\r\n" if mode == "drip" else b"X: "))
                while not self.released.wait(0.02):
                    taken.sendall(b" ")

    @staticmethod
    def _pump(source, sink):
        with suppress(OSError):
            while content := source.recv(65536):
                sink.sendall(content)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def shut(self):
        """Nobody listens here any more."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def close(self):
        self.released.set()
        self.shut()
        for thread in self.threads:
            thread.join(30)


@pytest.fixture
def valve(university):
    """A way to the university that a test can shut."""
    made = Valve(int(university.url.rpartition(":")[2]))
    yield made
    made.close()


@pytest.fixture
def ahead():
    """`ahead(house, minutes=11)`: the service's clock goes on."""
    return lambda house, **by: house.clock.put(house.clock.now() + timedelta(**by))
