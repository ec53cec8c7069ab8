"""When the next step comes, and whom and what it is about."""

from bench.model.attendance import Model
from bench.model.choosing import Chooser
from bench.model.rules import DAY, HOUR, MINUTE
from bench.model.stays import Stay


class Pace:
    """Looks at the model alone. `at` is when the step that is being invented happens."""

    def __init__(self, model: Model, choose: Chooser) -> None:
        self.model, self.rules, self.choose = model, model.rules, choose
        self.n, self.at = 0, model.now

    def pause(self) -> int:
        """Seconds until the next step: none, a little, until something falls due (or a second off), or a night."""
        choose, now = self.choose, self.model.now
        if not self.rules.open_at(now):
            return self.night(now) if choose.chance(35) else choose.below(5 * MINUTE)
        dice = choose.below(100)
        if dice < 45:
            return 0
        if dice < 70:
            return 1 + choose.below(5 * MINUTE)
        coming = sorted({moment for moment in self.moments() if now < moment < now + 3 * HOUR})[:3]
        if dice < 96 and coming:
            return max(0, choose.pick(coming) + choose.pick((0, -1, 1)) - now)
        if dice < 99:
            return choose.below(40 * MINUTE)
        return choose.below(8 * HOUR)

    def night(self, now: int) -> int:
        """Seconds to the hour at which the last day opens, or to about the next morning; seldom to one days later."""
        release = now // DAY * DAY + (self.rules.release or 0)
        if release >= now and self.choose.chance(60):
            return max(0, release - now + self.choose.pick((0, -1, 1)))
        morning = (now + 3 * HOUR) // DAY * DAY + 8 * HOUR
        morning += DAY if morning <= now else 0
        days = self.choose.below(4) if self.choose.chance(5) else 0
        return max(0, morning - now + days * DAY - self.choose.pick((0, 0, HOUR, HOUR // 2, 1)))

    def moments(self) -> list[int]:
        """When something begins, falls due or ends."""
        found = []
        for stay in self.model.live:
            found += [stay.start - self.rules.window_before, stay.start, self.model.due(stay), stay.end]
        for reader in self.rules.readers:
            found.append(self.model.suspended_until(reader) or 0)
        return found

    # ---- who and what --------------------------------------------------------------------------------------------------

    def reader(self) -> str:
        return self.choose.pick(sorted(self.rules.readers))

    def key(self) -> str | None:
        return f"key-{self.n}" if self.choose.chance(20) else None

    def area(self) -> str:
        return self.choose.pick(list(self.rules.areas))

    def seat(self) -> str | None:
        seats = self.rules.seat_ids(self.area())
        return self.choose.pick(seats) if seats else None

    def stay(self, *statuses: str) -> Stay | None:
        """Mostly one that holds; a recent one otherwise."""
        fitting = [stay for stay in self.model.live if not statuses or stay.status in statuses]
        ready = [stay for stay in fitting if stay.status == "reserved" and self.model.in_window(stay, self.model.now)]
        if ready and self.choose.chance(60):
            return self.choose.pick(ready)
        recent = self.model.stays[-12:]
        if fitting and not self.choose.chance(12):
            return self.choose.pick(fitting)
        return self.choose.pick(recent) if recent else None
