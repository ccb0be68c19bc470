"""Files as people export them are read, and the notes say how."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import os
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.dataset import coercer_of, read_table, with_roles
from workbench.errors import UnknownName

PLAIN = "name,price\nanna,1.5\nörjan,2.5\n"


def rows(dataset):
    return [[None if pd.isna(value) else value for value in row] for row in dataset.frame.to_numpy()]


def test_csv_values_stay_text_as_they_stand_in_the_file(table):
    dataset = table("code,price\n01234,1.50\n00007,2\n")
    assert rows(dataset) == [["01234", "1.50"], ["00007", "2"]]


def test_a_dataset_knows_where_it_came_from_and_the_digest_of_its_bytes(table, tmp_path):
    before = time.monotonic()
    dataset = table(PLAIN)
    assert dataset.source == str(tmp_path / "table.csv")
    assert dataset.digest == f"sha256:{hashlib.sha256(PLAIN.encode()).hexdigest()}"
    assert before <= dataset.read_at <= time.monotonic()
    assert repr(dataset).endswith("2 rows × 2 columns>")


def test_a_relative_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(PLAIN)
    assert read_table("a.csv").source == str(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
        ("cp1252", "Windows-1252"),
        ("latin-1", "Windows-1252"),
    ],
)
def test_the_encoding_is_found(table, encoding, note):
    dataset = table((PLAIN * 1).encode(encoding))
    assert list(dataset.frame.columns) == ["name", "price"]
    assert rows(dataset)[1][0] == "örjan"
    assert [said for said in dataset.notes if note and note in said] == list(dataset.notes)


def test_a_byte_no_code_page_knows_is_read_as_latin_1(table):
    dataset = table("name,price\nanna\x81é,1\nb,2\n".encode("latin-1"))
    assert any("Latin-1" in note for note in dataset.notes)


def test_one_damaged_letter_does_not_make_utf8_another_encoding(table):
    text = "name,price\n" + "".join(f"örjan äö {i},{i}\n" for i in range(40))
    dataset = table(text.encode() + b"\xff,1\n")
    assert rows(dataset)[0][0] == "örjan äö 0"
    assert any("damaged letter" in note and "line 42" in note for note in dataset.notes)


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_the_delimiter_is_found_and_told(table, mark, word):
    dataset = table(f'a{mark}b{mark}c\n1{mark}"x{mark},y"{mark}2,5\n3{mark}z{mark}4,5\n')
    assert rows(dataset) == [["1", f"x{mark},y", "2,5"], ["3", "z", "4,5"]]
    assert any(word in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,b\n1,"two\nlines"\n', [["1", "two\nlines"]]),
        ('a,b\n1,"say ""hi"""\n', [["1", 'say "hi"']]),
        ('a, b\n1, "x, y"\n', [["1", "x, y"]]),
        ('a,b\n1,5" pipe\n', [["1", '5" pipe']]),
        ("a,b\r1,2\r3,4\r", [["1", "2"], ["3", "4"]]),
        ("a,b\r\n1,2\r\n3,4", [["1", "2"], ["3", "4"]]),
        ("\n\n a , b \n1, 2 \n", [["1", "2 "]]),
        ("a,b\n1,2\n\n3,4\n", [["1", "2"], ["3", "4"]]),
        ("a,b\n1,\n , \n3,x\n", [["1", None], [None, None], ["3", "x"]]),
        ("sep=;\na;b\n1;2\n", [["1", "2"]]),
        ('"a,x","b"\n"1,5",2\n', [["1,5", "2"]]),
        ("a\tb\nx, y\t2\n", [["x, y", "2"]]),
        ("a;b\n1,5;2,5\n", [["1,5", "2,5"]]),
        ("a,b\nNA,NULL\nnan,?\n", [["NA", "NULL"], ["nan", "?"]]),
    ],
)
def test_what_exports_do_is_understood(table, text, expected):
    assert rows(table(text)) == expected


def test_header_names_are_stripped(table):
    assert list(table(" a , b\u00a0\n1,2\n").frame.columns) == ["a", "b"]


def test_a_table_of_one_column_keeps_its_blank_lines(table):
    assert rows(table("x\n1\n\n3\n\n\n")) == [["1"], [None], ["3"]]


def test_gzip_is_unpacked(table):
    dataset = table(gzip.compress(PLAIN.encode()), "table.csv.gz")
    assert len(dataset.frame) == 2


def test_empty_rows_at_the_end_and_columns_without_name_and_value_are_dropped(table):
    dataset = table("a;b;;\n1;2;;\n;;;\n3;4;;\n;;;\n;;;\n")
    assert rows(dataset) == [["1", "2"], [None, None], ["3", "4"]]
    assert any("2 column(s)" in note for note in dataset.notes)
    assert any("2 empty row(s)" in note for note in dataset.notes)
    assert dataset.schema.read["empty_rows_at_end"] == 2


def test_delimiters_at_line_ends_are_no_column(table):
    assert rows(table("a,b\n1,2,\n3,4,\n")) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    "text",
    [
        ",a\n0,x\n1,y\n2,z\n",
        ",a\n1,x\n2,y\n3,z\n",
        "Unnamed: 0,a\n0,x\n1,y\n2,z\n",
        ",a\n17,x\n3,y\n11,z\n",
        "Unnamed: 0,a\n0,x\n1,y\n0,z\n",
    ],
)
def test_a_saved_index_is_dropped_and_told(table, text):
    dataset = table(text)
    assert rows(dataset) == [["x"], ["y"], ["z"]]
    assert any("saved index" in note for note in dataset.notes)


@pytest.mark.parametrize("values", ["x,y,z", "0.5,1.5,2.5", "-1,0,1", "4,4,5"])
def test_another_column_without_a_name_is_named_by_its_place(table, values):
    first, second, third = values.split(",")
    dataset = table(f",a\n{first},1\n{second},2\n{third},3\n")
    assert list(dataset.frame.columns) == ["column_1", "a"]
    assert dataset.notes == ("Column 1 has no name; it is called 'column_1'.",)


def test_a_made_up_name_is_never_taken(table):
    assert list(table("column_2,,x\na,1,2\nb,1,3\n").frame.columns) == ["column_2", "column_2_", "x"]


def test_short_rows_are_filled_and_told(table):
    dataset = table("a,b,c\n1,2,3\n4,5\n6,7,8\n9\n")
    assert rows(dataset) == [["1", "2", "3"], ["4", "5", None], ["6", "7", "8"], ["9", None, None]]
    assert any("2 row(s), the first in line 3" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "name", ["index", "class", "__init__", "a.b", "😀", "x" * 300, "\u202egnp.exe", "a'b", "<b>", "0"]
)
def test_any_name_may_be_given_to_a_column(table, coerced, name):
    dataset = table(f'"{name}",y\n1,2\n3,4\n')
    assert dataset.schema.columns[0].name == name
    assert coerced(dataset).to_numpy().tolist() == [[1, 2], [3, 4]]


def typed_frame():
    return pd.DataFrame(
        {
            "whole": pd.array([1, None, 2**53 + 1], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "when": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
            "zoned": pd.to_datetime(["2020-01-01", None, "2020-01-03"]).tz_localize("Europe/Berlin"),
            "level": pd.Categorical(["a", None, "b"]),
            "text": ["01", None, " "],
        }
    )


def test_parquet_keeps_its_types_and_every_digit(tmp_path):
    typed_frame().to_parquet(tmp_path / "t.parquet")
    frame = read_table(str(tmp_path / "t.parquet")).frame
    assert frame["whole"].tolist()[2] == 2**53 + 1
    assert [str(kind) for kind in frame.dtypes[:2]] == ["Int64", "boolean"]
    assert isinstance(frame["level"].dtype, pd.CategoricalDtype)
    assert frame["text"].tolist()[0] == "01"


def test_parquet_is_known_by_its_content_not_its_name(tmp_path):
    typed_frame().to_parquet(tmp_path / "t.csv")
    assert read_table(str(tmp_path / "t.csv")).schema.read == {"format": "parquet"}


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        (None, ["x"]),
        ([5, 3, 9], ["x"]),
        (["a", "b", "c"], ["index", "x"]),
        (pd.Index(["a", "b", "c"], name="farm"), ["farm", "x"]),
        (pd.date_range("2020-01-01", periods=3, name="when"), ["when", "x"]),
    ],
)
def test_a_parquet_index_is_a_column_when_it_says_something(tmp_path, index, columns):
    pd.DataFrame({"x": [1.5, 2.5, 3.5]}, index=index).to_parquet(tmp_path / "t.parquet")
    dataset = read_table(str(tmp_path / "t.parquet"))
    assert sorted(dataset.frame.columns) == columns
    assert isinstance(dataset.frame.index, pd.RangeIndex)


def test_nested_and_binary_parquet_columns_are_left_out_and_told(tmp_path):
    pd.DataFrame({"x": [1, 2], "items": [[1], [2, 3]], "parts": [{"a": 1}, {"a": 2}], "raw": [b"a", b"b"]}).to_parquet(
        tmp_path / "t.parquet"
    )
    dataset = read_table(str(tmp_path / "t.parquet"))
    assert list(dataset.frame.columns) == ["x"]
    assert len(dataset.notes) == 3


def test_csv_and_parquet_of_the_same_rows_are_of_the_same_kinds_and_values(tmp_path, coerced):
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "id": [f"K{i:04d}" for i in range(60)],
            "x": rng.normal(size=60),
            "n": pd.array([None, *rng.integers(0, 9, size=59)], dtype="Int64"),
            "flag": rng.random(60) > 0.5,
            "when": pd.date_range("2021-03-01", periods=60, freq="h", tz="Europe/Berlin"),
            "level": pd.Categorical(rng.choice(["a", "b", "c"], 60)),
            "count": range(60),
            "same": 3,
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    text, typed = read_table(str(tmp_path / "t.csv")), read_table(str(tmp_path / "t.parquet"))
    assert [column.kind for column in text.schema.columns] == [column.kind for column in typed.schema.columns]
    pd.testing.assert_frame_equal(coerced(text), coerced(typed), check_exact=True)


def test_reading_takes_whatever_names_a_file(tmp_path):
    (tmp_path / "a.csv").write_text(PLAIN)
    assert len(read_table(tmp_path / "a.csv").frame) == len(read_table(os.fspath(tmp_path / "a.csv")).frame) == 2


def test_roles_are_given_by_name(table):
    schema = with_roles(table(PLAIN).schema, {"price": "target"})
    assert schema.named("target") == ["price"]
    assert schema.named("feature") == ["name"]


def test_a_role_for_an_unknown_column_is_refused_with_the_near_name(table):
    with pytest.raises(UnknownName, match="Did you mean 'price'"):
        with_roles(table(PLAIN).schema, {"Pryce": "target"})


def test_many_columns_are_read_at_ease(table):
    buffer = io.StringIO()
    pd.DataFrame(np.arange(1600).reshape(2, 800) / 7).to_csv(buffer, index=False)
    assert len(table(buffer.getvalue()).schema.columns) == 800


def test_a_very_long_cell_is_read(table):
    assert len(rows(table(f"a,b\n{'x' * 300_000},2\n3,4\n"))[0][0]) == 300_000


cells = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Zs"], include_characters='\n ",;|'), max_size=9
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6),
    mark=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_written_as_csv_is_read_as_it_was_written(table, lines, mark, encoding, end):
    lines = [("a", "b", "first"), *lines, ("y", "z", "last")]
    buffer = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL  # the writer quotes no line end but its own
    csv.writer(buffer, delimiter=mark, lineterminator=end, quoting=quoting).writerows([("x", "y", "z"), *lines])
    found = table(buffer.getvalue().encode(encoding)).frame.fillna("").to_numpy()
    assert [[cell.strip() for cell in line] for line in found] == [[cell.strip() for cell in line] for line in lines]


@pytest.mark.parametrize("missing", ["-200, 999", [-200, "999"], (-200.0, 999)])
def test_codes_for_missing_are_missing_however_they_are_written(table, coerced, missing):
    lines = ["a;b;c;d"] + [f"{n},5;{n % 3};k{n};x" for n in range(30)] + ["-200,00;-200;999;999", "-200;999;-200;x"]
    dataset = read_table(table("\n".join(lines)).source, missing=missing)
    assert dataset.schema.read["missing"] == ["-200", "999"]
    assert [dataset.schema[name].missing for name in "abcd"] == [2, 2, 2, 1]
    assert coerced(dataset).tail(2).isna().sum().tolist() == [2, 2, 2, 1]
    assert any("counts as missing, as asked for" in note for note in dataset.notes)


def test_a_code_that_stands_nowhere_is_told(table):
    assert "'-1', named as missing, stands in no column." in read_table(table("a\n1\n2").source, missing=-1).notes


def test_codes_of_training_are_missing_in_every_later_file(tmp_path):
    pd.DataFrame({"a": [1.5, 2.5, -9.0] * 20}).to_parquet(tmp_path / "a.parquet")
    schema = read_table(tmp_path / "a.parquet", missing=-9).schema
    later = pd.DataFrame({"a": ["3.5", "-9", "-9.0"]})
    assert coercer_of(schema.columns).transform(later)["a"].isna().tolist() == [False, True, True]
