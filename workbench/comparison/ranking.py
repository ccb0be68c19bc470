"""A leaderboard of experiments, best first; scores that mean different things are ranked apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from workbench.comparison.facts import Driver, Facts, Tried, facts_of, plain
from workbench.comparison.paired import Gain, tester
from workbench.comparison.sections import NOTHING, Section, as_html, as_text
from workbench.comparison.telling import sentences
from workbench.comparison.yardstick import Group, apart, grouped
from workbench.errors import UnknownName
from workbench.experiment import Experiment, reading
from workbench.pages.comparison import lead, titles
from workbench.pages.words import metric_name, score_interval, score_value, typed
from workbench.records import Score


@dataclass(frozen=True, slots=True)
class Place:
    """One experiment on the leaderboard.

    `group` counts sets of scores that can be compared with each other, from 1; `rank` is the place within the group.
    Both are None without a score. `behind` is how much better the best of the group is; None for the best itself, and
    where the two could not be tested on the same rows. `test` is the score on held-back rows, `tested_on` tells these
    apart; `searched_by` is the metric of its trials and of what its columns are worth.
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
    digest: str | None = None
    target: str | None = None
    note: str = ""
    test: Score | None = None
    tested_on: str | None = None
    searched_by: str | None = None
    parameters: tuple[tuple[str, Any], ...] = ()
    resources: Mapping[str, Any] | None = None
    importance: tuple[Driver, ...] = ()
    trials: tuple[Tried, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Give the place as JSON-able values."""
        score, told = self.score, ("value", "low", "high", "rows", "higher_is_better")
        first = ("rank", "group", "ref", "template", "status", "reason", "note", "metric")
        then = ("seconds", "data", "digest", "target", "tested_on", "searched_by")
        behind = None if self.behind is None else plain(asdict(self.behind)) | {"tied": self.behind.tied}
        test = self.test and {name: getattr(self.test, name) for name in told[:4]}
        return {
            **{name: getattr(self, name) for name in first},
            **{name: getattr(score, name) if score else None for name in told},
            **{name: getattr(self, name) for name in then},
            "behind": behind,
            "test": test,
            "parameters": dict(self.parameters),
            "resources": dict(self.resources or {}),
            "importance": [asdict(driver) for driver in self.importance],
            "trials": [asdict(trial) for trial in self.trials],
        }


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
        named = titles([place.as_document() for place in self.places if place.group])
        groups = groupby(self.places, key=lambda place: place.group)
        return [
            *(self._board(f"{group}. {named[group]}" if group else "Without a score", [*of]) for group, of in groups),
            *said,
        ]

    def _board(self, title: str, places: Sequence[Place]) -> Section:
        differing = list(dict.fromkeys(name for place in self.places for name, _ in place.parameters))
        tested = ["on held-back rows"] if any(place.test for place in self.places) else []
        head = ("", "experiment", "metric", "score", "95 % interval", "behind the best by", *tested, *differing)
        return Section(title, (), head, tuple(_row(place, tested, differing) for place in places))

    def __repr__(self) -> str:
        return as_text(self.sections())

    def _repr_html_(self) -> str:
        return as_html(self.sections())


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
    BadArtifact
        If a document of one cannot be read.
    """
    facts = [facts_of(one) for one in {str(one.reference): one for one in experiments}.values()]
    _check_metric(facts, metric)
    differing = _differing(facts)
    groups = grouped(facts, metric)
    scored = [place for number, group in enumerate(groups, 1) for place in _ranked(group, number, differing)]
    ranked = {place.ref for place in scored}
    rest = [_place(one, metric, differing) for one in facts if one.ref not in ranked]
    return Comparison((*scored, *rest), (*apart(groups), *sentences(scored, rest)))


def _check_metric(facts: Sequence[Facts], metric: str | None) -> None:
    known = {name for one in facts for name in one.scores}
    if metric is not None and metric not in known:
        raise UnknownName("metric of these experiments", metric, known)


def _differing(facts: Sequence[Facts]) -> dict[str, dict[str, Any]]:
    """Find the parameters that are not the same for all, by reference; a batch has none of its own."""
    given = {one.ref: one.parameters for one in facts if one.experiment.manifest["kind"] != "batch"}
    names = list(dict.fromkeys(name for values in given.values() for name in values))
    first = next(iter(given.values()), {})
    differ = [name for name in names if any(_other(values, first, name) for values in given.values())]
    return {ref: {name: values[name] for name in differ if name in values} for ref, values in given.items()}


def _other(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    """Whether a parameter is not the same: one that an experiment lacks is not the same as one that is None."""
    return (name in one) != (name in other) or one.get(name) != other.get(name)


def _ranked(group: Group, number: int, differing: Mapping[str, dict[str, Any]]) -> list[Place]:
    metric = group.measured_by.metric
    best, *others = sorted(group.members, key=lambda one: _loss(one.score(metric)))
    found = [_place(best, metric, differing, group=number, rank=1)]
    if others:
        with reading(best.experiment):
            test = tester(metric, best.experiment)
    for rank, one in enumerate(others, 2):
        with reading(one.experiment):
            behind = test(one.experiment)
        found.append(_place(one, metric, differing, group=number, rank=rank, behind=behind))
    return found


def _loss(score: Score | None) -> float:
    if score is None:
        return math.inf
    return -score.value if score.higher_is_better else score.value


def _place(one: Facts, metric: str | None, differing: Mapping[str, dict[str, Any]], **standing: Any) -> Place:
    manifest, stands_with = one.experiment.manifest, metric or one.experiment.metric
    return Place(
        ref=one.ref,
        short=one.experiment.short,
        template=manifest["template"],
        status=one.experiment.status,
        reason=one.experiment.reason,
        metric=stands_with,
        score=one.score(metric),
        seconds=one.resources["wall"],
        data=one.source,
        digest=one.digest,
        target=one.target,
        note=one.note,
        test=one.test.get(stands_with or ""),
        tested_on=one.tested_on if one.test else None,
        searched_by=one.experiment.metric,
        parameters=tuple(differing.get(one.ref, {}).items()),
        resources=one.resources,
        importance=one.drivers,
        trials=one.tried,
        **standing,
    )


def _row(place: Place, tested: Sequence[str], differing: Sequence[str]) -> tuple[str, ...]:
    rank = NOTHING if place.rank is None else str(place.rank)
    score, given = place.score, dict(place.parameters)
    told = (score_value(score), score_interval(score) or NOTHING) if score else (place.status, NOTHING)
    held_back = [score_value(place.test) if place.test else NOTHING for _ in tested]
    parameters = (typed(given.get(name)) for name in differing)
    metric = metric_name(place.metric) if place.metric else NOTHING
    return (rank, place.short, metric, *told, _behind(place), *held_back, *parameters)


def _behind(place: Place) -> str:
    if place.behind is None:
        return "" if place.rank == 1 else NOTHING
    return f"{lead(place.behind.as_score())}{' (tied)' if place.behind.tied else ''}"
