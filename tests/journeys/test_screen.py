"""Journey 2 the other way round, on a screen: the kiosk in its window, a finger on it, the phone before its camera.

The screen is Xvfb, the finger xdotool, the camera a picture file; all else is as it is.
"""

import os
import subprocess

import pytest

from messages import checkin

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("chromium")]


@pytest.fixture(scope="module")
def frame_buffer(tmp_path_factory):
    """Where Xvfb keeps what is on its screen."""
    return tmp_path_factory.mktemp("screen") / "Xvfb_screen0"


@pytest.fixture(scope="module")
def display(frame_buffer):
    """A virtual screen as large as a desktop's."""
    ours, theirs = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(theirs), "-screen", "0", "1920x1080x24", "-fbdir", str(frame_buffer.parent)],
        pass_fds=[theirs],
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    with os.fdopen(ours) as number:
        yield f":{number.readline().strip()}"
    screen.terminate()
    screen.wait(30)


class Screen:
    """The kiosk's window, as somebody before it sees and touches it."""

    def __init__(self, display, frame_buffer, wait_for):
        self._display, self._frame_buffer = display, frame_buffer
        self.window = wait_for(self._find, "the kiosk opened a window")

    def _find(self):
        """Return the only window that has a class (the root window has none), "" as long as there is none."""
        return self._xdotool("search", "--onlyvisible", "--class", ".+").strip().rpartition("\n")[2]

    def _xdotool(self, *words):
        environment = {**os.environ, "DISPLAY": self._display}
        done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True, check=False)
        return done.stdout

    @property
    def size(self):
        lines = self._xdotool("getwindowgeometry", "--shell", self.window).splitlines()
        found = dict(line.split("=") for line in lines)
        return int(found["WIDTH"]), int(found["HEIGHT"])

    def touch(self, x, y):
        """Touch a place given in the units of a 1080 x 1920 screen."""
        width, height = self.size
        place = (str(round(x * width / 1080)), str(round(y * height / 1920)))
        self._xdotool("mousemove", "--window", self.window, *place, "click", "1")

    def lower_part(self):
        """The lower sixth of the screen, where nothing moves by itself, out of Xvfb's own frame buffer file."""
        content = self._frame_buffer.read_bytes()
        return content[-len(content) // 6 :]


MY_SEAT = (844, 1705)
"""The middle of the idle screen's button 我的座位."""


CHECK_IN = (290, 1263)
"""The middle of the reader's button 签到."""


def test_the_readers_code_is_read_by_the_kiosks_camera(library, display, frame_buffer, phone, sign_in, wait_for):
    screen = Screen(display, frame_buffer, wait_for)
    assert screen.size == (540, 960)  # all of it fits on a desktop
    account = library.run["demo_accounts"][0]
    stay = library.reader(0).reserve()
    sign_in(phone, account)
    phone.goto(f"{library.run['http']}/me/code")
    phone.locator("form[action='/me/code'] button").click()
    paper = phone.locator("[data-reader-code]")
    paper.wait_for()
    assert checkin.is_reader_code(paper.get_attribute("data-reader-code"))

    before = screen.lower_part()
    screen.touch(*MY_SEAT)
    wait_for(lambda: screen.lower_part() != before, "the touch led to another screen")
    library.show_to_camera(paper.screenshot())
    wait_for(lambda: account["reader"] in library.kiosk_sessions(), "the kiosk identified the reader")

    def checked_in():
        screen.touch(*CHECK_IN)  # what is not on the screen yet is no target: the touch does nothing then
        return library.reader(0).reservation(stay["id"])["status"] == "in-use"

    wait_for(checked_in, "the touch on 签到 checked the reader in")
