"""The supervisor over real child processes: readiness, failure, restart, stop, and what is left behind."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from onsite.errors import OnsiteError
from onsite.processes import Children, Program

READY = """
import os, socket, signal, sys, time, subprocess
def ready(*more):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.sendto("\\n".join(("READY=1", "STATUS=well", *more)).encode(), "\\0" + os.environ["NOTIFY_SOCKET"][1:])
"""


def program(name, code, *, connects=False, **environment):
    return Program(name, [sys.executable, "-c", READY + textwrap.dedent(code)], environment, connects=connects)


WAITS = "ready(); signal.pause()"


@pytest.fixture
def said():
    return []


@pytest.fixture
def children(tmp_path, said):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    started = Children(tmp_path / "logs", said.append)
    yield started
    started.stop()
    for number, handler in before.items():
        signal.signal(number, handler)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_ready_means_that_every_child_said_so(children, tmp_path):
    children.start([program("one", f"open({str(tmp_path / 'one')!r}, 'w'); {WAITS}"), program("two", WAITS)])
    assert children.wait_ready()
    assert (tmp_path / "one").exists()


def test_a_child_that_connects_is_waited_for(children, said):
    children.start([program("kiosk", "ready('X_CONNECTED=0'); ready('X_CONNECTED=1'); signal.pause()", connects=True)])
    assert children.wait_ready()
    assert said == []


def test_a_child_that_reaches_nothing_holds_nobody_up(children, said, monkeypatch):
    monkeypatch.setattr("onsite.processes.CONNECTED_WITHIN_S", 0.2)
    children.start([program("broker", WAITS), program("kiosk", WAITS, connects=True)])
    assert children.wait_ready()
    assert said[0].startswith("kiosk: running, but the booking service is not reached yet; see the logs in ")


def test_a_child_that_cannot_start_is_named_with_its_own_last_words(children):
    children.start([program("one", WAITS), program("two", "sys.exit('the port 80 may not be opened')")])
    with pytest.raises(
        OnsiteError, match=r"two could not start: the port 80 may not be opened \(its log: .*two\.log\)"
    ):
        children.wait_ready()


def test_a_child_that_fails_is_started_again(children, said, tmp_path):
    once = tmp_path / "once"
    children.start(
        [
            program("broker", WAITS),
            program(
                "booking",
                f"""
                first = not os.path.exists({str(once)!r})
                open({str(once)!r}, "w")
                ready()
                if not first:
                    os.kill(os.getppid(), signal.SIGTERM)
                    signal.pause()
                os.kill(os.getpid(), signal.SIGKILL)
                """,
            ),
        ]
    )
    children.wait_ready()
    children.watch()  # returns because the second life of the child tells us to stop
    assert said
    assert "booking ended (SIGKILL); starting it again in 0.5 s" in said[0]


def test_a_child_that_somebody_stopped_stays_stopped(children, said):
    children.start([program("broker", WAITS), program("booking", "ready()")])
    children.wait_ready()
    while not said:
        children._turn(30, starting=False)
    assert said == ["booking was stopped from outside; the rest goes on without it"]


def test_stopping_takes_the_grandchildren_along(children, tmp_path, wait_for):
    pids = tmp_path / "pids"
    children.start(
        [
            program(
                "parent",
                f"""
                child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
                open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
                {WAITS}
                """,
            )
        ]
    )
    children.wait_ready()
    parent, grandchild = map(int, pids.read_text().split())
    children.stop()
    wait_for(lambda: not alive(parent) and not alive(grandchild), "the child and its own child ended")


def test_a_child_that_does_not_listen_is_killed_in_time(children, said):
    children.start([program("deaf", f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAITS}")])
    children.wait_ready()
    began = time.monotonic()
    children.stop()
    assert time.monotonic() - began < 5 * 2.0  # the contract's limit is 2 s
    assert said == ["deaf did not stop in time and was killed"]


def test_a_killed_supervisor_leaves_no_child(tmp_path, wait_for):
    code = f"""
        import sys
        from pathlib import Path
        from onsite.processes import Children, Program
        children = Children(Path({str(tmp_path)!r}), print)
        children.start([Program("one", [sys.executable, "-c", {READY + "ready(); signal.pause()"!r}])])
        children.wait_ready()
        print(children._children[0].popen.pid, flush=True)
        children.watch()
    """
    supervisor = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    child = int(supervisor.stdout.readline())
    assert alive(child)
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    wait_for(lambda: not alive(child), "the child ended with its supervisor")


def test_what_a_child_prints_is_in_its_log(children, tmp_path):
    children.start([program("one", f"print('hello', os.environ['GREETING'], flush=True); {WAITS}", GREETING="you")])
    children.wait_ready()
    assert (tmp_path / "logs" / "one.log").read_text() == "hello you\n"
