"""The flow: a table of what a tap does, and the rules that hold for every sequence of inputs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk import flow
from kiosk.code_clock import CodeClock
from kiosk.inputs import (
    AskWho,
    BookingChanged,
    CameraChanged,
    CardSeen,
    CarryOut,
    ClockMeasured,
    CloseCamera,
    CodeSeen,
    Failed,
    ForeignCodeSeen,
    Identified,
    KeysArrived,
    LinkChanged,
    NotKnown,
    OpenCamera,
    PictureWanted,
    SendPicture,
    Tapped,
    Tick,
    WishDone,
    WishFailed,
)
from kiosk.state import (
    WITH_READER,
    Areas,
    AreaView,
    BookByPhone,
    CameraState,
    Confirm,
    Done,
    Greeting,
    Identify,
    Idle,
    Language,
    NotDone,
    NotIdentified,
    OutOfOrder,
    Refusal,
    Session,
    State,
    Stay,
    Trouble,
    Wish,
)
from messages import checkin

CODE = checkin.reader_code(bytes(range(16)))


@pytest.fixture
def idle(place):
    from datetime import UTC, datetime

    return State(now=datetime(2023, 7, 17, 8, 38, tzinfo=UTC), code=CodeClock("https://x"))


def run(state, *events):
    effects = []
    for event in events:
        state, more = flow.step(state, event)
        effects += more
    return state, effects


def wait(state, seconds):
    return run(state, Tick(state.now + timedelta(seconds=seconds), state.monotonic + seconds))


@pytest.mark.parametrize(
    ("screen", "target", "becomes", "effects"),
    [
        (Idle(), "pick", Areas(), []),
        (Idle(), "mine", Identify(), [OpenCamera()]),
        (Idle(), None, Idle(), []),
        (Idle(), "nonsense/…", Idle(), []),
        (Areas(), "area/2f-centre", AreaView("2f-centre"), []),
        (Areas(), "page/1", Areas(1), []),
        (Areas(), "page/x", Areas(0), []),
        (Areas(), "back", Idle(), []),
        (AreaView("a"), "back", Areas(), []),
        (AreaView("a"), "phone/a", BookByPhone("a"), []),
        (BookByPhone("a"), "back", AreaView("a"), []),
        (BookByPhone("a"), "home", Idle(), []),
        (Identify(), "back", Idle(), [CloseCamera()]),
        (NotIdentified(Trouble.CODE_INVALID), "mine", Identify(), [OpenCamera()]),
        (OutOfOrder(), "home", Idle(), []),
    ],
)
def test_what_a_tap_does(idle, screen, target, becomes, effects):
    state, seen = run(replace(idle, screen=screen), Tapped(target))
    assert state.screen == becomes
    assert seen == effects


def test_a_shown_code_becomes_a_greeting_and_the_camera_closes(idle):
    state, effects = run(idle, Tapped("mine"), CameraChanged(CameraState.WATCHING), CodeSeen(CODE))
    assert effects == [OpenCamera(), AskWho(state.attempt, CODE)]
    state, effects = run(state, Identified(state.attempt, Session("token", "王*")))
    assert state.screen == Greeting()
    assert effects == [CloseCamera()]


def test_one_code_is_asked_about_once(idle):
    _, effects = run(idle, Tapped("mine"), CodeSeen(CODE), CodeSeen(CODE), ForeignCodeSeen())
    assert [type(effect) for effect in effects] == [OpenCamera, AskWho]


@pytest.mark.parametrize("screen", [Idle(), Areas(), AreaView("a"), Identify(), NotIdentified(Trouble.REFUSED)])
def test_a_card_is_asked_about_on_any_screen(idle, screen):
    state, effects = run(replace(idle, screen=screen), CardSeen("0006547886"))
    assert effects[-1] == AskWho(state.attempt, card="0006547886")
    assert run(state, CardSeen("0006547886"), CardSeen("1"))[1] == [], "one at a time"
    state, _ = run(state, Identified(state.attempt, Session("t", "王*")))
    assert (state.screen, state.session.name) == (Greeting(), "王*")


def test_a_card_before_somebody_elses_seat_is_the_next_reader(idle):
    state, _ = run(replace(idle, screen=Greeting(), session=Session("t", "王*")), CardSeen("2"))
    assert (state.session, state.screen.asking) == (None, True)
    assert "0006547886" not in repr(CardSeen("0006547886")) + repr(AskWho(1, card="0006547886"))


def test_an_answer_for_somebody_who_left_is_dropped(idle):
    state, _ = run(idle, Tapped("mine"), CodeSeen(CODE))
    late = Identified(state.attempt, Session("token", "王*"))
    state, _ = run(state, Tapped("back"), Tapped("mine"), late)
    assert state.session is None
    assert isinstance(state.screen, Identify)


def test_a_text_that_is_no_reader_code_is_never_asked_about(idle):
    _, effects = run(idle, Tapped("mine"), CodeSeen("R1" + "I" * 26))
    assert effects == [OpenCamera()]


def test_nobody_here_warns_after_thirty_seconds_and_goes_home_after_fifty(idle):
    state, _ = run(idle, Tapped("pick"), Tapped("language"))
    state, _ = wait(state, 29)
    assert state.seconds_to_home is None
    state, _ = wait(state, 1)
    assert state.seconds_to_home == 20
    state, _ = wait(state, 19)
    assert (state.seconds_to_home, state.screen) == (1, Areas())
    state, _ = wait(state, 1)
    assert (state.screen, state.language) == (Idle(), Language.CHINESE)


def test_a_touch_extends_and_does_not_cancel(idle):
    state, _ = run(idle, Tapped("pick"))
    state, _ = wait(state, 45)
    state, _ = run(state, Tapped("stay"))
    assert (state.screen, state.seconds_to_home) == (Areas(), None)
    state, _ = wait(state, 50)
    assert state.screen == Idle()


def test_a_failure_drops_the_session_shows_the_failsafe_and_goes_home(idle):
    state, effects = run(replace(idle, screen=Identify(), session=Session("t", "王*")), Failed())
    assert (state.screen, state.session) == (OutOfOrder(), None)
    assert effects == [CloseCamera()]
    state, _ = wait(state, 15)
    assert state.screen == Idle()


def test_staff_see_the_idle_screen_and_only_a_curtain_before_a_reader(idle):
    """screenshot (idle screens only): staff never see a reader's name this way."""
    for screen, curtained in ((Idle(), False), (OutOfOrder(), False), (Greeting(), True), (Identify(), True)):
        assert run(replace(idle, screen=screen), PictureWanted("c"))[1] == [SendPicture("c", curtained=curtained)]


def test_a_camera_that_always_watches_needs_no_tap_and_asks_once(idle):
    state, effects = run(replace(idle, always_watching=True), CodeSeen(CODE))
    assert effects == [AskWho(state.attempt, CODE)]
    state, effects = run(state, Identified(state.attempt, Session("t", "王*")), Tapped("home"), CodeSeen(CODE))
    assert (effects, state.screen) == ([], Idle())
    assert run(idle, CodeSeen(CODE))[1] == [], "only where the setting says so"


def seat(*wishes, now=None):
    from datetime import UTC, datetime

    at = now or datetime(2023, 7, 17, 8, 38, tzinfo=UTC)
    return Stay("2f-centre", "042", at, at + timedelta(hours=3), "reserved", id="r1", wishes=wishes)


@pytest.fixture
def before_it(idle):
    """Somebody who may check in or cancel stands before the machine."""
    return replace(idle, screen=Greeting(), session=Session("t", "王*", seat(Wish.CHECK_IN, Wish.CANCEL)), attempt=3)


def test_a_wish_is_asked_of_booking_once_and_what_was_done_is_told(before_it):
    state, effects = run(before_it, Tapped("wish/check-in"), Tapped("wish/check-in"), Tapped("wish/cancel"))
    assert effects == [CarryOut(4, before_it.session, Wish.CHECK_IN, Language.CHINESE)]
    assert state.screen == Greeting(asking=Wish.CHECK_IN)
    now = seat(Wish.STEP_AWAY)
    state, effects = run(state, WishDone(3, None), WishDone(4, now))
    assert (state.screen, state.session.stay, effects) == (Done(Wish.CHECK_IN), now, [])
    state, _ = wait(state, 15)
    assert (state.screen, state.session) == (Idle(), None)


@pytest.mark.parametrize("target", ["wish/extend", "wish/", "wish/nonsense", "confirm", "wish/check-in/x"])
def test_what_booking_would_not_do_cannot_be_wished(before_it, target):
    assert run(before_it, Tapped(target)) == (replace(before_it, touched_at=before_it.monotonic), [])


def test_who_gives_a_seat_up_is_asked_once_more(before_it):
    state, effects = run(before_it, Tapped("wish/cancel"))
    assert (state.screen, effects) == (Confirm(Wish.CANCEL), [])
    assert run(state, Tapped("back"))[0].screen == Greeting()
    state, effects = run(state, Tapped("confirm"), Tapped("confirm"))
    assert effects == [CarryOut(4, before_it.session, Wish.CANCEL, Language.CHINESE)]
    state, _ = run(state, WishDone(4, None))
    assert (state.screen, state.session.stay) == (Done(Wish.CANCEL), None)


@pytest.mark.parametrize("reason", [Refusal("现在不能签到。"), Trouble.UNANSWERED])
def test_a_refusal_is_told_and_leads_back_to_the_seat(before_it, reason):
    state, _ = run(before_it, Tapped("language"), Tapped("wish/check-in"))
    assert run(state, WishFailed(9, reason))[0] == state
    state, _ = run(state, WishFailed(4, reason))
    assert (state.screen, state.session) == (NotDone(reason), before_it.session)
    assert run(state, Tapped("back"))[0].screen == Greeting()


def test_an_answer_to_somebody_who_left_is_nobodys(before_it):
    state, _ = run(before_it, Tapped("wish/check-in"), Tapped("home"), WishDone(4, seat()))
    assert (state.screen, state.session) == (Idle(), None)


EVENTS = st.one_of(
    st.builds(
        Tapped,
        st.sampled_from(
            [
                None,
                "",
                "/",
                "pick",
                "mine",
                "back",
                "home",
                "stay",
                "language",
                "lower",
                "area/x",
                "area/",
                "page/9",
                "phone/x",
                "wish/check-in",
                "wish/end",
                "wish/extend",
                "confirm",
            ]
        ),
    ),
    st.just(LinkChanged(up=True)),
    st.just(LinkChanged(up=False)),
    st.just(BookingChanged(up=True)),
    st.just(KeysArrived(1, {})),
    st.builds(ClockMeasured, st.timedeltas()),
    st.builds(CameraChanged, st.sampled_from(CameraState)),
    st.sampled_from([CodeSeen(CODE), CodeSeen(""), CodeSeen("x" * 5000)]),
    st.just(ForeignCodeSeen()),
    st.just(CardSeen("0006547886")),
    st.builds(Identified, st.integers(0, 9), st.sampled_from([Session("t", "王*"), Session("t", "李*", seat(*Wish))])),
    st.builds(WishDone, st.integers(0, 9), st.sampled_from([None, seat(Wish.END)])),
    st.builds(WishFailed, st.integers(0, 9), st.sampled_from([*Trouble, Refusal("不行")])),
    st.builds(NotKnown, st.integers(0, 9), st.sampled_from(Trouble)),
    st.just(PictureWanted("c")),
    st.just(Failed()),
    st.floats(0, 40),
)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(EVENTS, max_size=40))
def test_whatever_happens_it_goes_home_alone_and_forgets(events):
    from datetime import UTC, datetime

    state = State(now=datetime(2023, 7, 17, 8, 38, tzinfo=UTC), code=CodeClock("https://x"))
    open_camera = False
    for event in events:
        state, effects = wait(state, event) if isinstance(event, float) else flow.step(state, event)
        for effect in effects:
            assert not (isinstance(effect, OpenCamera) and open_camera)
            open_camera = isinstance(effect, OpenCamera) or (open_camera and not isinstance(effect, CloseCamera))
        assert open_camera == isinstance(state.screen, Identify), "the camera is open on that screen alone"
        assert state.session is None or isinstance(state.screen, WITH_READER), "nobody else sees who was here"
        assert state.session is not None or not isinstance(state.screen, (Confirm, Done, NotDone))
    state, _ = wait(state, 50)
    assert (state.screen, state.session, state.language, state.lowered) == (Idle(), None, Language.CHINESE, False)
