"""Many runs as one page: those that did not complete first, then the others with their scores."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from workbench.pages.blocks import interval_bar, join, key_facts, paragraph, table
from workbench.pages.page import page
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
    spent,
)
from workbench.records import Score

if TYPE_CHECKING:
    from workbench.pages.picture import Picture

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
        ``workers``, ``threads``, ``resources`` (see `workbench.batches.totals`), ``common`` (parameters of all runs)
        and ``runs``: mappings with ``number``, ``name``, ``labels``, ``parameters``, ``status``, ``ref``, ``reason``,
        ``metric``, ``score``, ``seconds``, ``resources``, ``before`` and ``report``, where its own page lies, seen from
        this one.

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
        **_sums(batch["resources"], runs),
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
    used = _used(runs)
    rows = [
        [_number(run), _link(run), *_cells(run, names), _word(run["status"]), run["reason"] or "–", *_spent(run, used)]
        for run in runs
    ]
    header = ["", "run", *names, "what happened", "why", *used]
    return [Markup("<h2>{}</h2>").format(title), table(header, rows, right=used)]


def _scored(runs: Sequence[Run]) -> list[Markup]:
    """One table for each metric, the best on top; runs without a score last."""
    metrics = list(dict.fromkeys(run["metric"] for run in runs if run["score"]))
    blocks = [
        block for metric in metrics for block in _board([r for r in runs if r["score"] and r["metric"] == metric])
    ]
    without = [run for run in runs if not run["score"]]
    if without:
        names, used = _columns(without), _used(without)
        rows = [[_number(run), _link(run), *_cells(run, names), *_spent(run, used)] for run in without]
        blocks += [Markup("<h2>Completed</h2>"), table(["", "run", *names, *used], rows, right=used)]
    return blocks


def _board(runs: Sequence[Run]) -> list[Markup]:
    metric = str(runs[0]["metric"])
    scores = {run["number"]: _score(run) for run in runs}
    upwards = scores[runs[0]["number"]].higher_is_better
    ranked = sorted(runs, key=lambda run: scores[run["number"]].value, reverse=upwards)
    ends = [end for score in scores.values() for end in (score.value, score.low, score.high) if end is not None]
    names, used = _columns(runs), _used(runs)
    rows = []
    for run in ranked:
        score = scores[run["number"]]
        bar = interval_bar(score.value, score.low, score.high, of=(min(ends), max(ends)))
        interval = _unbroken(score_interval(score)) or "–"
        told = (score_value(score), bar, interval)
        rows.append([_number(run), _link(run), *_cells(run, names), *told, *_spent(run, used)])
    meaning = metric_meaning(metric)
    header = ["", "run", *names, metric_name(metric), "", "95 % interval", *used]
    return [
        Markup("<h2>{}</h2>").format(sentence(metric_name(metric))),
        paragraph(f"{sentence(meaning)}.") if meaning else Markup(),
        *_spread(metric, [score.value for score in scores.values()]),
        table(header, rows, right=(metric_name(metric), *used)),
    ]


def _spread(metric: str, values: Sequence[float]) -> list[Markup]:
    if len(values) < WORTH_A_PICTURE or min(values) == max(values):
        return []
    from workbench.pages.picture import one_axes  # with matplotlib: most batches are too small for a picture

    name = metric_name(metric)
    lowest, highest = (score_value(Score(metric, end)) for end in (min(values), max(values)))
    title = f"{sentence(name)} of {count(len(values), 'run')} lies between {lowest} and {highest}"
    picture = one_axes(
        lambda axes: _paint(axes, values, name), title=title, size=(8.4, 2.4), alt=f"How the scores spread. {title}."
    )
    return [_shown(picture)]


def _paint(axes: Any, values: Sequence[float], name: str) -> None:
    from workbench.pages.picture import BLUE

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


def _took(run: Run) -> str | None:
    return None if run["seconds"] is None else _unbroken(duration(run["seconds"]))


def _taken(name: str) -> Callable[[Run], str | None]:
    return lambda run: spent(run["resources"] or {}).get(name)


USED: dict[str, Callable[[Run], str | None]] = {
    "took": _took,
    "CPU": _taken("CPU time"),
    "memory": _taken("peak memory"),
    "cost": _taken("cost"),
}


def _used(runs: Sequence[Run]) -> list[str]:
    """Name what is known of any of these runs of what it took."""
    return [name for name, taken in USED.items() if any(taken(run) is not None for run in runs)]


def _spent(run: Run, used: Sequence[str]) -> list[str]:
    return [USED[name](run) or "–" for name in used]


def _sums(resources: Mapping[str, Any], runs: Sequence[Run]) -> dict[str, str]:
    """Write what all runs took together, and of how many the cost is known when it is not of all."""
    sums = {sentence(name): fact for name, fact in spent(resources).items()}
    took, cost = resources["runs"], resources["cost"]
    priced = sum(bool(run["resources"]) for run in runs)
    if cost is not None and cost["runs"] < priced:
        sums["Cost"] += f" for {cost['runs']:,} of {count(priced, 'run')}"
    return ({} if took is None else {"All runs took": duration(took)}) | sums


def _link(run: Run) -> Markup:
    """Name a run by its experiment, with a link to its report."""
    if not run["ref"]:
        return Markup("{}").format(run["name"])
    name, _, version = run["ref"].partition("@")
    shown = f"{name}@{version.rpartition('-')[2]}"
    if not run["report"]:
        return Markup("{}").format(shown)
    return Markup('<a href="{}" title="{}">{}</a>').format(run["report"], run["ref"], shown)


def _unbroken(text: str) -> str:
    """Keep a few words on one line."""
    return text.replace(" ", "\u00a0")
