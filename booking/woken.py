"""Work on a thread of its own that is done again whenever something woke it: the form of all that send after a commit."""

import threading
from abc import ABC, abstractmethod
from datetime import timedelta


class Woken(ABC):
    """`wake` and `stop` from any thread; `run` on a thread of its own until `stop`."""

    gather = timedelta(milliseconds=20)
    """From waking to working: whoever waits for the commit is answered first, and what follows it closely goes with it."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Look for new work; never waits."""
        self._wake.set()

    def stop(self) -> None:
        """End `run`."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work whenever woken, until `stop`."""
        while True:
            self._wake.wait()
            if self._stopping.wait(self.gather.total_seconds()):
                return
            self._wake.clear()
            self.work()

    @abstractmethod
    def work(self) -> None:
        """Do what there is to do now."""
