"""How often Python's cyclic garbage collector looks at this process. In the release second it took a quarter of the time.

Every request lives while it waits for its commit, so a young collection finds little that is dead and a full one walks over
every module, route and compiled rule again. Reference counts free nearly everything here; the collector is for cycles.
"""

import gc

YOUNG, MIDDLE, OLD = 10_000, 20, 20
"""Containers made and not freed before the youngest are looked at (Python's own: 700), and how often before the older are."""


def settle() -> None:
    """Leave what is there by now, once the service is up, out of every later collection; collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
