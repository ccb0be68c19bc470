"""One trial of a search, taken away as a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadOutput, BadReference
from workbench.workflow.place import Where, experiment_of

if TYPE_CHECKING:
    from workbench.experiment import Experiment


def trial(ref: str, number: int, file: Path | None = None, *, store: Where = None) -> Path:
    """Write the notebook that makes the model of one trial again, from the data file and without the workbench.

    Parameters
    ----------
    number
        As on the leaderboard: 3 of ``lightgbm 3``.
    file
        Where to; by default ``NAME-trial-NUMBER.ipynb`` here.

    Raises
    ------
    BadReference
        If the experiment kept no search.
    BadOutput
        If the file is there already, for somebody may have changed it, or cannot be written.
    """
    from workbench.automl.glass_box.notebook import write_notebook
    from workbench.automl.glass_box.recipe import of_trial
    from workbench.documents.table import read_schema

    experiment = experiment_of(ref, store)
    task, schema = experiment.task(), experiment.path / "data" / "schema.json"
    if not task or not schema.is_file():
        raise BadReference(ref, "kept no search", experiment.reason or "Name an experiment of a search.")
    recipe = of_trial(
        task,
        read_schema(schema),
        experiment.trials(),
        number,
        packages=experiment.environment().get("packages", {}),
        code=_code(experiment),
    )
    file = Path(f"{experiment.name}-trial-{number}.ipynb") if file is None else Path(file)
    if file.exists():
        raise BadOutput(str(file), "is there already", "Name another file with -o, or move that one away.")
    try:
        write_notebook(file, recipe)
    except OSError as error:
        raise BadOutput(str(file), f"cannot be written: {error.strerror or error}", "Name another file.") from error
    return file


def _code(experiment: Experiment) -> Path | None:
    """Find the source of the classes the experiment's model is made of: later versions may compute otherwise."""
    folders = sorted((experiment.model / "code").glob("*/"))
    return folders[0] if folders else None
