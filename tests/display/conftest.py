"""Fixtures of the display tests: a surface without a screen."""

import os

import pygame
import pytest

os.environ["SDL_VIDEODRIVER"] = "dummy"


@pytest.fixture(scope="session", autouse=True)
def _pygame():
    pygame.display.init()
    pygame.font.init()
    pygame.display.set_mode((16, 16))


@pytest.fixture
def surface_of():
    """Return a function that makes an empty surface of a canvas."""

    def make(canvas):
        return pygame.Surface((round(canvas.w * canvas.scale), round(canvas.h * canvas.scale)))

    return make
