"""The columns that moved each prediction most, beside the predictions."""

from __future__ import annotations

import pandas as pd

from workbench.documents.bundle import Model
from workbench.errors import BadTable

MOST_CELLS = 20_000  # rows times columns: about sixty predictions are made for each, a minute of work for most models
COLUMNS = 3


def reasons(model: Model, frame: pd.DataFrame, *, source: str = "given") -> pd.DataFrame:
    """Name for each row the three columns that moved its prediction most, with their values and by how much.

    Returns
    -------
    DataFrame, shape (n_rows, 3)
        ``why_1``, ``why_2``, ``why_3``: texts such as ``tenure = 2 (+0.14)``, the most first; None where no further
        column moved it. The unit is the target's, or the probability of the last of two or the likeliest class.

    Raises
    ------
    BadTable
        If there are more rows than can be explained at once, or columns are missing.
    BadArtifact
        If the model carries no rows to compare with.
    """
    most = max(1, MOST_CELLS // max(1, len(model.features_)))
    if len(frame) > most:
        problem = (
            f"has {len(frame):,} rows, and with {len(model.features_):,} columns at most {most:,} can be explained"
        )
        raise BadTable(source, problem, "Predict all without reasons, and ask for them for the rows that matter.")
    return model.contributions(frame).most(model.needed(frame, source), COLUMNS)
