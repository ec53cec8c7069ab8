"""Actions that wait for a line: in order, never late, never too many, each told once."""

from wire.line_driver import Action, Wanted
from wire.pending import MOST, Pending


def wanted(until_ns, told):
    return Wanted("south-1", Action.OPEN, until_ns, done=told.append)


def test_they_come_in_order_and_wake_the_line():
    woken, told = [], []
    pending = Pending(lambda: woken.append(True))
    first, second = wanted(10, told), wanted(20, told)
    pending.put(first)
    pending.put(second)
    assert list(pending.due(5)) == [first, second]
    assert (len(woken), told) == (2, [])
    assert list(pending.due(5)) == []


def test_one_whose_time_is_over_is_told_and_not_done():
    told = []
    pending = Pending(lambda: None)
    pending.put(wanted(10, told))
    late = wanted(11, told)
    pending.put(late)
    assert list(pending.due(10)) == [late]
    assert told == ["its time was over before the line could take it"]


def test_too_many_are_refused_and_a_lost_line_refuses_the_rest():
    told = []
    pending = Pending(lambda: None)
    for _ in range(MOST + 1):
        pending.put(wanted(10, told))
    assert told == ["too many actions wait for this line"]
    pending.refuse("the port is lost")
    assert told[1:] == ["the port is lost"] * MOST
    assert list(pending.due(0)) == []
