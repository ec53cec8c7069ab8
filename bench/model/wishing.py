"""Inventing what readers ask for: mostly what could be, in the words of somebody who stands there; now and then nonsense."""

from typing import Any

from bench.model.attendance import Model
from bench.model.choosing import Chooser
from bench.model.pacing import Pace
from bench.model.rules import DAY, HOUR, MINUTE
from bench.model.stays import Stay


class Wishing(Pace):
    """Bookings, actions, moves and scans."""

    def __init__(self, model: Model, choose: Chooser) -> None:
        super().__init__(model, choose)
        self.code = 0
        self.moved: list[int] = []
        """The latest steps that may have given staff a task."""

    def reserve(self) -> dict[str, Any]:
        choose, rules = self.choose, self.rules
        seat = self.seat() if not choose.chance(25) else None
        area = self.area() if seat is None else rules.area_of(seat) if choose.chance(15) else None
        place = area or rules.area_of(seat or "")
        now_hour, start = self.at // HOUR * HOUR, None
        if choose.chance(55) or not rules.open_at(self.at):
            day = self.at // DAY + choose.pick(
                (0, 0, 0, 1, 1, rules.advance_days, rules.advance_days + choose.below(2))
            )
            later = now_hour + choose.pick((1, 1, 2, 3, 0)) * HOUR
            start = later if day == self.at // DAY else day * DAY + (8 + choose.below(13)) * HOUR
            follows = [stay.end for stay in self.model.live]
            if follows and choose.chance(25):
                start = choose.pick(follows)
        begins = self.at if start is None else start
        most = rules.longest(place) // HOUR
        end = begins // HOUR * HOUR + (1 + choose.below(most + (1 if choose.chance(8) else 0))) * HOUR
        if end - begins < rules.min_length and not choose.chance(8):
            end += HOUR
        hours = rules.hours(begins // DAY)
        if hours and (end > hours[1] or choose.chance(5)) and not choose.chance(5):
            end = hours[1]
        coming = [stay.start for stay in self.model.live if stay.start > begins and stay.area == place]
        if coming and choose.chance(20):
            end = choose.pick(coming)
        if choose.chance(3):
            end += choose.pick((-30 * MINUTE, 10 * MINUTE, 1))
        if choose.chance(1) and start is not None:
            start += choose.pick((1, 15 * MINUTE))
        return {
            "reader": self.reader(),
            "seat": seat,
            "area": area,
            "start": start,
            "end": end,
            "kiosk": choose.chance(25),
            "key": self.key(),
        }

    def act(self) -> dict[str, Any] | None:
        choose = self.choose
        stay = self.stay()
        if stay is None:
            return None
        likely = {
            "reserved": ("check-in", "check-in", "cancel"),
            "in-use": ("step-away", "end", "extend"),
            "away": ("return", "end"),
        }
        every = ("check-in", "cancel", "step-away", "return", "extend", "end")
        action = choose.pick(every if choose.chance(15) else likely.get(stay.status, every))
        until = None
        if action == "extend" and choose.chance(50):
            until = stay.end // HOUR * HOUR + choose.pick((1, 2, 3, 0)) * HOUR + choose.pick((0, 0, 0, 600))
        reader = self.reader() if choose.chance(4) else stay.reader
        return {
            "reader": reader,
            "stay": stay.name,
            "action": action,
            "until": until,
            "kiosk": choose.chance(70 if action in ("check-in", "end") else 20),
            "key": self.key(),
        }

    def move(self) -> dict[str, Any] | None:
        stay = self.stay("reserved", "in-use")
        if stay is None or not stay.seat:
            return None
        taken = self.choose.chance(20)
        seat = None if taken and self.choose.chance(50) else self.seat()
        self.moved = [*self.moved[-9:], self.n]
        return {
            "reader": self.reader() if self.choose.chance(4) else stay.reader,
            "stay": stay.name,
            "seat": seat,
            "taken": taken,
            "kiosk": self.choose.chance(20),
            "key": self.key(),
        }

    def scan(self, stay: Stay | None) -> dict[str, Any]:
        choose = self.choose
        kiosks = self.rules.kiosks
        right = [number for number, venue in kiosks.items() if stay and venue == self.model.venue_of(stay)]
        self.code += 1
        return {
            "reader": stay.reader if stay and not choose.chance(5) else self.reader(),
            "at_kiosk": choose.pick(right if right and not choose.chance(5) else sorted(kiosks)),
            "seen": self.at - choose.pick((0, 0, 0, 1, 10, 120, 299)),
            "code": self.code - (1 if self.code > 1 and choose.chance(5) else 0),
            "near": not choose.chance(4),
            "key": self.key(),
        }

    def scan_in(self) -> dict[str, Any]:
        return self.scan(self.stay("reserved", "away"))

    def scan_out(self) -> dict[str, Any]:
        recent = [stay for stay in self.model.stays[-12:] if stay.status == "not-signed-out"]
        chosen = self.choose.pick(recent) if recent and self.choose.chance(30) else self.stay("in-use", "away")
        return self.scan(chosen)
