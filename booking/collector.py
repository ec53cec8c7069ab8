"""How often Python's cyclic garbage collector looks at this process. In the release second it took a quarter of the time.

Every request lives while it waits for its commit, so a young collection finds little that is dead and a full one walks over
thousands of connections again. Reference counts free nearly everything here; the collector is for cycles. What start-up has
made is left out of it already (`runtime.service`).
"""

import gc

YOUNG, MIDDLE, OLD = 10_000, 20, 20
"""Containers made and not freed before the youngest are looked at (Python's own: 700), and how often before the older are."""


def settle() -> None:
    """Collect less often from now on."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
