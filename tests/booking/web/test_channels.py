"""通知方式: each reader chooses where they are told; addresses are checked, shown masked, and nobody else's business."""

import pytest

from booking.domain.telling import Offer, TellingChannel

ONE, OTHER = "S2023001", "S2023002"
HOOK = "https://hooks.example.edu"


@pytest.fixture
def open_channels(house):
    """The library offers every channel, and webhooks to one place."""
    object.__setattr__(house.context, "offer", Offer(frozenset(TellingChannel), (HOOK,)))


def items(client):
    return {item["channel"]: item for item in client.get("/api/v1/channels").json()["items"]}


def test_a_library_that_offers_none_has_none(api, browser):
    assert items(api(ONE)) == {}
    answer = api(ONE).put("/api/v1/channels/email", json={"address": "lin@bjut.edu.cn"})
    assert answer.status_code == 404
    assert "本馆尚未开通其他通知方式" in browser(ONE).get("/me/channels").text


@pytest.mark.usefixtures("open_channels")
def test_a_channel_is_set_read_back_masked_changed_and_forgotten(api):
    client = api(ONE)
    assert items(client)["email"]["address"] is None
    wish = {"address": "lin@bjut.edu.cn", "language": "en", "topics": ["reminders", "free"]}
    made = client.put("/api/v1/channels/email", json=wish).json()
    assert made == {
        "channel": "email",
        "address": "l***@bjut.edu.cn",
        "language": "en",
        "topics": ["reminders", "free"],
    }
    assert items(client)["email"] == made
    kept = client.put("/api/v1/channels/email", json={"language": "zh"}).json()
    assert (kept["address"], kept["language"], len(kept["topics"])) == ("l***@bjut.edu.cn", "zh", 4)
    assert client.delete("/api/v1/channels/email").status_code == 204
    assert client.delete("/api/v1/channels/email").status_code == 204
    assert items(client)["email"]["address"] is None


@pytest.mark.usefixtures("open_channels")
@pytest.mark.parametrize(
    ("channel", "body", "status"),
    [
        ("email", {"address": "not an address"}, 422),
        ("email", {"address": "a@b.cn\r\nBcc: c@d.cn"}, 422),
        ("email", {}, 422),
        ("webhook", {"address": "http://169.254.169.254/"}, 422),
        ("webhook", {"address": HOOK + "@evil.example/"}, 422),
        ("email", {"address": "a@b.cn", "language": "fr"}, 422),
        ("email", {"address": "a@b.cn", "topics": ["gossip"]}, 422),
        ("email", {"address": "a@b.cn", "more": 1}, 422),
        ("pigeon", {"address": "a@b.cn"}, 404),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_kept(api, channel, body, status):
    client = api(ONE)
    assert client.put(f"/api/v1/channels/{channel}", json=body).status_code == status
    assert all(item["address"] is None for item in items(client).values())


@pytest.mark.usefixtures("open_channels")
def test_a_reader_sees_and_changes_only_their_own(api):
    mine, other = api(ONE), api(OTHER)
    mine.put("/api/v1/channels/webhook", json={"address": HOOK + "/secret"})
    assert items(other)["webhook"]["address"] is None
    other.delete("/api/v1/channels/webhook")
    assert items(mine)["webhook"]["address"] == HOOK + "/…"
    assert "secret" not in mine.get("/api/v1/channels").text
    assert api().get("/api/v1/channels").status_code == 401


@pytest.mark.usefixtures("open_channels")
def test_the_page_does_all_of_it_with_forms(browser, api):
    reader = browser(ONE)
    page = reader.get("/me/channels")
    wish = {"address": "lin@bjut.edu.cn", "language": "en", "topic-losses": "1"}
    saved = reader.submit(page, "/me/channels/email", **wish)
    assert "已保存" in saved.text
    assert "l***@bjut.edu.cn" in saved.text
    assert "lin@bjut.edu.cn" not in saved.text
    assert items(api(ONE))["email"]["topics"] == ["losses"]
    wrong = reader.submit(saved, "/me/channels/email", address="nowhere")
    assert wrong.status_code == 422
    assert "设置未更改" in wrong.text
    gone = reader.submit(saved, "/me/channels/email/remove")
    assert "l***@bjut.edu.cn" not in gone.text
