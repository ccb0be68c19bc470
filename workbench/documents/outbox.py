"""What a notebook found, as documents: written into a run's outbox, read from the experiment it becomes.

``scores.json``, ``checks.json`` and ``task.json`` begin with their format. The tables (``leaderboard.csv``,
``importance.csv``, ``predictions.parquet``, ``trials.jsonl``) are found by their columns' names, so a later version may
add columns. A document that was never written reads as empty: a run may end before it comes to it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.documents.files import FORMAT, insist_on_format, read_json, write_bytes, write_json, writing
from workbench.errors import BadArtifact
from workbench.records import Check, Score

if TYPE_CHECKING:
    import pandas as pd

SCORES, CHECKS, TASK = "scores.json", "checks.json", "task.json"
LEADERBOARD, IMPORTANCE = "leaderboard.csv", "importance.csv"
PREDICTIONS, TRIALS = "predictions.parquet", "trials.jsonl"
PROBABILITY = "probability_"  # and the class
REPLAY = "WORKBENCH_REPLAY"  # names an experiment to a run: its trials are fitted again in place of a search


def write_scores(
    folder: Path, metric: str, scores: Mapping[str, Score], *, test: Mapping[str, Score] | None = None
) -> None:
    """Write the scores of the winner; `metric` is the one the search went by; `test`, those of held-back rows."""
    told = {name: score_document(score) for name, score in scores.items()}
    last = {name: score_document(score) for name, score in (test or {}).items()}
    _write(folder / SCORES, {"metric": metric, "scores": told, **({"test": last} if last else {})})


def read_scores(folder: Path, *, test: bool = False) -> dict[str, Score]:
    """Read the scores, the one the search went by first; with `test`, those of the held-back rows."""
    document = _read(folder / SCORES)
    told = document.get("test" if test else "scores", {})
    scores = {name: score_of(name, one) for name, one in told.items()}
    chosen = document.get("metric")
    return {name: scores[name] for name in sorted(scores, key=lambda name: name != chosen)}


def score_document(score: Score) -> dict[str, Any]:
    """Give a score as it stands in JSON: under its metric's name, so without it."""
    return {name: value for name, value in asdict(score).items() if name != "metric"}


def score_of(metric: str, document: Mapping[str, Any]) -> Score:
    """Read one score; what a later format adds is left out."""
    known = {field.name for field in fields(Score)} - {"metric"}
    return Score(metric, **{name: value for name, value in document.items() if name in known})


def write_checks(folder: Path, checks: Iterable[Check]) -> None:
    """Write what was found about the data."""
    _write(folder / CHECKS, {"checks": [asdict(check) for check in checks]})


def read_checks(folder: Path) -> list[Check]:
    """Read what was found about the data."""
    found = _read(folder / CHECKS).get("checks", [])
    return [Check(one["name"], one["level"], one["message"], tuple(one.get("columns", ()))) for one in found]


def write_task(folder: Path, task: Mapping[str, Any]) -> None:
    """Write what was to be predicted from what: kind, target, classes, metric, rows, features, data, seed, seconds."""
    _write(folder / TASK, task)


def read_task(folder: Path) -> dict[str, Any]:
    """Read what was to be predicted from what."""
    return _read(folder / TASK)


def write_leaderboard(folder: Path, leaderboard: pd.DataFrame) -> None:
    """Write the candidates of the search, best first."""
    _write_csv(folder / LEADERBOARD, leaderboard)


def read_leaderboard(folder: Path) -> pd.DataFrame:
    """Read the candidates of the search, best first."""
    return _read_csv(folder / LEADERBOARD)


def write_importance(folder: Path, importance: pd.DataFrame) -> None:
    """Write what drives the model: feature, importance, low, high; strongest first."""
    _write_csv(folder / IMPORTANCE, importance)


def read_importance(folder: Path) -> pd.DataFrame:
    """Read what drives the model, strongest first."""
    return _read_csv(folder / IMPORTANCE)


def write_predictions(folder: Path, predictions: pd.DataFrame) -> None:
    """Write what was predicted of rows that were not learned from.

    Columns: row (its number in the data file), fold, truth, prediction, and of a classifier ``probability_<class>``
    for every class.
    """
    with writing(folder / PREDICTIONS) as part:
        predictions.to_parquet(part, index=False)


def read_predictions(folder: Path) -> pd.DataFrame | None:
    """Read what was predicted of rows that were not learned from; None when it was not kept."""
    import pandas as pd  # listing experiments must stay light

    file = folder / PREDICTIONS
    if not file.exists():
        return None
    try:
        return pd.read_parquet(file)
    except (ValueError, OSError) as error:  # pyarrow's errors are ValueErrors and OSErrors
        raise BadArtifact(str(file), f"cannot be read ({error})") from error


def write_trials(folder: Path, trials: Iterable[Mapping[str, Any]]) -> None:
    """Write every trial of the search, one JSON object a line."""
    lines = (json.dumps(_plain(trial), ensure_ascii=False, allow_nan=False) + "\n" for trial in trials)
    write_bytes(folder / TRIALS, "".join(lines).encode())


def read_trials(folder: Path) -> list[dict[str, Any]]:
    """Read every trial of the search, in their order."""
    file = folder / TRIALS
    if not file.exists():
        return []
    try:
        # Not str.splitlines: it also breaks at the line separators that a JSON text may hold as they are.
        return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    except ValueError as error:
        raise BadArtifact(str(file), f"cannot be read ({error})") from error


def _write(file: Path, document: Mapping[str, Any]) -> None:
    write_json(file, {"format": FORMAT, **_plain(document)})


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        document = read_json(file)
    except (ValueError, RecursionError) as error:
        raise BadArtifact(str(file), f"cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise BadArtifact(str(file), "holds no JSON object")
    insist_on_format(document.get("format", FORMAT), str(file))
    return {name: value for name, value in document.items() if name != "format"}


def _write_csv(file: Path, frame: pd.DataFrame) -> None:
    write_bytes(file, frame.to_csv(index=False, lineterminator="\n").encode())


def _read_csv(file: Path) -> pd.DataFrame:
    import pandas as pd  # listing experiments must stay light

    if not file.exists():
        return pd.DataFrame()
    try:
        # A column or class may be called "NA"; only an empty cell is missing.
        return pd.read_csv(file, keep_default_na=False, na_values=[""])
    except ValueError as error:  # pandas' parser errors are ValueErrors
        raise BadArtifact(str(file), f"cannot be read ({error})") from error


def _plain(value: Any) -> Any:
    """Turn numpy's numbers and arrays into JSON's; a number that is none (NaN, infinite) is null."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "tolist"):  # numpy, without importing it
        return _plain(value.tolist())
    return str(value)
