"""What an address on each channel looks like, what is shown of it, and which kinds a topic switches."""

import pytest

from booking.domain.evidence import Change
from booking.domain.reminders import Reminder
from booking.domain.telling import KINDS, Offer, TellingChannel, Topic, masked, muted_by, topics_of

EMAIL, WECOM, DINGTALK, WEBHOOK = (TellingChannel(name) for name in ("email", "wecom", "dingtalk", "webhook"))
OFFER = Offer(frozenset(TellingChannel), ("https://hooks.example.edu", "http://127.0.0.1:8099"))
KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"
SECRET = "SEC" + "a1" * 16


@pytest.mark.parametrize(
    ("channel", "text", "kept"),
    [
        (EMAIL, " lin@bjut.edu.cn ", "lin@bjut.edu.cn"),
        (EMAIL, "lin@localhost", None),
        (EMAIL, "lin@a.cn,wang@b.cn", None),
        (EMAIL, "lin@a.cn\nBcc: wang@b.cn", None),
        (EMAIL, '"lin" <lin@a.cn>', None),
        (EMAIL, "l" * 65 + "@a.cn", None),
        (WECOM, KEY, KEY),
        (WECOM, f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}", KEY),
        (WECOM, f"https://elsewhere.example/cgi-bin/webhook/send?key={KEY}", None),
        (WECOM, "short", None),
        (DINGTALK, "a1" * 32, "a1" * 32),
        (DINGTALK, f"https://oapi.dingtalk.com/robot/send?access_token={'a1' * 32} {SECRET}", f"{'a1' * 32} {SECRET}"),
        (DINGTALK, f"{'a1' * 32} nosecret", None),
        (WEBHOOK, "https://hooks.example.edu/in?to=me", "https://hooks.example.edu/in?to=me"),
        (WEBHOOK, "http://127.0.0.1:8099/", "http://127.0.0.1:8099/"),
        (WEBHOOK, "http://hooks.example.edu/in", None),
        (WEBHOOK, "https://hooks.example.edu:8443/in", None),
        (WEBHOOK, "https://hooks.example.edu.evil.example/in", None),
        (WEBHOOK, "https://hooks.example.edu@evil.example/in", None),
        (WEBHOOK, "https://evil.example\\@hooks.example.edu/in", None),
        (WEBHOOK, "http://169.254.169.254/latest/meta-data", None),
        (WEBHOOK, "https://[hooks", None),
        (WEBHOOK, "https://hooks.example.edu/" + "x" * 500, None),
        (WEBHOOK, "", None),
    ],
)
def test_an_address_is_kept_or_refused(channel, text, kept):
    assert OFFER.address(channel, text) == kept


@pytest.mark.parametrize("channel", list(TellingChannel))
def test_what_the_library_does_not_offer_has_no_address(channel):
    texts = ("lin@bjut.edu.cn", KEY, "https://hooks.example.edu/in")
    assert [Offer().address(channel, text) for text in texts] == [None] * 3


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        (EMAIL, "lin@bjut.edu.cn", "l***@bjut.edu.cn"),
        (WECOM, KEY, "693a…"),
        (DINGTALK, f"{'a1' * 32} {SECRET}", "a1a1…"),
        (WEBHOOK, "https://hooks.example.edu/in?to=me", "https://hooks.example.edu/…"),
    ],
)
def test_an_address_is_shown_masked(channel, address, shown):
    assert masked(channel, address) == shown


def test_topics_and_muted_kinds_are_two_ways_to_say_the_same():
    for topic in Topic:
        assert topics_of(frozenset(muted_by(frozenset({topic})))) == {topic}
    assert muted_by(frozenset(Topic)) == ()
    assert topics_of(frozenset()) == frozenset(Topic)


def test_a_topic_names_kinds_that_there_are_and_each_once():
    """A kind of no topic is always told: what nobody can switch off cannot be missed by mistake."""
    kinds = [kind for topic in Topic for kind in KINDS[topic]]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) <= {*map(str, Change), *map(str, Reminder), "seat-free", "inside", "draw-lost"}
