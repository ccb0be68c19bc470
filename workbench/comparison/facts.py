"""What is asked of an experiment that is compared, read and judged once: it may come from anywhere, hold anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.documents import outbox
from workbench.documents.experiment import REPRODUCTION
from workbench.documents.run_folder import RunFolder
from workbench.experiment import Experiment, reading
from workbench.records import Reference, Score


@dataclass(frozen=True, slots=True)
class Tried:
    """One trial of a search that came to a score; `elapsed` are seconds from when the table was read, if it is told."""

    number: int
    family: str
    score: float
    best: float
    elapsed: float | None
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Driver:
    """How much the score suffers when a column is shuffled, with its 95 % interval."""

    feature: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One experiment as it is compared; what it does not tell is None or empty.

    `test` are its scores on held-back rows, `tested_on` tells these apart from others. `note` says what a reader must
    know of it first: that it is a batch, a reproduction of another, or came without its data.
    """

    experiment: Experiment
    parameters: Mapping[str, Any]
    sources: Mapping[str, str]
    digest: str | None
    table_rows: int | None
    source: str | None
    target: str | None
    kind: str | None
    classes: tuple[str, ...]
    scores: Mapping[str, Score]
    test: Mapping[str, Score]
    tested_on: str | None
    tried: tuple[Tried, ...]
    drivers: tuple[Driver, ...]
    resources: Mapping[str, Any]
    note: str

    @property
    def ref(self) -> str:
        """The full reference."""
        return str(self.experiment.reference)

    def score(self, metric: str | None) -> Score | None:
        """Give the score it stands with, by default by its own metric; only a run that completed has one."""
        wanted = metric or self.experiment.metric
        return self.scores.get(wanted) if wanted and self.experiment.status == "completed" else None


def facts_of(experiment: Experiment) -> Facts:
    """Read what is asked of an experiment.

    Raises
    ------
    BadArtifact
        If one of its documents cannot be read.
    """
    with reading(experiment):
        task, data = experiment.task(), experiment.manifest["data"]
        table, given = task.get("data") or {}, experiment.parameters()
        return Facts(
            experiment=experiment,
            parameters={name: plain(told["value"]) for name, told in given.items()},
            sources={name: str(told.get("source", "")) for name, told in given.items()},
            digest=_text(data.get("digest")),
            table_rows=_whole(data.get("rows")),
            source=_text(table.get("source")),
            target=_text(task.get("target")),
            kind=_text(task.get("kind")),
            classes=tuple(map(str, task.get("classes") or ())),
            scores=_scores(experiment.scores()),
            test=_scores(outbox.read_scores(experiment.path, test=True)),
            tested_on=_tested_on(experiment, task, given),
            tried=_tried(experiment),
            drivers=_drivers(experiment),
            resources=_resources(experiment.manifest["resources"]),
            note=_note(experiment),
        )


def _scores(scores: Mapping[str, Score]) -> dict[str, Score]:
    """Leave out what is no number: as a value it would be ranked, as an end of an interval drawn."""
    return {
        name: replace(score, low=_number(score.low), high=_number(score.high), rows=_whole(score.rows))
        for name, score in scores.items()
        if _number(score.value) is not None
    }


def _tested_on(experiment: Experiment, task: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """Tell the held-back rows apart: by their table's content, or by how they were drawn from the other."""
    objects = experiment.manifest["objects"]
    digest = next((one["digest"] for one in objects if one.get("parameter") == "test"), None)
    plan = task.get("plan") or {}
    if digest is None and plan.get("check_share"):
        return f"{plan['check_share']} of {experiment.manifest['data'].get('digest')}, drawn with {plan.get('seed')}"
    return str(digest or given.get("test", {}).get("value") or "") or None


def _tried(experiment: Experiment) -> tuple[Tried, ...]:
    """Follow the search trial by trial; only those with a score tell anything."""
    stated = experiment.scores().get(experiment.metric or "")
    best, better = (-math.inf, max) if stated is None or stated.higher_is_better else (math.inf, min)
    scored = [trial for trial in experiment.trials() if _number(trial.get("score")) is not None]
    elapsed = _elapsed(experiment) if scored else {}
    found = []
    for trial in sorted(scored, key=lambda trial: int(trial["number"])):
        number, score = int(trial["number"]), float(trial["score"])
        best = better(best, score)
        parameters = plain(dict(trial.get("params") or {}))
        found.append(Tried(number, str(trial.get("family", "")), score, best, elapsed.get(number), parameters))
    return tuple(found)


def _elapsed(experiment: Experiment) -> dict[int, float]:
    """Find when each trial ended, in seconds from when the table was read; of several attempts the last counts."""
    told = (event for event in RunFolder(experiment.path).heard() if event.get("kind") == "trial")
    ends = ((_whole(event.get("number")), _number(event.get("elapsed"))) for event in told)
    return {number: end for number, end in ends if number is not None and end is not None}


def _drivers(experiment: Experiment) -> tuple[Driver, ...]:
    table = experiment.importance()
    if table.empty:
        return ()
    ends = [table[end] if end in table else [None] * len(table) for end in ("low", "high")]
    lines = zip(table["feature"].astype(str), table["importance"].astype(float), *ends, strict=True)
    found = (Driver(feature, value, _number(low), _number(high)) for feature, value, low, high in lines)
    return tuple(driver for driver in found if math.isfinite(driver.value))


def _resources(told: Mapping[str, Any]) -> dict[str, Any]:
    """Read what it took: seconds of wall and of processors, bytes, money."""
    cost = told["cost"] if isinstance(told.get("cost"), Mapping) else {}
    amount = _number(cost.get("amount"))
    priced = None if amount is None else {"amount": amount, "currency": str(cost.get("currency", ""))}
    return {name: _number(told.get(name)) for name in ("wall", "cpu", "peak_memory")} | {"cost": priced}


def _note(experiment: Experiment) -> str:
    manifest = experiment.manifest
    if manifest["kind"] == "batch":
        runs = len(manifest.get("children") or [])
        return f"a batch of {runs} run{'' if runs == 1 else 's'}"
    parents = [Reference.parse(str(parent)).short for parent in manifest["parents"]]
    if manifest["kind"] == REPRODUCTION and parents:
        return f"a reproduction of {parents[0]}"
    return "came without its data" if manifest.get("whole") else ""


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    """Give a number as it is; None for anything else, and for one that is not finite."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if known else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def plain(value: Any) -> Any:
    """Give what was read as JSON in a form that is JSON: a number that is none becomes null.

    >>> plain({"rate": [0.1, float("nan")]})
    {'rate': [0.1, None]}
    """
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
