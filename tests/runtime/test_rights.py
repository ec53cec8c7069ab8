"""The self-test of the broker's rights: against a real mosquitto whose rights hold, and whose rights do not."""

import threading

import pytest

from messages import envelope
from messages.topics import Family, Leaf, build
from runtime.clock import Clock
from runtime.mqtt import CONNECTION_LOST, NO_SUBSCRIBERS, LinkDown
from runtime.rights import DENIED, TEST_AGAIN_SECONDS, TYPE, Rights, rights_test


def others_of(site):
    return [
        build(site, Family.GATES, "north", Leaf.ACCESS),
        build(site, Family.GATES, "south", Leaf.ACK),
        build(site, Family.BOOKING, "main", Leaf.PRESENCE),
    ]


def rights_on(site, **more):
    return Rights(others_of(site), lambda: rights_test(site, Family.GATES, "south", Clock()), **more)


@pytest.fixture
def with_rights(tmp_path):
    """`with_rights(broker, rule)`: let a broker read its rights again, with one more for gate-south."""

    def change(broker, rule):
        file = broker.files.folder / "acl"
        text = file.read_text()
        file.write_text(text.replace("user gate-south\n", f"user gate-south\n{rule}\n"))
        broker.kill()
        broker.start()

    return change


def test_rights_that_hold(broker, site_id, link_of, listen, wait_for, caplog):
    caplog.set_level("INFO")
    observer = listen(broker, site_id)
    rights = rights_on(site_id)
    rights.test(link_of(broker, "gate-south"))
    wait_for(lambda: rights.tested, "every topic was answered")
    assert rights.warning == ""
    assert "the broker's rights hold: 3 topics of others are denied" in caplog.text
    assert "the broker refuses what account" not in caplog.text
    assert [message for topic in others_of(site_id) for message in observer.on(topic)] == []


@pytest.mark.parametrize(
    ("rule", "let_in"), [("topic write seatgate/v1/+/gates/+/access", 0), ("topic write seatgate/v1/#", slice(None))]
)
def test_a_broker_that_lets_in_is_a_warning_for_staff(
    private_broker, site_id, link_of, wait_for, with_rights, caplog, rule, let_in
):
    with_rights(private_broker, rule)
    changes = []
    rights = rights_on(site_id, on_change=lambda: changes.append(rights.warning))
    rights.test(link_of(private_broker, "gate-south"))
    wait_for(lambda: rights.tested, "every topic was answered")
    topics = others_of(site_id)[let_in]
    named = topics if isinstance(topics, str) else ", ".join(topics)
    assert rights.warning == (
        f"the broker lets this account write what is another's ({named}): "
        "correct its rights (ACL), `seatgate broker` writes them"
    )
    assert changes == [rights.warning]
    assert caplog.text.count(named) == 1


def test_rights_put_right_are_noticed_at_a_later_connection(private_broker, site_id, link_of, wait_for, with_rights):
    now = [0.0]
    rights = rights_on(site_id, monotonic=lambda: now[0])
    with_rights(private_broker, "topic write seatgate/v1/#")
    rights.test(link_of(private_broker, "gate-south"))
    wait_for(lambda: rights.warning, "the warning")
    file = private_broker.files.folder / "acl"
    file.write_text(file.read_text().replace("topic write seatgate/v1/#\n", ""))
    private_broker.kill()
    private_broker.start()
    now[0] = TEST_AGAIN_SECONDS
    rights.test(link_of(private_broker, "gate-south"))
    wait_for(lambda: not rights.warning, "the warning goes")


class Line:
    """A link that keeps what is published, with the callbacks to answer it."""

    def __init__(self, down=False):
        self.sent, self.down = [], down

    def publish(self, topic, payload, *, qos=1, on_done=None, may_be_refused=False):
        assert may_be_refused, "staff hear of what the test finds, not of each refusal that it asks for"
        if self.down:
            raise LinkDown("gone")
        self.sent.append((topic, payload, on_done))

    def answer(self, *reasons):
        for (_, _, done), reason in zip(self.sent, reasons, strict=True):
            done(reason)


def test_what_goes_out_is_an_envelope_that_nobody_acts_on():
    line, rights = Line(), rights_on("one")
    rights.test(line)
    assert [topic for topic, _, _ in line.sent] == others_of("one")
    for _, payload, _ in line.sent:
        outer = envelope.decode(payload)
        assert (outer.type, bytes(outer.data)) == (TYPE, b"{}")


def test_a_flapping_line_is_not_flooded_with_tests():
    now, line = [100.0], Line()
    rights = rights_on("one", monotonic=lambda: now[0])
    for _ in range(50):
        rights.test(line)
        now[0] += TEST_AGAIN_SECONDS / 50 - 0.01
    assert len(line.sent) == 3
    now[0] += 10
    rights.test(line)
    assert len(line.sent) == 6


@pytest.mark.parametrize(
    ("answers", "let_in"),
    [
        ((DENIED, DENIED, DENIED), 0),
        ((DENIED, CONNECTION_LOST, CONNECTION_LOST), 0),  # it hangs up on what it denies
        ((NO_SUBSCRIBERS, DENIED, DENIED), 1),  # it would have passed it on, had anybody listened
        ((None, NO_SUBSCRIBERS, None), 3),
    ],
)
def test_each_answer_is_read_for_what_it_is(answers, let_in):
    line, rights = Line(), rights_on("one")
    rights.test(line)
    line.answer(*answers)
    assert rights.tested
    assert rights.warning.count("seatgate/v1/one/") == let_in


def test_answers_of_a_round_before_do_not_count():
    now, line = [0.0], Line()
    rights = rights_on("one", monotonic=lambda: now[0])
    rights.test(line)
    first, line.sent = line.sent, []
    now[0] = TEST_AGAIN_SECONDS
    rights.test(line)
    for _, _, done in first:
        done(None)
    assert not rights.tested
    line.answer(DENIED, DENIED, DENIED)
    assert rights.warning == ""


def test_a_line_that_goes_meanwhile_is_no_fault():
    rights = rights_on("one")
    rights.test(Line(down=True))
    assert (rights.tested, rights.warning) == (False, "")


def test_what_is_ours_and_denied_is_told_and_taken_back():
    told = []
    rights = Rights([], lambda: b"", on_change=lambda: told.append(rights.warning))
    topic = "seatgate/v1/one/gates/south/access"
    for reason in (None, NO_SUBSCRIBERS, DENIED, DENIED, CONNECTION_LOST, None):
        rights.heard(topic, reason)
    assert len(told) == 2
    assert told[0].startswith(f"the broker forbids what this account must write ({topic})")
    assert told[1] == ""


def test_tests_from_many_threads_are_one(site_id):
    line, rights = Line(), rights_on(site_id)
    threads = [threading.Thread(target=rights.test, args=(line,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(line.sent) == 3
