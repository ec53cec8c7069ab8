"""The gate process whose disk was copied, or put back: told so by booking's signed word, it begins a new epoch and loses nothing."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from messages import acknowledgement, command, topics
from messages.acknowledgement import Acknowledgement, RejectCode, Rejected
from messages.command import Resync
from messages.topics import Family, Leaf
from runtime.signing import SigningKey, signed_properties

CARD = b"\x02010063E9AE25\x03"
OTHER = b"\x02010063E9AF24\x03"


@pytest.fixture
def running(booking, gate_process, wait_for):
    booking.open()
    gate_process.start()
    wait_for(lambda: booking.births, "the gate has announced itself")
    return gate_process


def ask(booking, epoch, sequence=1, *, key=None):
    topic = topics.build(booking.site, Family.GATES, "south", Leaf.COMMAND)
    now = datetime.now(UTC)
    order = Resync(
        f"order-{now.timestamp():.0f}-0123456789",
        now + timedelta(seconds=30),
        epoch,
        sequence,
        sequence,
        new_epoch=True,
    )
    payload = command.encode(booking.site, "main", order, at=now)
    assert booking.link.publish(topic, payload, properties=signed_properties(key or booking.key, topic, payload)).wait(
        30
    )


def refuse(booking, epoch, sequence):
    """Say that this number was another event's."""
    topic = topics.build(booking.site, Family.GATES, "south", Leaf.ACK)
    said = Acknowledgement(epoch, [], [Rejected(sequence, RejectCode.DIGEST_CONFLICT)], datetime.now(UTC))
    payload = acknowledgement.encode(booking.site, "booking", said, event_id=f"no-{epoch}-{sequence}")
    assert booking.link.publish(topic, payload, properties=signed_properties(booking.key, topic, payload)).wait(30)


def epochs_told(booking):
    return [birth.outbox.epoch for birth in booking.births if birth.outbox]


def test_asked_once_it_begins_a_new_epoch_and_names_the_one_before(running, booking, wait_for):
    old = epochs_told(booking)[0]
    running.turnstiles["south-1"].send(CARD)
    wait_for(lambda: running.rows() == ["settled"], "the first event is acknowledged")
    ask(booking, old)
    birth = wait_for(lambda: next((each for each in booking.births if each.outbox.epoch != old), None), "a new epoch")
    assert (birth.outbox.previous_epoch, birth.outbox.last_sequence) == (old, 0)
    assert "its disk was copied, or put back from an older copy" in running.log
    running.turnstiles["south-2"].send(OTHER)
    wait_for(lambda: len(booking.events) == 2, "the next event")
    assert [(event.epoch == old, event.sequence) for event in booking.events] == [(True, 1), (False, 1)]
    ask(booking, old, 2)
    running.stop()
    assert len(set(epochs_told(booking))) == 2, "asked again for a closed epoch it does nothing"


def test_an_unsigned_word_renews_nothing(running, booking, wait_for):
    old = epochs_told(booking)[0]
    ask(booking, old, key=SigningKey.generate())
    wait_for(lambda: "command refused why=signature" in running.log, "it is refused")
    assert set(epochs_told(booking)) == {old}


def test_two_disks_with_one_epoch_become_two_epochs_and_every_swipe_is_told(running, booking, wait_for):
    """Copied on a working day: what the copy reads bears numbers that booking has for other events."""
    old = epochs_told(booking)[0]
    running.stop()
    copy = running.folder / "copy"
    shutil.copytree(running.data, copy)
    running.start()
    running.turnstiles["south-1"].send(CARD)
    wait_for(lambda: len(booking.events) == 1, "the first disk's event is taken")
    running.stop()
    shutil.rmtree(running.data)
    copy.rename(running.data)
    booking.acknowledges = False
    running.start()
    running.turnstiles["south-1"].send(OTHER)
    wait_for(lambda: running.rows() == ["pending"], "the copy's event bears the same number")
    wait_for(lambda: running.log.count("the broker's rights hold") == 3, "the copy is connected")
    ask(booking, old)
    refuse(booking, old, 1)
    wait_for(
        lambda: running.rows() == ["aside", "pending"],
        f"refused, and made anew under the new epoch {running.rows()} {running.log}",
        ceiling=8,
    )
    booking.acknowledges = True
    running.stop()
    running.start()
    wait_for(lambda: running.rows() == ["aside", "settled"], "the copy's swipe is told after all")
    with closing(sqlite3.connect(running.data / "outbox.db")) as database:
        assert database.execute("SELECT code FROM rows WHERE state = 'aside'").fetchall() == [("sent-anew",)]
