"""A served model says which columns moved its predictions, against rows that travel with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.documents.bundle import load_model, write_model
from workbench.documents.ledger import bundle_folder
from workbench.documents.why import FILE, Why, explain_rows, write_background
from workbench.errors import BadArtifact, BadTable
from workbench.serving import Model, predict, predict_file

VERSION = "20261121T100000Z-1f3ac09e"


@pytest.fixture(scope="module")
def model(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("why") / "model"
    write_model(folder, made.model, schema=made.schema, golden=made.raw)
    write_background(folder, made.model, made.raw.iloc[::10])
    return load_model(folder)


@pytest.fixture
def rows(made: Any) -> pd.DataFrame:
    return made.raw.iloc[3:9].set_index(pd.Index(list("abcdef")))


def test_the_columns_share_out_what_sets_a_prediction_apart(made: Any, model: Model, rows: pd.DataFrame) -> None:
    why = model.contributions(rows)
    assert list(why.values.columns) == model.features_
    assert list(why.values.index) == list(rows.index)
    np.testing.assert_allclose(why.values.sum(axis=1), why.predicted - why.average, atol=1e-9)
    np.testing.assert_allclose(why.predicted, model.predict_proba(rows)[:, 1], atol=1e-9)
    np.testing.assert_allclose(why.average, model.predict_proba(made.raw.iloc[::10])[:, 1].mean(), atol=1e-9)
    assert set(why.label) == {model.classes_[1]}


def test_rows_to_compare_with_can_be_given(made: Any, model: Model, rows: pd.DataFrame) -> None:
    own = made.raw.iloc[:7]
    why = model.contributions(rows, background=own)
    np.testing.assert_allclose(why.average, model.predict_proba(own)[:, 1].mean(), atol=1e-9)


def test_predictions_come_with_the_columns_that_moved_them_most(model: Model, rows: pd.DataFrame) -> None:
    table, values = predict(model, rows, why=True), model.contributions(rows).values
    assert list(table.columns)[-3:] == ["why_1", "why_2", "why_3"]
    for row in rows.index:
        name = values.loc[row].abs().idxmax()
        assert table.loc[row, "why_1"].startswith(f"{name} = ")
        assert table.loc[row, "why_1"].endswith(f"({values.loc[row, name]:+.3g})")
    pd.testing.assert_frame_equal(table[predict(model, rows).columns], predict(model, rows))


def test_of_several_classes_the_likeliest_and_of_numbers_the_number_is_explained() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 0.0]})

    class Coercer:
        def transform(self, raw: pd.DataFrame) -> pd.DataFrame:
            return raw.astype(float)

    class Several:
        coercer, features_, classes_ = Coercer(), ["a", "b"], ["x", "y", "z"]

        def predict_proba(self, raw: pd.DataFrame) -> Any:
            shares = np.column_stack([raw["a"] + 1, raw["b"] + 1, np.ones(len(raw))])
            return shares / shares.sum(axis=1, keepdims=True)

    class Number:
        coercer, features_, classes_ = Coercer(), ["a", "b"], []  # type: ignore[var-annotated]

        def predict(self, raw: pd.DataFrame) -> Any:
            return (raw["a"] * raw["b"]).to_numpy()

    several, number = explain_rows(Several(), frame, frame), explain_rows(Number(), frame, frame)
    assert several.label is not None
    assert several.label.tolist() == ["y", "x", "x"]
    assert number.label is None
    np.testing.assert_allclose(number.predicted, [0.0, 1.0, 0.0])
    for why in (several, number):
        np.testing.assert_allclose(why.values.sum(axis=1), why.predicted - why.average, atol=1e-12)


def test_what_moved_nothing_is_not_named_and_a_gap_is_called_missing(model: Model, made: Any) -> None:
    usual = made.raw.iloc[::10]
    row = usual.iloc[[0]].copy()
    assert model.contributions(row, background=row).most(row).isna().all(axis=None)
    gone = row.copy()
    gone[model.features_] = None
    told = model.contributions(gone).most(gone).iloc[0]
    assert all(text is None or " = missing (" in text for text in told)


def test_too_many_rows_are_refused_in_one_line(
    made: Any, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.serving.why.MOST_CELLS", 5 * len(model.features_))
    made.raw.head(6).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(BadTable, match=r"has 6 rows, and with .* columns at most 5 can be explained"):
        predict_file(model, str(tmp_path / "rows.csv"), tmp_path / "out.csv", why=True)
    assert not (tmp_path / "out.csv").exists()


def test_a_model_whose_rows_to_compare_with_were_left_out_says_so_in_one_line(
    made: Any, model: Model, rows: pd.DataFrame, tmp_path: Path
) -> None:
    bare = load_model(Path(shutil.copytree(model.path, tmp_path / "model", ignore=shutil.ignore_patterns(FILE))))
    for ask in (lambda: predict(bare, rows, why=True), lambda: bare.contributions(rows)):
        with pytest.raises(BadArtifact, match=r"^[^\n]*background.json was left out[^\n]*background=rows[^\n]*$"):
            ask()
    assert len(predict(bare, rows)) == len(rows)
    assert len(bare.contributions(rows, background=made.raw.iloc[:5]).values) == len(rows)


def test_rows_to_compare_with_that_cannot_be_read_are_refused(model: Model, rows: pd.DataFrame, tmp_path: Path) -> None:
    broken = load_model(Path(shutil.copytree(model.path, tmp_path / "model")))
    (broken.path / FILE).write_text("{}")
    with pytest.raises(BadArtifact, match="cannot be read"):
        broken.contributions(rows)


def test_the_rows_survive_their_file_with_gaps_dates_and_names(made: Any, model: Model) -> None:
    columns = json.loads((model.path / FILE).read_text())["columns"]
    kept = pd.DataFrame(columns, dtype=object)
    coerced = made.model.coercer.transform(made.raw.iloc[::10]).reset_index(drop=True)
    pd.testing.assert_frame_equal(made.model.coercer.transform(kept), coerced)


def test_the_command_writes_the_reasons(
    made: Any, go_live: Callable[[Path, str], None], workbench: Callable[..., Any], tmp_path: Path
) -> None:
    folder = bundle_folder(tmp_path / "store", "churn", VERSION)
    write_model(folder, made.model, schema=made.schema, golden=made.raw)
    write_background(folder, made.model, made.raw.iloc[::10])
    go_live(tmp_path / "store", VERSION)
    made.raw.head(8).to_csv(tmp_path / "rows.csv", index=False)
    said = workbench("predict", "churn", tmp_path / "rows.csv", "-o", "out.csv", "--why", "--store", tmp_path / "store")
    assert said.code == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["why_1"].str.contains(r" = .* \([+-]").all()


@pytest.mark.parametrize("unit", [1e-20, 1.0, 1e20])
def test_columns_that_moved_a_number_are_named_in_whatever_unit_it_is(unit: float) -> None:
    moved = pd.DataFrame({"a": [2.0 * unit], "b": [unit * 1e-17], "c": [-unit]})
    why = Why(moved, 0 * moved, pd.Series([3.0 * unit]), pd.Series([2.0 * unit]), None)
    told = why.most(pd.DataFrame({"a": [1], "b": [2], "c": [3]})).iloc[0]
    assert [told["why_1"][:5], told["why_2"][:5], told["why_3"]] == ["a = 1", "c = 3", None]
