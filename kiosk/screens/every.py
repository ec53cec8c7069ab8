"""Which file draws which screen."""

from typing import assert_never

from display.scene import Scene
from kiosk.screens import area_map, areas, by_phone, identify, idle, result
from kiosk.screens.sheet import View
from kiosk.state import (
    Areas,
    AreaView,
    BookByPhone,
    Greeting,
    Identify,
    Idle,
    NotIdentified,
    OutOfOrder,
)


def draw(view: View) -> Scene:
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
            return result.draw_greeting(view)
        case NotIdentified():
            return result.draw_trouble(view)
        case OutOfOrder():
            return result.draw_out_of_order(view)
        case _ as never:
            assert_never(never)
