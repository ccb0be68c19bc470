"""A model takes the rows of a file, in their order, and writes what it thinks of each."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.documents.bundle import write_model
from workbench.documents.ledger import bundle_folder
from workbench.errors import (
    BadArtifact,
    BadColumn,
    BadParameters,
    BadReference,
    BadTable,
    UnknownName,
    WorkbenchError,
)
from workbench.serving import Model, load, predict, predict_file

VERSION = "20261121T100000Z-1f3ac09e"


@pytest.fixture(scope="module")
def written(made: Any, go_live: Callable[[Path, str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the model `churn` is live."""
    store = tmp_path_factory.mktemp("written") / "store"
    folder = bundle_folder(store, "churn", VERSION)
    write_model(folder, made.model, schema=made.schema, golden=made.raw)
    go_live(store, VERSION)
    return store


@pytest.fixture
def bundle(written: Path, tmp_path: Path) -> Path:
    """The live bundle of the model `churn` in the store ``store``; a copy, to be damaged."""
    shutil.copytree(written, tmp_path / "store")
    return bundle_folder(tmp_path / "store", "churn", VERSION)


@pytest.fixture
def model(bundle: Path, tmp_path: Path) -> Model:
    return load("model:churn/live", tmp_path / "store")


@pytest.fixture
def rows(made: Any, tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    made.raw.to_csv(file, index=False)
    return file


def test_a_model_is_loaded_by_what_people_type(bundle: Path, tmp_path: Path, made: Any) -> None:
    store = tmp_path / "store"
    for reference in ("model:churn/live", "churn", "model:churn/1f3a", str(bundle)):
        model = load(reference, store)
        assert model.path == bundle
        assert model.classes_ == ["No", "Yes"]
        assert np.array_equal(model.predict_proba(made.raw), made.model.predict_proba(made.raw))
        assert np.array_equal(model.predict(made.raw), made.model.predict(made.raw))


@pytest.mark.parametrize(
    ("reference", "kind", "told"),
    [
        ("chrun", UnknownName, "no model 'chrun'. Did you mean 'churn'?"),
        ("model:nothing/live", UnknownName, "no model 'nothing'"),
        ("model:churn/2030", BadReference, VERSION),
        ("/no/such/folder", UnknownName, "/no/such/folder"),
        (".", BadArtifact, "no model folder"),
    ],
)
def test_a_model_that_is_not_there_is_told(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, kind: type[Exception], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=told.replace("?", r"\?")) as error:
        load(reference, tmp_path / "store")
    assert "\n" not in str(error.value)


def test_a_bundle_that_was_changed_is_not_served(bundle: Path, tmp_path: Path) -> None:
    (bundle / "golden.json").write_text("{}")
    with pytest.raises(BadArtifact, match=r"golden\.json was changed"):
        load("churn", tmp_path / "store")


def test_a_bundle_that_predicts_otherwise_here_is_not_served(bundle: Path, tmp_path: Path) -> None:
    """As after an upgrade of a library: every byte is right, the numbers are not."""
    golden = (bundle / "golden.json").read_text()
    number = golden.rpartition("0.")[2].partition("\n")[0]
    (bundle / "manifest.json").unlink()
    (bundle / "golden.json").write_text(golden.replace(number, "123456"))
    with pytest.raises(BadArtifact, match=r"predicts otherwise here .* requirements\.txt"):
        load(str(bundle), tmp_path)


def test_predictions_stand_in_the_order_and_under_the_index_of_the_rows(model: Model, made: Any) -> None:
    shuffled = made.raw.sample(frac=1, random_state=0)
    said = predict(model, shuffled, keep=["customer"])
    assert list(said.columns) == ["customer", "prediction", "probability_No", "probability_Yes"]
    assert said.index.equals(shuffled.index)
    assert said["prediction"].tolist() == made.model.predict(shuffled).tolist()
    assert said.loc[made.raw.index, "probability_Yes"].tolist() == made.model.predict_proba(made.raw)[:, 1].tolist()


def test_rows_that_share_an_index_are_rows_of_their_own(model: Model, made: Any) -> None:
    doubled = pd.concat([made.raw.head(3), made.raw.head(3)])
    assert predict(model, doubled, keep=["customer"])["prediction"].tolist() == made.model.predict(doubled).tolist()


def test_no_rows_give_no_predictions(model: Model, made: Any) -> None:
    said = predict(model, made.raw.head(0))
    assert said.shape == (0, 3)


def test_the_rows_handed_in_are_not_changed(model: Model, made: Any) -> None:
    before = made.raw.copy()
    predict(model, made.raw, keep=["customer"])
    pd.testing.assert_frame_equal(made.raw, before)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_is_predicted_into_a_file(model: Model, rows: Path, made: Any, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    assert predict_file(model, str(rows), out, keep=["customer", "joined"]).rows == 240
    said = pd.read_csv(out, dtype=str) if suffix == ".csv" else pd.read_parquet(out)
    assert list(said.columns) == ["customer", "joined", "prediction", "probability_No", "probability_Yes"]
    assert said["joined"].tolist() == made.raw["joined"].tolist()
    assert list(map(float, said["probability_Yes"])) == made.model.predict_proba(made.raw)[:, 1].tolist()
    assert {path.name for path in tmp_path.iterdir()} == {"store", "rows.csv", out.name}


def test_text_and_typed_rows_are_predicted_alike(model: Model, rows: Path, made: Any, tmp_path: Path) -> None:
    typed = made.raw.assign(
        tenure=made.raw["tenure"].astype(int),
        charges=made.raw["charges"].astype(float),
        joined=pd.to_datetime(made.raw["joined"], format="%d/%m/%Y"),
        contract=made.raw["contract"].astype("category"),
    )
    typed[typed.columns[::-1]].to_parquet(tmp_path / "rows.parquet")
    predict_file(model, str(rows), tmp_path / "one.csv")
    predict_file(model, str(tmp_path / "rows.parquet"), tmp_path / "other.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_a_number_is_predicted_as_one_column(fitted: Callable[..., Any], tmp_path: Path) -> None:
    made = fitted("linear", regression=True)
    write_model(tmp_path / "model", made.model, schema=made.schema, golden=made.raw)
    model = load(str(tmp_path / "model"), tmp_path)
    said = predict(model, made.raw)
    assert list(said.columns) == ["prediction"]
    assert said["prediction"].tolist() == made.model.predict(made.raw).tolist()


def test_no_row_is_lost_however_empty(model: Model, made: Any, tmp_path: Path) -> None:
    blank = "," * (made.raw.shape[1] - 1) + "\n"
    lines = made.raw.head(6).to_csv(index=False).splitlines(keepends=True)
    rows = tmp_path / "rows.csv"
    rows.write_text("".join([*lines[:3], blank, *lines[3:], blank, blank]))
    assert predict_file(model, str(rows), tmp_path / "out.csv", keep=["customer"]).rows == 9
    said = pd.read_csv(tmp_path / "out.csv")
    assert said["customer"].isna().to_numpy().nonzero()[0].tolist() == [2, 7, 8]
    assert said["prediction"].notna().all()


def test_files_as_people_export_them_are_predicted(model: Model, rows: Path, made: Any, tmp_path: Path) -> None:
    exported = made.raw.assign(charges=made.raw["charges"].str.replace(".", ","))
    (tmp_path / "excel.csv").write_text(exported.to_csv(sep=";"), encoding="utf-16")
    assert predict_file(model, str(tmp_path / "excel.csv"), tmp_path / "out.csv").rows == 240


def test_cells_are_carried_over_as_they_stand(model: Model, made: Any, tmp_path: Path) -> None:
    cells = ["01234", "=1+1", 'say "hi", twice', "two\nlines", "née", "x "]
    made.raw.head(6).assign(code=cells).to_csv(tmp_path / "rows.csv", index=False)
    predict_file(model, str(tmp_path / "rows.csv"), tmp_path / "out.csv", keep=["code", "code"])
    said = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert said["code"].tolist() == cells
    assert list(said.columns).count("code") == 1


REFUSED: dict[str, tuple[dict[str, Any], type[WorkbenchError], str]] = {
    "missing columns": ({"drop": ["tenure", "note"]}, BadTable, "lacks columns the model needs: 'tenure', 'note'"),
    "an unknown column to keep": ({"keep": ["custmer"]}, UnknownName, "Did you mean 'customer'"),
    "a column that would stand twice": ({"add": "prediction", "keep": ["prediction"]}, BadColumn, "cannot be kept"),
    "no such rows": ({"source": "none.csv"}, BadTable, "does not exist"),
    "a format that is not written": ({"out": "out.xlsx"}, UnknownName, "no output format '.xlsx'"),
    "no suffix": ({"out": "out"}, UnknownName, "no output format 'out'"),
    "no such folder": ({"out": "none/out.csv"}, BadTable, "there is no folder"),
    "a folder": ({"out": "folder.csv"}, BadTable, "it is a folder"),
    "under a file": ({"out": "rows.csv/out.csv"}, BadTable, "there is no folder"),
    "the rows themselves": ({"out": "rows.csv"}, BadTable, "is the file the rows are read from"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_predicted_is_refused_in_one_line(
    model: Model, made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    given, kind, told = REFUSED[case]
    raw = made.raw.drop(columns=given.get("drop", []))
    raw.assign(**({given["add"]: "x"} if "add" in given else {})).to_csv("rows.csv", index=False)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(kind) as error:
        predict_file(model, given.get("source", "rows.csv"), Path(given.get("out", "out.csv")), given.get("keep", ()))
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_is_full_leaves_the_old_file(
    model: Model, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")

    def full(frame: pd.DataFrame, *_: Any, **__: Any) -> None:
        with Path("/dev/full").open("w") as device:
            device.write("x" * 10_000)

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(BadTable, match=os.strerror(28)):
        predict_file(model, str(rows), out)
    assert out.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"store", "rows.csv", "out.csv"}


def test_values_that_cannot_be_read_as_in_training_are_told(rows, model, tmp_path):
    table = pd.read_csv(rows, dtype=str)
    table.loc[[3, 5], "tenure"] = "old"
    table.to_csv(tmp_path / "odd.csv", index=False)
    written = predict_file(model, str(tmp_path / "odd.csv"), tmp_path / "out.csv")
    assert written.rows == len(table)
    assert [note for note in written.notes if "2 of" in note and "'tenure'" in note and "'old'" in note]
    assert predict_file(model, str(rows), tmp_path / "out.csv").notes == ()


def test_categories_that_were_never_seen_are_counted(rows, model, tmp_path):
    table = pd.read_csv(rows, dtype=str)
    table.loc[[1, 4, 9], "contract"] = ["for life", "for life", "for a day"]
    table.loc[[2, 7], "contract"] = None
    table.loc[5, "town"] = "Atlantis"
    table.to_csv(tmp_path / "strange.csv", index=False)
    notes = predict_file(model, str(tmp_path / "strange.csv"), tmp_path / "out.csv").notes
    assert [note.partition(",")[0] for note in notes] == [
        f"3 of {len(table)} values of 'contract' were never seen in training",
        f"1 of {len(table)} values of 'town' were never seen in training",
    ]
    assert "'for life'" in notes[0]


def test_what_training_saw_in_some_fold_only_is_known(made):
    town = made.raw["town"]
    known = [member.encoder.codes_.levels_["town"] for bag in made.model.ensemble.bags for member in bag.members]
    assert all(len(levels) < town.nunique() for levels in known)
    assert made.model.levels_["town"] == set(town)


@pytest.fixture(scope="module")
def regression(fitted: Callable[..., Any]) -> Any:
    from workbench.estimators.conformal import PredictionIntervals
    from workbench.estimators.model import TabularModel

    made = fitted("linear", regression=True)
    conformal = PredictionIntervals().fit(made.truth, made.model.predict(made.raw))
    model = TabularModel(made.model.coercer, made.model.ensemble, [], conformal=conformal)
    return replace(made, model=model)


@pytest.fixture(scope="module")
def classifier(fitted: Callable[..., Any]) -> Any:
    from workbench.estimators.calibration import TemperatureScaling
    from workbench.estimators.conformal import PredictionSets
    from workbench.estimators.model import TabularModel

    made = fitted("linear")
    probability, codes = made.model.predict_proba(made.raw), (made.truth == "Yes").astype(int)
    calibration = TemperatureScaling().fit(probability, codes)
    conformal = PredictionSets().fit(calibration.transform(probability), codes)
    parts = made.model.coercer, made.model.ensemble, made.classes
    return replace(made, model=TabularModel(*parts, calibration, 0.2, conformal))


class TestCoverage:
    """How far a prediction may be off stands beside it, where it was asked for."""

    @pytest.fixture
    def stored(self, tmp_path: Path) -> Callable[[Any], Model]:
        def stored(made: Any) -> Model:
            write_model(tmp_path / "model", made.model, schema=made.schema, golden=made.raw)
            return load(str(tmp_path / "model"), tmp_path)

        return stored

    def test_a_number_gets_a_low_and_a_high_end(self, regression: Any, stored: Callable[[Any], Model]) -> None:
        model = stored(regression)
        said = predict(model, regression.raw, coverage=0.9)
        assert list(said.columns) == ["prediction", "low", "high"]
        assert np.array_equal(said[["low", "high"]], regression.model.predict_interval(regression.raw, 0.9))
        assert np.array_equal(model.predict_interval(regression.raw, 0.9), said[["low", "high"]])
        inside = (said["low"] <= regression.truth) & (regression.truth <= said["high"])
        assert 0.85 < inside.mean() < 0.97

    def test_a_class_gets_all_that_are_possible_and_is_called_at_the_threshold(
        self, classifier: Any, stored: Callable[[Any], Model]
    ) -> None:
        model = stored(classifier)
        said = predict(model, classifier.raw, coverage=0.95)
        assert list(said.columns) == ["prediction", "probability_No", "probability_Yes", "possible"]
        inside = model.predict_set(classifier.raw, 0.95)
        assert [json.loads(each) for each in said["possible"]] == [
            [label for label, held in zip(["No", "Yes"], row, strict=True) if held] for row in inside.tolist()
        ]
        assert model.threshold_ == 0.2
        assert ((said["probability_Yes"] > 0.2) == (said["prediction"] == "Yes")).all()
        assert said["prediction"].tolist() == model.predict(classifier.raw).tolist()
        assert (said["prediction"] == "Yes").sum() > (said["probability_Yes"] > 0.5).sum()

    @pytest.mark.parametrize("asked", ["90%", "90 %", "0.9", 0.9])
    def test_a_file_gets_it_too(
        self, regression: Any, stored: Callable[[Any], Model], rows: Path, tmp_path: Path, asked: str | float
    ) -> None:
        from workbench import workflow

        stored(regression)
        workflow.predict(str(tmp_path / "model"), str(rows), tmp_path / "out.csv", coverage=asked, store=tmp_path)
        said = pd.read_csv(tmp_path / "out.csv")
        assert said[["low", "high"]].to_numpy() == pytest.approx(regression.model.predict_interval(regression.raw, 0.9))

    @pytest.mark.parametrize("asked", ["lots", "90", "0", "100%", "nan"])
    def test_what_is_no_share_is_refused(
        self, regression: Any, stored: Callable[[Any], Model], rows: Path, tmp_path: Path, asked: str
    ) -> None:
        from workbench import workflow

        stored(regression)
        with pytest.raises(BadParameters, match=r"give a share between 0 and 1, such as 90% or 0\.9"):
            workflow.predict(str(tmp_path / "model"), str(rows), tmp_path / "out.csv", coverage=asked, store=tmp_path)
        assert not (tmp_path / "out.csv").exists()

    def test_a_model_that_promises_nothing_says_so(self, model: Model, made: Any) -> None:
        with pytest.raises(BadParameters, match="has not learned how far it may be off"):
            predict(model, made.raw, coverage=0.9)
        with pytest.raises(BadParameters, match="made without sets"):
            model.predict_set(made.raw)

    def test_no_rows_have_the_columns_all_the_same(self, regression: Any, stored: Callable[[Any], Model]) -> None:
        said = predict(stored(regression), regression.raw.head(0), coverage=0.9)
        assert list(said.columns) == ["prediction", "low", "high"]
