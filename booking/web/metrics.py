"""Counts for Prometheus, in a registry of their own: requests, refusals, sign-ins, open streams."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from booking.service.gate_health import AWAY, troubles
from booking.web.context import Context

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Counts(NamedTuple):
    """Numbers that are read when they are asked for: people inside by venue, alerts that nobody has seen to."""

    inside: Mapping[str, Callable[[], float]]
    alerts: Callable[[], float]
    gates: Callable[[], Mapping[str, "GateNumbers"]]


class GateNumbers(NamedTuple):
    """How a gate last said it is: whether it is here, how long ago it spoke, what waits there, how much is wrong with it."""

    up: bool
    heard_seconds: float
    waiting: int
    set_aside: int
    troubles: int


class _Gates(Collector):
    """Yields every gate that has ever spoken, by what it last said."""

    def __init__(self, gates: Callable[[], Mapping[str, GateNumbers]]) -> None:
        self._gates = gates

    def collect(self) -> Iterator[Metric]:
        """Yield everything as it is now."""
        up = GaugeMetricFamily("seatgate_gate_up", "1 for a gate that is connected and speaks.", labels=["gate"])
        heard = GaugeMetricFamily("seatgate_gate_heard_seconds", "How long ago a gate last spoke.", labels=["gate"])
        waiting = GaugeMetricFamily(
            "seatgate_gate_waiting", "Events that wait at a gate, as it last said.", labels=["gate"]
        )
        aside = GaugeMetricFamily(
            "seatgate_gate_aside", "Events kept aside at a gate, as it last said.", labels=["gate"]
        )
        troubles = GaugeMetricFamily("seatgate_gate_troubles", "Faults on the staff's page of gates.", labels=["gate"])
        for gate, numbers in self._gates().items():
            up.add_metric([gate], numbers.up)
            heard.add_metric([gate], numbers.heard_seconds)
            waiting.add_metric([gate], numbers.waiting)
            aside.add_metric([gate], numbers.set_aside)
            troubles.add_metric([gate], numbers.troubles)
        yield from (up, heard, waiting, aside, troubles)


class Metrics:
    """What `/metrics` shows. Labels are route patterns and codes, never a reader, seat or token."""

    def __init__(self, context: Context, counts: Counts) -> None:
        live, clock = context.live, context.clock
        self._registry = CollectorRegistry()
        Info("seatgate_worker", "The process that answers.", registry=self._registry).info({"worker": context.worker})
        Gauge(
            "seatgate_leading", "1 in the process that runs ingest, maps, sweep and senders.", registry=self._registry
        ).set_function(lambda: float(context.leading()))
        self._requests = Counter(
            "seatgate_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "seatgate_http_seconds",
            "Time to the answer's first byte.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._bound: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._refusals = Counter("seatgate_refusals", "Refusals by code.", ["code"], registry=self._registry)
        self._refused = cache(self._refusals.labels)
        self._sign_ins = Counter(
            "seatgate_sign_ins",
            "Tries to sign in by kind (local, cas, oidc) and outcome (ok, or the refusal).",
            ["kind", "outcome"],
            registry=self._registry,
        )
        Gauge("seatgate_live_streams", "Open live streams.", registry=self._registry).set_function(
            lambda: float(live.watchers)
        )
        Gauge(
            "seatgate_live_late", "Live streams whose client has not taken in what was sent.", registry=self._registry
        ).set_function(lambda: float(live.late))

        Gauge(
            "seatgate_clock_doubt_seconds",
            "How far the wall clock was set from the time that is gone by; 0 when it is believed.",
            registry=self._registry,
        ).set_function(lambda: clock.doubt / timedelta(seconds=1))
        people = Gauge("seatgate_inside", "People in a venue as its gates count.", ["venue"], registry=self._registry)
        for venue, count in counts.inside.items():
            people.labels(venue).set_function(count)
        Gauge("seatgate_alerts", "Alerts about gates that nobody has seen to.", registry=self._registry).set_function(
            counts.alerts
        )
        self._registry.register(_Gates(counts.gates))

    def request(self, method: str, route: str, status: int, seconds: float, refusal: str | None) -> None:
        """Count one answered request."""
        bound = self._bound.get((method, route, status))
        if bound is None:  # as few as there are routes; finding them by their labels takes longer than counting
            bound = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._bound[method, route, status] = bound
        bound[0].inc()
        bound[1].observe(seconds)
        if refusal is not None:
            self._refused(refusal).inc()

    def sign_in(self, kind: str, outcome: str) -> None:
        """Count one try to sign in: "ok", or the code of its refusal."""
        self._sign_ins.labels(kind, outcome).inc()

    def text(self) -> bytes:
        """Return the exposition."""
        return generate_latest(self._registry)


def counts_of(context: Context) -> Counts:
    """Return what staff see as numbers too, counted when it is asked for: who is inside each venue, and open alerts."""

    def counting(venue: str) -> Callable[[], float]:
        return lambda: float(sum(one.people for one in context.reads.inside(context.clock.now()) if one.venue == venue))

    with_gates = {gate.venue for gate in context.site.gates}
    return Counts(
        {venue.id: counting(venue.id) for venue in context.site.venues if venue.id in with_gates},
        lambda: float(len(context.reads.alerts(context.clock.now()))),
        lambda: _gates(context),
    )


def _gates(context: Context) -> dict[str, GateNumbers]:
    now, states = context.clock.now(), context.reads.gate_states()
    found = {}
    for gate in context.site.gates:
        state = states.get(gate.id)
        wrong = troubles(gate, state, now, joined=True)
        if state is None:
            continue
        said = state.said
        found[gate.id] = GateNumbers(
            up=not any(one.fault in AWAY for one in wrong),
            heard_seconds=max(0.0, (now - state.heard_at).total_seconds()),
            waiting=said.outbox.depth if said.outbox is not None else 0,
            set_aside=said.gate.set_aside if said.gate is not None else 0,
            troubles=len(wrong),
        )
    return found
