"""A gate's numbers for Prometheus, in a registry of their own, on a port of the loopback address alone.

Read when somebody asks; nothing is counted here. Labels are portals, kinds and words, never a credential. Imported only where the
settings open a port: a gate without it does not carry the library.
"""

import logging
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gate.figures import Figures
from runtime.outbox import OutboxError

_log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"


class GateCollector(Collector):
    """Yields a gate's metrics; those of an outbox that cannot be read are left out."""

    def __init__(self, gate: str, figures: Figures) -> None:
        self._gate, self._figures = gate, figures

    def collect(self) -> Iterator[Metric]:
        """Yield everything as it is now."""
        yield from self._lanes()
        yield from self._way()
        try:
            yield from self._outbox()
        except OutboxError as error:
            _log.warning("the outbox has no metrics now: %s", error)

    def _lanes(self) -> Iterator[Metric]:
        frames = CounterMetricFamily(
            "seatgate_gate_frames", "Frames by portal and result.", labels=["portal", "result"]
        )
        bad = CounterMetricFamily(
            "seatgate_gate_bad_frames", "Bad frames by portal and kind.", labels=["portal", "kind"]
        )
        is_open = GaugeMetricFamily(
            "seatgate_gate_port_open", "1 while a portal's device can be used.", labels=["portal"]
        )
        opened = CounterMetricFamily("seatgate_gate_port_opened", "How often a device was opened.", labels=["portal"])
        strangers = CounterMetricFamily(
            "seatgate_gate_strangers", "Faces that a portal's terminal did not know.", labels=["portal"]
        )
        last = GaugeMetricFamily(
            "seatgate_gate_last_frame_timestamp_seconds", "When a portal last gave a good frame.", labels=["portal"]
        )
        for portal, lane in self._figures.lanes().items():
            frames.add_metric([portal, "good"], lane.good)
            frames.add_metric([portal, "bad"], sum(lane.bad_frames.values()))
            for kind, count in lane.bad_frames.items():
                bad.add_metric([portal, kind], count)
            is_open.add_metric([portal], lane.is_open)
            opened.add_metric([portal], lane.opened)
            strangers.add_metric([portal], lane.strangers)
            if lane.last_frame is not None:
                last.add_metric([portal], lane.last_frame.timestamp())
        yield from (frames, bad, is_open, opened, strangers, last)
        buckets, total = self._figures.latency()
        yield HistogramMetricFamily(
            "seatgate_gate_capture_seconds",
            "From a frame's last byte to its event on the disk.",
            buckets=buckets,
            sum_value=total,
        )
        storing = not self._figures.fault
        yield GaugeMetricFamily(
            "seatgate_gate_storing", "0 while an event cannot be stored and reading has stopped.", storing
        )

    def _way(self) -> Iterator[Metric]:
        way = self._figures.way
        yield GaugeMetricFamily("seatgate_gate_joined", "1 when booking knows this gate.", way.joined)
        yield GaugeMetricFamily("seatgate_gate_broker_connected", "1 while the broker is connected.", way.connected)
        yield CounterMetricFamily(
            "seatgate_gate_broker_connections", "Connections to the broker.", value=way.connections
        )
        if way.clock_offset is not None:
            yield GaugeMetricFamily(
                "seatgate_gate_clock_offset_seconds",
                "Booking's clock less ours, by its last acknowledgement.",
                way.clock_offset.total_seconds(),
            )
        warning = GaugeMetricFamily(
            "seatgate_gate_warning", "1 for each word that staff should look at.", labels=["word"]
        )
        for word in way.warnings():
            warning.add_metric([word], 1)
        yield warning
        control = CounterMetricFamily(
            "seatgate_gate_control",
            "Decisions by outcome and reason, lists and commands by what became of them.",
            labels=["what"],
        )
        for what, count in way.control_counts.items():
            control.add_metric([what], count)
        yield control
        counts = way.counters
        if counts is None:
            return
        for name, text, value in (
            ("events_sent", "Events sent for the first time.", counts.sent),
            ("events_resent", "Events sent again.", counts.resent),
            ("events_acknowledged", "Events that booking has committed.", counts.acknowledged),
            ("events_rejected", "Events that booking refused for ever.", counts.rejected),
            ("events_unheard", "Events that the broker took while nobody listened.", counts.unheard),
            ("bad_acknowledgements", "Acknowledgements that booking did not sign.", counts.bad_acknowledgements),
        ):
            yield CounterMetricFamily(f"seatgate_gate_{name}", text, value=value)
        yield GaugeMetricFamily("seatgate_gate_events_in_flight", "Events under way.", counts.in_flight)

    def _outbox(self) -> Iterator[Metric]:
        status = self._figures.status()
        info = InfoMetricFamily("seatgate_gate", "The gate that answers.")
        info.add_metric([], {"gate": self._gate, "version": status.version})
        yield info
        yield GaugeMetricFamily(
            "seatgate_gate_outbox_depth", "Events that wait to be acknowledged.", status.outbox.depth
        )
        oldest = status.oldest_waiting
        age = 0.0 if oldest is None else (status.written_at - oldest).total_seconds()
        yield GaugeMetricFamily(
            "seatgate_gate_outbox_oldest_seconds", "How long the first of them has waited.", max(0.0, age)
        )
        yield CounterMetricFamily(
            "seatgate_gate_events_stored", "Events stored in this epoch.", value=status.outbox.last_sequence
        )
        yield GaugeMetricFamily("seatgate_gate_set_aside", "Events kept aside for staff.", status.set_aside)


def registry_of(gate: str, figures: Figures) -> CollectorRegistry:
    """Return the registry: this gate's numbers, and those of its process."""
    registry = CollectorRegistry()
    registry.register(GateCollector(gate, figures))
    ProcessCollector(registry=registry)
    return registry


def serve(gate: str, figures: Figures, port: int) -> None:
    """Answer on `port` of the loopback address, on threads that end with the process. A port that is taken is told, no more."""
    try:
        start_http_server(port, addr=LOOPBACK, registry=registry_of(gate, figures))
    except OSError as error:
        _log.error("no metrics: port %d on %s cannot be opened (%s)", port, LOOPBACK, error.strerror)
    else:
        _log.info("metrics on http://%s:%d/metrics", LOOPBACK, port)
