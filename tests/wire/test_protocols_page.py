"""docs/protocols.md teaches with examples: each of them is what the code does."""

import re
import tomllib
from functools import reduce
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from config import merge, read_toml, shipped, structure
from config.protocol_names import coded
from config.schema import Portal
from gate.cli import frames
from gate.push.family import FAMILY, Options
from wire.cards import CardFormat
from wire.checksums import ChecksumKind
from wire.description import Description
from wire.found import Fault, Frame
from wire.frames import FrameDecoder
from wire.meanings import Says
from wire.modbus.line import FAMILY as MODBUS
from wire.osdp.options import Options as OsdpOptions
from wire.wedge import WedgeSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocols.md").read_text(encoding="utf-8")
TOML = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]


def merge_all(*blocks: dict) -> dict:
    return reduce(merge, blocks)


def test_the_worked_example_is_the_shipped_family():
    taught = merge_all(*(block for block in TOML if "rdm" in block.get("title", "").lower() or "version" in str(block)))
    assert taught == read_toml(shipped("protocols", "rdm6300.toml"))


def test_the_console_shows_what_the_page_shows():
    command, _, output = re.search(r"```\n\$ seatgate frames (.*?)\n(.*?)```", PAGE, re.DOTALL)[0][4:-3].partition("\n")
    text = re.search(r"--hex '(.*)'", command)[1]
    result = CliRunner().invoke(frames, ["--protocol", "rdm6300", "--hex", text])
    assert result.output == output
    spoiled = CliRunner().invoke(frames, ["--protocol", "rdm6300", "--hex", text.replace('"25"', '"24"')])
    assert "found 24, expected 25: DOES NOT FIT" in spoiled.output
    assert spoiled.exit_code == 1


def section(title: str) -> str:
    return PAGE.partition(f"## {title}")[2].partition("\n## ")[0]


def test_the_second_example_is_the_shipped_family():
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", section("A second"), re.DOTALL)]
    *taught, portals = blocks
    assert merge_all(*taught) == read_toml(shipped("protocols", "digicon-tx1500.toml"))
    reader, board = structure({"gates": portals["gates"]["portals"]}, Portals, "page").gates
    assert (board.passage_for, reader.reports_passage) == (reader.id, True)


def test_what_is_shown_of_the_polled_controller_is_in_its_file():
    blocks = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", section("A controller"), re.DOTALL)]
    whole = read_toml(shipped("protocols", "stx-rs485-controller.toml"))
    assert blocks
    assert merge_all(whole, *blocks) == whole


def test_the_face_terminals_are_shown_as_they_are():
    command, output = re.search(r"--protocol face-line --hex '(.*?)'\n(.*?)```", PAGE, re.DOTALL).groups()
    assert CliRunner().invoke(frames, ["--protocol", "face-line", "--hex", command]).output == output
    blocks = [
        tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", section("A face terminal\n"), re.DOTALL)
    ]
    whole = read_toml(shipped("protocols", "face-55aa.toml"))
    del blocks[0]["recognition"]["nobody"]
    assert merge_all(whole, *blocks) == whole
    raw = re.search(r"\n(55 AA  01 .*?)\n", PAGE)[1]
    shown = CliRunner().invoke(frames, ["--protocol", "face-55aa", "--hex", raw])
    assert "good       face 20231234, in" in shown.output


def test_the_rules_that_would_fit_are_shown_as_the_page_shows_them():
    command, end = re.search(
        r"\$ seatgate frames --protocol rdm6300 --hex '([^\n]*FB[^\n]*)'\n…\n(.*?)```", PAGE, re.DOTALL
    ).groups()
    result = CliRunner().invoke(frames, ["--protocol", "rdm6300", "--hex", command])
    assert result.output.endswith(end)


@attrs.frozen
class Portals:
    gates: list[Portal]


@pytest.mark.parametrize("line", ["FACE,20231234,IN", "CARD,0006547886"])
def test_the_line_pattern_is_taken(line):
    (block,) = (block for block in TOML if "line" in block)
    description = structure({"title": "x", "card": "decimal", **block}, Description, "page")
    assert isinstance(FrameDecoder(description).feed(f"{line}\n".encode())[0], Frame)


def test_every_kind_of_fault_and_checksum_is_named():
    for kind in (*Fault, *ChecksumKind, *CardFormat, *Says):
        assert f"`{kind}`" in PAGE


def test_every_shipped_family_is_named():
    for file in shipped("protocols").iterdir():
        assert f"`{file.name.removesuffix('.toml')}`" in PAGE
    for name in coded():
        assert f"| `{name}` |" in PAGE


def test_a_boards_frames_are_shown_as_the_page_shows_them():
    command, output = re.search(r"--protocol modbus-rtu --hex '(.*?)'\n(.*?)```", PAGE, re.DOTALL).groups()
    assert CliRunner().invoke(frames, ["--protocol", "modbus-rtu", "--hex", command]).output == output


def test_the_board_is_the_shipped_one(tmp_path):
    lane, *parts = (
        tomllib.loads(each) for each in re.findall(r"```toml\n(.*?)```", section("An I/O board"), re.DOTALL)
    )
    assert merge_all(*parts) == read_toml(shipped("boards", "io-8.toml"))
    (portal,) = structure({"gates": lane["gates"]["portals"]}, Portals, "page").gates
    assert (MODBUS.line(portal.port, [portal], tmp_path).device, portal.passage_for) == (portal.port, "south-1")


def test_the_settings_of_a_keyboard_reader_are_those_that_there_are():
    (block,) = (
        tomllib.loads(each) for each in re.findall(r"```toml\n(.*?)```", section("A reader that is"), re.DOTALL)
    )
    said = block["gates"]["portals"][0]["options"]
    assert structure(said, WedgeSettings, "page") == WedgeSettings()
    assert set(attrs.fields_dict(WedgeSettings)) - set(said) == {"bits"}


def test_the_settings_of_a_terminal_that_calls_are_those_that_there_are(tmp_path):
    (block,) = (
        tomllib.loads(each) for each in re.findall(r"```toml\n(.*?)```", section("A face terminal that"), re.DOTALL)
    )
    (portal,) = structure({"gates": block["gates"]["portals"]}, Portals, "page").gates
    (tmp_path / "north-face").write_text("at-least-twelve-characters")
    (tmp_path / "north-face").chmod(0o600)
    assert FAMILY.line(portal.port, [portal], tmp_path).device == "0.0.0.0:8090"
    said = block["gates"]["portals"][0]["options"]
    unsaid = set(attrs.fields_dict(Options)) - set(said)
    assert unsaid == {"tls_certificate", "tls_key"}
    defaults = structure({"secret_file": "x", "allow": []}, Options, "page")
    assert [said["faces"], said["strangers"], said["cards"]] == [defaults.faces, defaults.strangers, defaults.cards]


def test_the_osdp_example_is_what_the_console_shows():
    command, _, output = section("OSDP readers").partition("$ seatgate frames")[2].partition("```")[0].partition("\n")
    text = re.search(r"--hex '(.*)'", command)[1]
    assert CliRunner().invoke(frames, ["--protocol", "osdp", "--hex", text]).output == output
    spoiled = CliRunner().invoke(frames, ["--protocol", "osdp", "--hex", text[:-1] + "0"])
    assert (spoiled.exit_code, "DOES NOT FIT" in spoiled.output) == (1, True)


def test_every_osdp_option_is_explained():
    for field in attrs.fields(OsdpOptions):
        assert f"`{field.name}`" in section("OSDP readers"), field.name
