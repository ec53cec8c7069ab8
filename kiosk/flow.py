"""The kiosk's behaviour: `step(state, input)` → the next state and the effects to run. Pure.

Two rules hold whatever happens: an unattended screen goes home by itself and takes the session with it; an input
that does not belong to the present screen changes nothing.
"""

from collections.abc import Callable
from dataclasses import replace

from kiosk.inputs import (
    AskWho,
    BookingChanged,
    CameraChanged,
    CardSeen,
    CarryOut,
    ClockMeasured,
    CloseCamera,
    CodeSeen,
    Effect,
    Failed,
    ForeignCodeSeen,
    Identified,
    Input,
    KeysArrived,
    LinkChanged,
    MapArrived,
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
    Screen,
    State,
    Trouble,
    Wish,
)
from messages import checkin

Step = tuple[State, tuple[Effect, ...]]
NOTHING: tuple[Effect, ...] = ()


def step(state: State, event: Input) -> Step:
    """Return what `event` makes of `state`."""
    match event:
        case Tick():
            return _tick(replace(state, now=event.now, monotonic=event.monotonic))
        case Tapped():
            return _tapped(replace(state, touched_at=state.monotonic), event.target)
        case PictureWanted():
            return state, (SendPicture(event.command, curtained=not isinstance(state.screen, (Idle, OutOfOrder))),)
        case Failed():
            return _go(_without_reader(state), OutOfOrder())
        case CardSeen():
            return _card(state, event.card)
        case CameraChanged() | CodeSeen() | ForeignCodeSeen() | Identified() | NotKnown():
            return _identifying(state, event)
        case WishDone() | WishFailed():
            return _answered(state, event)
        case _:
            return _told(state, event), NOTHING


def _told(state: State, event: MapArrived | LinkChanged | BookingChanged | KeysArrived | ClockMeasured) -> State:
    """Take in what the world tells, whatever is on the screen."""
    match event:
        case MapArrived():
            return replace(state, maps=state.maps.with_map(event.area_map))
        case LinkChanged():
            return replace(state, maps=state.maps.with_link(state.now, up=event.up))
        case BookingChanged():
            return replace(state, maps=state.maps.with_booking(state.now, up=event.up))
        case KeysArrived():
            return replace(state, code=replace(state.code, kiosk_number=event.kiosk_number, keys=event.keys))
        case ClockMeasured():
            return replace(state, code=replace(state.code, offset=event.offset))


def _tick(state: State) -> Step:
    if state.seconds_to_home == 0 or (isinstance(state.screen, Idle) and state.left_alone and not state.untouched):
        return _home(state)
    return state, NOTHING


def _without_reader(state: State) -> State:
    """Forget who was here: nothing of one reader is left for the next."""
    return replace(state, session=None, language=Language.CHINESE, lowered=False, attempt=state.attempt + 1)


def _home(state: State) -> Step:
    return _go(_without_reader(state), Idle())


def _go(state: State, screen: Screen) -> Step:
    """Change the screen; the camera is open on one screen alone, or always."""
    was, will = (isinstance(each, Identify) or state.always_watching for each in (state.screen, screen))
    effects: tuple[Effect, ...] = NOTHING
    if was and not will:
        effects = (CloseCamera(),)
    elif will and not was:
        effects = (OpenCamera(),)
    session = state.session if isinstance(screen, WITH_READER) else None
    return replace(state, screen=screen, session=session, touched_at=state.monotonic), effects


def _tapped(state: State, target: str | None) -> Step:
    name, _, argument = (target or "").partition("/")
    action = _TAPS.get(name)
    return action(state, argument) if action else (state, NOTHING)


def _switch_language(state: State, _argument: str) -> Step:
    other = Language.ENGLISH if state.language is Language.CHINESE else Language.CHINESE
    return replace(state, language=other), NOTHING


def _lower(state: State, _argument: str) -> Step:
    return replace(state, lowered=not state.lowered), NOTHING


def _back(state: State, _argument: str) -> Step:
    match state.screen:
        case BookByPhone(area):
            return _go(state, AreaView(area))
        case AreaView():
            return _go(state, Areas())
        case Confirm() | NotDone() if state.session is not None:
            return _go(state, Greeting())
        case _:
            return _home(state)


def _page(state: State, argument: str) -> Step:
    return _go(state, Areas(int(argument) if argument.isdecimal() and argument.isascii() else 0))


def _wish(state: State, argument: str) -> Step:
    """Have something done with the reader's seat; what gives it up is asked once more."""
    stay = state.session.stay if state.session else None
    offered = [wish for wish in (stay.wishes if stay else ()) if wish == argument]
    if not isinstance(state.screen, Greeting) or state.screen.asking is not None or not offered:
        return state, NOTHING
    return _go(state, Confirm(offered[0])) if offered[0].gives_up else _carry_out(state, offered[0])


def _confirmed(state: State, _argument: str) -> Step:
    return _carry_out(state, state.screen.wish) if isinstance(state.screen, Confirm) else (state, NOTHING)


def _carry_out(state: State, wish: Wish) -> Step:
    if state.session is None:
        return _home(state)
    state, effects = _go(state, Greeting(asking=wish))
    state = replace(state, attempt=state.attempt + 1)
    asked = state.session
    return state, (*effects, CarryOut(state.attempt, asked, wish, state.language)) if asked else effects


def _answered(state: State, event: WishDone | WishFailed) -> Step:
    screen, session = state.screen, state.session
    asking = screen.asking if isinstance(screen, Greeting) else None
    if asking is None or session is None or event.attempt != state.attempt:
        return state, NOTHING
    if isinstance(event, WishFailed):
        return _go(state, NotDone(event.reason))
    return _go(replace(state, session=replace(session, stay=event.stay)), Done(asking))


_TAPS: dict[str, Callable[[State, str], Step]] = {
    "language": _switch_language,
    "lower": _lower,
    "back": _back,
    "home": lambda state, _: _home(state),
    "stay": lambda state, _: (state, NOTHING),
    "pick": lambda state, _: _go(state, Areas()),
    "page": _page,
    "area": lambda state, area: _go(state, AreaView(area)),
    "phone": lambda state, area: _go(state, BookByPhone(area)),
    "mine": lambda state, _: _go(state, Identify()),
    "wish": _wish,
    "confirm": _confirmed,
}


def _identifying(state: State, event: CameraChanged | CodeSeen | ForeignCodeSeen | Identified | NotKnown) -> Step:
    screen = state.screen
    if isinstance(screen, Idle) and isinstance(event, CodeSeen) and state.always_watching:
        screen = Identify(CameraState.WATCHING)
    if not isinstance(screen, Identify):
        return state, NOTHING
    match event:
        case CameraChanged():
            return replace(state, screen=replace(screen, camera=event.camera)), NOTHING
        case CodeSeen() if not screen.asking and event.text != state.last_code:
            return _ask(state, screen, event.text)
        case ForeignCodeSeen() if not screen.asking:
            return _go(state, NotIdentified(Trouble.NOT_A_READER_CODE))
        case Identified() if screen.asking and event.attempt == state.attempt:
            return _go(replace(state, session=event.session), Greeting())
        case NotKnown() if screen.asking and event.attempt == state.attempt:
            return _go(state, NotIdentified(event.trouble))
        case _:
            return state, NOTHING


def _card(state: State, card: str) -> Step:
    """Ask whose card it is, whatever is on the screen: who holds a card there is the one who stands there now."""
    screen = state.screen
    if isinstance(screen, Identify) and screen.asking:
        return state, NOTHING
    camera = screen.camera if isinstance(screen, Identify) else CameraState.OPENING
    state, effects = _go(state, Identify(camera, asking=True))
    state = replace(state, attempt=state.attempt + 1)
    return state, (*effects, AskWho(state.attempt, card=card))


def _ask(state: State, screen: Identify, code: str) -> Step:
    if not checkin.is_reader_code(code):
        return state, NOTHING
    state, effects = _go(state, replace(screen, asking=True, camera=CameraState.WATCHING))
    state = replace(state, attempt=state.attempt + 1, last_code=code)
    return state, (*effects, AskWho(state.attempt, code))
