"""What is wrong with a gate, from what it last said; and that each fault has words, an advice and a page."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec import UNSET

from booking.service.gate_health import GateFault, Weight, offset, troubles
from booking.service.gate_states import GateState
from config import shipped
from config.site_check import load_site
from messages.presence import GateFigures, OutboxState, PortalFigures, Presence, PresenceState

NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GATE = load_site(shipped("sites", "bjut.toml")).gates[0]
WELL = PortalFigures(good=20, opened=1, last_frame=NOW - MINUTE)


def state(*, heard=timedelta(seconds=20), gone=None, ahead=timedelta(), depth=0, warnings=UNSET, **figures):
    heard_at = NOW - heard
    said = GateFigures(
        started_at=NOW - timedelta(days=3),
        connected_since=NOW - timedelta(days=3),
        portals=figures.pop("portals", {"south-1": WELL, "south-2": WELL}),
        **figures,
    )
    outbox = OutboxState(epoch=1, last_sequence=9, depth=depth, watermark=9 - min(depth, 9))
    word = Presence(PresenceState.BIRTH, 1, "0.1.0", heard_at + ahead, 1, "boot", outbox, gate=said, warnings=warnings)
    return GateState(gate="south", heard_at=heard_at, gone_at=gone, said=word)


def found(known, *, joined=True):
    return [(one.fault, one.portal) for one in troubles(GATE, known, NOW, joined=joined)]


def portals(**changes):
    return {"south-1": msgspec.structs.replace(WELL, **changes), "south-2": WELL}


def test_a_gate_that_is_well_has_none():
    assert found(state()) == []
    assert found(state(depth=20, oldest_waiting=NOW - MINUTE, ahead=timedelta(seconds=4))) == []


@pytest.mark.parametrize(
    ("known", "fault", "portal"),
    [
        (state(gone=NOW), GateFault.OFFLINE, ""),
        (state(heard=4 * MINUTE), GateFault.SILENT, ""),
        (state(fault="the disk is full"), GateFault.CANNOT_STORE, ""),
        (state(set_aside=2), GateFault.SET_ASIDE, ""),
        (state(warnings=["rights"]), GateFault.RIGHTS, ""),
        (state(warnings=["outbox-lost"]), GateFault.OUTBOX_LOST, ""),
        (state(warnings=["access-list"]), GateFault.ACCESS_LIST, ""),
        (state(warnings=["locked"]), GateFault.LOCKED, ""),
        (state(warnings=["a-later-version-knows"]), GateFault.WARNED, ""),
        (state(depth=101), GateFault.WAITING, ""),
        (state(depth=1, oldest_waiting=NOW - 6 * MINUTE), GateFault.WAITING, ""),
        (state(ahead=timedelta(seconds=-6)), GateFault.CLOCK, ""),
        (state(portals=portals(trouble="/dev/ttyUSB0 is gone")), GateFault.PORT, "south-1"),
        (state(portals=portals(bad={"checksum": 3})), GateFault.BAD_FRAMES, "south-1"),
        (state(portals=portals(last_frame=NOW - timedelta(hours=25))), GateFault.QUIET, "south-1"),
        (state(portals=portals(last_frame=None, good=0)), GateFault.QUIET, "south-1"),
    ],
)
def test_each_fault_is_found(known, fault, portal):
    assert found(known) == [(fault, portal)]


def test_a_gate_that_never_spoke_is_told_from_one_that_never_joined():
    assert found(None) == [(GateFault.NEVER_HEARD, "")]
    assert found(None, joined=False) == [(GateFault.NOT_JOINED, "")]


@pytest.mark.parametrize("bad", [{"checksum": 2}, {"garbage": 1}])
def test_a_card_pulled_away_now_and_then_is_none(bad):
    assert found(state(portals=portals(bad=bad))) == []
    assert found(state(portals=portals(bad={"length": 40}, good=1000))) == []


def test_of_a_gate_that_is_away_only_that_is_said():
    assert found(state(gone=NOW, fault="x", set_aside=1, portals=portals(trouble="gone"))) == [(GateFault.OFFLINE, "")]


def test_the_worst_stands_first():
    wrong = troubles(GATE, state(depth=500, portals=portals(trouble="gone")), NOW, joined=True)
    assert [one.weight for one in wrong] == [Weight.BROKEN, Weight.LOOK]
    assert offset(state(ahead=2 * MINUTE)) == 2 * MINUTE
