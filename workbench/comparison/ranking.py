"""A leaderboard of experiments, and what can be said of them in sentences."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from workbench.comparison.paired import Gain, gain_over, out_of_fold
from workbench.comparison.sections import NOTHING, Section, as_html, as_text
from workbench.errors import UnknownName
from workbench.experiment import Experiment
from workbench.pages.comparison import lead, measured_on
from workbench.pages.words import listing, metric_name, score_interval, score_value, typed
from workbench.records import Score


@dataclass(frozen=True, slots=True)
class Place:
    """One experiment on the leaderboard.

    `group` counts sets of scores that can be compared with each other, from 1; `rank` is the place within the group.
    Both are None without a score. `behind` is how much better the best of the group is; None for the best itself, and
    where the two could not be tested on the same rows.
    """

    ref: str
    short: str
    template: str
    status: str
    reason: str
    metric: str | None
    score: Score | None = None
    group: int | None = None
    rank: int | None = None
    behind: Gain | None = None
    seconds: float | None = None
    data: str | None = None
    target: str | None = None
    parameters: tuple[tuple[str, Any], ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Give the place as JSON-able values."""
        score = self.score
        told = {name: getattr(score, name) if score else None for name in ("value", "low", "high", "rows")}
        behind = None if self.behind is None else _finite(asdict(self.behind)) | {"tied": self.behind.tied}
        plain = ("rank", "group", "ref", "template", "status", "reason", "metric")
        place = {name: getattr(self, name) for name in plain} | told
        plain_too = {name: getattr(self, name) for name in ("seconds", "data", "target")}
        return place | plain_too | {"behind": behind, "parameters": dict(self.parameters)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Experiments in order, best first, those without a score last; and what can be said of them in sentences."""

    places: tuple[Place, ...]
    sentences: tuple[str, ...]

    @property
    def comparable(self) -> bool:
        """Whether all scores are of one metric on the same rows of the same data."""
        return len({place.group for place in self.places if place.group}) <= 1

    def as_document(self) -> dict[str, Any]:
        """Give the comparison as one JSON-able document."""
        rows = [place.as_document() for place in self.places]
        return {"comparable": self.comparable, "sentences": list(self.sentences), "leaderboard": rows}

    def sections(self) -> list[Section]:
        """Give the comparison as sections to be laid out."""
        said = [Section("What this says", self.sentences)] if self.sentences else []
        if self.comparable:
            return [self._board("Leaderboard", self.places), *said]
        groups = groupby(self.places, key=lambda place: place.group)
        return [
            *(self._board(_title(group, first := next(places)), (first, *places)) for group, places in groups),
            *said,
        ]

    def _board(self, title: str, places: Sequence[Place]) -> Section:
        differing = list(dict.fromkeys(name for place in self.places for name, _ in place.parameters))
        head = ("", "experiment", "metric", "score", "95 % interval", "behind the best by", *differing)
        return Section(title, (), head, tuple(_row(place, differing) for place in places))

    def __repr__(self) -> str:
        return as_text(self.sections())

    def _repr_html_(self) -> str:
        return as_html(self.sections())


@dataclass(frozen=True, slots=True)
class _Yardstick:
    """What two experiments must share before their scores mean the same."""

    metric: str
    data: str | None
    target: str
    rows: str


def compare(experiments: Sequence[Experiment], metric: str | None = None) -> Comparison:
    """Rank experiments, test the differences, and say which scores cannot be compared.

    Parameters
    ----------
    experiments : sequence of Experiment
        In any order; one given twice counts once.
    metric : str, optional
        Rank all by this one; by default each stands with the metric its search went by.

    Raises
    ------
    UnknownName
        If no experiment has the metric.
    """
    unique = list({str(one.reference): one for one in experiments}.values())
    _check_metric(unique, metric)
    parameters = _differing(unique)
    groups = _groups(unique, metric)
    scored = [place for number_, group in enumerate(groups, 1) for place in _ranked(group, number_, metric, parameters)]
    grouped = {place.ref for place in scored}
    rest = [_place(one, metric, parameters) for one in unique if str(one.reference) not in grouped]
    return Comparison((*scored, *rest), tuple(_sentences(groups, scored, rest, metric)))


def _check_metric(experiments: Sequence[Experiment], metric: str | None) -> None:
    known = {name for one in experiments for name in one.scores()}
    if metric is not None and metric not in known:
        raise UnknownName("metric of these experiments", metric, known)


def _score(experiment: Experiment, metric: str | None) -> Score | None:
    """Find the score an experiment stands with; only a run that completed has one."""
    wanted = metric or experiment.metric
    return experiment.scores().get(wanted) if wanted and experiment.status == "completed" else None


def _differing(experiments: Sequence[Experiment]) -> dict[str, dict[str, Any]]:
    """Find the parameters that are not the same for all, by reference."""
    given = {
        str(one.reference): {name: told["value"] for name, told in one.parameters().items()} for one in experiments
    }
    names = list(dict.fromkeys(name for values in given.values() for name in values))
    first = next(iter(given.values()), {})
    differ = [name for name in names if any(_other(values, first, name) for values in given.values())]
    return {ref: {name: values[name] for name in differ if name in values} for ref, values in given.items()}


def _other(one: dict[str, Any], other: dict[str, Any], name: str) -> bool:
    """Whether a parameter is not the same: one that an experiment lacks is not the same as one that is None."""
    return (name in one) != (name in other) or one.get(name) != other.get(name)


def _groups(experiments: Sequence[Experiment], metric: str | None) -> list[list[Experiment]]:
    """Put together what can be compared; the largest group first."""
    groups: dict[_Yardstick, list[Experiment]] = {}
    for one in experiments:
        if _score(one, metric) is not None:
            groups.setdefault(_yardstick(one, metric), []).append(one)
    return sorted(groups.values(), key=len, reverse=True)


def _yardstick(experiment: Experiment, metric: str | None) -> _Yardstick:
    task = experiment.task()
    classes = task.get("classes") or [task.get("kind")]
    target = f"{task.get('target')} ({', '.join(map(str, classes))})"
    name = metric or str(experiment.metric)
    return _Yardstick(name, experiment.manifest["data"].get("digest"), target, _rows(experiment, name))


def _rows(experiment: Experiment, metric: str) -> str:
    """Name the rows a score was measured on: by their numbers and truth, or by their count when those were not kept."""
    kept = experiment.predictions()
    if kept is None:
        return f"{experiment.scores()[metric].rows} rows"
    hashes = pd.util.hash_pandas_object(kept[["row", "truth"]].sort_values("row"), index=False).to_numpy()
    return hashlib.sha256(np.ascontiguousarray(hashes).tobytes()).hexdigest()


def _ranked(
    group: Sequence[Experiment], number_: int, metric: str | None, parameters: dict[str, dict[str, Any]]
) -> list[Place]:
    ordered = sorted(group, key=lambda one: _loss(_score(one, metric)))
    name = metric or str(ordered[0].metric)
    best = out_of_fold(ordered[0], name) if len(ordered) > 1 else None
    return [
        _place(
            one, metric, parameters, group=number_, rank=rank, behind=gain_over(name, best, one) if rank > 1 else None
        )
        for rank, one in enumerate(ordered, 1)
    ]


def _loss(score: Score | None) -> float:
    if score is None or math.isnan(score.value):
        return math.inf
    return -score.value if score.higher_is_better else score.value


def _place(experiment: Experiment, metric: str | None, parameters: dict[str, dict[str, Any]], **standing: Any) -> Place:
    manifest, ref, task = experiment.manifest, str(experiment.reference), experiment.task()
    return Place(
        ref=ref,
        short=experiment.short,
        template=manifest["template"],
        status=experiment.status,
        reason=experiment.reason,
        metric=metric or experiment.metric,
        score=_score(experiment, metric),
        seconds=manifest["resources"].get("wall"),
        data=task.get("data", {}).get("source"),
        target=task.get("target"),
        parameters=tuple(parameters[ref].items()),
        **standing,
    )


def _sentences(
    groups: Sequence[Sequence[Experiment]], scored: Sequence[Place], rest: Sequence[Place], metric: str | None
) -> list[str]:
    said = [_apart(groups, metric)] if len(groups) > 1 else []
    for number_ in range(1, len(groups) + 1):
        best, *others = (place for place in scored if place.group == number_)
        said += [_against(best, other) for other in others]
    return said + [f"{place.short} has no score: {_because(place)}." for place in rest]


def _apart(groups: Sequence[Sequence[Experiment]], metric: str | None) -> str:
    sticks = [_yardstick(group[0], metric) for group in groups]
    named = {"metric": "metrics", "data": "data", "target": "targets", "rows": "rows"}
    differ = [words_ for name, words_ in named.items() if len({getattr(stick, name) for stick in sticks}) > 1]
    return (
        f"These scores cannot be compared with one another: they were measured with different {listing(differ)}. "
        f"Each of the {len(groups)} groups is ranked by itself."
    )


def _against(best: Place, other: Place) -> str:
    gain = other.behind
    if gain is None or math.isnan(gain.value):
        return f"{best.short} scores better than {other.short}, untested: their predictions cannot be set side by side."
    metric, size = metric_name(str(best.metric)), gain.as_score()
    if gain.value == gain.low == gain.high == 0:
        return f"{best.short} and {other.short} are tied: their {metric} is the same on every sample of the rows."
    by = f"{lead(size)} in {metric}"
    interval = f"(95 % interval {score_interval(size) or NOTHING}, on the same {gain.rows:,} rows)"
    if gain.tied:
        return f"{best.short} and {other.short} are tied: a lead of {by} may be chance {interval}."
    return f"{best.short} is better than {other.short} by {by} {interval}."


def _because(place: Place) -> str:
    if place.status == "completed":
        return f"{metric_name(place.metric)} was not measured" if place.metric else "the run recorded none"
    return place.status + (f", {place.reason.rstrip('.')}" if place.reason else "")


def _title(group: int | None, first: Place) -> str:
    """Name a group by what its scores were measured on."""
    return "Without a score" if group is None else f"{group}. {measured_on(first.as_document())}"


def _row(place: Place, differing: Sequence[str]) -> tuple[str, ...]:
    rank = NOTHING if place.rank is None else str(place.rank)
    score, given = place.score, dict(place.parameters)
    told = (score_value(score), score_interval(score) or NOTHING) if score else (place.status, NOTHING)
    parameters = (typed(given.get(name)) for name in differing)
    return (
        rank,
        place.short,
        metric_name(place.metric) if place.metric else NOTHING,
        *told,
        _behind(place),
        *parameters,
    )


def _behind(place: Place) -> str:
    if place.behind is None:
        return "" if place.rank == 1 else NOTHING
    return f"{lead(place.behind.as_score())}{' (tied)' if place.behind.tied else ''}"


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
