"""Notifications on readers' own channels, against a real mail server and a real HTTP receiver; the sender is killed mid-send."""

import email
import email.policy
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import apsw
import httpx
import pytest
from aiosmtpd.controller import Controller

from booking.channels import Channels, offer_of
from booking.deliver import Sender
from booking.domain.reservation import Action
from booking.domain.telling import TellingChannel
from booking.service.telling import Delivery, SetChannel
from booking.service.views import NotificationView
from booking.settings import ChannelSettings, MailSettings, load_settings
from booking.web.letters import letter_writer
from config import ConfigError
from runtime.clock import Clock

EMAIL, WEBHOOK = TellingChannel.EMAIL, TellingChannel.WEBHOOK
ACCOUNT = {"reader": "S1", "name": "林知夏", "password": "correct horse", "card": "0006547886", "role": "reader"}


class Receiver:
    """What came in, and whether answers are held back."""

    def __init__(self):
        self.came, self.statuses = [], []
        self.open = threading.Event()
        self.open.set()

    def take(self, item):
        self.came.append(item)
        self.open.wait(30)

    @property
    def keys(self):
        return [item["key"] for item in self.came]


@pytest.fixture
def mailbox(free_port):
    """A real SMTP server that keeps what it is given."""

    class Handler:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            item = {
                "key": message["Idempotency-Key"],
                "to": envelope.rcpt_tos,
                "from": envelope.mail_from,
                "title": str(message["Subject"]),
                "text": message.get_body(("plain",)).get_content().replace("\r\n", "\n").strip(),
            }
            await server.loop.run_in_executor(None, receiver.take, item)
            return receiver.statuses.pop(0) if receiver.statuses else "250 OK"

    receiver = Receiver()
    receiver.port = free_port()
    controller = Controller(Handler(), hostname="127.0.0.1", port=receiver.port)
    controller.start()
    yield receiver
    receiver.open.set()
    controller.stop()


@pytest.fixture
def hook():
    """A real HTTP receiver that keeps what is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            receiver.take({"key": self.headers["Idempotency-Key"], "path": self.path, "body": body})
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            try:
                self.send_response(status)
                self.send_header("location", f"{receiver.origin}/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()
            except OSError:
                pass  # whoever asked has been killed

        def log_message(self, *_arguments):
            pass

    receiver = Receiver()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.origin = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield receiver
        receiver.open.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(mailbox, hook):
    return ChannelSettings(
        email=MailSettings(host="127.0.0.1", port=mailbox.port, security="none", sender="seats@lib.example"),
        webhooks=[hook.origin],
        timeout=timedelta(seconds=5),
        tries=3,
    )


def delivery(channel, address):
    note = NotificationView("N1", "lapsed", datetime.fromisoformat("2023-07-17T08:00:00+00:00"), "R1", {})
    return Delivery(n=1, key=f"N1-{channel}", channel=channel, address=address, language="en", tries=1, note=note)


# ---- one message -----------------------------------------------------------------------------------------------------


def test_mail_arrives_whole_with_its_key(settings, mailbox):
    assert Channels(settings).send(delivery(EMAIL, "lin@bjut.edu.cn"), "图书馆：已暂离", "第一行\nhttps://x/y") == ""
    assert mailbox.came == [
        {
            "key": "N1-email",
            "to": ["lin@bjut.edu.cn"],
            "from": "seats@lib.example",
            "title": "图书馆：已暂离",
            "text": "第一行\nhttps://x/y",
        }
    ]


def test_a_webhook_gets_json_with_its_key(settings, hook):
    assert Channels(settings).send(delivery(WEBHOOK, hook.origin + "/in?to=lin"), "标题", "正文") == ""
    (came,) = hook.came
    assert (came["path"].split("?")[0], came["key"]) == ("/in", "N1-webhook")
    assert "to=lin" in came["path"]
    wanted = {
        "idempotency_key": "N1-webhook",
        "kind": "lapsed",
        "reservation": "R1",
        "title": "标题",
        "message": "正文",
    }
    assert wanted.items() <= came["body"].items()


def test_what_the_settings_do_not_offer_is_never_contacted(settings, hook, mailbox):
    closed = Channels(ChannelSettings())
    assert offer_of(ChannelSettings()).channels == frozenset()
    for one in (delivery(EMAIL, "lin@bjut.edu.cn"), delivery(WEBHOOK, hook.origin + "/in")):
        assert "not offered" in closed.send(one, "t", "b")
    assert "not offered" in Channels(settings).send(delivery(WEBHOOK, "http://127.0.0.1:1/in"), "t", "b")
    assert (hook.came, mailbox.came) == ([], [])


def test_a_redirect_is_not_followed(settings, hook):
    hook.statuses = [307]
    assert Channels(settings).send(delivery(WEBHOOK, hook.origin + "/in"), "t", "b") != ""
    assert [item["path"] for item in hook.came] == ["/in"]


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_receiver_that_says_no_is_a_reason_without_the_address(settings, hook, status):
    hook.statuses = [status]
    reason = Channels(settings).send(delivery(WEBHOOK, hook.origin + "/secret-path"), "t", "b")
    assert str(status) in reason
    assert "secret-path" not in reason


def test_a_mail_server_that_is_away_or_says_no_is_a_reason(settings, mailbox, free_port):
    mailbox.statuses = ["550 no such mailbox"]
    reason = Channels(settings).send(delivery(EMAIL, "lin@bjut.edu.cn"), "t", "b")
    assert reason
    assert "lin@bjut.edu.cn" not in reason
    away = ChannelSettings(email=MailSettings(host="127.0.0.1", port=free_port(), security="none", sender="a@b.cn"))
    assert Channels(away).send(delivery(EMAIL, "lin@bjut.edu.cn"), "t", "b")


def test_a_receiver_that_never_answers_is_left_after_the_time_out(settings, hook):
    hook.open.clear()
    quick = ChannelSettings(webhooks=[hook.origin], timeout=timedelta(milliseconds=300))
    assert Channels(quick).send(delivery(WEBHOOK, hook.origin + "/in"), "t", "b") != ""


# ---- the sender over a real store ------------------------------------------------------------------------------------


class StandingClock(Clock):
    """A clock that stands where a test puts it."""

    def __init__(self, moment):
        super().__init__()
        object.__setattr__(self, "moment", moment)

    def now(self):
        return self.moment

    def put(self, moment):
        object.__setattr__(self, "moment", moment)


@pytest.fixture
def sender(desk, at, settings, places):
    clock = StandingClock(at("08:10"))
    letter = letter_writer(places.site, clock, "https://seats.example")
    made = Sender(
        desk.reads.next_delivery, desk.writer, clock, settings=settings, letter=letter, send=Channels(settings).send
    )
    made.clock = clock
    return made


def listen(desk, at, channel, address, language="zh_Hans_CN"):
    desk.do(SetChannel(reader="S001", at=at("08:00"), channel=channel, address=address, language=language, muted=()))


def test_each_language_reads_its_own_sentence(desk, at, sender, hook, mailbox):
    """开通微信服务通知，签到、暂离等操作后微信会接收签到成功、暂离等通知"""
    listen(desk, at, EMAIL, "lin@bjut.edu.cn")
    listen(desk, at, WEBHOOK, hook.origin + "/in", "en")
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    while sender.send_one():
        pass
    assert mailbox.came[0]["title"] == "lib：预约成功"
    assert "预约成功：二层中厅 005" in mailbox.came[0]["text"]
    assert mailbox.came[0]["text"].endswith(f"https://seats.example/reservations/{stay.id}")
    assert hook.came[0]["body"]["message"].startswith("Booked: ")
    assert not sender.send_one()


def test_a_failure_is_tried_again_with_the_same_key_and_then_given_up(desk, at, sender, hook):
    listen(desk, at, WEBHOOK, hook.origin + "/in")
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    hook.statuses = [503, 503, 503]
    for now in ("08:10", "08:11", "08:13"):
        sender.clock.put(at(now))
        assert sender.send_one()
        assert not sender.send_one(), "not before its pause is over"
    sender.clock.put(at("20:00"))
    assert not sender.send_one()
    assert len(hook.keys) == 3
    assert len(set(hook.keys)) == 1
    waiting, given_up, (lost,) = desk.reads.lost_deliveries()
    assert (waiting, given_up, lost.tries) == (0, 1, 3)
    assert "503" in lost.error


def test_it_goes_out_when_the_receiver_is_back(desk, at, sender, hook):
    listen(desk, at, WEBHOOK, hook.origin + "/in")
    desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    hook.statuses = [503]
    sender.send_one()
    sender.clock.put(at("08:11"))
    sender.send_one()
    assert desk.reads.next_delivery() is None
    assert desk.reads.lost_deliveries() == (0, 0, [])


def test_a_thread_sends_what_is_told_while_it_waits(desk, at, sender, hook, wait_for):
    listen(desk, at, WEBHOOK, hook.origin + "/in")
    desk.writer.on_commit(lambda _touched: sender.wake())
    thread = threading.Thread(target=sender.run)
    thread.start()
    stay = desk.booked("S001", "centre-005", "09:00", "12:00", now="08:10")
    wait_for(lambda: len(hook.came) == 1, "the booking goes out")
    desk.act(stay, Action.CANCEL, "08:10")
    wait_for(lambda: len(hook.came) == 2, "the cancellation goes out")
    sender.stop()
    thread.join(30)
    assert [item["body"]["kind"] for item in hook.came] == ["reserved", "cancelled"]


# ---- killed mid-send -------------------------------------------------------------------------------------------------


class Booking:
    """`seatgate booking` as a process of its own, without a broker; its clock shows nine in the morning in Beijing."""

    def __init__(self, folder, port, mailbox, hook):
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        for name, content in (("accounts.json", json.dumps([ACCOUNT])), ("mqtt", "none")):
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(content, encoding="utf-8")
        self.file = folder / "booking.toml"
        self.file.write_text(
            f"""
            site = "config/sites/bjut.toml"
            data = "{folder}/data"
            demo = true
            demo_accounts_file = "{folder}/accounts.json"
            [http]
            port = {port}
            [broker]
            port = 1
            password_file = "{folder}/mqtt"
            [channels]
            webhooks = ["{hook.origin}"]
            timeout = "500ms"
            retry_after = "1s"
            [channels.email]
            host = "127.0.0.1"
            port = {mailbox.port}
            security = "none"
            sender = "seats@lib.example"
            """
        )

    def start(self):
        now = datetime.now().astimezone()
        shift = datetime.fromisoformat("2030-07-17T09:00:00+08:00") - now
        address = f"\0deliver-test-{os.getpid()}-{id(self)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, (self.folder / "log").open("ab") as log:
            ready.settimeout(60)
            ready.bind(address)
            environment = {
                **os.environ,
                "NOTIFY_SOCKET": "@" + address[1:],
                "SEATGATE_CLOCK_SHIFT": str(shift.total_seconds()),
            }
            command = [sys.executable, "-m", "seatgate", "booking", "--config", str(self.file)]
            self.running = subprocess.Popen(command, env=environment, stderr=log)
            while b"READY=1" not in ready.recv(4096):
                pass
        return self

    def end(self, number):
        self.running.send_signal(number)
        self.running.wait(30)

    def states(self):
        with closing(apsw.Connection(f"file:{self.folder}/data/booking.sqlite?mode=ro", flags=0x46)) as db:
            return db.execute("SELECT state FROM deliveries").fetchall()


@pytest.fixture
def booking(tmp_path, free_port, mailbox, hook):
    made = Booking(tmp_path, free_port(), mailbox, hook)
    yield made
    if made.running.poll() is None:
        made.running.kill()
        made.running.wait(30)


def test_killed_mid_send_nothing_is_lost_and_what_comes_twice_has_the_same_key(booking, mailbox, hook, wait_for):
    booking.start()
    with httpx.Client(base_url=booking.url, timeout=30) as client:
        answer = client.post("/api/v1/session", json={"reader": "S1", "password": "correct horse"})
        client.headers["authorization"] = f"Bearer {answer.json()['token']}"
        for channel, address in (("email", "lin@bjut.edu.cn"), ("webhook", hook.origin + "/in")):
            assert client.put(f"/api/v1/channels/{channel}", json={"address": address}).status_code == 200
        mailbox.open.clear()
        hook.open.clear()
        wish = {"area": "2f-centre", "end": "2030-07-17T12:00:00+08:00"}
        assert client.post("/api/v1/reservations", json=wish).status_code == 201
    wait_for(lambda: mailbox.came and hook.came, "both are in the middle of a send")
    booking.end(signal.SIGKILL)
    before = (set(mailbox.keys), set(hook.keys))
    mailbox.open.set()
    hook.open.set()
    assert set(booking.states()) == {("waiting",)}
    sent = (len(mailbox.came), len(hook.came))
    booking.start()
    wait_for(lambda: len(mailbox.came) > sent[0] and len(hook.came) > sent[1], "both are sent again")
    wait_for(lambda: set(booking.states()) == {("sent",)}, "both are settled")
    booking.end(signal.SIGTERM)
    assert (set(mailbox.keys), set(hook.keys)) == before
    assert [len(keys) for keys in before] == [1, 1]
    log = (booking.folder / "log").read_text()
    assert "lin@bjut.edu.cn" not in log
    assert "/in" not in log.replace("/index", "")


# ---- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ('[channels.email]\nhost = "mail"', "channels.email.sender: the address that mail comes from"),
        ('[channels.email]\nsecurity = "ssl3"', "channels.email.security: one of none, starttls, tls"),
        ('[channels.email]\nusername = "u"', "channels.email: username and password_file go together"),
        ('[channels]\nwebhooks = ["https://x.cn/path"]', "channels.webhooks: 'https://x.cn/path' is no origin"),
        ('[channels]\nwebhooks = ["ftp://x.cn"]', "is no origin"),
        ("[channels]\ntries = 0", "channels.tries: 1 or more"),
        ('[channels]\ntimeout = "2min"', "channels.timeout"),
        ('[channels]\nretry_after = "0s"', "channels.retry_after"),
        ("[channels]\nwecomm = true", "unknown key 'wecomm', did you mean 'wecom'?"),
    ],
)
def test_channel_settings_that_cannot_be_meant_are_named(tmp_path, lines, sentence):
    file = tmp_path / "booking.toml"
    file.write_text(f'site = "s"\ndata = "d"\n[broker]\npassword_file = "p"\n{lines}\n')
    with pytest.raises(ConfigError) as raised:
        load_settings(file)
    assert any(sentence in problem for problem in raised.value.problems), raised.value.problems
