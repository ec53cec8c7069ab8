"""Which board is asked next, and what becomes of its answer. Pure: bytes and times in, bytes and words out.

One question is under way at a time. An answer that is broken, or that does not come, costs that one question; a board that
has not answered three is asked once a second, so that it holds up no other, and is back at its first answer.
"""

from collections import deque
from collections.abc import Callable

import attrs

from wire.found import BadFrame, Fault
from wire.modbus.board import OFF, Board, Output, Watch
from wire.modbus.frames import Answer, AnswerScanner, Bits, Function, Refused, Request, Written
from wire.reads import Said

_NS = 1_000_000_000
SILENT_AFTER = 3
SILENT_EVERY_NS = _NS
_NO_ANSWER = "the board does not answer: is it connected, and is its station number right?"
Done = Callable[[str], None]


def _nobody(_sentence: str) -> None:
    """Tell nobody."""


@attrs.define
class Station:
    """One portal's board on the line."""

    portal: str
    number: int
    board: Board
    watch: Watch
    ask_at: int = 0
    missed: int = 0
    trouble: str = "the board has not been asked yet"


@attrs.frozen
class Heard:
    """What a board said, or what was wrong with its answer."""

    portal: str
    said: Said | BadFrame


@attrs.frozen
class _Write:
    """An output to be switched; `until` is when it makes no sense any more (an end of a pulse always does)."""

    station: Station
    coil: int
    value: int
    at: int = 0
    until: int | None = None
    done: Done = _nobody


@attrs.frozen
class _UnderWay:
    station: Station
    request: Request
    scanner: AnswerScanner
    until: int
    write: _Write | None


class Master:
    """The boards of one line. One thread at a time."""

    def __init__(self, stations: list[Station]) -> None:
        self._stations = stations
        self._turnaround = max(_ns(each.board.inputs.turnaround.total_seconds()) for each in stations)
        self._writes: deque[_Write] = deque()
        self._under_way: _UnderWay | None = None
        self._quiet_from = 0

    def opened(self, now_ns: int) -> None:
        """The line is open: what a pulse of before may have left on is switched off first."""
        self._under_way, self._quiet_from = None, now_ns
        self._writes.clear()
        for station in self._stations:
            station.ask_at = now_ns
            for output in station.board.outputs.values():
                if not output.ends_itself:
                    self._writes.append(_Write(station, output.coil, OFF, now_ns))

    def lost(self, reason: str) -> None:
        """The line is gone."""
        for write in self._writes:
            write.done(reason)
        self._writes.clear()
        if self._under_way is not None and self._under_way.write is not None:
            self._under_way.write.done(reason)
        self._under_way = None
        for station in self._stations:
            station.trouble = reason
            station.watch.forget()

    def switch(self, portal: str, output: Output, now_ns: int, until_ns: int, done: Done) -> None:
        """Switch an output on before anything else is asked, and off when its pulse is over."""
        station = next(each for each in self._stations if each.portal == portal)
        self._writes.appendleft(_Write(station, output.coil, output.value, now_ns, until_ns, done))
        if not output.ends_itself:
            off_at = now_ns + _ns(output.pulse.total_seconds())
            # A pulse that begins anew ends anew.
            self._writes = deque(
                each for each in self._writes if (each.station, each.coil, each.value) != (station, output.coil, OFF)
            )
            self._writes.append(_Write(station, output.coil, OFF, off_at))

    def due(self, now_ns: int) -> bytes:
        """Return what is to be sent now; b"" when nothing is."""
        if self._under_way is not None or now_ns < self._quiet_from + self._turnaround:
            return b""
        write = self._next_write(now_ns)
        if write is not None:
            request = Request(write.station.number, Function.WRITE_COIL, write.coil, write.value)
            return self._send(write.station, request, write, now_ns)
        station = min(self._stations, key=lambda each: each.ask_at)
        if station.ask_at > now_ns:
            return b""
        return self._send(station, station.board.question(station.number), None, now_ns)

    def wait(self, now_ns: int) -> float:
        """Return after how many seconds `due` or `late` should be asked again."""
        if self._under_way is not None:
            at = self._under_way.until
        else:
            times = [each.ask_at for each in self._stations] + [each.at for each in self._writes]
            at = max(min(times), self._quiet_from + self._turnaround)
        return max(0.0005, (at - now_ns) / _NS)

    def heard(self, received: bytes, now_ns: int) -> list[Heard]:
        """Take bytes of the line."""
        self._quiet_from = now_ns
        under_way = self._under_way
        if under_way is None:
            return [
                Heard(
                    self._stations[0].portal,
                    BadFrame(Fault.GARBAGE, received, f"{len(received)} bytes that nobody asked for"),
                )
            ]
        answer = under_way.scanner.feed(received)
        return [] if answer is None else self._answered(under_way, answer, now_ns)

    def late(self, now_ns: int) -> list[Heard]:
        """Look whether the answer under way has been waited for long enough."""
        under_way = self._under_way
        if under_way is None or now_ns < under_way.until:
            return []
        self._under_way, self._quiet_from = None, now_ns
        station, held = under_way.station, under_way.scanner.held
        if under_way.write is not None:
            under_way.write.done(_NO_ANSWER)
            self._again(under_way.write, now_ns)
        station.missed += 1
        if station.missed == SILENT_AFTER:
            station.trouble = _NO_ANSWER
            station.watch.forget()
        if station.missed >= SILENT_AFTER:
            station.ask_at = now_ns + SILENT_EVERY_NS
        if not held:
            return []
        whole = len(held) >= under_way.request.answer_length
        fault = BadFrame(
            Fault.CHECKSUM if whole else Fault.LENGTH, held, "an answer that is broken, or another station's"
        )
        return [Heard(station.portal, fault)]

    def _next_write(self, now_ns: int) -> _Write | None:
        for write in list(self._writes):
            if write.until is not None and now_ns >= write.until:
                self._writes.remove(write)
                write.done("its time was over before the line could take it")
            elif write.at <= now_ns:
                self._writes.remove(write)
                return write
        return None

    def _send(self, station: Station, request: Request, write: _Write | None, now_ns: int) -> bytes:
        inputs = station.board.inputs
        until = now_ns + _ns(inputs.answer_within.total_seconds())
        self._under_way = _UnderWay(station, request, AnswerScanner(request), until, write)
        if write is None:
            station.ask_at = now_ns + _ns(inputs.every.total_seconds())
        return request.encode()

    def _answered(self, under_way: _UnderWay, answer: Answer, now_ns: int) -> list[Heard]:
        self._under_way = None
        station = under_way.station
        station.missed = 0
        match answer:
            case Bits(bits):
                station.trouble = ""  # not before its inputs are known
                return [Heard(station.portal, said) for said in station.watch.seen(bits, now_ns)]
            case Written():
                if under_way.write is not None:
                    under_way.write.done("")
            case Refused(code):
                station.trouble = f"the board refuses (exception {code}): do its inputs and outputs have these numbers?"
                if under_way.write is not None:
                    under_way.write.done(station.trouble)
        return []

    def _again(self, write: _Write, now_ns: int) -> None:
        """An end of a pulse that may not have been heard is sent until it is; a beginning never twice."""
        if write.until is None:
            later = now_ns + (SILENT_EVERY_NS if write.station.missed >= SILENT_AFTER else 0)
            self._writes.append(attrs.evolve(write, at=later))


def _ns(seconds: float) -> int:
    return round(seconds * _NS)
