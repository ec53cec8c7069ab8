"""A writer's thread that lives but hangs is noticed: `readyz` says it, and the watchdog is no longer fed."""

import threading

import pytest

from booking.service.commands import MarkTold, Stored
from booking.store import writer as writing


@pytest.fixture
def held(desk):
    """Plants a hang: the next commit waits until the test lets it go on."""
    go_on, transaction = threading.Event(), desk.writer.engine.transaction

    def hanging(work):
        assert go_on.wait(30)
        return transaction(work)

    desk.writer.engine.transaction = hanging
    yield go_on
    go_on.set()


def test_a_commit_that_does_not_end_is_a_fault_first_and_then_the_threads_death(desk, at, held, monkeypatch, wait_for):
    assert (desk.writer.alive, desk.writer.faults()) == (True, [])
    monkeypatch.setattr(writing, "SLOW", 0.0)
    future = desk.writer.submit([MarkTold(at=at("09:00"), upto=1)])
    wait_for(desk.writer._busy_for, "the commit begins")
    assert "one commit does not end" in desk.writer.faults()[0]
    assert desk.writer.alive, "a commit may take a while"
    monkeypatch.setattr(writing, "HANGS", 0.0)
    assert not desk.writer.alive
    held.set()
    assert future.result(30) == [Stored()]
    wait_for(lambda: not desk.writer._busy_for(), "the thread waits for work")
    monkeypatch.undo()
    assert (desk.writer.alive, desk.writer.faults()) == (True, [])


def test_a_writer_without_work_never_hangs(desk, monkeypatch):
    monkeypatch.setattr(writing, "HANGS", 1e-9)
    assert desk.writer.alive
    assert desk.writer.faults() == []
