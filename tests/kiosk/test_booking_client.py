"""What a kiosk makes of booking's answers: a seat, a sentence, or that nobody knows."""

from datetime import datetime

import pytest

from kiosk.booking_client import BookingClient
from kiosk.state import Language, Refusal, Session, Stay, Trouble, Wish
from runtime.booking_http import BookingRefused, BookingUnreachable

START, END = "2023-07-17T16:38:00+08:00", "2023-07-17T20:00:00+08:00"
SEAT = Stay("2f-centre", "042", datetime.fromisoformat(START), datetime.fromisoformat(END), "reserved", id="r1")
DOWN = BookingUnreachable("nobody there")


def current(status, actions):
    return {
        "id": "r1", "area": "2f-centre", "label": "042", "start": START, "end": END, "status": status,
        "check_in_until": None, "away_until": None, "actions": actions, "history": "not ours",
    }  # fmt: skip


class Http:
    """Booking's side: prepared answers, and what was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def post_for(self, token, path, body, *, idempotency_key, language):
        self.asked.append((token, path, body, idempotency_key, language))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def carried_out(http, wish=Wish.CHECK_IN, language=Language.ENGLISH):
    return BookingClient(http, "k", None, None).carry_out(Session("token", "王*", SEAT), wish, language)


def test_what_was_done_comes_back_with_what_can_be_done_next():
    http = Http(current("in-use", ["step-away", "move", "end", "nonsense"]))
    stay = carried_out(http)
    assert (stay.status, stay.id, stay.wishes) == ("in-use", "r1", (Wish.STEP_AWAY, Wish.END))
    [(token, path, body, key, language)] = http.asked
    assert (token, path, body, language) == ("token", "/api/v1/reservations/r1/check-in", {}, "en")
    assert len(key) >= 16


@pytest.mark.parametrize("status", ["ended", "cancelled", "displaced"])
def test_a_seat_that_is_no_longer_held_is_none(status):
    assert carried_out(Http(current(status, [])), Wish.END) is None


def test_a_lost_answer_is_asked_for_once_more_under_the_same_key():
    http = Http(DOWN, current("in-use", []))
    assert carried_out(http, language=Language.CHINESE).status == "in-use"
    assert len({key for *_, key, _ in http.asked}) == 1
    assert {language for *_, language in http.asked} == {"zh-Hans-CN"}


def test_two_wishes_never_share_a_key():
    http = Http(current("away", []), current("in-use", []))
    carried_out(http, Wish.STEP_AWAY)
    carried_out(http, Wish.RETURN)
    assert len({key for *_, key, _ in http.asked}) == 2


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ({"token": "t", "reader": {"name": "王小明"}, "current": current("in-use", ["end"])}, "王**"),
        (BookingRefused("reader-code-invalid", "", 403), Trouble.CARD_UNKNOWN),
        (BookingRefused("device-unknown", "", 401), Trouble.REFUSED),
        (DOWN, Trouble.UNREACHABLE),
    ],
)
def test_whose_card_it_is(answer, seen):
    class Signed(Http):
        def post(self, path, body):
            assert (path, body) == ("/api/v1/kiosks/k/sessions", {"card": "0006547886"})
            return super().post_for(None, path, body, idempotency_key=None, language=None)

    found = BookingClient(Signed(answer), "k", None, None).whose_card("0006547886")
    assert (found if isinstance(found, Trouble) else found.name) == seen


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([BookingRefused("window-not-open", "签到 16:30 开始。", 409)], Refusal("签到 16:30 开始。")),
        ([BookingRefused("odd", "", 400)], Trouble.REFUSED),
        ([BookingRefused("long", "x" * 5000, 400)], Refusal("x" * 240)),
        ([DOWN, DOWN], Trouble.UNANSWERED),
        ([{"token": "something else"}], Trouble.UNANSWERED),
    ],
)
def test_a_no_is_a_sentence_and_no_answer_is_no_yes(answers, reason):
    assert carried_out(Http(*answers)) == reason
