"""The model of what readers may do: book, act, extend, move; each answered by every reason against it."""

from dataclasses import dataclass

from bench.model.rules import DAY, MINUTE
from bench.model.stays import THERE, Reasons, Stay, Stays


@dataclass
class Floor(Stays):
    """The floor with what readers ask of it."""

    # ---- booking -----------------------------------------------------------------------------------------------------

    def why_not_book(self, reader: str, area: str, start: int | None, end: int, *, kiosk: bool) -> Reasons:
        """The reasons that need no seat."""
        rules, now, minute = self.rules, self.now, self.now // MINUTE * MINUTE
        place, reasons = rules.areas[area], Reasons()
        start = minute if start is None else start
        if start < minute or end <= now:
            reasons["in-the-past"] = None
        day = start // DAY
        if now < rules.bookable_from(day):
            reasons["too-far-ahead"] = rules.bookable_from(day)
        reasons |= self.why_not_then(start, end)
        hours = rules.hours(day) or (0, 0)
        if (start % rules.grid and start not in (minute, hours[0])) or (end % rules.grid and end != hours[1]):
            reasons["off-grid"] = None
        if end - start < rules.min_length:
            reasons["too-short"] = None
        if end - start > rules.longest(area):
            reasons["too-long"] = None
        own = [stay for stay in self.live if stay.reader == reader]
        if any(stay.meets(start, end) for stay in own):
            reasons["reader-overlap"] = None
        if len(own) >= rules.max_active:
            reasons["too-many-active"] = min(self.over(stay) for stay in own)
        if rules.one_venue and any(rules.areas[stay.area].venue != place.venue for stay in own):
            reasons["other-venue"] = None
        return reasons | self.why_not_area(reader, area, start, end, kiosk=kiosk)

    def why_not_then(self, start: int, end: int) -> Reasons:
        """Opening hours of the day."""
        hours = self.rules.hours(start // DAY)
        if hours is None:
            return {"closed": None}
        return {} if hours[0] <= start and end <= hours[1] else {"outside-opening-hours": None}

    def why_not_area(self, reader: str, area: str, start: int, end: int, *, kiosk: bool) -> Reasons:
        place, reasons = self.rules.areas[area], Reasons()
        if place.eligible and not place.eligible & self.rules.readers[reader]:
            reasons["not-eligible"] = None
        if any(one.area == area and not one.seat and one.meets(start, end) for one in self.closures.values()):
            reasons["closed"] = None
        if place.walk_up_share and not kiosk and self.now < start - place.walk_up_release:
            total = len(place.seats) - len(place.closed)
            if len(self.free_seats(area, start, end)) <= -(-total * place.walk_up_share // 1):
                reasons["kept-for-walk-ups"] = start - place.walk_up_release
        if place.capacity is not None and self.most_held(area, start, end) >= place.capacity:
            reasons["area-full"] = None
        return reasons

    def most_held(self, area: str, start: int, end: int) -> int:
        """The most places of a capacity area that are held at one instant."""
        held = [stay for stay in self.live if stay.area == area and stay.meets(start, end)]
        instants = [start] + [stay.start for stay in held if stay.start > start]
        return max(sum(stay.start <= instant < stay.end for stay in held) for instant in instants)

    def free_seats(self, area: str, start: int, end: int) -> list[str]:
        """Seats that nobody holds and nothing closes at any moment of a stretch."""
        place = self.rules.areas[area]
        return [
            seat
            for seat in self.rules.seat_ids(area)
            if seat not in place.closed
            and not any(stay.seat == seat and stay.meets(start, end) for stay in self.live)
            and not any(
                one.area == area and one.seat in ("", seat) and one.meets(start, end) for one in self.closures.values()
            )
        ]

    def why_not_seat(self, reader: str, seat: str, start: int, end: int) -> Reasons:
        area = self.rules.area_of(seat)
        reasons = Reasons()
        if seat in self.rules.areas[area].closed:
            reasons["seat-closed"] = None
        for one in self.closures.values():
            if one.area == area and one.seat in ("", seat) and one.meets(start, end):
                reasons["seat-closed" if one.seat else "closed"] = None
        if any(stay.seat == seat and stay.meets(start, end) for stay in self.live):
            reasons["seat-taken"] = None
        if (until := self.cools_until(reader, seat)) > self.now:
            reasons["cool-down"] = until
        return reasons

    def cools_until(self, reader: str, seat: str) -> int:
        """Cancelling one seat so often within a while keeps it from that reader for a time after the last of them."""
        limit, until = self.rules.rebook_limit, 0
        times = [when for who, where, when in self.cancelled if (who, where) == (reader, seat)]
        for first, last in zip(times, times[limit - 1 :], strict=False) if limit else ():
            if last - first <= self.rules.rebook_within:
                until = max(until, last + self.rules.cool_down)
        return until

    def best_seats(self, reader: str, area: str, start: int, end: int, near: str | None) -> list[str]:
        """Every seat that may be given as the best: the nearest to a wished one; without one any that is free."""
        gone = set(self.reported.values())
        free = [
            seat
            for seat in self.free_seats(area, start, end)
            if seat not in gone and self.cools_until(reader, seat) <= self.now
        ]
        if near is None or not free:
            return free
        where = dict(self.rules.areas[area].seats)
        nearest = min(abs(where[seat] - where[near]) for seat in free)
        return [seat for seat in free if abs(where[seat] - where[near]) == nearest]

    def book(self, stay: Stay) -> Stay:
        self.stays.append(stay)
        self.live.append(stay)
        return stay

    # ---- what a reader does with it ----------------------------------------------------------------------------------

    def why_not_act(self, stay: Stay, action: str, *, kiosk: bool) -> Reasons:
        """Everything but extending's own limits."""
        rules, reasons = self.rules, Reasons()
        possible = {
            "check-in": ("reserved",),
            "cancel": ("reserved",),
            "step-away": ("in-use",),
            "return": ("away",),
            "extend": ("in-use",),
            "end": THERE,
        }
        if stay.status not in possible[action]:
            return {"not-possible-now": None}
        if action in ("step-away", "return", "extend") and self.now >= stay.end:
            reasons["not-possible-now"] = None
        if (action == "step-away" and rules.away is None) or (action == "extend" and rules.extend_before is None):
            reasons["not-possible-now"] = None
        if action == "end" and rules.sign_out_grace is not None and not kiosk:
            reasons["sign-out-on-site"] = None
        if action == "check-in":
            if not kiosk:
                reasons["forbidden"] = None
            if self.now < stay.start - rules.window_before:
                reasons["window-not-open"] = stay.start - rules.window_before
        return reasons

    def act(self, stay: Stay, action: str, until: int | None = None) -> None:
        match action:
            case "check-in":
                stay.status, stay.checked_in = "in-use", self.now
            case "cancel":
                self.close(stay, "cancelled", self.now)
                self.cancelled.append((stay.reader, stay.seat, self.now))
            case "end":
                self.close(stay, "ended", self.now)
            case "step-away":
                self.step_away(stay, self.now, self.now)
            case "return":
                stay.status, stay.returned, stay.away_until = "in-use", self.now, None
            case "extend":
                stay.end = until or stay.end

    def limits(self, stay: Stay) -> list[tuple[int, str]]:
        """What an extension stops at: closing, the longest stay, the next booking, the reader's own next."""
        hours, end = self.rules.hours(stay.start // DAY), stay.end
        found = [(hours[1] if hours else end, "outside-opening-hours")]
        found.append((stay.start + self.rules.longest(stay.area), "too-long"))
        later = [other for other in self.live if other is not stay and other.start >= end]
        found += [(other.start, "extend-blocked") for other in later if stay.seat and other.seat == stay.seat]
        found += [(other.start, "reader-overlap") for other in later if other.reader == stay.reader]
        shut = [one for one in self.closures.values() if one.area == stay.area and one.seat in ("", stay.seat)]
        return found + [(one.start, "closed") for one in shut if one.start >= end and not one.lifted]

    def extended(self, stay: Stay, until: int | None) -> tuple[int, Reasons]:
        """The new end, and why not."""
        rules, end, limits = self.rules, stay.end, self.limits(stay)
        limit = min(limits)[0]
        reasons: Reasons = {}
        if rules.extend_before is not None and self.now < end - rules.extend_before:
            reasons["extend-too-early"] = end - rules.extend_before
        reasons |= {code: None for at, code in limits if at <= end or (until is not None and until > at)}
        if until is None:
            wished = end + rules.extend_step
            if wished % rules.grid:
                wished = min((end // rules.grid + 1) * rules.grid, (end // DAY + 1) * DAY)
            return min(wished, limit), reasons
        if until <= end:
            reasons["invalid-request"] = None
        elif until % rules.grid and until != limit:
            reasons["off-grid"] = None
        return until, reasons

    def why_not_move(self, stay: Stay, seat: str | None, *, kiosk: bool) -> Reasons:
        """Why this reader cannot move to `seat`; None: the best one nearby."""
        if stay.status not in ("reserved", "in-use"):
            return {"not-possible-now": None}
        if seat == stay.seat:
            return {"not-possible-now": None}
        start, reasons = self.rest_of(stay)[0], Reasons()
        area = self.rules.area_of(seat) if seat else stay.area
        if area != stay.area:
            if self.rules.areas[area].venue != self.rules.areas[stay.area].venue:
                reasons["other-building"] = None
            if stay.end - stay.start > self.rules.longest(area):
                reasons["too-long"] = None
            reasons |= self.why_not_then(start, stay.end)
            reasons |= self.why_not_area(stay.reader, area, start, stay.end, kiosk=kiosk)
        if seat is None:
            return reasons if self.best_seats(stay.reader, area, start, stay.end, stay.seat) else {"area-full": None}
        return reasons | self.why_not_seat(stay.reader, seat, start, stay.end)

    def rest_of(self, stay: Stay) -> tuple[int, int]:
        return (max(stay.start, self.now) if stay.status == "in-use" else stay.start), stay.end
