"""Wires the booking process: settings, store, broker, threads, pages; and takes it all down again. No behaviour here."""

import socket as sockets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from booking.accounts import demo_accounts, enrolments, mark_of, people_of
from booking.announce import Announcer
from booking.channels import Channels, offer_of
from booking.deliver import Letter, Sender
from booking.domain.places import Places
from booking.errors import BookingError
from booking.identity import NAME, Identity, Signed
from booking.ingest import Ingest
from booking.kiosk_commands import BrokerKioskCommands
from booking.local_call import offered
from booking.notify import Notifier
from booking.service.floor import KeepHours
from booking.service.ports import Touched
from booking.settings import BookingSettings
from booking.sso.providers import sign_ins
from booking.store.opened import Store
from booking.store.opening import open_store
from booking.sweeper import Sweeper
from booking.web.app import create_app
from booking.web.context import Context
from booking.web.letters import letter_writer
from booking.web.live import LiveHub
from booking.web.screens import Screens
from booking.web.server import WebServer, bind
from booking.web.sessions import hash_of
from config.plans import load_plan
from config.site_check import load_site
from messages.topics import Family, Leaf, every
from runtime.clock import Clock, SteadyClock
from runtime.mqtt import MqttLink, Published
from runtime.presence import Announcer as Presence
from runtime.service import Service
from runtime.version import version

SENDERS = 3
"""One slow mail server or webhook does not hold up the others."""
SESSION_EXPIRY = timedelta(hours=24)
"""How long the broker keeps events for us while we are away; what it loses the gates send again."""


def run(settings: BookingSettings) -> None:
    """Serve until SIGTERM or SIGINT. BookingError, ConfigError and RuntimeFault are sentences for the console."""
    clock = SteadyClock.from_environment()
    site = load_site(settings.site)
    plans = {area.id: load_plan(site, area) for area in site.areas}
    places = Places.of(site, {area: plan.seats for area, plan in plans.items()})
    with ExitStack() as stack:
        service = stack.enter_context(Service())
        socket = _listen(settings)
        stack.callback(socket.close)
        identity = Identity.load_or_create(site.id, settings.data)
        store = open_store(settings.store, places, clock.now())
        stack.callback(store.close)
        _load_people(settings, identity, store, clock)
        store.writer.submit([KeepHours(at=clock.now())]).result()
        edge = stack.enter_context(_edge(settings, places, identity, store, clock))
        host, port = socket.getsockname()[:2]
        public_url = settings.public_url or site.public_url or f"http://{host}:{port}"
        letter = letter_writer(site, clock, public_url)
        stack.enter_context(_senders(settings, store, clock, letter))
        local = stack.enter_context(offered(settings.data, host, port))
        live = LiveHub(store.reads, clock)
        context = Context(
            site=site,
            plans=plans,
            clock=clock,
            writer=store.writer,
            reads=store.reads,
            key=identity.key,
            master=identity.master,
            kiosk_commands=BrokerKioskCommands(identity, clock, edge.send),
            live=live,
            screens=Screens(),
            public_url=public_url,
            local_token_hash=hash_of(local.token),
            production=settings.production,
            offer=offer_of(settings.channels),
            sign_in=sign_ins(settings.sign_in, public_url, clock),
            faults=lambda: [*store.writer.faults(), *edge.faults()],
        )
        server = WebServer(create_app(context), live, on_started=lambda: service.ready(f"serving on {host}:{port}"))
        stack.enter_context(
            _thread(
                "booking-watchdog",
                lambda: service.wait(lambda: server.is_ticking() and store.writer.alive),
                service.stop.set,
            )
        )
        server.run(sockets=[socket])
        if not service.stop.is_set() and not server.started:
            raise BookingError("the pages could not be started: the log says why")


def _listen(settings: BookingSettings) -> sockets.socket:
    http = settings.http
    try:
        return bind(http.host, http.port)
    except OSError as error:
        raise BookingError(
            f"port {http.port} on {http.host} cannot be opened ({error.strerror}): stop the program that has it, "
            "or choose another in the settings ([http] port)"
        ) from error


def _load_people(settings: BookingSettings, identity: Identity, store: Store, clock: Clock) -> None:
    if settings.demo_accounts_file is not None:
        accounts = demo_accounts(settings.demo_accounts_file)
        marker = settings.data / "demo-accounts.loaded"
        mark = mark_of(identity.master, accounts)
        known = marker.exists() and marker.read_text(encoding="ascii") == mark
        if not known or any(store.reads.password_hash(account.reader) is None for account in accounts):
            store.writer.submit([people_of(accounts, clock.now())]).result()
            marker.write_text(mark, encoding="ascii")
    if settings.enrolment_codes_file is not None:
        store.writer.submit(enrolments(settings.enrolment_codes_file, clock.now())).result()


@dataclass(frozen=True, slots=True)
class _Edge:
    """What the pages need of the broker's side."""

    send: Callable[[Signed], Published]
    faults: Callable[[], list[str]]


@contextmanager
def _edge(settings: BookingSettings, places: Places, identity: Identity, store: Store, clock: Clock) -> Iterator[_Edge]:
    """Connect to the broker and run what listens and speaks there; a broker that is away stops none of it."""

    def send(message: Signed) -> Published:
        return link.publish(message.topic, message.payload, properties=message.properties)

    def send_retained(message: Signed) -> None:
        link.publish(message.topic, message.payload, properties=message.properties, retain=True)

    def connected(session: int) -> None:
        presence.announce(link, session)
        announcer.everything()
        notifier.wake()

    def committed(touched: Touched) -> None:
        announcer.touched(touched)
        notifier.wake()
        sweeper.wake()

    presence = Presence(places.site.id, Family.BOOKING, NAME, version(), clock, identity.key)
    ingest = Ingest(places=places, writer=store.writer, reads=store.reads, identity=identity, clock=clock, publish=send)
    announcer = Announcer(
        [area.id for area in places.site.areas],
        reads=store.reads,
        writer=store.writer,
        identity=identity,
        clock=clock,
        publish=send_retained,
    )
    notifier = Notifier(store.reads, store.writer, identity, clock, send)
    sweeper = Sweeper(store.reads.next_due, store.writer, clock)
    link = MqttLink(
        settings.broker,
        client_id=f"booking-{places.site.id}-{NAME}",
        session_expiry=SESSION_EXPIRY,
        on_message=ingest.on_message,
        will=presence.will,
        on_connect=connected,
    )
    link.subscribe(every(places.site.id, Family.GATES, Leaf.ACCESS))
    link.subscribe(every(places.site.id, Family.GATES, Leaf.PRESENCE))
    store.writer.on_commit(committed)

    def faults() -> list[str]:
        broker = settings.broker
        return [] if link.connected else [f"the broker {broker.host}:{broker.port} is not connected"]

    with ExitStack() as stack:
        for name, part in (("ingest", ingest), ("announce", announcer), ("notify", notifier), ("sweep", sweeper)):
            stack.enter_context(_thread(f"booking-{name}", part.run, part.stop))
        stack.callback(link.stop)
        link.start()
        yield _Edge(send, faults)


@contextmanager
def _senders(settings: BookingSettings, store: Store, clock: Clock, letter: Letter) -> Iterator[None]:
    """Send what readers are told on their own channels; where none is offered, nothing runs."""
    if not offer_of(settings.channels).channels:
        yield
        return
    send = Channels(settings.channels).send
    senders = [
        Sender(store.reads.next_delivery, store.writer, clock, settings=settings.channels, letter=letter, send=send)
        for _ in range(SENDERS)
    ]

    def committed(_touched: Touched) -> None:
        for sender in senders:
            sender.wake()

    store.writer.on_commit(committed)
    with ExitStack() as stack:
        for number, sender in enumerate(senders, 1):
            stack.enter_context(_thread(f"booking-deliver-{number}", sender.run, sender.stop))
        yield


@contextmanager
def _thread(name: str, run_: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """Run `run_` on a thread until the block ends, then `stop` it and wait for its end."""
    thread = threading.Thread(target=run_, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(_JOIN_SECONDS)


_JOIN_SECONDS = 1.0
