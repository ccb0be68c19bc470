"""`workbench predict` meets files as they come: the same rows in any form are predicted alike, others with a word."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from workbench.documents.bundle import write_model

KINDS = ["binary", "multiclass", "regression"]
ASIDE = ["worth", "bought", "grade"]


@pytest.fixture(scope="session")
def models(results, tmp_path_factory):
    """Write the model of a search as the folder that is carried away: ``models("binary")``."""
    known: dict[str, Path] = {}

    def model(kind: str) -> Path:
        if kind not in known:
            result = results(kind)
            known[kind] = tmp_path_factory.mktemp("models") / kind
            write_model(known[kind], result.model, schema=result.task.schema, golden=result.task.dataset.frame)
        return known[kind]

    return model


@pytest.fixture
def rows(shop_table) -> pd.DataFrame:
    """Rows not learned from, as numbers, words and dates."""
    frame = shop_table(30, seed=9).drop(columns=ASIDE)
    return frame.assign(size=frame["size"].astype(float), age=frame["age"].astype(float))


@pytest.fixture
def predicted(workbench, models, tmp_path):
    """Write rows to a file, have it predicted, and give what was said and what was written."""

    def said(kind: str, rows: pd.DataFrame | str, suffix: str = ".csv"):
        source, out = tmp_path / f"rows{suffix}", tmp_path / "out.csv"
        if isinstance(rows, str):
            source.write_text(rows)
        elif suffix == ".csv":
            rows.to_csv(source, index=False)
        else:
            rows.to_parquet(source)
        answer = workbench("predict", models(kind), source, "-o", out)
        return answer, (out.read_text() if out.exists() else "")

    return said


TYPED = {
    "numbers as decimals": lambda rows: rows.assign(
        size=[None if pd.isna(size) else Decimal(str(size)) for size in rows["size"]]
    ),
    "numbers as words": lambda rows: rows.assign(
        size=rows["size"].map(lambda size: None if pd.isna(size) else str(size))
    ),
    "whole numbers with gaps": lambda rows: rows.assign(age=rows["age"].astype("Int64")),
    "narrow whole numbers": lambda rows: rows.assign(age=rows["age"].astype("Int8")),
    "words as categories": lambda rows: rows.assign(colour=rows["colour"].astype("category")),
    "categories in another order": lambda rows: rows.assign(
        colour=pd.Categorical(rows["colour"], ["violet", "red", "green", "blue"])
    ),
    "yes and no as booleans": lambda rows: rows.assign(
        member=rows["member"].map({"yes": True, "no": False}).astype("boolean")
    ),
    "yes and no as one and zero": lambda rows: rows.assign(member=rows["member"].map({"yes": 1.0, "no": 0.0})),
    "days as moments": lambda rows: rows.assign(since=pd.to_datetime(rows["since"])),
    "days as days": lambda rows: rows.assign(since=pd.to_datetime(rows["since"]).astype("date32[pyarrow]")),
    "Arrow": lambda rows: rows.convert_dtypes(dtype_backend="pyarrow"),
    "columns in another order, and more of them": lambda rows: rows[rows.columns[::-1]].assign(more=1, worth="?"),
    "an index of their own": lambda rows: rows.set_index(pd.Index([f"r{n}" for n in range(len(rows))], name="name")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_in_a_file_of_any_types_are_predicted_alike(predicted, rows, kind):
    answer, plain = predicted(kind, rows)
    assert answer.code == 0, answer.err
    assert len(plain.splitlines()) == 31
    for name, change in TYPED.items():
        answer, told = predicted(kind, change(rows), ".parquet")
        assert answer.code == 0, (name, answer.err)
        assert told == plain, name
        assert "could not be read" not in answer.err + answer.out, name


def test_a_dictionary_of_large_strings_is_a_column_of_words(predicted, rows, models, workbench, tmp_path):
    _, plain = predicted("binary", rows)
    written = pa.Table.from_pandas(rows)
    place = written.column_names.index("colour")
    words = written.column("colour").cast(pa.large_string()).dictionary_encode()
    parquet.write_table(written.set_column(place, "colour", words), tmp_path / "words.parquet")
    answer = workbench("predict", models("binary"), tmp_path / "words.parquet", "-o", tmp_path / "words.csv")
    assert answer.code == 0, answer.err
    assert (tmp_path / "words.csv").read_text() == plain


ODD = {
    "words where numbers were": ({"size": "enormous"}, "values of 'size' could not be read as they were in training"),
    "days where numbers were": ({"size": "2024-05-06"}, "values of 'size' could not be read as they were in training"),
    "numbers where words were": ({"colour": 17.5}, "values of 'colour' were never seen in training"),
    "words where days were": ({"since": "long ago"}, "values of 'since' could not be read as they were in training"),
    "words where yes and no were": ({"member": "perhaps"}, "values of 'member' could not be read as they were"),
    "a level never seen": ({"colour": "ultraviolet"}, "values of 'colour' were never seen in training"),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("case", ODD)
def test_columns_of_another_kind_are_predicted_and_told(predicted, rows, case, suffix):
    values, words = ODD[case]
    answer, told = predicted("binary", rows.assign(**values), suffix)
    assert answer.code == 0, answer.err
    assert len(told.splitlines()) == 31
    assert f"30 of 30 {words}" in " ".join((answer.out + answer.err).split())


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_any_value_and_rows_alone_are_predicted(predicted, rows, kind):
    answer, told = predicted(kind, rows.mask(rows.notna()), ".parquet")
    assert answer.code == 0, answer.err
    lines = told.splitlines()[1:]
    assert len(lines) == 30
    assert len(set(lines)) == 1
    _, among = predicted(kind, rows)
    for place in (0, 7, 29):
        answer, alone = predicted(kind, rows.iloc[[place]])
        assert answer.code == 0, answer.err
        one, other = (line.split(",")[-1] for line in (alone.splitlines()[1], among.splitlines()[1 + place]))
        assert float(one) == pytest.approx(float(other), rel=1e-9)


def test_a_file_of_no_rows_says_so_or_has_no_predictions(predicted, rows):
    for suffix in (".csv", ".parquet"):
        answer, told = predicted("binary", rows.head(0), suffix)
        assert answer.code in (0, 2), answer.err
        assert "Traceback" not in answer.err
        assert len(told.splitlines()) <= 1 if answer.code == 0 else "no row" in answer.err
    answer, _ = predicted("binary", "")
    assert answer.code == 2
    assert len(answer.err.strip().splitlines()) == 1


def test_a_column_that_is_not_there_is_named_and_nothing_is_written(predicted, rows):
    answer, told = predicted("binary", rows.drop(columns=["colour", "since"]))
    assert answer.code == 2
    assert "lacks columns the model needs: 'colour', 'since'" in " ".join(answer.err.split())
    assert told == ""


def test_numbers_beyond_reason_are_predicted_as_missing_ones_are_not_told_wrong(predicted, rows):
    answer, told = predicted("regression", rows.assign(size=np.where(np.arange(30) % 2, 1e300, -1e300)))
    assert answer.code == 0, answer.err
    assert np.isfinite([float(line) for line in told.splitlines()[1:]]).all()
