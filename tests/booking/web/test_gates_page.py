"""The staff's page of gates: state in words, what to do, masked credentials; empty, offline and all well; both languages."""

from datetime import timedelta

import pytest

from booking.service.gate_health import GateFault
from booking.service.gate_states import KeepGateState
from booking.service.gate_views import AlertKind
from booking.web import gate_words, help_pages
from booking.web.language import Words
from messages.presence import GateFigures, OutboxState, PortalFigures, Presence, PresenceState

pytestmark = pytest.mark.databases("sqlite", "postgres")
STAFF = "STAFF01"


@pytest.fixture
def says(house):
    """`says(**figures)`: the south gate's word, as ingest hands it on."""

    def say(gate="south", *, state=PresenceState.BIRTH, session=1, depth=0, **figures):
        now = house.clock.now()
        ids = [portal.id for one in house.context.site.gates if one.id == gate for portal in one.portals]
        said = GateFigures(
            started_at=now,
            connected_since=now - timedelta(minutes=5),
            portals=figures.pop("portals", {name: PortalFigures(good=7, last_frame=now, opened=1) for name in ids}),
            **figures,
        )
        outbox = OutboxState(epoch=4711, last_sequence=9, depth=depth, watermark=9)
        word = Presence(state, session, "9.8.7", now, 1, "boot", outbox, gate=said)
        house.do(KeepGateState(gate=gate, at=now, said=word))

    return say


def shown(client, language="en"):
    client.cookies.set("seatgate-language", language)
    answer = client.get("/staff/gates")
    assert answer.status_code == 200
    return answer.text


def section(page, gate):
    """The part of the page about one gate."""
    return next(part for part in page.split("<section")[1:] if f"<small>{gate}</small>" in part)


def test_gates_that_never_spoke_say_so_and_what_to_do(browser):
    page = shown(browser(STAFF))
    assert "has not joined with its one-time code yet" in section(page, "north")
    assert "Put its code into the file" in section(page, "north")
    assert "Nobody has passed a gate." in page


def test_all_well_is_a_word_and_a_tick(browser, says):
    says()
    south = section(shown(browser(STAFF)), "south")
    assert "All well" in south
    assert "#i-check" in south
    assert "#i-warn" not in south
    assert "Version 9.8.7" in south
    assert "epoch 4711, last event 9" in south
    assert "7 good frames" in south


@pytest.mark.parametrize(
    ("language", "state", "sentence", "advice", "kind"),
    [
        ("en", "1 of 2 lanes out", "The device cannot be used.", "Look at plug and power", "checksum 4"),
        ("zh", "2 条通道中 1 条故障", "设备无法使用。", "检查读卡器的插头和电源", "校验错误 4"),
    ],
)
def test_what_is_wrong_stands_in_words_in_both_languages(browser, says, language, state, sentence, advice, kind):
    broken = PortalFigures("/dev/ttyUSB0 is gone <b>", 0, {"checksum": 4}, 1)
    says(portals={"south-1": broken, "south-2": PortalFigures(good=1)})
    south = section(shown(browser(STAFF), language), "south")
    for text in (state, sentence, advice, kind, "/dev/ttyUSB0 is gone &lt;b&gt;"):
        assert text in south


def test_a_gate_that_left_is_offline_and_its_outbox_is_not_forgotten(browser, says, house):
    says(depth=12)
    house.clock.put(house.clock.now() + timedelta(minutes=1))
    says(session=7, state=PresenceState.DEATH)  # of a connection that was over before
    assert "Offline" not in section(shown(browser(STAFF)), "south")
    says(session=1, state=PresenceState.DEATH)
    south = section(shown(browser(STAFF)), "south")
    assert "Offline" in south
    assert "<dd>12" in south
    says(session=2)
    assert "All well" in section(shown(browser(STAFF)), "south")


def test_a_gate_that_fell_silent_is_offline_after_three_minutes(browser, says, house):
    says()
    house.clock.put(house.clock.now() + timedelta(minutes=4))
    south = section(shown(browser(STAFF)), "south")
    assert "Nothing has been heard of this gate" in south
    assert "port open" not in south
    assert "not known" in south


def test_each_lane_shows_its_last_event_masked(browser, says, wire_of, house):
    wire_of(house).passes("in")
    says()
    south = section(shown(browser(STAFF)), "south")
    assert "card …86" in south
    assert "0006547886" not in south


def test_readers_see_neither_the_page_nor_the_help(browser):
    reader = browser("S2023001")
    assert reader.get("/staff/gates").status_code == 403
    assert reader.get("/staff/help/clock-wrong").status_code == 403


def test_every_fault_and_every_alert_has_words_an_advice_and_a_page_that_is_there(house):
    for language in ("zh", "en"):
        words = Words(language, house.site.timezone, house.clock.now())
        for table in (gate_words.SAID, gate_words.DO):
            assert set(table) == set(GateFault)
            for text in table.values():
                assert (words(text) != text) is (language == "zh"), text
    assert set(gate_words.PAGE) == set(GateFault)
    assert set(gate_words.ALERT_PAGE) == set(AlertKind)
    assert {*gate_words.PAGE.values(), *gate_words.ALERT_PAGE.values()} <= help_pages.names()


def test_a_help_page_is_escaped_and_its_links_lead_to_other_pages(browser):
    desk = browser(STAFF)
    for name in help_pages.names():
        page = desk.get(f"/staff/help/{name}")
        assert page.status_code == 200
        assert "](" not in page.text, name
    assert desk.get("/staff/help/no-such-page").status_code == 404
    assert help_pages.inline("a `<b>` **c** [d](https://example.org)") == "a <code>&lt;b&gt;</code> <b>c</b> d"


def test_prometheus_sees_each_gate_too(browser, says, house):
    says(depth=4, set_aside=1)
    said = browser(STAFF).get("/metrics").text
    assert 'seatgate_gate_up{gate="south"} 1.0' in said
    assert 'seatgate_gate_waiting{gate="south"} 4.0' in said
    assert 'seatgate_gate_aside{gate="south"} 1.0' in said
    assert 'seatgate_gate_troubles{gate="south"} 1.0' in said
    assert 'gate="north"' not in said  # it has never spoken
    house.clock.put(house.clock.now() + timedelta(minutes=4))
    said = browser(STAFF).get("/metrics").text
    assert 'seatgate_gate_up{gate="south"} 0.0' in said
    assert 'seatgate_gate_heard_seconds{gate="south"} 240.0' in said
