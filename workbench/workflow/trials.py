"""One trial of a search, taken away as a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadOutput, BadReference
from workbench.workflow.place import Where, experiment_of, insist_on_data

if TYPE_CHECKING:
    from workbench.experiment import Experiment


@dataclass(frozen=True, slots=True)
class Taken:
    """Where a trial was written; `note` says so when another version of the workbench made its experiment."""

    path: Path
    note: str = ""


def trial(ref: str, number: int, file: Path | None = None, *, store: Where = None) -> Taken:
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
    from workbench.experiment import reading

    experiment = insist_on_data(experiment_of(ref, store), "how its columns are read")
    task, schema = experiment.task(), experiment.path / "data" / "schema.json"
    if not task or not schema.is_file():
        raise BadReference(ref, "kept no search", experiment.reason or "Name an experiment of a search.")
    with reading(experiment):
        note = _note(experiment)
        recipe = of_trial(
            task,
            read_schema(schema),
            experiment.trials(),
            number,
            packages=experiment.environment().get("packages", {}),
            code=_code(experiment),
            note=note,
        )
    file = Path(f"{experiment.name}-trial-{number}.ipynb") if file is None else Path(file)
    if file.exists():
        raise BadOutput(str(file), "is there already", "Name another file with -o, or move that one away.")
    try:
        write_notebook(file, recipe)
    except OSError as error:
        raise BadOutput(str(file), f"cannot be written: {error.strerror or error}", "Name another file.") from error
    return Taken(file, note)


def _note(experiment: Experiment) -> str:
    """Say which workbench made an experiment and which is here, when they are not the same."""
    from workbench.experiment.capturing.environment import other_version, workbench_here

    if (versions := other_version(experiment.workbench(), workbench_here())) is None:
        return ""
    made, here = versions
    return (
        f"This experiment was made by workbench {made}, and its notebook is written by {here}, which may fit the trial "
        "a little differently; the notebook's last cell says how far its predictions are from those that were kept."
    )


def _code(experiment: Experiment) -> Path | None:
    """Find the source of the classes the experiment's model is made of: later versions may compute otherwise."""
    folders = sorted((experiment.model / "code").glob("*/"))
    return folders[0] if folders else None
