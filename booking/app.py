"""Wires the booking process: settings, store, broker, threads, pages; and takes it all down again. No behaviour here."""

import socket as sockets
import sys
from contextlib import ExitStack

from booking.accounts import demo_accounts, enrolments, mark_of, people_of
from booking.channels import offer_of
from booking.collector import settle
from booking.domain.places import Places
from booking.edge import Edge, thread
from booking.errors import BookingError
from booking.identity import Identity
from booking.leader import Leader
from booking.local_call import current, offered
from booking.service.floor import KeepHours
from booking.settings import BookingSettings
from booking.sso.providers import sign_ins
from booking.store.opened import Store
from booking.store.opening import open_store
from booking.web.app import create_app
from booking.web.context import Context
from booking.web.letters import letter_writer
from booking.web.live import LiveHub
from booking.web.screens import Screens
from booking.web.server import WebServer, bind
from booking.web.sessions import hash_of
from booking.workers import Workers, given_socket, worker_name, worker_number
from config.plans import load_plan
from config.site_check import load_site
from runtime.clock import Clock, SteadyClock
from runtime.service import Service


def run(settings: BookingSettings) -> None:
    """Serve until SIGTERM or SIGINT. BookingError, ConfigError and RuntimeFault are sentences for the console."""
    socket = given_socket()
    if socket is None and settings.http.workers > 1:
        _supervise(settings)
    else:
        _serve(settings, socket)


def _supervise(settings: BookingSettings) -> None:
    """Bind the port, make what all workers share, and watch over them; each runs this same command."""
    with ExitStack() as stack:
        service = stack.enter_context(Service())
        socket = _listen(settings)
        stack.callback(socket.close)
        Identity.load_or_create(load_site(settings.site).id, settings.data)
        stack.enter_context(offered(settings.data, *socket.getsockname()[:2]))
        Workers(service, [sys.executable, *sys.orig_argv[1:]], socket, settings.http.workers).run()


def _serve(settings: BookingSettings, given: sockets.socket | None) -> None:
    clock = SteadyClock.from_environment()
    site = load_site(settings.site)
    plans = {area.id: load_plan(site, area) for area in site.areas}
    places = Places.of(site, {area: plan.seats for area, plan in plans.items()})
    with ExitStack() as stack:
        service = stack.enter_context(Service())
        socket = given or _listen(settings)
        stack.callback(socket.close)
        monitor = _monitor(settings)
        identity = Identity.load_or_create(site.id, settings.data)
        store = open_store(settings.store, places, clock.now())
        stack.callback(store.close)
        _load_people(settings, identity, store, clock)
        store.writer.submit([KeepHours(at=clock.now())]).result()
        host, port = socket.getsockname()[:2]
        public_url = settings.public_url or site.public_url or f"http://{host}:{port}"
        letter = letter_writer(site, clock, public_url)
        leader = Leader(
            store.leadership,
            lambda: Edge(settings, places, identity=identity, store=store, clock=clock, letter=letter),
            on_failure=service.stop.set,
        )
        store.writer.on_commit(leader.committed)
        stack.enter_context(thread("booking-leader", leader.run, leader.stop))
        leader.wait_a_moment()
        access = current(settings.data) if given else stack.enter_context(offered(settings.data, host, port))
        live = LiveHub(store.reads, clock)
        context = Context(
            site=site,
            plans=plans,
            clock=clock,
            writer=store.writer,
            reads=store.reads,
            key=identity.key,
            master=identity.master,
            live=live,
            screens=Screens(store.reads, store.writer, clock),
            public_url=public_url,
            local_token_hash=hash_of(access.token),
            production=settings.production,
            offer=offer_of(settings.channels),
            sign_in=sign_ins(settings.sign_in, public_url, clock),
            faults=lambda: [*store.writer.faults(), *leader.faults(), *_reading_faults(store)],
            worker=worker_name(),
            leading=lambda: leader.leading,
        )
        app = create_app(context)

        def started() -> None:
            settle()
            service.ready(f"serving on {host}:{port}")

        server = WebServer(app, live, express=app.express, on_started=started)

        def watch() -> None:
            service.wait(lambda: server.is_ticking() and store.writer.alive)
            server.stop()  # a stop that came before uvicorn listens for signals

        stack.enter_context(thread("booking-watchdog", watch, service.stop.set))
        server.run(sockets=[socket, *monitor])
        if leader.failure is not None:
            raise leader.failure
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


def _monitor(settings: BookingSettings) -> list[sockets.socket]:
    """Return the socket on which this worker alone answers, for Prometheus; none where the settings want none."""
    if not settings.http.monitor_port:
        return []
    port = settings.http.monitor_port + worker_number()
    try:
        return [bind("127.0.0.1", port)]
    except OSError as error:
        raise BookingError(
            f"port {port} on 127.0.0.1 cannot be opened ({error.strerror}): choose another [http] monitor_port"
        ) from error


def _reading_faults(store: Store) -> list[str]:
    try:
        store.reads.next_due()
    except BookingError as error:
        return [str(error)]
    return []


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
