"""暂离 at meal times: a longer limit by key, for who steps away on the page and for who passes the gate."""

from datetime import time, timedelta

import attrs
import pytest

from config.policy import MealTime

ONE = "S2023001"
HOUR = timedelta(hours=1)
SUPPER = [MealTime(time(17), time(18, 30), HOUR)]


def at(hhmm):
    return f"2023-07-17T{hhmm}:00+08:00"


def with_meals(meals):
    return lambda site: attrs.evolve(
        site, policy=attrs.evolve(site.policy, away=attrs.evolve(site.policy.away, meals=meals))
    )


def step_away(house, client, hhmm, end="20:00"):
    stay = client.book(end=at(end)).json()["id"]
    client.post("/api/v1/check-ins", json={"code": house.code()})
    house.at(hhmm)
    return stay, client.post(f"/api/v1/reservations/{stay}/step-away").json()


@pytest.mark.parametrize(
    ("meals", "left", "back"),
    [
        (SUPPER, "16:59", "17:29"),  # before the meal
        (SUPPER, "17:00", "18:00"),
        (SUPPER, "18:29", "19:29"),
        (SUPPER, "18:30", "19:00"),  # after it
        ([], "17:00", "17:30"),  # another key, another outcome
        ([*SUPPER, MealTime(time(17), time(18), 2 * HOUR)], "17:10", "19:10"),  # the longest counts
    ],
)
def test_who_goes_to_a_meal_may_be_away_longer(open_house, api_of, meals, left, back):
    """away limits longer at meals"""
    house = open_house(with_meals(meals))
    _, away = step_away(house, api_of(house, ONE), left)
    assert (away["status"], away["away_until"]) == ("away", at(back))


def test_it_never_outlasts_the_reservation_and_lapses_by_itself(open_house, api_of):
    house = open_house(with_meals(SUPPER))
    client = api_of(house, ONE)
    stay, away = step_away(house, client, "17:10", end="18:00")
    assert away["away_until"] == at("18:00")
    house.at("18:00")
    assert client.get(f"/api/v1/reservations/{stay}").json()["status"] == "ended"  # within the limit: no lapse
    other = open_house(with_meals([]), name="other")
    client = api_of(other, ONE)
    stay, _ = step_away(other, client, "17:10", end="18:00")
    other.at("17:40")
    assert client.get(f"/api/v1/reservations/{stay}").json()["status"] == "lapsed"
