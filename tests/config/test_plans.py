"""Everything that makes a plan file unusable is named, all of it at once."""

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import ConfigError, load, shipped
from config.plans import MAX_BYTES, SEAT_SIZE, Feature, Seat, ShapeKind, _touching, load_plan, seat_id
from config.schema import Area, Site
from config.values import Text

AREA = Area(id="hall", name=Text("大厅", "Hall"), venue="library", floor=1, plan="hall.json")
GOOD = {
    "format": "seatgate-plan/1",
    "area": "hall",
    "width": 400,
    "height": 300,
    "surveyed": True,
    "source": "measured",
    "seats": [{"label": "001", "x": 50, "y": 50}, {"label": "002", "x": 150, "y": 50, "features": ["power"]}],
    "shapes": [{"kind": "table", "x": 20, "y": 90, "w": 160, "h": 60, "text": {"zh": "桌", "en": "Table"}}],
}


@pytest.fixture
def site(tmp_path) -> Site:
    return attrs.evolve(load(Site, shipped("sites", "bjut.toml")), plans=tmp_path)


def refusal(site: Site, content: object, area: Area = AREA) -> list[str]:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    (site.plans / "hall.json").write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_plan(site, area)
    assert caught.value.origin.endswith("hall.json")
    return caught.value.problems


def test_a_good_plan_of_the_sites_own_folder(site):
    (site.plans / "hall.json").write_text(json.dumps(GOOD))
    plan = load_plan(site, AREA)
    assert plan.seat("002") == Seat("002", 150, 50, features=frozenset({Feature.POWER}))
    assert plan.seat("003") is None
    assert plan.shapes[0].kind is ShapeKind.TABLE
    assert plan.shapes[0].text == Text("桌", "Table")


def seats(*places: tuple) -> dict:
    return GOOD | {"seats": [dict(zip(("label", "x", "y"), place, strict=True)) for place in places]}


def shapes(**change: object) -> dict:
    return GOOD | {"shapes": [GOOD["shapes"][0] | change]}


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (GOOD | {"format": "pretix"}, ["format: 'pretix' is not read here, write 'seatgate-plan/1'"]),
        (GOOD | {"area": "cellar"}, ["area: this is the plan of 'cellar', not of 'hall'"]),
        (GOOD | {"seats": []}, ["seats: there is none"]),
        (GOOD | {"seats": [], "width": 10**6}, ["width: 1000000 cm is not between 1 and 50000", "seats: there is none"]),
        (seats(("001", 50, 50), ("001", 200, 200)), ["seats: the label '001' stands on 2 seats"]),
        (seats(("0/1", 50, 50)), ["seats: '0/1' is not a label: use 1-8 letters, digits and inner hyphens"]),
        (seats(("", 50, 50)), ["seats: '' is not a label: use 1-8 letters, digits and inner hyphens"]),
        (seats(("001", 29, 50)), ["seats: '001' at (29, 50) is not wholly inside the plan"]),
        (seats(("001", 50, 271)), ["seats: '001' at (50, 271) is not wholly inside the plan"]),
        (seats(("001", 50, 50), ("002", 109, 50)), ["seats: '001' and '002' are less than 60 cm apart"]),
        (shapes(kind="tabel"), ["shapes[0].kind: 'tabel' is not one of wall, table, shelf, window, door, pillar, computer, label, did you mean 'table'?"]),
        (shapes(w=0), ["shapes[0]: a table needs a width w and a height h above 0"]),
        (shapes(x=300), ["shapes[0]: the table at (300, 90) is not wholly inside the plan"]),
        (shapes(kind="label", text=5), ["shapes[0].text: 5 is not a table of keys and values"]),
        (GOOD | {"shapes": [{"kind": "label", "x": 1, "y": 1}]}, ["shapes[0]: a label without text shows nothing"]),
        (GOOD | {"heigth": 1}, ["unknown key 'heigth', did you mean 'height'?"]),
        ([], ["is not a plan: the file must hold one JSON object"]),
        (b"{", ["is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"]),
        (b"\xff\xfe\xff", None),
        (b"[" * 100_000, None),
        (b" " * (MAX_BYTES + 1), [f"is larger than {MAX_BYTES} bytes: split the area"]),
    ],
)  # fmt: skip
def test_each_fault_is_a_sentence(site, content, problems):
    found = refusal(site, content)
    assert found == problems if problems else found[0].startswith("is not JSON: ")


def test_all_faults_are_told_at_once(site):
    many = seats(("001", 50, 50), ("001", 50, 50), ("x y", 900, 50)) | {"area": "other", "height": 0}
    assert len(refusal(site, many)) >= 6


def test_too_many_seats_are_refused_before_they_are_compared(site):
    many = [{"label": "1", "x": 50, "y": 50}] * 5001
    assert refusal(site, GOOD | {"seats": many}) == [
        "seats: 5001 are too many for one plan, at most 5000: split the area"
    ]


def test_a_plan_that_is_not_there(site):
    with pytest.raises(ConfigError, match="there is no such plan file"):
        load_plan(site, AREA)


def test_a_plan_that_cannot_be_read(site):
    (site.plans / "hall.json").mkdir()
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_plan(site, AREA)


@pytest.mark.parametrize("name", ["", ".", "..", "../hall.json", "/etc/passwd", "sub/hall.json"])
def test_a_plan_is_named_by_a_plain_file_name(site, name):
    with pytest.raises(ConfigError, match="plain file name"):
        load_plan(site, attrs.evolve(AREA, plan=name))


def test_a_shipped_plan_is_found_without_a_folder():
    bjut = load(Site, shipped("sites", "bjut.toml"))
    assert bjut.plans is None
    assert load_plan(bjut, bjut.areas[0]).area == bjut.areas[0].id


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=40))
@settings(deadline=None, derandomize=True)
def test_touching_finds_exactly_the_pairs_that_overlap(points):
    placed = [Seat(str(n), x, y) for n, (x, y) in enumerate(points)]
    expected = {
        (one.label, other.label)
        for n, one in enumerate(placed)
        for other in placed[n + 1 :]
        if max(abs(one.x - other.x), abs(one.y - other.y)) < SEAT_SIZE
    }
    assert {(one.label, other.label) for one, other in _touching(placed)} == expected


def test_seat_ids_join_area_and_label():
    assert seat_id("2f-centre", "065") == "2f-centre-065"
