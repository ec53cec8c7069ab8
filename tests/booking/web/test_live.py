"""The hub of live maps with viewers that read, that read slowly and that do not read; two hubs are two processes."""

import asyncio
import json
from datetime import timedelta

import pytest

from booking.domain.reservation import Action
from booking.service.commands import Act, KeepTime
from booking.web import live
from booking.web.live import LiveHub
from runtime.clock import Clock


class Wire:
    """A connection: what was written and, while `waiting`, not taken in."""

    def __init__(self):
        self.events, self.waiting, self.ended, self.raw = [], 0, "", b""

    def write(self, chunk):
        assert not self.ended  # a closed transport raises
        size, _, rest = chunk.partition(b"\r\n")
        assert int(size, 16) == len(rest) - 2
        assert rest.endswith(b"\r\n")
        self.raw += rest[:-2]
        for line in rest.decode().splitlines():
            name, _, value = line.partition(": ")
            if name == "event":
                self.events.append([value])
            elif name == "data":
                self.events[-1].append(json.loads(value))

    def get_write_buffer_size(self):
        return self.waiting

    def is_closing(self):
        return bool(self.ended)

    def close(self):
        self.ended = "closed"

    def abort(self):
        self.ended = "aborted"

    @property
    def kinds(self):
        return [event for event, _ in self.events]

    @property
    def last(self):
        return self.events[-1][1]


class Hubs:
    """As many hubs over one store as a test wants; `run` gives a coroutine a loop and them to it."""

    def __init__(self, desk, now):
        self.desk, self.clock = desk, Clock.starting_at(now)

    def hub(self):
        hub = LiveHub(self.desk.reads, self.clock)
        hub.open()
        self.desk.writer.on_commit(hub.touched)
        return hub

    def book(self, reader, seat, end="12:00", **more):
        return self.desk.booked(reader, seat, "now", end, now="09:10", **more)

    @staticmethod
    def run(test):
        asyncio.run(asyncio.wait_for(test(), 30))


async def until(condition):
    while not condition():  # noqa: ASYNC110 - a wire tells nobody that something was written to it
        await asyncio.sleep(0.005)


@pytest.fixture
def hubs(desk, at, monkeypatch):
    monkeypatch.setattr(live, "QUIET", live.QUIET / 20)
    return Hubs(desk, at("09:10"))


def test_who_does_not_read_costs_nothing_and_then_gets_the_newest_state(hubs):
    async def test():
        hub, quick, slow = hubs.hub(), Wire(), Wire()
        with hub.watching("centre", quick, None), hub.watching("centre", slow, None):
            slow.waiting = 4711
            for number in range(1, 5):
                hubs.book(f"S00{number}", f"centre-00{number}")
                await until(lambda: len(quick.events) > number)  # noqa: B023 - awaited in the same turn
            assert quick.kinds == ["snapshot"] + ["change"] * 4
            assert (slow.kinds, hub.late, hub.watchers) == (["snapshot"], 1, 2)
            slow.waiting = 0
            await until(lambda: len(slow.events) > 1)
            assert slow.kinds == ["snapshot", "snapshot"]
            assert slow.last["version"] == quick.last["version"]
            assert sum(seat["status"] == "free" for seat in slow.last["seats"]) == slow.last["free"] == 5
            assert hub.late == 0
            hubs.book("S005", "centre-005")
            await until(lambda: len(slow.events) > 2)
            assert slow.kinds[-1] == "change"  # caught up, it is one of the others again
        assert hub.watchers == 0

    hubs.run(test)


def test_who_takes_nothing_in_for_long_is_cut_off(hubs, monkeypatch):
    monkeypatch.setattr(live, "STUCK", live.STUCK * 0)

    async def test():
        hub, stuck = hubs.hub(), Wire()
        with hub.watching("centre", stuck, None):
            stuck.waiting = 1
            hubs.book("S001", "centre-001")
            await until(lambda: stuck.ended)
            assert stuck.ended == "aborted"

    hubs.run(test)


def test_a_version_of_one_process_is_known_to_another(hubs):
    async def test():
        one, other, first = hubs.hub(), hubs.hub(), Wire()
        with one.watching("centre", first, None):
            seen, again, late = first.last["version"], Wire(), Wire()
            with other.watching("centre", again, seen):
                assert again.events == []  # it has seen all there is
                hubs.book("S001", "centre-001")
                await until(lambda: again.events and len(first.events) > 1)
                assert again.kinds == ["change"]
                told, same = again.last, first.last
                assert told | {"at": ""} == same | {"at": ""}  # each reads the state by itself
            with other.watching("centre", late, seen):
                assert late.events == again.events  # the one change that it missed
                assert late.kinds == ["change"]
            assert other.version("centre") == one.version("centre") == first.last["version"]

    hubs.run(test)


def test_two_commits_before_a_frame_are_one_change(hubs):
    async def test():
        hub, wire = hubs.hub(), Wire()
        with hub.watching("centre", wire, None):
            hubs.book("S001", "centre-001")
            hubs.book("S002", "centre-002")
            await until(lambda: sum(len(news["seats"]) for kind, news in wire.events if kind == "change") == 2)
            await asyncio.sleep(4 * live.QUIET.total_seconds())  # were there more, they would have come
            assert len(wire.events) <= 3

    hubs.run(test)


def test_commits_that_follow_each_other_are_one_frame_though_the_first_would_be_due(hubs, monkeypatch):
    """Twenty bookings in three commits were two frames, and the second of them came half a second later."""
    monkeypatch.setattr(live, "GATHER", timedelta(seconds=0.2))
    monkeypatch.setattr(live, "GATHERED", timedelta(seconds=20))

    async def test():
        hub, wire, loop = hubs.hub(), Wire(), asyncio.get_running_loop()
        with hub.watching("centre", wire, None):
            hubs.book("S001", "centre-001")
            for number in range(1, 10):
                loop.call_later(number / 10, hub.touched, frozenset({"centre"}))
            loop.call_later(1, hubs.book, "S002", "centre-002")
            await until(lambda: len(wire.events) > 1)
            assert len(wire.last["seats"]) == 2

    hubs.run(test)


def test_commits_that_never_end_hold_up_no_frame(hubs, monkeypatch):
    monkeypatch.setattr(live, "GATHER", timedelta(seconds=20))
    monkeypatch.setattr(live, "GATHERED", timedelta(seconds=0.1))

    async def test():
        hub, wire = hubs.hub(), Wire()
        with hub.watching("centre", wire, None):
            hubs.book("S001", "centre-001")
            await until(lambda: len(wire.events) > 1)

    hubs.run(test)


def test_a_commit_with_nothing_to_be_seen_is_no_event_and_its_number_is_known(hubs):
    async def test():
        hub, wire, again = hubs.hub(), Wire(), Wire()
        with hub.watching("centre", wire, None):
            before = hub.version("centre")
            stay = hubs.desk.booked("S001", "centre-001", "09:00", "11:00", now="08:10")
            hubs.desk.do(Act(reader="S001", at=stay.created_at, reservation=stay.id, action=Action.CANCEL))
            await until(lambda: hub.version("centre") != before)
            with hub.watching("centre", again, hub.version("centre")):
                assert again.events == []

    hubs.run(test)


def test_numbers_that_begin_anew_come_as_a_whole(hubs, at):
    """Fault row 8: the clock was set back. No change leads from one generation to the next."""

    async def test():
        hub, wire = hubs.hub(), Wire()
        with hub.watching("centre", wire, None):
            hubs.desk.do(KeepTime(at=at("09:10")), KeepTime(at=at("08:30")))
            await until(lambda: len(wire.events) > 1)
            assert wire.kinds == ["snapshot", "snapshot"]
            generations = [int(news["version"].split("-")[0]) for _, news in wire.events]
            assert generations[0] < generations[1]

    hubs.run(test)


def test_after_silence_there_is_a_comment(hubs, monkeypatch):
    monkeypatch.setattr(live, "KEEP_ALIVE", live.KEEP_ALIVE / 1000)

    async def test():
        hub, wire, stuck = hubs.hub(), Wire(), Wire()
        with hub.watching("centre", wire, None), hub.watching("centre", stuck, None):
            stuck.waiting = 1
            await until(lambda: b": still here" in wire.raw)
            assert b": still here" not in stuck.raw

    hubs.run(test)


def test_time_alone_changes_an_open_map(hubs, at):
    hubs.desk.booked("S001", "centre-001", "09:00", "12:00", now="08:10")
    hubs.clock = Clock.starting_at(at("09:30") - timedelta(seconds=0.5))

    async def test():
        hub, wire = hubs.hub(), Wire()
        with hub.watching("centre", wire, None):
            await until(lambda: len(wire.events) > 1)
            assert wire.kinds == ["snapshot", "change"]
            assert [(seat["seat"], seat["status"]) for seat in wire.last["seats"]] == [("centre-001", "free")]

    hubs.run(test)


def test_a_database_that_is_away_leaves_the_viewers_what_they_have(hubs, monkeypatch):
    async def test():
        hub, wire = hubs.hub(), Wire()
        with hub.watching("centre", wire, None):
            asked, real = [], hubs.desk.reads.live_area

            def away(*arguments):
                asked.append(arguments)
                raise OSError("away")

            monkeypatch.setattr(hubs.desk.reads, "live_area", away)
            hubs.book("S001", "centre-001")
            await until(lambda: len(asked) > 1)
            assert wire.kinds == ["snapshot"]
            monkeypatch.setattr(hubs.desk.reads, "live_area", real)
            await until(lambda: len(wire.events) > 1)
            assert wire.kinds == ["snapshot", "change"]

    hubs.run(test)


def test_a_viewer_that_has_just_gone_disturbs_nobody(hubs):
    async def test():
        hub, gone, reads = hubs.hub(), Wire(), Wire()
        with hub.watching("centre", gone, None), hub.watching("centre", reads, None):
            gone.ended = "closed"  # its connection is lost; that it is no viewer any more comes a moment later
            hubs.book("S001", "centre-001")
            await until(lambda: len(reads.events) > 1)
            hub.close()
            await until(lambda: reads.ended)
            assert gone.kinds == ["snapshot"]

    hubs.run(test)


def test_the_end_says_so_to_who_reads_and_waits_for_nobody_else(hubs):
    class Ending(Wire):
        said = ""

        def write(self, chunk):
            if chunk == b"0\r\n\r\n":
                self.said = "said, "
            else:
                super().write(chunk)

        def close(self):
            self.ended = self.said + "closed"

    async def test():
        hub, reads, stuck = hubs.hub(), Ending(), Ending()
        with hub.watching("centre", reads, None), hub.watching("centre", stuck, None):
            stuck.waiting = 1
            hub.close()
            await until(lambda: reads.ended and stuck.ended)
            assert (reads.ended, stuck.ended) == ("said, closed", "aborted")

    hubs.run(test)
