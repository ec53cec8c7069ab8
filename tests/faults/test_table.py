"""bench/faults.md keeps the last full run of each row, in the order of the matrix."""

from bench.faults.__main__ import main
from bench.faults.table import Found, write


def found(key, seen, *, held=True):
    return Found(key, "done", "must", seen, held)


def test_a_row_takes_the_place_of_its_older_run_and_the_others_stay(tmp_path):
    file = tmp_path / "faults.md"
    write([found("10 viewers", "a")], "then", file)
    write([found("2 power cut", "b"), found("1 kill", "c", held=False)], "then", file)
    write([found("2 power cut", "d")], "now", file)
    assert [line for line in file.read_text().splitlines() if line.startswith("| ")][1:] == [
        "| 1 kill | done | must | c | **broken**; then |",
        "| 2 power cut | done | must | d | held; now |",
        "| 10 viewers | done | must | a | held; then |",
    ]


def test_an_unknown_row_is_one_sentence(capsys):
    assert main(["earthquake"]) == 2
    assert "there is no earthquake: choose from kill, power_cut" in capsys.readouterr().err
