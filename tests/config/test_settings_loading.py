"""Settings over TOML: every bad key is reported at once, with its path and the nearest name, and no secret is shown."""

from datetime import date, time, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs
import pytest

from config import ConfigError, load, merge, read_toml, shipped, structure
from config.values import Secret, Text


class Colour(StrEnum):
    GREEN = "green"
    GREY = "grey"


@attrs.frozen
class Broker:
    host: str
    port: int = 1883
    password: Secret | None = None


@attrs.frozen
class Demo:
    broker: Broker
    quiet: timedelta = timedelta(milliseconds=500)
    opens: time = time(8)
    first_day: date = date(2023, 7, 17)
    zone: ZoneInfo | None = None
    colour: Colour = Colour.GREEN
    data: Path = Path("var")
    title: Text | None = None
    share: float = 0.5
    demo: bool = False
    names: list[str] = attrs.field(factory=list)
    colours: frozenset[Colour] = frozenset()
    rooms: list[Broker] = attrs.field(factory=list)


def problems(text: str, tmp_path: Path) -> list[str]:
    file = tmp_path / "demo.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(Demo, file)
    assert caught.value.origin == str(file)
    assert str(caught.value) == f"{file}: " + "; ".join(caught.value.problems)
    return caught.value.problems


def test_a_full_file(tmp_path):
    file = tmp_path / "demo.toml"
    file.write_text(
        """
        quiet = "1h 30min"
        opens = "24:00"
        first_day = 2023-07-18
        zone = "Europe/Zurich"
        colour = "grey"
        data = "/srv/seatgate"
        title = { zh = "甲", en = "A" }
        share = 1
        demo = true
        names = ["south"]
        colours = ["grey", "green"]
        broker = { host = "::1", port = 18830, password = "s3cret" }
        """,
        encoding="utf-8",
    )
    loaded = load(Demo, file)
    assert loaded == Demo(
        broker=Broker("::1", 18830, Secret("s3cret")),
        quiet=timedelta(minutes=90),
        opens=time.max,
        first_day=date(2023, 7, 18),
        zone=ZoneInfo("Europe/Zurich"),
        colour=Colour.GREY,
        data=Path("/srv/seatgate"),
        title=Text("甲", "A"),
        share=1.0,
        demo=True,
        names=["south"],
        colours=frozenset(Colour),
    )
    assert type(loaded.colour) is Colour
    assert (loaded.title["zh_Hans_CN"], loaded.title["en"]) == ("甲", "A")
    assert "s3cret" not in repr(loaded)


def test_every_bad_key_at_once(tmp_path):
    found = problems(
        """
        quiet = 500
        opens = "25:00"
        first_day = "July"
        zone = "Asia/Bejing"
        colour = "gray"
        data = 7
        title = { zh = "甲" }
        share = "half"
        demo = 1
        names = "south"
        colours = ["grey", "gren"]
        colur = "green"
        rooms = [{ host = "a" }, { host = "b", prt = 1 }, 5]
        [broker]
        hots = "localhost"
        port = "1883"
        """,
        tmp_path,
    )
    assert sorted(found) == sorted(
        [
            """quiet: 500 is not a duration: write "30min", "4h", "1h 30min", "10s" or "500ms\"""",
            """opens: '25:00' is not a time of day: write "08:00\"""",
            """first_day: 'July' is not a day: write "2023-07-17\"""",
            """zone: 'Asia/Bejing' is not a time zone: write one like "Asia/Shanghai\"""",
            "colour: 'gray' is not one of green, grey, did you mean 'grey'?",
            "data: 7 is not a text in quotes",
            "title.en: the key 'en' is missing",
            "share: 'half' is not a number",
            "demo: 1 is not true or false",
            "names: 'south' is not a list: write it in [ ]",
            "colours[1]: 'gren' is not one of green, grey, did you mean 'green'?",
            "unknown key 'colur', did you mean 'colour'?",
            "rooms[1]: unknown key 'prt', did you mean 'port'?",
            "rooms[2]: 5 is not a table of keys and values",
            "broker: unknown key 'hots', did you mean 'host'?",
            "broker.host: the key 'host' is missing",
            "broker.port: '1883' is not a whole number",
        ]
    )


@pytest.mark.parametrize("value", ["12345678", "true", '["12345678"]', '{ value = "12345678" }', '""'])
def test_a_bad_secret_is_not_shown(value, tmp_path):
    (problem,) = problems(f'broker = {{ host = "a", password = {value} }}', tmp_path)
    assert problem.startswith("broker.password: a secret is a text in quotes that is not empty")
    assert "12345678" not in problem


def test_a_long_value_is_cut(tmp_path):
    (problem,) = problems(f'broker = {{ host = "a", port = "{"9" * 5000}" }}', tmp_path)
    assert len(problem) < 120


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a = ", "cannot be read: Invalid value"), (b"\xff", "cannot be read: "), (b"a = 1\na = 2", "cannot be read: Cannot overwrite")],
)  # fmt: skip
def test_a_file_that_is_not_toml(content, expected, tmp_path):
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml(file)
    assert caught.value.problems[0].startswith(expected)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.toml: there is no such file"):
        load(Demo, tmp_path / "gone.toml")


def test_later_files_lie_over_earlier_ones(tmp_path):
    under, over = tmp_path / "under.toml", tmp_path / "over.toml"
    under.write_text('names = ["a", "b"]\n[broker]\nhost = "under"\nport = 1\n')
    over.write_text('names = ["c"]\n[broker]\nport = 2\n')
    assert load(Demo, under, over) == Demo(broker=Broker("under", 2), names=["c"])


def test_merge_leaves_both_sides_as_they_were():
    under, over = {"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": {"z": 3}}
    assert merge(under, over) == {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    assert (under, over) == ({"a": {"x": 1}, "b": 1}, {"a": {"y": 2}, "b": {"z": 3}})


def test_structure_names_where_the_tables_came_from():
    with pytest.raises(ConfigError, match=r"^the command line: broker\.host: the key 'host' is missing$"):
        structure({"broker": {}}, Demo, "the command line")


def test_shipped_files_are_found():
    assert shipped("sites", "bjut.toml").is_file()
