"""What two runs of one request came to, set side by side to the last bit: scores, predictions, trials, files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.comparison.difference import changes
from workbench.comparison.facts import plain
from workbench.documents.files import read_json
from workbench.documents.outbox import PROBABILITY, read_scores
from workbench.experiment import Experiment
from workbench.records import Score

SHOWN = 5  # rows that are farthest apart, and names of what differs
OUT_OF_FOLD, HELD_BACK = "rows not learned from", "rows held back"
OF_A_TRIAL = ("family", "params", "state", "score", "fold_scores", "seed", "boosted", "rounds", "weight")
OF_A_RECORD = ("number", "family", "params", "score", "seconds")
OF_A_LINE = ("rank", "model", "family", "score", "low", "high", "tied", "weight")


@dataclass(frozen=True, slots=True)
class Number:
    """A score then and now, measured `of` some rows; `equal` with its interval."""

    metric: str
    of: str
    then: float | None
    now: float | None
    equal: bool

    @property
    def difference(self) -> float | None:
        """How much more it is now."""
        return None if self.then is None or self.now is None else self.now - self.then

    def as_document(self) -> dict[str, Any]:
        """Give the pair as JSON, with the difference."""
        return plain({**asdict(self), "difference": self.difference})


@dataclass(frozen=True, slots=True)
class Row:
    """What was said in one column of the predictions of a row, then and now."""

    row: int
    column: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Predictions:
    """The predictions of `rows` that had one then and now.

    `equal` rows are so in every column, `called` have another class, `refolded` were measured in another fold;
    `largest` is the largest difference of a number, `farthest` are the rows that are farthest apart. `gone` rows had
    one then only, `new` ones have one now only.
    """

    rows: int
    equal: int
    called: int = 0
    refolded: int = 0
    largest: float | None = None
    farthest: tuple[Row, ...] = ()
    gone: int = 0
    new: int = 0

    @property
    def total(self) -> int:
        """Rows that have a prediction at all."""
        return self.rows + self.gone + self.new

    def as_document(self) -> dict[str, Any]:
        """Give the numbers as JSON."""
        return plain(asdict(self))


@dataclass(frozen=True, slots=True)
class Counted:
    """Things of one kind, called `one` or `many`: how many there are in either run, how many of them are equal.

    `differ` names the first that are not.
    """

    one: str
    many: str
    total: int
    equal: int
    differ: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Give the numbers as JSON."""
        return {"total": self.total, "equal": self.equal, "differ": list(self.differ)}


def is_replayed(then: Experiment, now: Experiment) -> bool:
    """Whether the trials of a run are the record of another, taken over: no two searches take the same time."""
    one, other = ([[trial.get(name) for name in OF_A_RECORD] for trial in kept.trials()] for kept in (then, now))
    return one == other and any(trial[-1] for trial in one)


def scores(then: Experiment, now: Experiment) -> Iterator[Number]:
    """Set the scores side by side, those of held-back rows last."""
    for of, test in ((OUT_OF_FOLD, False), (HELD_BACK, True)):
        one, other = (_scores(kept, test=test) for kept in (then, now))
        for metric in dict.fromkeys([*one, *other]):
            before, after = (told[metric].value if metric in told else None for told in (one, other))
            yield Number(metric, of, before, after, equal=one.get(metric) == other.get(metric))


def _scores(experiment: Experiment, *, test: bool) -> dict[str, Score]:
    return read_scores(experiment.path, test=True) if test else experiment.scores()


def predictions(then: pd.DataFrame | None, now: pd.DataFrame | None) -> Predictions | None:
    """Set predictions side by side, row by row; None when neither run kept any."""
    if then is None or now is None:
        gone, new = (0 if kept is None else len(kept) for kept in (then, now))
        return Predictions(0, 0, gone=gone, new=new) if gone or new else None
    one, other = (kept.drop_duplicates("row").set_index("row").sort_index() for kept in (then, now))
    shared = one.index.intersection(other.index)
    gone, new = len(one) - len(shared), len(other) - len(shared)
    one, other = one.loc[shared], other.loc[shared]
    same = {str(name): _same(one, other, name) for name in one.columns.union(other.columns, sort=False)}
    equal = np.logical_and.reduce([*same.values(), np.ones(len(shared), bool)])
    apart = _apart(one, other)
    return Predictions(
        rows=len(shared),
        equal=int(equal.sum()),
        called=0 if "prediction" in apart else _other(same, "prediction"),
        refolded=_other(same, "fold"),
        largest=float(np.nanmax(apart.to_numpy())) if apart.notna().to_numpy().any() else None,
        farthest=tuple(_farthest(one, other, apart)),
        gone=gone,
        new=new,
    )


def _other(same: Mapping[str, np.ndarray], column: str) -> int:
    return int((~same[column]).sum()) if column in same else 0


def _same(one: pd.DataFrame, other: pd.DataFrame, name: str) -> np.ndarray:
    """Say of each row whether a column holds the same in both; a missing value is the same as a missing one."""
    if name not in one or name not in other:
        return np.zeros(len(one), bool)
    a, b = one[name], other[name]
    missing = a.isna().to_numpy() & b.isna().to_numpy()
    return np.asarray(a.astype(object).to_numpy() == b.astype(object).to_numpy(), bool) | missing


def _apart(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Measure how far apart the predicted numbers are: probabilities, or the prediction where it is a number."""
    shared = [str(name) for name in one.columns if name in other.columns]
    said = [name for name in shared if name.startswith(PROBABILITY)] or [
        name for name in shared if name == "prediction"
    ]
    numbers = [name for name in said if all(pd.api.types.is_numeric_dtype(side[name]) for side in (one, other))]
    return (one[numbers].astype(float) - other[numbers].astype(float)).abs()


def _farthest(one: pd.DataFrame, other: pd.DataFrame, apart: pd.DataFrame) -> Iterator[Row]:
    """Give the rows that are farthest apart; where no number says so, the first that differ."""
    if apart.shape[1]:
        widest = apart.max(axis=1)
        for row in widest[widest > 0].nlargest(SHOWN).index:
            name = str(apart.loc[row].idxmax())
            yield Row(int(row), name, *(float(side[name].loc[row]) for side in (one, other)))
    elif "prediction" in one and "prediction" in other:
        for row in one.index[~_same(one, other, "prediction")][:SHOWN]:
            yield Row(int(row), "prediction", str(one.at[row, "prediction"]), str(other.at[row, "prediction"]))


def trials(then: Experiment, now: Experiment) -> Counted:
    """Count the trials that are equal, but for the time they took."""
    return _counted("trial", "trials", *(_trials(kept) for kept in (then, now)))


def leaderboard(then: Experiment, now: Experiment) -> Counted:
    """Count the lines of the leaderboard that are equal, but for the time they took."""
    return _counted("line of the leaderboard", "lines of the leaderboard", *(_lines(kept) for kept in (then, now)))


def model(then: Experiment, now: Experiment) -> Counted:
    """Count the equal predictions of the fitted model itself, of the few rows whose predictions are kept with it."""
    golden = (_golden(kept) for kept in (then, now))
    return _counted("prediction of the model itself", "predictions of the model itself", *golden)


def outputs(then: Experiment, now: Experiment) -> Counted:
    """Count the files the notebook wrote that are equal byte by byte."""
    return _counted("file the notebook wrote", "files the notebook wrote", *(_outputs(kept) for kept in (then, now)))


def _counted(one: str, many: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Counted:
    found, total = changes(then, now), len({**then, **now})
    return Counted(one, many, total, total - len(found), tuple(change.name for change in found[:SHOWN]))


def _trials(experiment: Experiment) -> dict[str, list[Any]]:
    told = experiment.trials()
    return {f"{one.get('family')} {one.get('number')}": [one.get(name) for name in OF_A_TRIAL] for one in told}


def _lines(experiment: Experiment) -> dict[str, list[Any]]:
    board = experiment.leaderboard()
    told = board[[name for name in OF_A_LINE if name in board]].astype(object)
    named = told.get("model", told.index)
    return dict(zip(map(str, named), told.where(told.notna(), None).to_numpy().tolist(), strict=True))


def _golden(experiment: Experiment) -> dict[str, Any]:
    try:
        said = read_json(experiment.model / "golden.json")["predictions"]["data"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # there may be no model, or a stranger's
        return {}
    return {f"row {number}": one for number, one in enumerate(said)} if isinstance(said, list) else {}


def _outputs(experiment: Experiment) -> dict[str, str]:
    files = experiment.manifest["files"]
    return {one["name"]: one["digest"] for one in files if one["name"].startswith("outputs/")}
