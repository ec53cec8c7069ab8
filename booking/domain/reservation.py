"""A reservation and its one transition table. Only this module writes a status.

The table drawn as a diagram stands in docs/architecture.md (made from it, held equal by a test).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Where a reservation stands; the manual's words beside each."""

    RESERVED = "reserved"  # 已预约
    IN_USE = "in-use"  # 使用中 (已签到)
    AWAY = "away"  # 暂离中
    ENDED = "ended"  # 结束使用 / 完成
    CANCELLED = "cancelled"  # 已取消
    NO_SHOW = "no-show"  # 失约: not checked in within the window
    LAPSED = "lapsed"  # away longer than the limit


class Action(StrEnum):
    """What can happen to a reservation: a reader's action, a gate's evidence, or time."""

    CHECK_IN = "check-in"
    STEP_AWAY = "step-away"
    RETURN = "return"
    EXTEND = "extend"
    END = "end"
    CANCEL = "cancel"
    MISS = "miss"
    LAPSE = "lapse"
    COMPLETE = "complete"


TRANSITIONS: dict[tuple[Status, Action], Status] = {
    (Status.RESERVED, Action.CHECK_IN): Status.IN_USE,
    (Status.RESERVED, Action.CANCEL): Status.CANCELLED,
    (Status.RESERVED, Action.MISS): Status.NO_SHOW,
    (Status.IN_USE, Action.STEP_AWAY): Status.AWAY,
    (Status.IN_USE, Action.EXTEND): Status.IN_USE,
    (Status.IN_USE, Action.END): Status.ENDED,
    (Status.IN_USE, Action.COMPLETE): Status.ENDED,
    (Status.AWAY, Action.RETURN): Status.IN_USE,
    (Status.AWAY, Action.END): Status.ENDED,
    (Status.AWAY, Action.COMPLETE): Status.ENDED,
    (Status.AWAY, Action.LAPSE): Status.LAPSED,
}

HOLDING = frozenset({Status.RESERVED, Status.IN_USE, Status.AWAY})
"""The statuses that hold a seat: storage keeps these from overlapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One stay on one seat, `[start, end)`. All times are UTC with zone; `None` where it has not happened."""

    id: str
    reader: str
    area: str
    seat: str
    start: datetime
    end: datetime
    status: Status
    created_at: datetime
    checked_in_at: datetime | None = None
    away_at: datetime | None = None
    returned_at: datetime | None = None
    closed_at: datetime | None = None
