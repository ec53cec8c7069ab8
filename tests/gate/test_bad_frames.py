"""Bad frames are all counted; the log gets the first, then a count a minute."""

from gate.bad_frames import BadFrames
from wire.found import BadFrame, Fault

CHECKSUM = BadFrame(Fault.CHECKSUM, b"\x02010063E9AE24\x03", "the checksum does not fit")
GARBAGE = BadFrame(Fault.GARBAGE, b"noise", "5 bytes outside any frame")


def test_the_first_is_told_the_rest_is_summed_up():
    bad = BadFrames()
    assert bad.note("south-1", CHECKSUM) == (
        "bad frame dropped portal=south-1 kind=checksum bytes=14: the checksum does not fit"
    )
    assert [bad.note("south-1", CHECKSUM) for _ in range(4)] == [None] * 4
    assert bad.note("south-1", GARBAGE)
    assert bad.note("south-2", CHECKSUM)
    assert bad.report() == ["bad frames dropped portal=south-1 kind=checksum count=4 in_all=5"]


def test_a_line_that_stays_bad_costs_a_line_a_minute():
    bad = BadFrames()
    told = 0
    for _minute in range(10):
        told += sum(bad.note("south-1", GARBAGE) is not None for _ in range(100))
        told += len(bad.report())
    assert told == 11
    assert bad.total("south-1") == {"garbage": 1000}


def test_after_a_quiet_minute_the_first_is_told_again():
    bad = BadFrames()
    assert bad.note("south-1", GARBAGE)
    assert bad.report() == []
    assert bad.note("south-1", GARBAGE)


def test_no_byte_of_a_bad_frame_is_in_the_log():
    assert "63E9AE" not in BadFrames().note("south-1", CHECKSUM)
