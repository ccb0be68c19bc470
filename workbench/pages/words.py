"""Numbers and names as people read them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from workbench.records import Reference, Score

METRIC_NAMES = {
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "average_precision": "average precision",
    "f1": "F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
    "rmse": "RMSE",
    "mae": "MAE",
    "mape": "MAPE",
    "r2": "R²",
}
FAMILY_NAMES = {
    "lightgbm": "LightGBM",
    "lightgbm_features": "LightGBM with features",
    "catboost": "CatBoost",
    "extra_trees": "ExtraTrees",
    "network": "neural network",
    "neighbours": "nearest neighbours",
}
METRIC_MEANINGS = {
    "roc_auc": "how well rows of different classes are told apart: 1 is perfect, 0.5 is a coin toss",
    "log_loss": "how far the predicted probabilities are from what happened: 0 is perfect",
    "average_precision": "how many of the rows ranked highest are true hits: 1 is perfect",
    "f1": "balance of finding the hits and raising no false alarms: 1 is perfect",
    "accuracy": "share of rows predicted correctly",
    "balanced_accuracy": "share predicted correctly, each class counting the same",
    "brier": "mean squared distance of the probabilities from what happened: 0 is perfect",
    "rmse": "typical size of an error, in the target's own unit; large errors count more",
    "mae": "mean size of an error, in the target's own unit",
    "mape": "mean size of an error as a share of the true value: 0.1 is 10 %",
    "r2": "share of the target's variation that is explained: 1 is perfect, 0 is no better than the mean",
}

SOURCES = {  # of parameters
    "default": "the template's default",
    "environment": "the environment",
    "file": "a file of parameters",
    "api": "set in Python",
    "-p": "typed",
}
STEP_NAMES = {
    "checking": "reading the table",
    "starting": "starting the notebook",
    "report": "writing the report",
}

# Numbers beyond are written with an exponent: six decimals say next to nothing of them, or nobody counts the digits.
TINY, HUGE = 1e-5, 1e15


def metric_name(metric: str) -> str:
    """Name a metric as people write it: ``roc_auc`` is "ROC AUC"."""
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def family_name(family: str) -> str:
    """Name a family of models as people write it: ``extra_trees`` is "ExtraTrees"."""
    return FAMILY_NAMES.get(family, family.replace("_", " "))


def model_name(model: str) -> str:
    """Name a line of the leaderboard: ``lightgbm 7`` is "LightGBM 7"; the ensemble and what we do not know stay.

    Examples
    --------
    >>> model_name("extra_trees 2"), model_name("ensemble")
    ('ExtraTrees 2', 'ensemble')
    """
    family, _, number_ = model.rpartition(" ")
    return f"{family_name(family)} {number_}" if family and number_.isdigit() else model


def template_name(template: str, kind: str) -> str:
    """Name a template, and what was made of it where that is not a plain run: a batch, a reproduction.

    >>> template_name("classification", "run"), template_name("classification", "batch")
    ('classification', 'classification (batch)')
    """
    return template if kind in ("run", "") else f"{template} ({kind})"  # of what cannot be read the kind is not known


def step_name(step: Any) -> str:
    """Name what a run is just doing: ``checking`` is "reading the table"."""
    return STEP_NAMES.get(step, str(step))


def metric_meaning(metric: str) -> str:
    """Say in plain words what a metric measures; empty for one we do not know."""
    return METRIC_MEANINGS.get(metric, "")


def sentence(text: str) -> str:
    """Begin with a capital letter, leaving the rest as it is."""
    return text[:1].upper() + text[1:]


def number(value: Any, digits: int = 4) -> str:
    """Write a number with `digits` significant digits and thousands separated; a missing one is a dash.

    Examples
    --------
    >>> number(7043), number(0.123456), number(1234567.8), number(None)
    ('7,043', '0.1235', '1,234,568', '–')
    >>> number(-13)
    '−13'
    """
    if value is None or not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < HUGE:
        return _minus(f"{int(value):,}")
    if 10 ** (digits - 1) <= abs(value) < HUGE:
        return _minus(f"{value:,.0f}")
    return _minus(f"{value:.{digits}g}")


def _minus(text: str) -> str:
    """Write a number's hyphens as what they are, minus signs."""
    return text.replace("-", "−")


def alike(values: Sequence[float], *, rounded: bool = False) -> list[str]:
    """Write numbers that are read against each other: as many decimals each as the distance between them is worth.

    Parameters
    ----------
    rounded
        Whether large ones may lose digits before the point, too: averages, but not values that stand in a table.

    Examples
    --------
    >>> alike([0.74, 0.0492]), alike([275.6, 2499]), alike([167375, 248681], rounded=True)
    (['0.74', '0.05'], ['276', '2,499'], ['167,000', '249,000'])
    """
    known = [float(value) for value in values if math.isfinite(value)]
    if len(known) > 1 and _is_extreme(max(map(abs, known))):
        return [number(value, 2 if max(map(abs, known)) < TINY else 4) for value in values]
    spread = max(known, default=0.0) - min(known, default=0.0) or max(map(abs, known), default=0.0)
    decimals = min(6, 1 - math.floor(math.log10(spread))) if spread else 0
    if not rounded:
        decimals = 0 if all(value.is_integer() for value in known) else max(0, decimals)
    return [_with_decimals(value, decimals) if math.isfinite(value) else "–" for value in values]


def told_apart(values: Sequence[float]) -> list[str]:
    """Write numbers by themselves; those that would read alike and are not, with as many digits as that takes.

    Examples
    --------
    >>> told_apart([0.0123, 5, 20_000]), told_apart([1_000_000.25, 1_000_000.5])
    (['0.0123', '5', '20,000'], ['1,000,000.25', '1,000,000.50'])
    """
    written = [number(value) for value in values]
    return written if len(set(written)) == len(set(values)) else alike(values)


def _is_extreme(size: float) -> bool:
    return 0 < size < TINY or size >= HUGE


def _with_decimals(value: float, decimals: int) -> str:
    return _minus(f"{round(value, decimals) + 0.0:,.{max(0, decimals)}f}")  # adding zero takes the sign off -0.0


def with_sign(value: float, text: str) -> str:
    """Put a plus before a gain and a true minus before a loss; what is written as zero has no sign.

    Examples
    --------
    >>> with_sign(0.2, "0.20"), with_sign(-3.0, "-3"), with_sign(0.001, "0.00")
    ('+0.20', '−3', '0.00')
    """
    gains = value > 0 and any(digit in "123456789" for digit in text)
    return _minus(f"{'+' if gains else ''}{text}")


def decimals_for(spread: float) -> int:
    """Count the decimals worth showing when a value is only known to within `spread`: two digits of the spread."""
    if not spread or not math.isfinite(spread):
        return 4
    return min(6, max(0, 1 - math.floor(math.log10(abs(spread)))))


def measured(value: float | None) -> str:
    """Write a score in a line of text: with four decimals where it is neither large nor tiny; none is a dash.

    Examples
    --------
    >>> measured(0.84713), measured(125.27), measured(28341.2), measured(0.000123), measured(None)
    ('0.8471', '125.3', '28,341', '0.00012', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    decimals = 0 if size >= 1000 else 1 if size >= 100 else 4
    return number(value, 2) if 0 < size < 0.001 or size >= HUGE else _minus(f"{value:,.{decimals}f}")


def score_value(score: Score) -> str:
    """Write the value with as many decimals as its interval makes worth reading."""
    return _fixed(score.value, score)


def score_interval(score: Score) -> str:
    """Write the interval, ``0.834 to 0.858``; empty when there is none."""
    if score.low is None or score.high is None:
        return ""
    return f"{_fixed(score.low, score)} to {_fixed(score.high, score)}"


def score_sentence(score: Score) -> str:
    """Write a score in one line: ``ROC AUC 0.846 (0.834 to 0.858)``."""
    interval = score_interval(score)
    return f"{metric_name(score.metric)} {score_value(score)}" + (f" ({interval})" if interval else "")


def _fixed(value: float, score: Score) -> str:
    if score.low is None or score.high is None or score.high <= score.low:
        return number(value)
    if _is_extreme(max(abs(score.low), abs(score.high))):
        return number(value, 3)
    return _with_decimals(value, decimals_for(score.high - score.low))


def share(value: float) -> str:
    """Write a share between 0 and 1 as a percentage that never rounds something to nothing.

    Examples
    --------
    >>> share(0.1234), share(0.0004), share(0.9999)
    ('12 %', 'under 0.1 %', 'over 99.9 %')
    """
    percent = 100 * value
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    fine = 0 < percent < 10 or 99 < percent < 100
    return f"{percent:.1f} %" if fine else f"{percent:.0f} %"


def duration(seconds: float) -> str:
    """Write a time span: ``0.4 s``, ``12 s``, ``1 min 5 s``, ``2 h 3 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def took(whole: float, wall: float | None) -> str:
    """Write how long a run took, until its notebook's end, and how long with its report where that reads as more.

    >>> took(44, 42), took(44.2, 44), took(44, None)
    ('42 s (44 s with its report)', '44 s', '44 s')
    """
    run, all_of_it = duration(whole if wall is None else wall), duration(whole)
    return run if run == all_of_it else f"{run} ({all_of_it} with its report)"


def size(number: float) -> str:
    """Write a number of bytes as people do.

    >>> size(2_000_000_000), size(1_234_000_000), size(81_500_000), size(41_234)
    ('2 GB', '1.23 GB', '81.5 MB', '41 kB')
    """
    if number < 1e6:
        return f"{number / 1e3:.0f} kB" if number >= 1e3 else f"{number:.0f} B"
    return f"{number / 1e9:.3g} GB" if number >= 1e9 else f"{number / 1e6:.3g} MB"


def money(amount: float, currency: str) -> str:
    """Write an amount of money: with two decimals, or two digits when it is less than that.

    >>> money(1234.5, "EUR"), money(0.42, "EUR"), money(0.004167, "EUR"), money(0, "EUR")
    ('1,234.50 EUR', '0.42 EUR', '0.0042 EUR', '0.00 EUR')
    """
    decimals = 2 if amount >= 0.1 or amount <= 0 else min(9, 1 - math.floor(math.log10(amount)))
    return f"{amount:,.{decimals}f} {currency}"


def spent(resources: Mapping[str, Any]) -> dict[str, str]:
    """Write what a run took besides time, by what it is; what is not known is left out.

    >>> spent({"cpu": 75, "peak_memory": 312e6, "cost": {"amount": 0.5, "currency": "EUR"}})
    {'CPU time': '1 min 15 s', 'peak memory': '312 MB', 'cost': '0.50 EUR'}
    """
    cpu, memory, cost = (resources.get(name) for name in ("cpu", "peak_memory", "cost"))
    found = {
        "CPU time": None if cpu is None else duration(cpu),
        "peak memory": None if memory is None else size(memory),
        "cost": None if cost is None else money(cost["amount"], cost["currency"]),
    }
    return {name: fact for name, fact in found.items() if fact is not None}


def moment(when: datetime | str) -> str:
    """Write a point in time for people, in UTC: ``21 November 2026, 18:30 UTC``."""
    when = datetime.fromisoformat(when) if isinstance(when, str) else when
    when = when if when.tzinfo is None else when.astimezone(UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def count(amount: int, one: str, many: str = "") -> str:
    """Write an amount with its noun: ``1 row``, ``2,000 rows``."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def agree(items: Collection[Any], one: str, many: str) -> str:
    """Choose the form of a verb: for one thing, or for several."""
    return one if len(items) == 1 else many


def short(ref: str) -> str:
    """Write a reference as short as it can be typed; a run that came to none has only a name.

    >>> short("churn@20261121T183000Z-1f3ac09e"), short("farms-3")
    ('churn@1f3ac09e', 'farms-3')
    """
    return Reference.parse(ref).short if "@" in ref else ref


def listing(items: list[str], *, most: int = 5) -> str:
    """Join names as in a sentence, at most so many of them: ``a, b and c``; ``a, b and 7 more``."""
    if len(items) > most:
        return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def typed(value: Any) -> str:
    """Write a parameter's value for people: nothing is a dash, lists and paths are short.

    Examples
    --------
    >>> typed(None), typed(["tenure"]), typed([]), typed(list("abcde")), typed(0.5), typed(True)
    ('–', 'tenure', 'none', 'a, b and 3 more', '0.5', 'yes')
    >>> typed("/home/anna/churn/data/customers.csv")
    '…/data/customers.csv'
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return listing([typed(item) for item in value], most=3) if value else "none"
    if isinstance(value, str) and value.startswith("/") and value.count("/") > 2:
        return "…/" + "/".join(value.split("/")[-2:])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def quoted(label: Any, most: int = 24) -> str:
    """Write a class label in a sentence, where it may be a word like any other: cut short, in quotes.

    Examples
    --------
    >>> quoted("other"), quoted(1)
    ("'other'", "'1'")
    """
    return f"'{shorten(label, most)}'"


def shorten(text: Any, most: int = 40) -> str:
    """Cut a long text in the middle of nothing: its beginning and an ellipsis, whitespace made single."""
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
