"""What the tables of a batch's page say of a run: its number, the way to its report, what is its own, what it took."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from workbench.pages.words import duration, short, shorten, spent, typed

Run = Mapping[str, Any]
MOST_COLUMNS = 6  # of labels and parameters; the rest is in each run's own report


def columns(runs: Sequence[Run], *, without: Collection[str] = ()) -> list[str]:
    """Name the labels and parameters in which these runs differ, labels first."""
    names = dict.fromkeys(name for run in runs for name in run["labels"])
    names |= dict.fromkeys(name for run in runs for name in run["parameters"])
    differ = [name for name in names if len(runs) == 1 or len({_value(run, name) for run in runs}) > 1]
    return [name for name in differ if name not in without][:MOST_COLUMNS]


def named(run: Run) -> list[str | Markup]:
    """Write a run's number, and the way to its report."""
    return [f"{run['number']:,}", _link(run)]


def own(run: Run, names: Sequence[str]) -> list[str]:
    """Write a run's labels and parameters of these names; of a path its end, which tells it from others."""
    return [shorten(typed(_value(run, name))) for name in names]


def used(runs: Sequence[Run]) -> list[str]:
    """Name what is known of any of these runs of what it took."""
    return [name for name, taken in _USED.items() if any(taken(run) is not None for run in runs)]


def taken(run: Run, names: Sequence[str]) -> list[str]:
    """Write what a run took, by these names."""
    return [_USED[name](run) or "–" for name in names]


def unbroken(text: str) -> str:
    """Keep a few words on one line."""
    return text.replace(" ", "\u00a0")


def _value(run: Run, name: str) -> str:
    return str(run["labels"].get(name) or run["parameters"].get(name) or "")


def _link(run: Run) -> Markup:
    """Name a run by its experiment, with a link to its report."""
    if not run["ref"]:
        return Markup('<span class="wb-run">{}</span>').format(run["name"])
    if not run["report"]:
        return Markup('<span class="wb-run">{}</span>').format(short(run["ref"]))
    return Markup('<a href="{}" title="{}" class="wb-run">{}</a>').format(run["report"], run["ref"], short(run["ref"]))


def _took(run: Run) -> str | None:
    return None if run["seconds"] is None else unbroken(duration(run["seconds"]))


def _taken(name: str) -> Callable[[Run], str | None]:
    def taken(run: Run) -> str | None:
        fact = spent(run["resources"] or {}).get(name)
        return None if fact is None else unbroken(fact)

    return taken


_USED: dict[str, Callable[[Run], str | None]] = {
    "took": _took,
    "CPU": _taken("CPU time"),
    "memory": _taken("peak memory"),
    "cost": _taken("cost"),
}
