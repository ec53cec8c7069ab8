"""A gate's numbers for Prometheus: what is named in docs/operations/metrics.md is there, and nothing that names a person."""

import re
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from gate import metrics
from gate.figures import Figures
from gate.histogram import BOUNDS, Histogram
from runtime.clock import Clock
from runtime.outbox import OutboxError
from runtime.uplink import UplinkCounters
from tests.gate.test_figures import NOW, Captured, Line, Queue, Way

DOC = Path(__file__).parents[2] / "docs" / "operations" / "metrics.md"


class Counted(Captured):
    def latency(self):
        taken = Histogram()
        taken.note(0.002)
        taken.note(30)
        return taken.cumulative()


class Out(Way):
    connections = 4
    counters = UplinkCounters(9, 2, 7, 1, 0, 3, 1)
    clock_offset = timedelta(milliseconds=-1500)

    def warnings(self):
        return {"rights": "the broker lets …"}


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def figures(queue):
    made = Figures({"south-1": Line(), "south-2": Line()}, Counted(), queue, Out(), Clock.starting_at(NOW))
    made.look()
    return made


def samples(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_each_number_is_there_with_its_labels(figures):
    found = samples(generate_latest(metrics.registry_of("south", figures)).decode())
    for name, labels, value in (
        ("seatgate_gate_frames_total", {"portal": "south-1", "result": "good"}, 3),
        ("seatgate_gate_frames_total", {"portal": "south-1", "result": "bad"}, 2),
        ("seatgate_gate_bad_frames_total", {"portal": "south-1", "kind": "checksum"}, 2),
        ("seatgate_gate_strangers_total", {"portal": "south-1"}, 5),
        ("seatgate_gate_port_open", {"portal": "south-2"}, 1),
        ("seatgate_gate_port_opened_total", {"portal": "south-1"}, 1),
        ("seatgate_gate_events_sent_total", {}, 9),
        ("seatgate_gate_events_resent_total", {}, 2),
        ("seatgate_gate_events_acknowledged_total", {}, 7),
        ("seatgate_gate_events_rejected_total", {}, 1),
        ("seatgate_gate_bad_acknowledgements_total", {}, 0),
        ("seatgate_gate_events_unheard_total", {}, 3),
        ("seatgate_gate_outbox_depth", {}, 2),
        ("seatgate_gate_set_aside", {}, 1),
        ("seatgate_gate_broker_connections_total", {}, 4),
        ("seatgate_gate_clock_offset_seconds", {}, -1.5),
        ("seatgate_gate_warning", {"word": "rights"}, 1),
        ("seatgate_gate_control_total", {"what": "denied:full"}, 2),
        ("seatgate_gate_capture_seconds_count", {}, 2),
        ("seatgate_gate_capture_seconds_bucket", {"le": "0.0025"}, 1),
    ):
        assert found[name, tuple(sorted(labels.items()))] == value, name
    assert found["seatgate_gate_outbox_oldest_seconds", ()] == pytest.approx(420, abs=5)


def test_the_documents_name_them_all_and_no_other(figures):
    text = DOC.read_text(encoding="utf-8")
    own = text[text.index("## A gate") : text.index("## The booking service")]
    names = {
        family.name.removesuffix("_info")
        for family in text_string_to_metric_families(generate_latest(metrics.registry_of("south", figures)).decode())
    }
    written = re.findall(r"seatgate_gate[a-z_]*", own) + [
        f"seatgate_gate_events_{word}" for word in re.findall(r"`…_([a-z]+)_total`", own)
    ]
    assert {name.removesuffix("_total").removesuffix("_info") for name in written} == {
        name for name in names if name.startswith("seatgate_")
    }


def test_an_outbox_that_cannot_be_read_costs_its_own_numbers_alone(figures, queue):
    def fails():
        raise OutboxError("the disk is gone")

    queue.state = fails
    found = samples(generate_latest(metrics.registry_of("south", figures)).decode())
    assert ("seatgate_gate_port_open", (("portal", "south-1"),)) in found
    assert ("seatgate_gate_outbox_depth", ()) not in found


def test_it_answers_on_the_loopback_address_and_a_taken_port_is_told(figures, free_port, caplog):
    port = free_port()
    metrics.serve("south", figures, port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert "seatgate_gate_storing 1.0" in answer.read().decode()
    metrics.serve("south", figures, port)
    assert "cannot be opened" in caplog.text


def test_a_histogram_counts_each_once_and_up():
    taken = Histogram()
    for seconds in (0.0001, BOUNDS[0], 0.3, 100):
        taken.note(seconds)
    counts, total = taken.cumulative()
    assert counts[0] == ("0.0005", 2)
    assert counts[-1] == ("+Inf", 4)
    assert [count for _, count in counts] == sorted(count for _, count in counts)
    assert total == pytest.approx(100.3006)
