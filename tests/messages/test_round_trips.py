"""Whatever may be said is said and read back the same."""

from datetime import datetime, timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st

from messages import access, acknowledgement, presence, seats
from messages.access import (
    AccessEvent,
    AccessOutcome,
    AlarmEvent,
    AlarmKind,
    Credential,
    CredentialKind,
    Direction,
    PassageEvent,
)
from messages.acknowledgement import Acknowledgement, RejectCode, Rejected, ranges_of
from messages.presence import GateFigures, OutboxState, PortalFigures, Presence, PresenceState
from messages.seats import AreaMap, SeatState, SeatStatus
from messages.topics import Family

# msgspec writes offsets to the minute, as RFC 3339 has them.
ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the zone is given
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=48)
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", fullmatch=True)
NUMBERS = st.integers(1, 2**53 - 1)
EPOCHS = st.integers(0, 2**53 - 1)
COMMON = {
    "portal": NAMES,
    "occurred_at": TIMES,
    "monotonic_ns": st.integers(0, 2**63 - 1),
    "boot_id": TEXT,
    "epoch": EPOCHS,
    "sequence": NUMBERS,
}
ACCESS = st.builds(
    AccessEvent,
    direction=st.sampled_from(Direction),
    credential=st.none() | st.builds(Credential, st.sampled_from(CredentialKind), TEXT),
    outcome=st.sampled_from(AccessOutcome),
    **COMMON,
)
ALARM = st.builds(AlarmEvent, active=st.booleans(), what=st.sampled_from(AlarmKind), **COMMON)
PASSAGE = st.builds(PassageEvent, of=NUMBERS, passed=st.booleans(), **COMMON)


@settings(deadline=None, derandomize=True)
@given(site=NAMES, gate=NAMES, event=ACCESS | PASSAGE | ALARM)
def test_gate_events(site, gate, event):
    assert access.decode(site, gate, access.encode(site, gate, event)) == event


@settings(deadline=None, derandomize=True)
@given(epoch=EPOCHS, sequences=st.sets(NUMBERS, max_size=50), rejected=st.lists(NUMBERS, max_size=5), time=TIMES)
def test_acknowledgements(epoch, sequences, rejected, time):
    said = Acknowledgement(
        epoch, ranges_of(sequences), [Rejected(number, RejectCode.MALFORMED) for number in rejected], time
    )
    assert acknowledgement.decode(acknowledgement.encode("bjut", "main", said, event_id="a")) == said


STATES = st.builds(
    OutboxState,
    epoch=EPOCHS,
    last_sequence=EPOCHS,
    depth=EPOCHS,
    watermark=EPOCHS,
    previous_epoch=st.none() | EPOCHS,
)


FIGURES = st.builds(
    GateFigures,
    started_at=TIMES,
    connected_since=TIMES,
    portals=st.dictionaries(
        NAMES,
        st.builds(
            PortalFigures,
            trouble=TEXT,
            good=EPOCHS,
            bad=st.dictionaries(st.sampled_from(["checksum", "length"]), EPOCHS),
            opened=EPOCHS,
            last_frame=st.none() | TIMES,
        ),
        max_size=3,
    ),
    set_aside=EPOCHS,
    oldest_waiting=st.none() | TIMES,
    fault=TEXT,
)


@settings(deadline=None, derandomize=True)
@given(
    st.builds(
        Presence,
        state=st.sampled_from(PresenceState),
        session=EPOCHS,
        version=TEXT.map(lambda text: text[:32]),
        wall=TIMES,
        monotonic_ns=st.integers(0, 2**63 - 1),
        boot_id=TEXT,
        outbox=st.none() | STATES,
        gate=st.none() | FIGURES,
    )
)
def test_presences(said):
    assert presence.decode(presence.encode("bjut", Family.GATES, "south", said)) == said


@settings(deadline=None, derandomize=True)
@given(
    st.builds(
        AreaMap,
        area=NAMES,
        generation=EPOCHS,
        n=EPOCHS,
        at=TIMES,
        total=EPOCHS,
        free=EPOCHS,
        seats=st.lists(st.builds(SeatState, TEXT, st.sampled_from(SeatStatus), st.none() | TIMES), max_size=6),
    )
)
def test_area_maps(said):
    assert seats.decode(seats.encode("bjut", "main", said)) == said
