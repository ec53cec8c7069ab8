"""Files of people and cards as libraries have them: encodings, headings, card formats, and every bad line named."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking import people_csv
from booking.errors import BookingError
from wire.cards import CardFormat

ZONE = ZoneInfo("Asia/Shanghai")


def cards(text, form=CardFormat.DECIMAL):
    return people_csv.credentials(text.encode(), ZONE, form)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_as_spreadsheets_save_them(encoding, end):
    content = end.join(["学号,姓名", "s2023001,林知夏", "", "S2023002,龘靐", ""]).encode(encoding)
    sheet = people_csv.readers(content)
    assert [(row.line, row.reader, row.name) for row in sheet.rows] == [
        (2, "S2023001", "林知夏"),
        (4, "S2023002", "龘靐"),
    ]
    assert sheet.faults == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_other_columns_are_left_alone(delimiter):
    text = "\n".join(delimiter.join(row) for row in (["reader", "院系", "name", "role"], ["S1", "x", "A B", "staff"]))
    row = people_csv.readers(text.encode()).rows[0]
    assert (row.reader, row.name, row.role) == ("S1", "A B", "staff")


def test_groups_are_words():
    sheet = people_csv.readers("学号,姓名,组别\nS1,A,postgraduate law-school\nS2,B,\nS3,C,研究生\n".encode())
    assert [row.groups for row in sheet.rows] == [("postgraduate", "law-school"), ()]
    assert [fault.line for fault in sheet.faults] == [4]
    assert people_csv.readers(b"reader,name\nS1,A\n").rows[0].groups is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",A", "reader is empty"),
        ("S1,", "name is empty"),
        ("S1", "has 1 columns, the heading 2"),
        (f"S1,{'x' * 65}", "name has more than 64 characters or strange ones"),
        ("S 1,A", "the value is not 1 to 64 visible characters"),
        ("S1,A,Postgraduate", "has 3 columns, the heading 2"),
        ("S0,A", "says again what line 2 says"),
    ],
)
def test_a_bad_line_is_named(line, problem):
    sheet = people_csv.readers(f"reader,name\nS0,Z\n{line}\nS9,B\n".encode())
    assert [row.reader for row in sheet.rows] == ["S0", "S9"]
    assert [(fault.line, fault.problem) for fault in sheet.faults] == [(3, problem)]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\x01", b"reader\nS1\n", b'reader,name\n"S1,A\n'])
def test_what_is_no_such_file_is_refused_in_a_sentence(content):
    with pytest.raises(BookingError):
        people_csv.readers(content)


@pytest.mark.parametrize(
    ("heading", "line", "value"),
    [
        ("reader,value", "S1,6547886", "0006547886"),
        ("reader,value,format", "S1,0063E9AE,hex", "0006547886"),
        ("reader,value,format", "S1,AEE96300,hex-little", "0006547886"),
        ("reader,value,format,width", "S1,0063E9AE,hex,32", "0006547886"),
        ("reader,value,facility", "S1,59822,99", "0006547886"),
        ("reader,value,facility,width", "S1,59822,99,24", "0006547886"),
    ],
)
def test_every_way_to_write_a_card_is_one_value(heading, line, value):
    """ "protocols and imports state byte order, width and facility code" """
    assert [row.value for row in cards(f"{heading}\n{line}\n").rows] == [value]


def test_the_whole_file_may_have_one_format():
    assert cards("reader,value\nS1,0063E9AE\n", CardFormat.HEX).rows[0].value == "0006547886"


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        ("reader,value", "S1,0063E9AE"),
        ("reader,value", "S1,6.547886E+6"),
        ("reader,value", "S1,6547886.0"),
        ("reader,value", "S1,-1"),
        ("reader,value,format", "S1,0063E9AE,hexx"),
        ("reader,value,format,width", "S1,63E9AE,hex,32"),
        ("reader,value,width", "S1,6547886,16"),
        ("reader,value,width", "S1,6547886,many"),
        ("reader,value,facility", "S1,65536,1"),
        ("reader,value,facility", "S1,1,256"),
        ("reader,value,kind", "S1,1,fingerprint"),
        ("reader,value,valid_from", "S1,1,next week"),
        ("reader,value,valid_from,valid_until", "S1,1,2026-09-01,2026-09-01"),
    ],
)
def test_a_bad_card_is_named_without_its_number(heading, line):
    sheet = cards(f"{heading}\n{line}\n")
    assert sheet.rows == ()
    assert [fault.line for fault in sheet.faults] == [2]
    assert line.split(",")[1] not in sheet.faults[0].problem or len(line.split(",")[1]) < 3


def test_a_day_begins_in_the_sites_zone():
    row = cards("学号,卡号,生效日期,失效日期\nS1,1,2026/09/01,2027-07-01T00:00:00+00:00\n").rows[0]
    assert row.valid_from.isoformat() == "2026-09-01T00:00:00+08:00"
    assert row.valid_until.isoformat() == "2027-07-01T00:00:00+00:00"


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda text: b"reader,value\n" + text.encode("utf-8", "ignore"))
)
def test_no_file_breaks_it(content):
    for read in (people_csv.readers, lambda data: people_csv.credentials(data, ZONE)):
        try:
            sheet = read(content)
        except BookingError:
            continue
        assert all(fault.line > 1 for fault in sheet.faults)
