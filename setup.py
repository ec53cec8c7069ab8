"""Packaging of Seatgate: the one place for metadata, packages, data files and dependencies.

There is no ``[project]`` table in pyproject.toml: with both, setuptools stops. Packages are listed
explicitly through ``find_packages(include=...)`` because several flat top-level packages defeat
automatic discovery, and ``systemd/`` must never become a Python package (python-systemd owns the name).
"""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup


def requirements(role: str) -> list[str]:
    """Return the requirement lines of `requirements/{role}.txt` (kept in files so that the dependency check reads them)."""
    lines = Path(__file__).with_name("requirements").joinpath(f"{role}.txt").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


PACKAGES = ("booking", "config", "display", "gate", "kiosk", "messages", "onsite", "runtime", "simulator", "wire")

CORE = requirements("core")
GATE = requirements("gate")
KIOSK = requirements("kiosk")
WEDGE = requirements("wedge")
BOOKING = requirements("booking")
TEST = requirements("test")
CHECK = requirements("check")

setup(
    name="seatgate",
    version="0.1.0",
    description="Library seat reservation on site: turnstile gates, seat-selection kiosks and the booking service",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]),
    py_modules=["seatgate"],
    include_package_data=True,
    package_data={
        "booking": ["web/templates/**/*", "web/static/**/*", "locale/**/*.po", "store/migrations/**/*.sql"],
        "config": ["*.toml", "boards/*.toml", "sites/*.toml", "plans/*.json", "protocols/*.toml"],
        "display": ["fonts/*"],
        "kiosk": ["locale/**/*.po"],
    },
    data_files=[("lib/systemd/system", sorted(glob("systemd/*.service")))],
    install_requires=CORE,
    extras_require={
        "gate": GATE,
        "kiosk": KIOSK,
        "wedge": WEDGE,
        "booking": BOOKING,
        "all": sorted({*GATE, *KIOSK, *BOOKING}),
        "test": TEST,
        "check": CHECK,
    },
    entry_points={
        "console_scripts": ["seatgate=seatgate:main"],
        # frame families in code: docs/protocols.md, "A family in code"
        "seatgate.protocols": [
            "face-push = gate.push.family:FAMILY",
            "modbus-rtu = wire.modbus.line:FAMILY",
            "osdp = wire.osdp.driver:OSDP",
            "wedge = wire.wedge_line:FAMILY",
        ],
    },
)
