"""A bundle predicts: a frame, or a file into a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from workbench.dataset import read_table
from workbench.dataset.delimited import EMPTY_ROWS
from workbench.documents.bundle import Model, check_golden, load_model
from workbench.documents.bundle_manifest import verify_bundle
from workbench.documents.experiment import MANIFEST
from workbench.documents.files import writing
from workbench.documents.ledger import find_bundle, models
from workbench.errors import BadArtifact, BadColumn, BadTable, UnknownName
from workbench.estimators.coerce import Coercer
from workbench.serving.why import reasons

SUFFIXES = (".csv", ".parquet")


def load(reference: str, store: Path) -> Model:
    """Load a model by ``model:churn/live``, ``model:churn/<version>``, ``churn``, or the folder of a bundle.

    Raises
    ------
    UnknownName, BadReference
        If there is no such model, or nothing of it is live.
    BadArtifact
        If its bundle is damaged, was changed, or predicts otherwise than when it was written.
    """
    folder = _find(reference, store)
    if (folder / MANIFEST).is_file():
        verify_bundle(folder)
    model = load_model(folder)
    if not (proof := check_golden(folder, model)).holds:
        problem = f"predicts otherwise here than when it was written (by {proof.difference:.1g})"
        raise BadArtifact(str(folder), problem, "Install the versions in its requirements.txt.")
    return model


def predict(
    model: Model,
    frame: pd.DataFrame,
    keep: Sequence[str] = (),
    *,
    coverage: float | None = None,
    why: bool = False,
    source: str = "given",
) -> pd.DataFrame:
    """Predict every row of a raw table.

    Parameters
    ----------
    model : Model
        What `load` gave.
    frame : DataFrame, shape (n_rows, n_columns)
        With the columns the model needs, in any order; others are left aside.
    keep : sequence of str
        Columns to carry over, before the predictions.
    coverage : float, optional
        How sure to be, such as 0.9: adds the ends between which the true number lies so often, or the classes that hold
        the true one so often.
    why : bool
        Add the three columns that moved each prediction most, `why_1` to `why_3`; for a limited number of rows.
    source : str
        What errors call the table.

    Returns
    -------
    DataFrame, shape (n_rows, n_kept + 1 + n_classes)
        In the order and under the index of `frame`: `prediction` and, for classifiers, ``probability_<class>``; with a
        `coverage` also `low` and `high`, or `possible`, a JSON list of classes.

    Raises
    ------
    BadTable
        If columns the model needs are missing.
    UnknownName, BadColumn
        If a column to keep is missing, or has the name of a column of the result.
    BadParameters
        If the model cannot promise such a coverage.
    """
    known = [str(name) for name in frame.columns]
    for name in keep:
        if name not in known:
            raise UnknownName("column", name, known)
    said = model.table(frame, source, coverage)
    if why:
        said = pd.concat([said, reasons(model, frame, source=source)], axis=1)
    kept = list(dict.fromkeys(keep))
    for name in kept:
        if name in said.columns:
            raise BadColumn(name, "cannot be kept, for a column of the predictions is called so", "Rename it first.")
    return pd.concat([frame[kept], said], axis=1) if kept else said


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a file of predictions: its rows, and what a reader of it should know."""

    rows: int
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join(self._about())

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in self._about())

    def _about(self) -> list[str]:
        return [f"{self.rows:,} row{'' if self.rows == 1 else 's'} predicted.", *self.notes]


def predict_file(
    model: Model,
    source: str,
    out: Path,
    keep: Sequence[str] = (),
    *,
    coverage: float | None = None,
    why: bool = False,
) -> Written:
    """Predict every row of a CSV or parquet file into another.

    A row without a value gets its prediction, too, wherever it stands; a blank line is no row.
    Kept columns are written as they were read. A text cell that a spreadsheet would take for a formula (``=…``) is
    carried over unchanged: a file of predictions is data, and joins with its source.

    Raises
    ------
    BadTable
        If the source cannot be read or lacks columns, or the output cannot be written.
    UnknownName
        If the suffix of `out` is none that can be written.
    """
    _check_output(out, source)
    dataset = read_table(source)
    left_out = dataset.schema.read.get(EMPTY_ROWS, 0)
    frame = dataset.frame.reindex(range(len(dataset.frame) + left_out)) if left_out else dataset.frame
    result = predict(model, frame, keep, coverage=coverage, why=why, source=source)
    try:
        with writing(out) as part:
            if out.suffix.lower() == ".csv":
                result.to_csv(part, index=False)
            else:
                result.to_parquet(part, index=False)
    except OSError as error:
        raise BadTable(str(out), f"cannot be written ({error.strerror or error})", "Name another file.") from error
    return Written(len(result), (*unreadable(model, frame), *unknown(model, frame)))


def unreadable(model: Model, frame: pd.DataFrame) -> list[str]:
    """Tell of values that are not of their column's kind, such as a word among numbers: they counted as missing."""
    raw, columns = model.needed(frame), model.estimator.coercer.columns
    words = Coercer([{**column, "kind": "category"} for column in columns]).transform(raw)  # without those for missing
    lost = words.notna() & model.estimator.coercer.transform(raw).isna().to_numpy()
    counts = {name: int(count) for name, count in lost.sum().items() if count}
    return [
        f"{count:,} of {len(raw):,} values of {name!r} could not be read as they were in training, such as "
        f"{str(raw.loc[lost[name], name].iloc[0])[:40]!r}; they counted as missing."
        for name, count in counts.items()
    ]


def unknown(model: Model, frame: pd.DataFrame) -> list[str]:
    """Tell of categories that the model does not know."""
    known = getattr(model.estimator, "levels_", {})  # models that were made before do not tell
    if not known:
        return []
    values = model.estimator.coercer.transform(model.needed(frame))[list(known)]
    strange = {name: values[name][values[name].notna() & ~values[name].isin(levels)] for name, levels in known.items()}
    return [
        f"{len(found):,} of {len(values):,} values of {name!r} were never seen in training, or hardly ever, such as "
        f"{str(found.iloc[0])[:40]!r}; they counted as an unknown category."
        for name, found in strange.items()
        if len(found)
    ]


def _find(reference: str, store: Path) -> Path:
    if reference.startswith("model:"):
        return find_bundle(store, reference)
    known = models(store)
    if reference.partition("/")[0] in known:
        return find_bundle(store, reference)
    if (folder := Path(reference).expanduser()).is_dir():
        return folder
    raise UnknownName("model", reference, known)


def _check_output(out: Path, source: str) -> None:
    """Refuse before the work what could not be written after it."""
    if out.suffix.lower() not in SUFFIXES:
        raise UnknownName("output format", out.suffix or out.name, SUFFIXES)
    if not out.parent.is_dir():
        raise BadTable(str(out), f"cannot be written: there is no folder {str(out.parent)!r}", "Make it first.")
    if out.is_dir():
        raise BadTable(str(out), "cannot be written: it is a folder", "Name a file in it.")
    if out.exists() and Path(source).expanduser().exists() and out.samefile(Path(source).expanduser()):
        raise BadTable(str(out), "is the file the rows are read from", "Name another file for the predictions.")
