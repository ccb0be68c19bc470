"""What the rows say, as numbers and as markdown. Pure: rows in, text out.

A loss is 1 - AUC, logarithmic loss or root mean squared error; less is better. A cell is one data set with one seed.
Systems are compared by the ratio of their losses in the same cell, and ratios are averaged as geometric means: over the
seeds of a data set first, so that each data set counts once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sidebyside.rows import Row

LEAST = 1e-4  # a smaller loss is taken for this one: between two all but perfect models no ratio means anything
EQUAL = 1e-6  # relative; closer losses are a tie
FEW = 5  # with fewer data sets an interval over them would promise too much
CELL = ["data", "seed", "split"]


@dataclass(frozen=True)
class Duel:
    """How one system does against another, over the cells that both have rows for."""

    wins: float  # a tie counts one half
    cells: int
    datasets: int
    ratio: float  # geometric mean of one's loss over the other's; below 1 the first is better
    low: float  # 95 % interval over data sets
    high: float


def losses(rows: Sequence[Row]) -> pd.DataFrame:
    """Lay the losses out, a line per cell and a column per system.

    A system that failed has the loss of a constant guess; a cell a system was not measured in is empty.
    """
    kept = [
        {**{field: row[field] for field in CELL}, "system": row["system"], "loss": max(imputed(row), LEAST)}
        for row in rows
    ]
    return pd.DataFrame(kept, columns=[*CELL, "system", "loss"]).pivot(index=CELL, columns="system", values="loss")


def imputed(row: Row) -> float:
    return row["constant"] if row["loss"] is None else row["loss"]


def per_dataset(ratios: pd.Series) -> pd.Series:
    """Average the ratios of a data set's seeds."""
    return np.exp(np.log(ratios).groupby(level="data").mean())


def geometric_mean(ratios: Sequence[float]) -> float:
    return math.exp(sum(math.log(one) for one in ratios) / len(ratios))


def duel(laid: pd.DataFrame, one: str, other: str) -> Duel | None:
    """Compare two systems; none when no cell has both."""
    if not {one, other} <= set(laid.columns):
        return None
    both = laid[[one, other]].dropna()
    if both.empty:
        return None
    ratios = both[one] / both[other]
    tied = np.isclose(ratios, 1, rtol=0, atol=EQUAL)
    wins = float((ratios[~tied] < 1).sum() + tied.sum() / 2)
    averaged = per_dataset(ratios)
    low, high = interval(np.log(averaged.to_numpy()))
    return Duel(wins, len(both), len(averaged), geometric_mean(list(averaged)), low, high)


def interval(logs: np.ndarray) -> tuple[float, float]:
    """Draw data sets again and again, and see where the geometric mean falls (a percentile bootstrap)."""
    draws = np.random.default_rng(0).choice(logs, (4_000, len(logs))).mean(axis=1)
    low, high = np.exp(np.quantile(draws, [0.025, 0.975]))
    return float(low), float(high)


def comparison(rows: Sequence[Row], ours: str = "workbench") -> str:
    """Write the whole comparison of one budget: who is better, where, at what cost, and what failed."""
    laid = losses(rows)
    order = sorted(laid.columns, key=lambda name: (name != ours, name))
    parts = [
        f"{versions(rows, order)}.",
        duels(laid, ours, [name for name in order if name != ours]),
        ratios(laid, order),
        lost(laid, ours),
        costs(rows, order),
        failures(rows),
    ]
    return "\n\n".join(part for part in parts if part)


def versions(rows: Sequence[Row], order: Sequence[str]) -> str:
    """Name the versions, with how many rows each has: they may have been measured on different days."""
    told = []
    for system in order:
        count = Counter(row["version"] for row in rows if row["system"] == system)
        told.append(f"{system} " + ", ".join(f"{version} ({number} rows)" for version, number in count.items()))
    return f"Measured {occasion(rows)}: {'; '.join(told)}"


def occasion(rows: Sequence[Row]) -> str:
    """Name the days and the machines of a measurement."""
    machines = {f"{row['machine']['cores']} cores, {row['machine']['memory_gb']} GB" for row in rows}
    days = sorted({row["when"][:10] for row in rows})
    return f"{' to '.join(dict.fromkeys((days[0], days[-1])))} on {' and '.join(sorted(machines))}"


def duels(laid: pd.DataFrame, ours: str, peers: Sequence[str]) -> str:
    lines = []
    for peer in peers:
        found = duel(laid, ours, peer)
        if found:
            share = f"{100 * found.wins / found.cells:.0f} % ({found.wins:g} of {found.cells})"
            span = f" ({found.low:.3f} to {found.high:.3f})" if found.datasets >= FEW else ""
            mean = f"{found.ratio:.3f}{span}"
            lines.append([peer, share, mean, str(found.datasets)])
    heads = [f"{ours} against", "win rate", "loss over theirs, geometric mean (95 %)", "data sets"]
    return markdown(heads, lines) if lines else ""


def ratios(laid: pd.DataFrame, order: Sequence[str]) -> str:
    """Show each system's loss over the best of the cell, and the best loss itself."""
    best = laid.min(axis=1)
    over = {name: per_dataset((laid[name] / best).dropna()) for name in order}
    lines = []
    for data, smallest in best.groupby(level="data").mean().items():
        values = [over[name].get(data, math.nan) for name in order]
        lines.append([str(data), f"{smallest:.4g}", *(figure(value, min(values, default=1)) for value in values)])
    full = laid.dropna()
    if not full.empty:
        shares = [geometric_mean(list(per_dataset(full[name] / full.min(axis=1)))) for name in order]
        lines.append(
            [f"geometric mean ({len(full)} cells with all)", "", *(figure(one, min(shares)) for one in shares)]
        )
    return markdown(["loss over the best", "best loss", *order], lines)


def figure(value: float, least: float) -> str:
    if math.isnan(value):
        return "not measured"
    return f"**{value:.3f}**" if math.isclose(value, least, rel_tol=EQUAL) else f"{value:.3f}"


def lost(laid: pd.DataFrame, ours: str) -> str:
    """Name the data sets where a peer is better, the worst first."""
    peers = [name for name in laid.columns if not name.startswith(ours)]  # an earlier version of ours is no peer
    if ours not in laid or not peers:
        return ""
    over = (laid[ours] / laid[peers].min(axis=1)).dropna()
    if over.empty:
        return ""
    worse = per_dataset(over).sort_values(ascending=False)
    worse = worse[worse > 1 + EQUAL]
    if worse.empty:
        return f"{ours} is behind the best of its peers on no data set."
    named = ", ".join(f"{data} ({100 * (ratio - 1):.1f} %)" for data, ratio in worse.items())
    return f"Where {ours} is behind the best of its peers, with how much larger its loss is: {named}."


def costs(rows: Sequence[Row], order: Sequence[str]) -> str:
    lines = []
    for system in order:
        own = [row for row in rows if row["system"] == system]
        fitted = [row for row in own if row["loss"] is not None]
        if not fitted:
            lines.append([system, *["no fit"] * 5, f"{len(own)} of {len(own)}"])
            continue
        clock = [row["seconds"] / row["budget"] for row in fitted]
        lines.append(
            [
                system,
                f"{np.median(clock):.2f}",
                f"{max(clock):.2f}",
                f"{np.median([row['peak_mb'] for row in fitted]):,.0f} MB",
                f"{np.median([row['predict_seconds'] for row in fitted]):.3f} s",
                f"{np.median([row['model_mb'] for row in fitted]):,.1f} MB",
                f"{len(own) - len(fitted)} of {len(own)}",
            ]
        )
    heads = ["median of all data sets", "time over budget", "longest", "peak memory", "predict 10,000 rows", "model"]
    return markdown([*heads, "failures"], lines)


def failures(rows: Sequence[Row]) -> str:
    """Say what failed and how, in the first words of the reason."""
    told = [f"{row['system']} on {row['data']} ({row['error'].split(';')[0]})" for row in rows if row["loss"] is None]
    return f"Failures, counted as a constant guess: {', '.join(told)}." if told else ""


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Lay out a table; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [heads, rule, *lines])
