from __future__ import annotations

import pytest

from workbench.dataset import EXAMPLES, read_table, write_example
from workbench.errors import UnknownName

TARGETS = {
    "breast_cancer": (569, 31, "diagnosis", ["benign", "malignant"]),
    "iris": (150, 5, "species", ["setosa", "versicolor", "virginica"]),
    "wine": (178, 14, "cultivar", ["first", "second", "third"]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_read_like_the_file_it_can_be_written_to(name, tmp_path):
    shipped, written = read_table(f"example:{name}"), read_table(write_example(name, tmp_path / "t.csv"))
    assert shipped.source == f"example:{name}"
    assert shipped.digest == written.digest
    assert shipped.schema == written.schema
    assert shipped.frame.equals(written.frame)


@pytest.mark.parametrize("name", TARGETS)
def test_an_example_has_readable_classes(coerced, name):
    rows, columns, target, classes = TARGETS[name]
    table = read_table(f"example:{name}")
    assert table.frame.shape == (rows, columns)
    assert sorted(coerced(table)[target].unique()) == classes
    assert {column.kind for column in table.schema.columns if column.name != target} == {"number"}


def test_the_diabetes_table_has_readable_names_and_a_number_to_predict(coerced):
    table = read_table("example:diabetes")
    assert [column.name for column in table.schema.columns][:4] == ["age", "sex", "bmi", "blood_pressure"]
    assert coerced(table)["progression"].between(25, 346).all()


def test_an_unknown_example_is_refused_with_the_near_name():
    with pytest.raises(UnknownName, match="Did you mean 'iris'"):
        read_table("example:irs")
