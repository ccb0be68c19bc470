"""What an analyst and a manager see of a table."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from workbench.dataset import read_table, with_roles

MESSY = "code;price;paid;when;note;odd\n" + "".join(
    f"{i:04d};{i},5;{'yes' if i % 4 else 'no'};{1 + i % 28:02}/01/2020;{'<b>x</b>' if i % 2 else 'a & b'};\n"
    for i in range(50)
)


class Shape(HTMLParser):
    """Collects text, and checks that tags close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.attributes = [], "", []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def shape(html):
    found = Shape()
    found.feed(html)
    assert found.open == []
    return found


def test_examples_that_hold_commas_can_be_told_apart(table):
    rows = "".join(f'"{name}, {title}",{title}\n' for name, title in [("Moe", "Mr"), ("Lis", "Ms")] * 20)
    text = shape(table(f"name,title\n{rows}")._repr_html_()).text
    assert "Moe, Mr; Lis, Ms\n" in text
    assert "Mr, Ms\n" in text


def test_a_table_is_shown_in_plain_words(table):
    text = shape(table(MESSY)._repr_html_()).text
    for words in ("50 rows × 6 columns", "table.csv", "identifier", "0.5 to 49.5", "decimal commas", "yes / no"):
        assert words in text
    assert "yes in 74 %" in text
    assert "2020-01-01 to 2020-01-28" in text
    assert "100 %" in text


def test_values_names_and_notes_are_escaped(table):
    dataset = table('"<script>alert(1)</script>",b\n<img src=x>,1\n<i>,2\n')
    dataset = replace(dataset, source='/tmp/"onload="x<y>.csv', notes=("<u>",))
    found = shape(dataset._repr_html_())
    assert set(found.attributes) <= {"style", "title"}
    assert "<script>alert(1)</script>" in found.text


def test_of_very_many_columns_some_are_shown(table):
    html = table(",".join(f"c{i}" for i in range(75)) + "\n" + ",".join("1" * 75) + "\n")._repr_html_()
    assert "… and 15 more columns" in html
    assert html.count("<tr>") == 61


def test_nothing_is_loaded_from_anywhere(table):
    assert not re.search(r"https?:|src=|url\(|<script|<link", table(MESSY)._repr_html_())


def test_the_part_of_a_column_is_named(table):
    dataset = table(MESSY)
    dataset = replace(dataset, schema=with_roles(dataset.schema, {"paid": "target"}))
    assert "(target)" in shape(dataset._repr_html_()).text


@pytest.mark.parametrize("source", ["example:breast_cancer", "example:diabetes"])
def test_an_example_is_shown_by_its_name(source):
    dataset = read_table(source)
    assert source in shape(dataset._repr_html_()).text
    assert repr(dataset).startswith(f"<Dataset {source}: ")


@pytest.mark.parametrize(
    ("column", "values", "shown"),
    [("built", (1872, 2010), "1872 to 2010"), ("Garage.Yr.Blt", (1895, 2207), "1895 to 2207"),
     ("area", (334, 5642), "334 to 5,642"), ("sold", (1500, 2099), "1,500 to 2,099")],
)  # fmt: skip
def test_years_are_written_without_separators(tmp_path, column, values, shown):
    low, high = values
    lines = [f"{value},{value / 7:.2f}" for value in range(low, high + 1, max(1, (high - low) // 100))] + [
        f"{high},1.5"
    ]
    (tmp_path / "t.csv").write_text(f"{column},other\n" + "\n".join(lines * 2))
    assert shown in read_table(str(tmp_path / "t.csv"))._repr_html_()
