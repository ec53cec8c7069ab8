"""The shipped site and its plans: counts and arrangement are the manual's, and nothing stands in anything else."""

import json
import re
import runpy
from pathlib import Path

import pytest

from config import load, shipped
from config.plans import MAX_SEATS, SEAT_SIZE, Feature, Plan, ShapeKind, load_plan, seat_id
from config.schema import Site
from messages.topics import check_name

BJUT = load(Site, shipped("sites", "bjut.toml"))
AREAS = "二层东区 二层中厅 二层保留区 二层北区 二层南区 二层西区 三层东区 三层中庭 三层保留区 三层北区 三层南区 三层西区 四层东区 四层中庭 四层保留区 四层北区 四层南区 四层西区"
TOOL = Path(__file__).parents[2] / "tools" / "make_plans.py"


def plan_of(area_id: str) -> Plan:
    area = BJUT.area(area_id)
    assert area is not None
    return load_plan(BJUT, area)


def test_areas_stand_in_the_order_of_the_manual():
    # 二层东区 二层中厅 二层保留区 … on its home page
    assert [area.name.zh for area in BJUT.areas] == AREAS.split()
    assert all(re.fullmatch(rf"{area.floor}F [A-Z][a-z]+", area.name.en) for area in BJUT.areas)


@pytest.mark.parametrize(("area_id", "count"), [("2f-east", 222), ("2f-centre", 68), ("2f-reserved", 96)])
def test_counts_are_those_the_manual_tells(area_id, count):
    # 二层东区 总数: 222; 二层中厅 总数: 68; 二层保留区 总数: 96
    assert len(plan_of(area_id).seats) == count


@pytest.mark.parametrize("area", BJUT.areas, ids=lambda area: area.id)
def test_each_plan_is_bookable(area):
    plan = load_plan(BJUT, area)
    assert [seat.label for seat in plan.seats] == [f"{n:03}" for n in range(1, len(plan.seats) + 1)]
    assert len(plan.seats) <= MAX_SEATS
    for seat in plan.seats:
        assert check_name(seat_id(area.id, seat.label)) == f"{area.id}-{seat.label}"


@pytest.mark.parametrize("area", BJUT.areas, ids=lambda area: area.id)
def test_no_seat_stands_in_a_table_shelf_or_wall(area):
    plan = load_plan(BJUT, area)
    solid = [shape for shape in plan.shapes if shape.kind not in {ShapeKind.LABEL, ShapeKind.DOOR, ShapeKind.WINDOW}]
    half = SEAT_SIZE // 2
    for seat in plan.seats:
        for shape in solid:
            apart_x = seat.x + half <= shape.x or shape.x + shape.w <= seat.x - half
            apart_y = seat.y + half <= shape.y or shape.y + shape.h <= seat.y - half
            assert apart_x or apart_y, (seat, shape)


def rows_of(plan: Plan, first: int, last: int) -> list[list[str]]:
    """Labels of the seats first…last as they stand: rows from the top, each from the left."""
    seats = [seat for seat in plan.seats if first <= int(seat.label) <= last]
    return [
        [seat.label for seat in sorted(seats, key=lambda seat: seat.x) if seat.y == y]
        for y in sorted({seat.y for seat in seats})
    ]


def test_centre_follows_the_map_in_the_manual():
    # its picture: 065 064 | 057 056 | 049 048, below them 066 063 | 058 055 | 050 047, and so on
    assert rows_of(plan_of("2f-centre"), 45, 68) == [
        ["065", "064", "057", "056", "049", "048"],
        ["066", "063", "058", "055", "050", "047"],
        ["067", "062", "059", "054", "051", "046"],
        ["068", "061", "060", "053", "052", "045"],
    ]


def test_centre_has_shelves_between_its_tables_and_sockets_on_their_right():
    plan = plan_of("2f-centre")
    x = {seat.label: seat.x for seat in plan.seats}
    shelves = [shape for shape in plan.shapes if shape.kind is ShapeKind.SHELF]
    # "书 架" stands between 064 and 057, and between 056 and 049
    for left, right in (("064", "057"), ("056", "049")):
        assert [shelf for shelf in shelves if x[left] < shelf.x < x[right]]
    # a mark stands behind 064, 063, 056, 055, 054, 053, …: its legend's 电源
    powered = {seat.label for seat in plan.seats if Feature.POWER in seat.features}
    assert {"064", "063", "056", "055", "054", "053", "048", "046", "045"} <= powered
    assert "065" not in powered


def test_only_the_centre_claims_to_be_surveyed():
    assert [area.id for area in BJUT.areas if load_plan(BJUT, area).surveyed] == ["2f-centre"]


def test_the_tool_writes_the_shipped_plans(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["make_plans.py", str(tmp_path)])
    runpy.run_path(str(TOOL), run_name="__main__")
    written = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()}
    assert written == {area.plan: json.loads(shipped("plans", area.plan).read_text("utf-8")) for area in BJUT.areas}
