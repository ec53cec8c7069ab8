"""What the collector is told once the service is up."""

import subprocess
import sys

SETTLED = """
import gc
from booking.collector import YOUNG, settle
settle()
assert gc.isenabled() and gc.get_threshold()[0] == YOUNG
class Ring:
    pass
import weakref
ring = Ring()
ring.itself = ring
gone = weakref.ref(ring)
del ring
kept = [[] for _ in range(2 * YOUNG)]
assert gone() is None, "a cycle made later is still found"
"""


def test_cycles_are_still_found():
    subprocess.run([sys.executable, "-c", SETTLED], check=True, timeout=60)
