#!/usr/bin/env python3
"""Write config/plans/*.json: `tools/make_plans.py [FOLDER]`. The same plans every time.

2f-centre follows the map in the library's manual. Every other plan is a sketch with the manual's number of seats where
it tells one and a plausible number where it does not, so that each area can be booked before somebody has measured it;
`"surveyed": false` says so. Replace a sketch by a measured file and take its line out of SKETCHES.

Every room is numbered as the manual's map is: from the lower right, up the right side of a table, down its left side,
then the next table to the left, then the next row of tables above.
"""

import json
import sys
from pathlib import Path

SEAT = 60
PITCH = 80  # from seat to seat along a table
TABLE = 70  # width of a table
BENCH = SEAT + TABLE + SEAT  # a table with a seat on either side
AISLE = 60
SHELF = 35
MARGIN = 50  # from a wall to the first seat
FOOT = 130  # below the last row: the way in

MANUAL = "使用帮助, map of 二层中厅: 045-068 stand as it shows them; 001-044 carry its numbering on"
SKETCH = "tools/make_plans.py: a sketch"

# Seats along one side of each table: rows from the bottom up, tables from right to left.
CENTRE = [[4, 4, 2], [4, 4, 4], [4, 4, 4]]
SKETCHES = {
    "2f-east": [[6, 6, 6, 6, 3], [6, 6, 6, 5, 5], [6, 6, 6, 5, 5], [6, 6, 6, 5, 5]],
    "2f-reserved": [[4, 4, 4]] * 4,
    "2f-north": [[5, 5, 4]] * 3,
    "2f-south": [[5, 5, 3], [5, 5, 5], [5, 5, 4], [5, 5, 5]],
    "2f-west": [[4, 4, 3], [4, 4, 4], [4, 4, 4], [4, 4, 4]],
    "3f-east": [[6, 6, 6, 6, 3], [6, 6, 6, 6, 6], [6, 6, 6, 6, 6]],
    "3f-atrium": [[4, 4, 2], [4, 4, 4], [4, 4, 4], [4, 4]],
    "3f-reserved": [[4, 4], [4, 4], [4, 4], [4, 4]],
    "3f-north": [[5, 5, 4]] * 3,
    "3f-south": [[5, 5, 5]] * 4,
    "3f-west": [[4, 4, 4]] * 4,
    "4f-east": [[6, 6, 6, 6], [6, 6, 6, 6], [6, 6, 6, 6], [6, 6, 3, 3]],
    "4f-atrium": [[4, 4, 4]] * 3,
    "4f-reserved": [[4, 4], [4, 4], [4, 4]],
    "4f-north": [[5, 5, 4]] * 3,
    "4f-south": [[5, 5, 5]] * 4,
    "4f-west": [[4, 4, 4]] * 4,
}


def shape(kind: str, x: int, y: int, w: int, h: int, *, text: tuple[str, str] | None = None) -> dict:
    """Return a shape; `text` is (Chinese, English)."""
    made = {"kind": kind, "x": x, "y": y, "w": w, "h": h}
    return made | ({"text": {"zh": text[0], "en": text[1]}} if text else {})


def table(x: int, y: int, per_side: int, first: int, *, by_window: bool) -> tuple[list[dict], dict]:
    """Return the seats of one table in the order of their numbers, and the table; (x, y) is its upper left corner."""
    seats = []
    for n in range(2 * per_side):
        right = n < per_side
        row = per_side - 1 - n if right else n - per_side
        # In the manual's map a socket stands behind each seat of a table's right side.
        features = (["power"] if right else []) + (["window"] if right and by_window else [])
        seat = {
            "label": f"{first + n:03}",
            "x": x + (BENCH - SEAT // 2 if right else SEAT // 2),
            "y": y + PITCH * row + PITCH // 2,
        }
        seats.append(seat | {"rotation": 270 if right else 90} | ({"features": features} if features else {}))
    return seats, shape("table", x + SEAT, y + 5, TABLE, PITCH * per_side - 10)


def room(area: str, rows: list[list[int]], source: str, *, surveyed: bool) -> dict:
    """Lay out tables with double shelves between them, windows on the right, the entrance at the lower left."""
    columns = max(len(row) for row in rows)
    longest = max(max(row) for row in rows) * PITCH
    gap = 2 * AISLE + 2 * SHELF
    width = MARGIN + columns * BENCH + (columns - 1) * gap + MARGIN + AISLE // 2
    height = MARGIN + len(rows) * longest + (len(rows) - 1) * 90 + FOOT
    plan = {
        "format": "seatgate-plan/1",
        "area": area,
        "width": width,
        "height": height,
        "surveyed": surveyed,
        "source": source,
    }
    seats, shapes = [], walls(width, height)
    for n, row in enumerate(rows):
        top = MARGIN + (len(rows) - 1 - n) * (longest + 90)
        for place, per_side in enumerate(row):
            column = columns - 1 - place
            left = MARGIN + column * (BENCH + gap)
            made, tabletop = table(left, top, per_side, len(seats) + 1, by_window=place == 0)
            seats += made
            shapes.append(tabletop)
            if column:  # two shelves back to back, named once
                between = left - gap + AISLE
                shapes.append(shape("shelf", between, top, SHELF, longest, text=("书架", "Shelves")))
                shapes.append(shape("shelf", between + SHELF, top, SHELF, longest))
    return plan | {"seats": seats, "shapes": shapes}


def walls(width: int, height: int) -> list[dict]:
    """Return the outer walls, the windows along the right one, and the door with its name."""
    thick = 10
    return [
        shape("wall", 0, 0, width, thick),
        shape("wall", 0, 0, thick, height),
        shape("wall", width - thick, 0, thick, height),
        shape("wall", 0, height - thick, 60, thick),
        shape("wall", 220, height - thick, width - 220, thick),
        shape("window", width - thick, 60, thick, height - 120, text=("窗", "Windows")),
        shape("door", 60, height - thick, 160, thick, text=("入口", "Entrance")),
    ]


def written(plan: dict) -> str:
    """Return the file's text: a line for the facts, then a line for each seat and each shape."""
    head = {key: value for key, value in plan.items() if key not in {"seats", "shapes"}}
    lists = (f'"{key}": [\n' + ",\n".join(compact(item) for item in plan[key]) + "\n]" for key in ("seats", "shapes"))
    return compact(head)[:-1] + ",\n" + ",\n".join(lists) + "}\n"


def compact(value: dict) -> str:
    """Return JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Write every plan."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[1] / "config" / "plans"
    plans = [room("2f-centre", CENTRE, MANUAL, surveyed=True)]
    plans += [room(area, rows, SKETCH, surveyed=False) for area, rows in SKETCHES.items()]
    for plan in plans:
        (folder / f"{plan['area']}.json").write_text(written(plan), encoding="utf-8")


if __name__ == "__main__":
    main()
