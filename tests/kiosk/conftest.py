"""Fixtures of the kiosk tests: the shipped site, a state at 16:38 on the manual's day, pictures without a screen."""

import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pygame
import pytest

os.environ["SDL_VIDEODRIVER"] = "dummy"

import config
from config.schema import Site
from display.layout import Canvas
from display.painter import Painter
from display.theme import LIGHT
from kiosk.code_clock import CodeClock
from kiosk.place import place_of
from kiosk.screens.sheet import View
from kiosk.seat_map import SeatMaps
from kiosk.state import State
from kiosk.words import words_in
from messages import checkin
from messages.seats import AreaMap, SeatState, SeatStatus

NOW = datetime(2023, 7, 17, 16, 38, 3, tzinfo=ZoneInfo("Asia/Shanghai"))
MASTER = bytes(range(32))
PUBLIC_URL = "https://seat.example.edu.cn"


@pytest.fixture(scope="session", autouse=True)
def _pygame():
    pygame.display.init()
    pygame.font.init()
    pygame.display.set_mode((16, 16))


def keys_from(moment, days=8, number=1):
    first = checkin.epoch_of(checkin.step_at(moment))
    return {epoch: checkin.day_key(MASTER, epoch, number) for epoch in range(first, first + days)}


def code_clock(moment=NOW):
    return CodeClock(PUBLIC_URL, 1, keys_from(moment))


def shipped_site():
    return config.load(Site, config.shipped("sites", "bjut.toml"))


def shipped_place():
    site = shipped_site()
    return place_of(site, site.kiosks[0], PUBLIC_URL)


FREE_SHARES = (34, 63, 14, 0, 46, 67, 22, 51, 80, 5, 0, 38)


def area_map(area, n=1, free_share=30, at=NOW):
    """A map of an area in which seats are taken in a fixed pattern."""
    states = []
    for i, seat in enumerate(area.plan.seats):
        roll = (i * 37 + 11) % 100
        status = SeatStatus.FREE if roll < free_share else (SeatStatus.AWAY if roll > 88 else SeatStatus.TAKEN)
        if i % 31 == 30:
            status = SeatStatus.CLOSED
        if free_share and i % 17 == 5:
            status = SeatStatus.RESERVED
        states.append(SeatState(f"{area.id}-{seat.label}", status))
    free = sum(state.status is SeatStatus.FREE for state in states)
    total = sum(state.status is not SeatStatus.CLOSED for state in states)
    return AreaMap(area.id, 1, n, at.astimezone(UTC), total, free, states)


def busy_maps(place, shares=FREE_SHARES):
    maps = SeatMaps().with_link(NOW, up=True).with_booking(NOW, up=True)
    for n, area in enumerate(place.areas):
        maps = maps.with_map(area_map(area, free_share=shares[n % len(shares)]))
    return maps


def state_at(place, **changes):
    facts = {"now": NOW, "code": code_clock(), "maps": busy_maps(place)} | changes
    return State(**facts)


def view_of(place, state, size=(1080, 1920), theme=LIGHT):
    return View(state, place, Canvas.of_pixels(*size), theme, words_in(state.language, place.zone))


def painted(scene, size):
    surface = pygame.Surface(size)
    Painter(surface).paint(scene)
    return surface


@pytest.fixture(scope="session")
def place():
    return shipped_place()


HALF_HOUR = timedelta(minutes=30)
