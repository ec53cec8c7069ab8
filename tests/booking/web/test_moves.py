"""Changing seats in one step: attendance goes along, nothing is lost when it is refused, 占座 gives staff a task."""

import threading

import pytest

ONE, OTHER, STAFF = "S2023001", "S2023002", "STAFF01"


def at(hhmm, day=17):
    return f"2023-07-{day}T{hhmm}:00+08:00"


EIGHT = at("20:00")


@pytest.fixture
def client(api):
    return api(ONE)


def book(client, seat="2f-centre-065", start=None, end=EIGHT):
    return client.post("/api/v1/reservations", json={"seat": seat, "end": end} | ({"start": start} if start else {}))


def move(client, stay, **wish):
    return client.post(f"/api/v1/reservations/{stay}/move", json=wish)


def test_a_move_while_reserved_keeps_everything_but_the_seat(client, api):
    stay = book(client, start=at("18:00")).json()
    after = move(client, stay["id"], seat="2f-centre-066").json()
    assert (after["id"], after["seat"], after["start"], after["end"], after["status"]) == (
        stay["id"],
        "2f-centre-066",
        stay["start"],
        stay["end"],
        "reserved",
    )
    assert book(api(OTHER), start=at("18:00")).status_code == 201  # the old one is free at once
    history = client.get(f"/api/v1/reservations/{stay['id']}", headers={"accept-language": "en"}).json()["history"]
    assert "No. 065 → No. 066" in history[-1]["sentence"]
    assert history[-1]["change"] == "moved"
    assert history[-1]["facts"]["from_label"] == "065"


def test_attendance_moves_along(client, house):
    stay = book(client).json()["id"]
    client.post("/api/v1/check-ins", json={"code": house.code()})
    house.at("17:10")
    after = move(client, stay, seat="2f-east-001").json()
    assert (after["status"], after["seat"], after["checked_in_at"]) == ("in-use", "2f-east-001", at("16:38"))
    states = {state.seat: state.status for state in house.reads.area_map("2f-east", house.clock.now()).seats}
    assert states["2f-east-001"] == "taken"
    states = {state.seat: state.status for state in house.reads.area_map("2f-centre", house.clock.now()).seats}
    assert states["2f-centre-065"] == "free"


def test_a_refused_move_loses_nothing(client, api):
    """moves that are atomic (never cancel-then-book)"""
    stay = book(client, start=at("18:00")).json()
    book(api(OTHER), "2f-centre-066", start=at("19:00"), end=at("21:00"))
    taken = move(client, stay["id"], seat="2f-centre-066").json()
    assert (taken["code"], taken["next_allowed_at"]) == ("seat-taken", at("21:00"))
    for wish, status, code in [
        ({"seat": "2f-centre-999"}, 404, "unknown-seat"),
        ({"seat": "2f-centre-065"}, 409, "not-possible-now"),
        ({}, 400, "invalid-request"),
        ({"seat": 7}, 422, "invalid-request"),
        ({"seat": "2f-centre-067", "reader": OTHER}, 422, "invalid-request"),
    ]:
        answer = move(client, stay["id"], **wish)
        assert (answer.status_code, answer.json()["code"]) == (status, code), wish
    assert move(api(OTHER), stay["id"], seat="2f-centre-067").json()["code"] == "unknown-reservation"
    kept = client.get(f"/api/v1/reservations/{stay['id']}").json()
    assert (kept["seat"], [line["change"] for line in kept["history"]]) == ("2f-centre-065", ["reserved"])


def test_the_rules_of_the_other_area_hold(client, house):
    """不同区域采取不同最大预约时长"""
    stay = book(client, "4f-east-001", start=at("16:38"), end=at("22:00")).json()["id"]  # 6 h there, 4 h in the centre
    refused = move(client, stay, seat="2f-centre-066").json()
    assert (refused["code"], refused["policy_key"]) == ("too-long", "areas.max_length")
    assert move(client, stay, seat="4f-atrium-001").status_code == 200


def test_what_is_over_moves_nowhere(client, house):
    stay = book(client).json()["id"]
    client.post(f"/api/v1/reservations/{stay}/cancel")
    assert move(client, stay, seat="2f-centre-066").json()["code"] == "not-possible-now"
    assert "move" not in client.get(f"/api/v1/reservations/{stay}").json()["actions"]


def test_two_readers_who_move_to_one_seat_at_once_have_one_winner(client, api):
    other = api(OTHER)
    stays = [book(client).json()["id"], book(other, "2f-centre-066").json()["id"]]
    answers = []

    def go(mover, stay):
        answers.append(move(mover, stay, seat="2f-centre-067").status_code)

    threads = [threading.Thread(target=go, args=pair) for pair in zip((client, other), stays, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [200, 409]


def test_the_same_request_moves_once(client):
    stay, key = book(client).json()["id"], {"idempotency-key": "once"}
    path = f"/api/v1/reservations/{stay}/move"
    first = client.post(path, json={"seat": "2f-centre-066"}, headers=key)
    second = client.post(path, json={"seat": "2f-centre-066"}, headers=key)
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.headers["idempotency-replayed"] == "true"


def test_my_seat_is_taken(client, api, house):
    """ "My seat is taken" (占座): a penalty-free move plus a task for staff."""
    stay = book(client).json()["id"]
    after = move(client, stay, taken=True).json()
    assert after["status"] == "reserved"
    assert after["seat"] != "2f-centre-065"
    assert after["area"] == "2f-centre"
    staff = api(STAFF)
    (task,) = staff.get("/api/v1/staff/tasks").json()["items"]
    assert (task["kind"], task["seat"], task["settled_by"]) == ("seat-taken", "2f-centre-065", None)
    assert ONE not in staff.get("/api/v1/staff/tasks").text
    # nobody is offered the occupied seat before staff have seen to it
    near = {"area": "2f-centre", "seat": after["seat"], "end": at("20:00")}
    assert api(OTHER).post("/api/v1/reservations", json=near).json()["seat"] != "2f-centre-065"
    assert api(ONE).post(f"/api/v1/staff/tasks/{task['id']}/settle").status_code == 403
    assert staff.post(f"/api/v1/staff/tasks/{task['id']}/settle").status_code == 204
    assert staff.post("/api/v1/staff/tasks/none/settle").status_code == 404
    (settled,) = staff.get("/api/v1/staff/tasks").json()["items"]
    assert (settled["settled_by"], settled["settled_at"]) == (STAFF, at("16:38"))


def test_the_pages(browser, house):
    reader = browser(ONE)
    reader.submit(reader.get("/areas/2f-centre?seat=2f-centre-065"), "/reservations")
    stay = house.reads.current(ONE, house.clock.now()).id
    page = reader.get(f"/reservations/{stay}/move")
    assert "2f-centre-066" in page.text
    assert 'value="2f-centre-065"' not in page.text  # one's own is no choice
    other = reader.get(f"/reservations/{stay}/move?area=2f-east")
    assert "2f-east-001" in other.text
    moved = reader.submit(page, f"/reservations/{stay}/move", seat="2f-centre-066", taken="")
    assert moved.url.path == f"/reservations/{stay}/done/moved"
    assert "066" in moved.text
    taken = reader.submit(reader.get(f"/reservations/{stay}/move"), f"/reservations/{stay}/move", taken="yes")
    assert "已换座" in taken.text
    desk = browser(STAFF)
    tasks = desk.get("/staff/tasks")
    (task,) = house.reads.tasks()
    assert "066" in tasks.text
    assert "已处理" in desk.submit(tasks, f"/staff/tasks/{task.id}/settle").text
    assert reader.get("/staff/tasks").status_code == 403
