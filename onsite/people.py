"""The people of the demonstration: readers with cards and faces, one member of staff, passwords made once per data folder.

They exist only under `seatgate run`, which tells the booking service so; a production configuration refuses them.
"""

import json
import secrets
from pathlib import Path

import attrs

from onsite.files import write_private

READER = "reader"
STAFF = "staff"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that look like one another: somebody types these passwords."""


@attrs.frozen
class Account:
    """One demonstration account. `card` is the number printed on the card; `face` the person number a terminal sends."""

    reader: str
    name: str
    password: str
    card: str
    face: str
    role: str


_PEOPLE = (
    # The first card is the one that the RDM6300 vector of the tests carries: 02 "010063E9AE" "25" 03.
    ("S202301001", "林知夏", "0006547886", "20230001", READER),
    ("S202301002", "陈默", "0006547887", "20230002", READER),
    ("S202301003", "周以宁", "0006547888", "20230003", READER),
    ("S202301004", "王若溪", "0006547889", "20230004", READER),
    ("B202302005", "赵明远", "0006547890", "20230005", READER),
    ("B202302006", "Anna Keller", "0006547891", "20230006", READER),
    ("STAFF01", "值班馆员", "0009900001", "10010001", STAFF),
)


def load_or_create(file: Path) -> list[Account]:
    """Return the accounts of a data folder; the first call makes their passwords and writes them, for its owner alone."""
    if file.exists():
        return [Account(**row) for row in json.loads(file.read_text(encoding="utf-8"))]
    accounts = [Account(reader, name, _password(), card, face, role) for reader, name, card, face, role in _PEOPLE]
    write_private(file, json.dumps([attrs.asdict(account) for account in accounts], ensure_ascii=False, indent=2))
    return accounts


def _password() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
