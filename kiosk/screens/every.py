"""Which file draws which screen."""

from typing import assert_never

from display.scene import Scene
from kiosk.screens import area_map, areas, by_phone, identify, idle, my_seat, result
from kiosk.screens.sheet import View
from kiosk.state import (
    Areas,
    AreaView,
    BookByPhone,
    Confirm,
    Done,
    Greeting,
    Identify,
    Idle,
    NotDone,
    NotIdentified,
    OutOfOrder,
)


def draw(view: View) -> Scene:  # noqa: C901 - one line per screen
    """Draw the screen that the state names."""
    match view.state.screen:
        case Idle():
            return idle.draw(view)
        case Areas():
            return areas.draw(view)
        case AreaView():
            return area_map.draw(view)
        case BookByPhone():
            return by_phone.draw(view)
        case Identify():
            return identify.draw(view)
        case Greeting():
            return my_seat.draw_greeting(view)
        case Confirm(wish):
            return my_seat.draw_confirm(view, wish)
        case Done(wish):
            return my_seat.draw_done(view, wish)
        case NotDone(reason):
            return result.draw_trouble(view, reason)
        case NotIdentified(trouble):
            return result.draw_trouble(view, trouble)
        case OutOfOrder():
            return result.draw_out_of_order(view)
        case _ as never:
            assert_never(never)
