"""Many runs as one page: those that did not complete first, then the others with their scores."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from workbench.pages.blocks import interval_bar, join, key_facts, paragraph, table
from workbench.pages.page import page
from workbench.pages.picture import BLUE, Picture, one_axes
from workbench.pages.report import STATUS_WORDS
from workbench.pages.words import (
    count,
    duration,
    metric_meaning,
    metric_name,
    moment,
    score_interval,
    score_value,
    sentence,
    shorten,
)
from workbench.records import Score

Run = Mapping[str, Any]
MOST_COLUMNS = 6  # of labels and parameters; the rest is in each run's own report
WORTH_A_PICTURE = 5  # scores
STATUSES = STATUS_WORDS | {
    "left": ("other", "Not begun"),
    "refused": ("bad", "✕ Refused"),
    "skipped": ("other", "Not needed"),
}


def batch_page(batch: Mapping[str, Any]) -> str:
    """Make one self-contained HTML page of a batch.

    Parameters
    ----------
    batch : mapping
        ``name``, ``ref``, ``status``, ``reason``, ``title`` (of the template), ``started``, ``seconds``, ``author``,
        ``workers``, ``threads``, ``common`` (parameters of all runs) and ``runs``: mappings with ``number``, ``name``,
        ``labels``, ``parameters``, ``status``, ``ref``, ``reason``, ``metric``, ``score``, ``seconds``, ``before``.
        Reports are linked to where they lie in the store beside this one.

    Returns
    -------
    str
        The page; it runs no script and loads nothing.
    """
    runs: Sequence[Run] = batch["runs"]
    failed = [run for run in runs if run["status"] not in ("completed", "left", "skipped")]
    left = [run for run in runs if run["status"] in ("left", "skipped")]
    completed = [run for run in runs if run["status"] == "completed"]
    body = [*_troubled("Did not complete", failed), *_troubled("Not begun", left), *_scored(completed)]
    return page(f"{batch['name']}: {count(len(runs), 'run')}", header=_header(batch), body=join(body))


def _header(batch: Mapping[str, Any]) -> Markup:
    runs = batch["runs"]
    kind, word = STATUSES.get(batch["status"], ("other", sentence(batch["status"])))
    before = sum(run["before"] for run in runs)
    told = Counter(run["status"] for run in runs)
    facts = {
        "Template": batch["title"],
        "Runs": ", ".join(f"{number:,} {_word(status).lower()}" for status, number in told.most_common()),
        "Done before": count(before, "run") if before else "",
        "When": moment(batch["started"]),
        "Took": duration(batch["seconds"]),
        "At a time": f"{count(batch['workers'], 'run')} of {count(batch['threads'], 'thread')} each",
        "By": batch["author"],
        "Kept as": batch["ref"],
        **{name: shorten(value) for name, value in batch["common"].items()},
    }
    reason = Markup('<p class="reason">{}</p>').format(batch["reason"]) if batch["reason"] else Markup()
    parts = [
        Markup('<span class="status {}">{}</span>').format(kind, word),
        Markup("<h1>{}</h1>").format(batch["name"]),
        reason,
        key_facts({label: fact for label, fact in facts.items() if fact}),
    ]
    return join(part for part in parts if part)


def _word(status: str) -> str:
    return STATUSES.get(status, ("", sentence(status.replace("_", " "))))[1].lstrip("✓✕ ")


def _troubled(title: str, runs: Sequence[Run]) -> list[Markup]:
    if not runs:
        return []
    names = _columns(runs)
    rows = [[_number(run), _link(run), *_cells(run, names), _word(run["status"]), run["reason"] or "–"] for run in runs]
    header = ["", "run", *names, "what happened", "why"]
    return [Markup("<h2>{}</h2>").format(title), table(header, rows)]


def _scored(runs: Sequence[Run]) -> list[Markup]:
    """One table for each metric, the best on top; runs without a score last."""
    metrics = list(dict.fromkeys(run["metric"] for run in runs if run["score"]))
    blocks = [
        block for metric in metrics for block in _board([r for r in runs if r["score"] and r["metric"] == metric])
    ]
    without = [run for run in runs if not run["score"]]
    if without:
        names = _columns(without)
        rows = [[_number(run), _link(run), *_cells(run, names), _took(run)] for run in without]
        blocks += [Markup("<h2>Completed</h2>"), table(["", "run", *names, "took"], rows, right=("took",))]
    return blocks


def _board(runs: Sequence[Run]) -> list[Markup]:
    metric = str(runs[0]["metric"])
    scores = {run["number"]: _score(run) for run in runs}
    upwards = scores[runs[0]["number"]].higher_is_better
    ranked = sorted(runs, key=lambda run: scores[run["number"]].value, reverse=upwards)
    ends = [end for score in scores.values() for end in (score.value, score.low, score.high) if end is not None]
    names = _columns(runs)
    rows = []
    for run in ranked:
        score = scores[run["number"]]
        bar = interval_bar(score.value, score.low, score.high, of=(min(ends), max(ends)))
        interval = score_interval(score) or "–"
        rows.append([_number(run), _link(run), *_cells(run, names), score_value(score), bar, interval, _took(run)])
    meaning = metric_meaning(metric)
    header = ["", "run", *names, metric_name(metric), "", "95 % interval", "took"]
    return [
        Markup("<h2>{}</h2>").format(sentence(metric_name(metric))),
        paragraph(f"{sentence(meaning)}.") if meaning else Markup(),
        *_spread(metric, [score.value for score in scores.values()]),
        table(header, rows, right=(metric_name(metric), "took")),
    ]


def _spread(metric: str, values: Sequence[float]) -> list[Markup]:
    if len(values) < WORTH_A_PICTURE or min(values) == max(values):
        return []
    name = metric_name(metric)
    lowest, highest = (score_value(Score(metric, end)) for end in (min(values), max(values)))
    title = f"{sentence(name)} of {count(len(values), 'run')} lies between {lowest} and {highest}"
    picture = one_axes(
        lambda axes: _paint(axes, values, name), title=title, size=(8.4, 2.4), alt=f"How the scores spread. {title}."
    )
    return [_shown(picture)]


def _paint(axes: Any, values: Sequence[float], name: str) -> None:
    axes.hist(values, bins="auto", color=BLUE, rwidth=0.92)
    axes.set(xlabel=name, ylabel="runs")


def _shown(picture: Picture) -> Markup:
    data = base64.b64encode(picture.png).decode()
    return Markup(
        '<div class="wb-scroll wb-picture" tabindex="0" role="group" aria-label="Picture">'
        '<img src="data:image/png;base64,{}" width="{}" height="{}" alt="{}"></div>'
    ).format(data, picture.width, picture.height, picture.alt)


def _score(run: Run) -> Score:
    score = run["score"]
    return Score(
        str(run["metric"]), score["value"], score["low"], score["high"], higher_is_better=score["higher_is_better"]
    )


def _columns(runs: Sequence[Run]) -> list[str]:
    """Name the labels and parameters in which these runs differ, labels first."""
    names = dict.fromkeys(name for run in runs for name in run["labels"])
    names |= dict.fromkeys(name for run in runs for name in run["parameters"])
    differ = [name for name in names if len(runs) == 1 or len({_value(run, name) for run in runs}) > 1]
    return differ[:MOST_COLUMNS]


def _value(run: Run, name: str) -> str:
    return str(run["labels"].get(name) or run["parameters"].get(name) or "")


def _cells(run: Run, names: Sequence[str]) -> list[str]:
    return [shorten(_value(run, name)) or "–" for name in names]


def _number(run: Run) -> str:
    return f"{run['number']:,}"


def _took(run: Run) -> str:
    return "–" if run["seconds"] is None else duration(run["seconds"])


def _link(run: Run) -> Markup:
    """Link to a run's report, from the folder of one experiment to that of another."""
    if not run["ref"]:
        return Markup("{}").format(run["name"])
    name, _, version = run["ref"].partition("@")
    shown = f"{name}@{version.rpartition('-')[2]}"
    return Markup('<a href="../../{}/{}/report.html" title="{}">{}</a>').format(name, version, run["ref"], shown)
