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


_FAMILY, _GIVEN = (
    "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗",
    ("子涵", "雨桐", "浩然", "思远", "佳怡", "明轩", "欣妍", "一诺", "嘉树", "晓舟", "文博"),
)
_SIMULATED = "SIM"
"""How the numbers of simulated readers begin."""


def is_simulated(account: Account) -> bool:
    """Tell whether an account is a simulated reader's."""
    return account.reader.startswith(_SIMULATED)


def load_or_create(file: Path, simulated: int = 0) -> list[Account]:
    """Return the accounts of a data folder, at least `simulated` of them for simulated readers.

    The first call makes their passwords and writes them, for its owner alone; a later one makes those that are missing.
    """
    known = [Account(**row) for row in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []
    accounts = known or [
        Account(reader, name, _password(), card, face, role) for reader, name, card, face, role in _PEOPLE
    ]
    accounts = accounts + [_simulated(n) for n in range(1 + sum(map(is_simulated, accounts)), simulated + 1)]
    if accounts != known:
        write_private(file, json.dumps([attrs.asdict(account) for account in accounts], ensure_ascii=False, indent=2))
    return accounts


def _simulated(number: int) -> Account:
    name = _FAMILY[number % len(_FAMILY)] + _GIVEN[number % len(_GIVEN)]
    return Account(f"{_SIMULATED}{number:06}", name, _password(), f"00080{number:05}", f"2090{number:04}", READER)


def _password() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
