"""Which identity a row of the outbox bears: its place in the file ↔ (epoch, sequence). Pure.

Places count on for the life of a file. An epoch is a stretch of them: it begins behind the last place that was used before it,
so its sequences start at 1 and have no gap, whatever went before.
"""

from collections.abc import Iterable, Iterator

import attrs


@attrs.frozen
class Stretch:
    """`epoch` bears the places from `base` + 1 to `end`; None: to the end, as the present one does."""

    epoch: int
    base: int
    end: int | None = None

    def places(self, first: int, last: int) -> tuple[int, int]:
        """Return the places of sequences `first` to `last`, cut to what this epoch has; empty when first > last."""
        low, high = self.base + max(first, 1), self.base + last
        return low, high if self.end is None else min(high, self.end)


class Epochs:
    """The epochs of one file, oldest first; the last one is the present one."""

    def __init__(self, begun: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(begun, key=lambda one: one[1])
        ends = [base for _, base in ordered[1:]]
        self._stretches = [Stretch(epoch, base, end) for (epoch, base), end in zip(ordered, [*ends, None], strict=True)]

    @property
    def present(self) -> Stretch:
        """The one that new rows belong to."""
        return self._stretches[-1]

    def of(self, epoch: int) -> Stretch | None:
        """Return an epoch's stretch; None for one that was never here."""
        return next((each for each in self._stretches if each.epoch == epoch), None)

    def at(self, place: int) -> Stretch:
        """Return the epoch of a place."""
        return next(each for each in reversed(self._stretches) if place > each.base)

    def __iter__(self) -> Iterator[Stretch]:
        return iter(self._stretches)
