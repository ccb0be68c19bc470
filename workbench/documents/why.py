"""Why a served model predicts as it does: what each column of a row did, against rows that travel with the model.

``background.json`` lies in the model folder: some thirty rows, coerced, whose average prediction is that of the rows
the model was measured on. They are what a row is compared with. Being rows of the data, they have to stay behind where
a model is shared without its data: nothing else in the folder needs the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.documents.files import FORMAT, insist_on_format, read_json, write_json
from workbench.errors import BadArtifact
from workbench.estimators.contributions import contributions

FILE = "background.json"
ROWS = 30
LONGEST = 40  # letters of a value
SMALL = 1e-14  # of a prediction: a column that moved it less did nothing but for rounding


@dataclass(frozen=True, slots=True)
class Why:
    """What each column did to each prediction.

    Attributes
    ----------
    values : DataFrame, shape (n_rows, n_features)
        By how much the column moved the prediction, in its own unit (the target's, or probability); a row of them sums
        to `predicted` - `average`.
    error : DataFrame, shape (n_rows, n_features)
        Standard error of `values`: the orders in which columns are exchanged are sampled.
    predicted, average : Series, shape (n_rows,)
        The prediction, and that of the rows compared with, averaged.
    label : Series, shape (n_rows,), or None
        The class whose probability it is: of two the last, of several the likeliest; None for a number.
    """

    values: pd.DataFrame
    error: pd.DataFrame
    predicted: pd.Series[Any]
    average: pd.Series[Any]
    label: pd.Series[Any] | None

    def most(self, frame: pd.DataFrame, columns: int = 3) -> pd.DataFrame:
        """Name for each row of `frame` the columns that moved it most, as ``why_1``, ``why_2``, …, in words."""
        names = self.values.columns.to_numpy()
        moved, ends = self.values.to_numpy(), np.array([self.predicted, self.average])
        moved = np.where(np.abs(moved) < SMALL * np.abs(ends).max(axis=0)[:, None], 0.0, moved)
        order = np.argsort(-np.abs(moved), axis=1, kind="stable")[:, :columns]
        cells = {name: frame[name].to_numpy(dtype=object) for name in np.unique(names[order])}
        told = {
            f"why_{place + 1}": [
                _told(names[column], cells[names[column]][row], moved[row, column])
                for row, column in enumerate(order[:, place])
            ]
            for place in range(order.shape[1])
        }
        return pd.DataFrame(told, index=self.values.index, dtype=object)


def write_background(folder: Path, model: Any, rows: pd.DataFrame) -> None:
    """Lay raw rows to compare with, some dozens, into a model's folder."""
    coerced = model.coercer.transform(rows)
    cells = {str(name): [_cell(value) for value in coerced[name]] for name in coerced.columns}
    write_json(folder / FILE, {"format": FORMAT, "columns": cells})


def read_background(folder: Path) -> pd.DataFrame:
    """Read the rows to compare with.

    Raises
    ------
    BadArtifact
        If the folder has none: they were left out, or it was written before there were any.
    """
    if not (folder / FILE).exists():
        problem = f"has no rows to compare with, so its predictions cannot be explained: {FILE} was left out"
        raise BadArtifact(str(folder), problem, "Give some dozens of rows as contributions(…, background=rows).")
    try:
        document = read_json(folder / FILE)
        insist_on_format(document["format"], str(folder / FILE))
        return pd.DataFrame(document["columns"], dtype=object)
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"has rows to compare with that cannot be read ({FILE}), so its predictions cannot be explained"
        raise BadArtifact(str(folder), problem, "Use a model as it was written.") from error


def explain_rows(model: Any, frame: pd.DataFrame, background: pd.DataFrame) -> Why:
    """Share out among the columns what sets each prediction apart from the average of the background's."""
    classes = list(model.classes_)
    predict = model.predict_proba if classes else model.predict
    found = contributions(predict, model.coercer.transform(frame), model.coercer.transform(background))
    output = _output(found.predicted, classes)
    rows = np.arange(len(frame))

    def table(values: npt.NDArray[Any]) -> pd.DataFrame:
        return pd.DataFrame(values[rows, :, output], index=frame.index, columns=list(model.features_))

    return Why(
        table(found.values),
        table(found.error),
        pd.Series(found.predicted[rows, output], index=frame.index),
        pd.Series(found.average[output], index=frame.index),
        pd.Series([classes[place] for place in output], index=frame.index) if classes else None,
    )


def _output(predicted: npt.NDArray[Any], classes: Sequence[Any]) -> npt.NDArray[Any]:
    """Choose what is explained of each row: the probability of the last of two classes, or of the likeliest."""
    return predicted.argmax(axis=1) if len(classes) > 2 else np.full(len(predicted), max(0, len(classes) - 1))


def _told(column: str, value: Any, moved: float) -> str | None:
    if moved == 0:
        return None
    shown = "missing" if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)) else str(value).strip()
    shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1].rstrip() + "…"
    return f"{column} = {shown or 'missing'} ({moved:+.3g})"


def _cell(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
