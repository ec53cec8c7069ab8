"""What ships: every file has its place in the package, every unit passes systemd's own checks, an install asks once."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("booking", "config", "display", "gate", "kiosk", "messages", "onsite", "runtime", "simulator", "wire")
UNITS = sorted((ROOT / "systemd").glob("*.service"))
CORE_COMMANDS = (
    "bash cat cut dirname env flock grep head id ldconfig mktemp rm sha256sum sh tail tee uname mkdir chmod ln sleep"
)


def setup_argument(name):
    """Return the literal that setup.py hands to `setup(name=…)`."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    call = next(
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    )
    return ast.literal_eval(next(word.value for word in call.keywords if word.arg == name))


# ---- the package -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_that_is_not_python_is_package_data(package):
    globs = setup_argument("package_data").get(package, [])
    missing = [
        str(file.relative_to(ROOT))
        for file in (ROOT / package).rglob("*")
        if file.is_file()
        and file.suffix not in {".py", ".pyc"}
        and not any(fnmatch(str(file.relative_to(ROOT / package)), glob.replace("**/", "*")) for glob in globs)
    ]
    assert missing == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_with_python_is_a_package_with_its_purpose(package):
    for folder in {file.parent for file in (ROOT / package).rglob("*.py")}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder


def test_the_metadata_has_one_home():
    assert "project" not in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_installed_entry_points_are_those_of_setup_py():
    declared = setup_argument("entry_points")
    assert set(declared) <= {"console_scripts", "seatgate.protocols"}
    installed = {group: [f"{point.name} = {point.value}" for point in entry_points(group=group)] for group in declared}
    for group, points in declared.items():
        missing = {point.replace(" ", "") for point in points} - {point.replace(" ", "") for point in installed[group]}
        assert not missing, f"not installed: {missing}; run tools/install (in a worktree: pip install -e . --no-deps)"


def test_no_package_shadows_another():
    assert not (ROOT / "systemd" / "__init__.py").exists()
    assert list((ROOT / "tests").rglob("__init__.py")) == []


# ---- systemd ---------------------------------------------------------------------------------------------------------

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False)


def installed(unit, folder):
    """Copy a unit with a program that exists on this machine in place of the installed one."""
    text = re.sub(r"^ExecStart=.*/bin/seatgate ", "ExecStart=/bin/true ", unit.read_text(), flags=re.MULTILINE)
    copy = folder / unit.name.replace("@.", "@south.")
    copy.write_text(text)
    return copy


def test_there_is_a_unit_for_each_process():
    assert [unit.name for unit in UNITS] == [
        "seatgate-booking.service",
        "seatgate-gate@.service",
        "seatgate-kiosk.service",
    ]


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_fault_in_a_unit(unit, tmp_path):
    done = analyze("verify", "--man=no", "--recursive-errors=no", str(installed(unit, tmp_path)))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_systemd_would_find_one(tmp_path):
    copy = installed(UNITS[0], tmp_path)
    copy.write_text(copy.read_text().replace("ProtectSystem=strict", "ProtectSystem=rather"))
    assert "protect system value" in analyze("verify", "--man=no", str(copy)).stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS[:2], ids=lambda unit: unit.name)
def test_a_unit_is_exposed_to_little(unit):
    done = analyze("security", "--offline=true", "--threshold=15", str(unit))
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_notified_watched_and_never_given_up(unit):
    text = unit.read_text()
    for line in ("Type=notify", "WatchdogSec=15s", "Restart=always", "StartLimitIntervalSec=0"):
        assert f"\n{line}\n" in text


# ---- tools/install ---------------------------------------------------------------------------------------------------


class Folder:
    """A copy of what tools/install reads, with stand-ins for the programs that would change this machine."""

    def __init__(self, folder, *, without=(), user="0"):
        self.home = folder / "checkout"
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.bin.mkdir()
        (self.home / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "tools" / "install", self.home / "tools")
        shutil.copytree(ROOT / "requirements", self.home / "requirements")
        for name in ("setup.py", "pyproject.toml"):
            shutil.copy(ROOT / name, self.home)
        for name in CORE_COMMANDS.split():
            (self.bin / name).symlink_to(shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"))
        for name in {"mosquitto", "mosquitto_pub", "faketime", "chromium", "Xvfb", "xdotool", "systemd-analyze"} - set(
            without
        ):
            self.stand_in(name)
        self.stand_in("id", f'echo "{user}"')
        self.stand_in("apt-get")
        # Making a virtual environment: a folder whose python only notes what it was asked.
        self.stand_in(
            "python3", 'case "$*" in *venv*--clear*) mkdir -p .venv/bin && ln -sf "$0" .venv/bin/python ;; esac; exit 0'
        )

    def stand_in(self, name, code="exit 0"):
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {self.calls}\n{code}\n')
        (self.bin / name).chmod(0o755)

    def install(self, role):
        """Run it; return (exit code, what it printed, the programs that it called)."""
        self.calls.write_text("")
        done = subprocess.run(
            ["tools/install", role],
            cwd=self.home,
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr, self.calls.read_text().splitlines()


def test_the_first_start_installs_and_the_second_asks_nobody(tmp_path):
    folder = Folder(tmp_path)
    code, _, calls = folder.install("run")
    assert code == 0
    assert [call for call in calls if "-m pip install" in call and ".[all]" in call]
    assert folder.install("run") == (0, "", [])


def test_changed_requirements_are_installed(tmp_path):
    folder = Folder(tmp_path)
    folder.install("run")
    with (folder.home / "requirements" / "gate.txt").open("a") as file:
        file.write("another-package\n")
    _, _, calls = folder.install("run")
    assert [call for call in calls if "-m pip install" in call]


def test_a_missing_right_is_one_sentence_with_the_command(tmp_path):
    code, printed, calls = Folder(tmp_path, without=["chromium"], user="1000").install("test")
    assert code == 1
    assert printed == (
        "seatgate: Debian packages are missing and this account may not install them: "
        "run as root: apt-get install -y --no-install-recommends chromium\n"
    )
    assert not [call for call in calls if call.startswith("apt-get")]


def test_without_a_network_it_says_so_and_tries_again_next_time(tmp_path):
    folder = Folder(tmp_path)
    folder.stand_in(
        "python3",
        'case "$*" in *venv*--clear*) mkdir -p .venv/bin && ln -sf "$0" .venv/bin/python ;; *pip*install*) exit 1 ;; esac; exit 0',
    )
    code, printed, _ = folder.install("run")
    assert code == 1
    assert "the Python packages could not be installed (is this machine online?)" in printed
    assert [call for call in folder.install("run")[2] if "-m pip install" in call]


def test_an_old_python_is_named(tmp_path):
    folder = Folder(tmp_path)
    folder.stand_in("python3", 'case "$*" in *version_info*) exit 1 ;; esac; exit 0')
    code, printed, _ = folder.install("run")
    assert (code, printed) == (
        1,
        "seatgate: Python 3.11 or newer is needed and 'python3' is not one: set SEATGATE_PYTHON to the path of one\n",
    )
