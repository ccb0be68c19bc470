"""From an experiment to a model that predicts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadParameters, BadReference, UnknownName
from workbench.workflow.place import Where, experiment_of, insist_on_data, store_of

if TYPE_CHECKING:
    from workbench.documents.bundle import Model
    from workbench.promotion import Promotion
    from workbench.serving import Written


def promote(ref: str, model: str, *, policy: Path | None = None, store: Where = None) -> Promotion:
    """Put an experiment's model through the gate; when it passes, package it and make it live."""
    from workbench.execution import login
    from workbench.experiment import resolve
    from workbench.promotion import promote, read_policy

    where = store_of(store)
    rules = None if policy is None else read_policy(Path(policy))
    experiment = insist_on_data(resolve(ref, where), "its model")
    return promote(experiment, model, where.path, rules, author=login(), now=datetime.now(UTC))


def load(ref: str, *, store: Where = None) -> Model:
    """Load a model: ``model:churn/live``, the name of a model, an experiment's reference, or the folder of either.

    A name that is both a model's and an experiment's means the model.

    Returns
    -------
    Model
        With ``predict``, ``predict_proba`` and ``classes_``; it takes tables as they were before any preparation.
    """
    from workbench import serving
    from workbench.documents.ledger import live, models, read_ledger

    where = store_of(store)
    name, _, version = ref.partition("/")
    known = models(where.path)
    named = ref.startswith("model:") or (Path(ref) / "MLmodel").is_file()
    if named or (name in known and (version or live(read_ledger(where.path, name)))):
        return serving.load(ref, where.path)
    try:
        experiment = experiment_of(ref, store)
    except BadReference as error:
        if name in known:
            return serving.load(ref, where.path)  # which says that nothing of it is live
        if not known:
            raise
        raise UnknownName("model or experiment", ref, known) from error
    if not insist_on_data(experiment, "its model").model.is_dir():
        raise BadReference(ref, "kept no model", experiment.reason or "Name another experiment.")
    return serving.load(str(experiment.model), where.path)


def predict(
    model: str,
    data: str | Path,
    output: Path,
    *,
    keep: Iterable[str] = (),
    coverage: str | float | None = None,
    why: bool = False,
    store: Where = None,
) -> Written:
    """Predict a table and write the predictions, one row for each of its rows in order.

    Parameters
    ----------
    keep
        Columns of the table to carry over.
    coverage
        How sure to be, ``90%`` or 0.9: adds the ends between which the true number lies so often (`low`, `high`), or
        the classes that hold the true one so often (`possible`).
    why
        Add the three columns that moved each prediction most (`why_1` to `why_3`); for a limited number of rows.
    """
    from workbench.serving import predict_file

    sure = None if coverage is None else _share(coverage)
    return predict_file(load(model, store=store), str(data), Path(output), keep=list(keep), coverage=sure, why=why)


def _share(coverage: str | float) -> float:
    """Read a coverage as people write it: ``90%``, ``90 %``, 0.9."""
    text = str(coverage).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise BadParameters([f"coverage={coverage!r}: give a share between 0 and 1, such as 90% or 0.9."])
    return share
