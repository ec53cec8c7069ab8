"""The console command: help without imports, every subcommand's help, and one sentence where a package is missing."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import seatgate

ROOT = Path(seatgate.__file__).parent


def test_help_names_every_command_and_imports_no_package_of_ours():
    script = (
        "import sys, seatgate\n"
        "try: seatgate.cli(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(set(sys.modules) & {'booking', 'gate', 'kiosk', 'onsite', 'simulator', 'fastapi', 'pygame', 'paho'}))"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"\n  {name} " in said for name in seatgate.COMMANDS)
    assert said.endswith("\n[]\n")


@pytest.mark.parametrize("name", sorted(seatgate.COMMANDS))
def test_every_command_has_a_help_page(name):
    said = CliRunner().invoke(seatgate.cli, [name, "--help"])
    assert said.exit_code == 0
    assert said.output.startswith("Usage:")


def test_an_unknown_command_is_told_and_not_traced():
    said = CliRunner().invoke(seatgate.cli, ["open-the-door"])
    assert said.exit_code == 2
    assert "No such command 'open-the-door'" in said.output


@pytest.mark.parametrize(
    ("words", "package"),
    [(["gate", "--help"], "serial"), (["booking", "--help"], "cattrs"), (["run"], "attrs")],
)
def test_a_missing_package_is_one_sentence_that_says_what_to_do(words, package):
    script = f"import sys; sys.modules[{package!r}] = None; import seatgate; seatgate.cli({words!r})"
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    (sentence,) = said.stderr.strip().splitlines()
    assert f"needs the Python package {package!r}" in sentence
    assert "pip install" in sentence
