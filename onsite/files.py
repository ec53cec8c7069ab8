"""Files that `seatgate run` writes: whole or not at all, for their owner alone; and settings as TOML."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

TomlValue = str | int | bool | Mapping[str, "TomlValue"]
"""What a written settings file may hold."""


def write_private(file: Path, content: str | bytes) -> None:
    """Write `content` to `file` with mode 0600; a reader sees the old file or the new one, never half of either."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def toml(table: Mapping[str, TomlValue], name: str = "") -> str:
    """Return a table as TOML: its own keys first, then its tables, each under its full name."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"[{name}]"] if name and plain else []
    # A JSON string in ASCII-free form is a TOML basic string; so are JSON's numbers and booleans.
    lines += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    text = "\n".join(lines) + "\n" if lines else ""
    for key, value in table.items():
        if isinstance(value, Mapping):
            text += toml(value, f"{name}.{_key(key)}" if name else _key(key))
    return text


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _value(key)


def _value(value: str | int | bool) -> str:  # noqa: FBT001 - a value of a settings file
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
