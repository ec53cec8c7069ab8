"""Frame families of the research that do not ship yet, as a technician would write them, and the shipped ones."""

import pytest

from config import structure
from wire.description import Description
from wire.families import protocol, shipped_names

FAMILIES = {
    # ZKTeco C3: AA 01 command, LE16 length of the data, data, CRC-16, 55.
    "c3": {
        "title": "ZKTeco C3",
        "card": "hex-little",
        "frame": {"start": "AA 01", "end": "55", "length_field": {"at": 3, "size": 2, "adds": 8}, "max": 64},
        "checksum": {"kind": "crc16-arc", "covers": [1, -3], "at": -3, "order": "little"},
        "fields": {"value": {"at": 5, "size": 4}, "command": {"at": 2, "size": 1, "written": "0B"}},
    },
    # ASCII-hex without a fixed length.
    "open-hex": {
        "title": "ASCII-hex of any length",
        "card": "hex",
        "frame": {"start": "02", "end": "0D 0A", "encoding": "ascii-hex", "max": 40},
        "fields": {"value": {"at": 1, "size": 4}},
    },
}


def family(name: str) -> Description:
    return structure(FAMILIES[name], Description, name) if name in FAMILIES else protocol(name)


ALL_FAMILIES = (*shipped_names(), *FAMILIES)


@pytest.fixture(scope="session")
def family_of():
    """`family_of("rdm6300")`: a description, shipped or of this file."""
    return family


@pytest.fixture(params=ALL_FAMILIES, scope="session")
def any_family_name(request) -> str:
    return request.param
