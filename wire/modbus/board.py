"""What a board's inputs mean: typed data read from TOML (`config/boards/*.toml`; docs/protocols.md teaches it), and from
bits to what is said. Pure: time is an argument.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import attrs

from messages.access import AlarmKind, Direction
from wire.description import SerialLine
from wire.meanings import Says
from wire.modbus.frames import MOST_INPUTS, Function, Request
from wire.reads import Alarm, Said, Walk

_NS = 1_000_000_000
ON, OFF = 0xFF00, 0x0000
_INPUTS = range(MOST_INPUTS)
_NUMBERS = range(65_536)
_SAID = (Says.PASSED, Says.NOT_PASSED, Says.ALARM)


@attrs.frozen
class Inputs:
    """Which inputs are asked for, and how often."""

    count: int = attrs.field(validator=attrs.validators.in_(range(1, MOST_INPUTS + 1)))
    first: int = attrs.field(default=0, validator=attrs.validators.in_(_NUMBERS))
    as_coils: bool = False
    """The board shows its inputs as coils (function 1) instead of discrete inputs (function 2)."""
    every: timedelta = timedelta(milliseconds=50)
    answer_within: timedelta = timedelta(milliseconds=100)
    turnaround: timedelta = timedelta(milliseconds=4)
    """Silence before the gate speaks: three and a half characters at 9600 baud."""

    def __attrs_post_init__(self) -> None:
        for key, longest in (("every", 10), ("answer_within", 2), ("turnaround", 1)):
            value: timedelta = getattr(self, key)
            if not timedelta(0) < value <= timedelta(seconds=longest):
                raise ValueError(f"{key} must be more than nothing and at most {longest} s")


@attrs.frozen
class Meaning:
    """What one input says. `on`: whether current flows (True) or not when it says so; `after`: for how long."""

    input: int = attrs.field(validator=attrs.validators.in_(_INPUTS))
    says: Says
    alarm: AlarmKind | None = None
    direction: Direction | None = None
    on: bool = True
    after: timedelta = timedelta(0)

    def __attrs_post_init__(self) -> None:
        if self.says not in _SAID:
            raise ValueError(f'says = "{self.says}": an input says "passed", "not-passed" or "alarm"')
        if (self.alarm is not None) is not (self.says is Says.ALARM):
            raise ValueError('`alarm` = "fire", "forced", … and says = "alarm" need each other')
        if self.direction is not None and self.says is Says.ALARM:
            raise ValueError("an alarm has no direction")
        if not timedelta(0) <= self.after <= timedelta(minutes=10):
            raise ValueError("after must be at most 10min")


@attrs.frozen
class Output:
    """What opens: an output that is switched on for `pulse`; with `ends_itself` the board ends it, and `value` says how."""

    coil: int = attrs.field(validator=attrs.validators.in_(_NUMBERS))
    pulse: timedelta = timedelta(milliseconds=500)
    ends_itself: bool = False
    value: int = attrs.field(default=ON, validator=attrs.validators.in_(_NUMBERS))

    def __attrs_post_init__(self) -> None:
        if not timedelta(0) < self.pulse <= timedelta(seconds=30):
            raise ValueError("pulse must be more than nothing and at most 30 s: a door that stays open is no pulse")
        if self.value != ON and not self.ends_itself:
            raise ValueError("value is for a board with ends_itself = true: others know FF00 and 0000 only")


@attrs.frozen
class Board:
    """One kind of board. `outputs`: open, open_in, open_out, granted, denied."""

    title: str
    inputs: Inputs
    serial: SerialLine = attrs.field(factory=SerialLine)
    meanings: dict[str, Meaning] = attrs.field(factory=dict)
    outputs: dict[str, Output] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name, meaning in self.meanings.items():
            if meaning.input >= self.inputs.count:
                raise ValueError(
                    f"meanings.{name}.input = {meaning.input}: only {self.inputs.count} are asked for, from 0 on"
                )
        for name in self.outputs:
            if name not in OUTPUTS:
                raise ValueError(f"outputs.{name}: outputs are {', '.join(OUTPUTS)}")

    def question(self, station: int) -> Request:
        """Return what asks a station for its inputs."""
        function = Function.READ_COILS if self.inputs.as_coils else Function.READ_INPUTS
        return Request(station, function, self.inputs.first, self.inputs.count)


OUTPUTS = ("open", "open_in", "open_out", "granted", "denied")


@attrs.define
class _State:
    meant: bool | None = None
    """What it said last; None: not known, since the board was away."""
    since_ns: int | None = None
    """Since when it says something else."""


class Watch:
    """The inputs of one board. One thread at a time."""

    def __init__(self, board: Board) -> None:
        self._meanings = list(board.meanings.values())
        self._states = [_State() for _ in self._meanings]

    def seen(self, bits: Sequence[bool], now_ns: int) -> list[Said]:
        """Return what has changed by these bits."""
        return [
            said for pair in zip(self._meanings, self._states, strict=True) for said in _changed(*pair, bits, now_ns)
        ]

    def forget(self) -> None:
        """The board was away: whoever walked through meanwhile is not told of now."""
        for meaning, state in zip(self._meanings, self._states, strict=True):
            if meaning.says is not Says.ALARM:
                state.meant = None
            state.since_ns = None


def _changed(meaning: Meaning, state: _State, bits: Sequence[bool], now_ns: int) -> Iterator[Said]:
    meant = bits[meaning.input] is meaning.on
    if meant is state.meant:
        state.since_ns = None
        return
    first = state.meant is None
    after = round(meaning.after.total_seconds() * _NS) if meant else 0
    state.since_ns = now_ns if state.since_ns is None else state.since_ns
    if now_ns - state.since_ns < after:
        return
    state.meant, state.since_ns = meant, None
    if meaning.alarm is not None:
        if meant or not first:
            yield Alarm(meaning.alarm, meant)
    elif meant and not first:
        yield Walk(meaning.says is Says.PASSED, meaning.direction)
