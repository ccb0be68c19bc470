"""The scores of a batch: runs of one target and one metric ranked together, others never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from workbench.pages.batch_cells import Run, columns, named, own, taken, unbroken, used
from workbench.pages.blocks import interval_bar, paragraph, table
from workbench.pages.embedded import embedded
from workbench.pages.words import count, metric_meaning, metric_name, score_interval, score_value, sentence
from workbench.records import Score

WORTH_A_PICTURE = 5  # scores
H2, H3 = Markup("<h2>{}</h2>"), Markup("<h3>{}</h3>")


def scored(runs: Sequence[Run]) -> list[Markup]:
    """Show runs that completed: a ranking for each target and metric, the best on top; runs without a score last."""
    groups, without = _groups(runs), [run for run in runs if not run["score"]]
    boards = _board(groups[0], H2) if len(groups) == 1 else _boards(groups)
    return [*boards, *_without(without, "Completed without a score" if groups else "Completed")]


def _boards(groups: Sequence[Sequence[Run]]) -> list[Markup]:
    """Show several rankings, and those runs of which each is the only one of its target and metric."""
    ranked = [group for group in groups if len(group) > 1]
    alone = [run for group in groups if len(group) == 1 for run in group]
    blocks = _apart(groups, ranked=bool(ranked)) if groups else []
    for group in ranked:
        blocks += _board(group, H3, group[0].get("target") or "")
    if alone and ranked:
        blocks.append(H3.format("One run each"))
    return [*blocks, *_unranked(alone)]


def _groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Put together what can be compared, in the order of the batch."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in (run for run in runs if run["score"]):
        groups.setdefault((str(run["metric"]), run.get("target") or ""), []).append(run)
    return list(groups.values())


def _apart(groups: Sequence[Sequence[Run]], *, ranked: bool) -> list[Markup]:
    """Say why there is no one ranking of all."""
    sorts = {"target": "predict different targets", "metric": "were measured by different metrics"}
    differ = [sort for sort in sorts if len({group[0].get(sort) for group in groups}) > 1]
    why = " and ".join(sorts[sort] for sort in differ)
    each = f": each {' and '.join(differ)} is ranked by itself" if ranked else ""
    told = f"These runs {why}, so their scores cannot be compared with one another{each}."
    return [H2.format("Scores"), paragraph(told)]


def _board(runs: Sequence[Run], heading: Markup, target: str = "") -> list[Markup]:
    """Rank runs; those of a `target` where there are others."""
    metric = metric_name(runs[0]["metric"])
    scores = {run["number"]: _score(run) for run in runs}
    upwards = scores[runs[0]["number"]].higher_is_better
    ranked = sorted(runs, key=lambda run: scores[run["number"]].value, reverse=upwards)
    ends = [end for score in scores.values() for end in (score.value, score.low, score.high) if end is not None]
    names, took = columns(runs), used(runs)
    rows = []
    for run in ranked:
        score = scores[run["number"]]
        bar = interval_bar(score.value, score.low, score.high, of=(min(ends), max(ends)))
        told = (score_value(score), _interval(score), bar)
        rows.append([*named(run), *told, *own(run, names), *taken(run, took)])
    title = heading.format(sentence(metric) + (f" · {target}" if target else ""))
    header = ["", "run", metric, "95 % interval", "", *names, *took]
    return [title, *_meaning(runs), *_spread(runs, target), table(header, rows, right=(metric, *took))]


def _meaning(runs: Sequence[Run]) -> list[Markup]:
    """Say what the metric measures, and when a place in the ranking is not only the model's merit."""
    meaning = metric_meaning(str(runs[0]["metric"]))
    tables = {run["data"] for run in runs if run.get("data")}
    told = [f"{sentence(meaning)}."] if meaning else []
    if len(tables) > 1:
        told.append(
            f"Measured on {len(tables):,} tables: a run may stand higher because its rows are easier to predict."
        )
    return [paragraph(" ".join(told))] if told else []


def _unranked(runs: Sequence[Run]) -> list[Markup]:
    if not runs:
        return []
    names, took = columns(runs, without=("target", "metric")), used(runs)
    rows = []
    for run in runs:
        score = _score(run)
        told = (run.get("target") or "–", metric_name(score.metric), score_value(score), _interval(score))
        rows.append([*named(run), *told, *own(run, names), *taken(run, took)])
    header = ["", "run", "target", "metric", "score", "95 % interval", *names, *took]
    return [table(header, rows, right=("score", *took))]


def _without(runs: Sequence[Run], title: str) -> list[Markup]:
    if not runs:
        return []
    names, took = columns(runs), used(runs)
    rows = [[*named(run), *own(run, names), *taken(run, took)] for run in runs]
    return [H2.format(title), table(["", "run", *names, *took], rows, right=took)]


def _spread(runs: Sequence[Run], target: str) -> list[Markup]:
    values = [run["score"]["value"] for run in runs]
    if len(values) < WORTH_A_PICTURE or min(values) == max(values):
        return []
    from workbench.pages.picture import one_axes  # with matplotlib: most batches are too small for a picture

    metric = metric_name(runs[0]["metric"])
    lowest, highest = (score_value(Score(str(runs[0]["metric"]), end)) for end in (min(values), max(values)))
    of = count(len(values), "run") + (f" for {target}" if target else "")
    told = f"{sentence(metric)} of {of} lies between {lowest} and {highest}"
    picture = one_axes(
        lambda axes: _paint(axes, values, metric), title=told, size=(8.4, 2.4), alt=f"How the scores spread. {told}."
    )
    return [embedded(picture)]


def _paint(axes: Any, values: Sequence[float], name: str) -> None:
    from workbench.pages.picture import BLUE

    axes.hist(values, bins="auto", color=BLUE, rwidth=0.92)
    axes.set(xlabel=name, ylabel="runs")


def _interval(score: Score) -> str:
    return unbroken(score_interval(score)) or "–"


def _score(run: Run) -> Score:
    score = run["score"]
    return Score(
        str(run["metric"]), score["value"], score["low"], score["high"], higher_is_better=score["higher_is_better"]
    )
