"""How quality and time grow with the number of rows, on a table whose rule is known.

    python benchmarks/scaling.py                    1k, 10k, 100k and 1M rows, for 60 s each and for 3 trials each;
                                                    then print the tables and put them on the page
    python benchmarks/scaling.py --table            the tables of the rows there are

Twenty columns of mixed types are drawn, and what is predicted follows from eight of them by a rule and by chance; so
the loss of somebody who knows the rule is known, and quality is the share of what can be learnt that was learnt: 0 for
a constant guess, 1 for the rule itself. All are judged on the same 20,000 fresh rows. Rows go to
benchmarks/results/scaling.jsonl; what has an undisturbed row for this version of the workbench is not measured again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sidebyside import environments, page, table
from sidebyside.measure import Split, loss, measure
from sidebyside.rows import RESULTS, Row, append, done, newest, quiet, read

SIZES = (1_000, 10_000, 100_000, 1_000_000)
TASKS = ("binary", "regression")
FRESH = 20_000  # rows that all are judged on
BUDGET, TRIALS = 60.0, 3
LONGEST = 3_600.0  # seconds a fixed number of trials may take
CITIES, SHOPS = 30, 2_000
HEADS = ("task", "rows", "loss", "of the rule", "learnt", "time", "peak memory", "predict 10,000 rows", "model")


def drawn(rows: int, task: str, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw a table, and what the rule says of its rows: the mean of the target, or the probability of a yes."""
    random = np.random.default_rng([seed, rows])
    columns: dict[str, Any] = {f"number_{i}": random.normal(size=rows) for i in range(8)}
    columns |= {f"count_{i}": random.poisson(3, rows) for i in range(3)}
    city, shop = random.integers(CITIES, size=rows), random.integers(SHOPS, size=rows)
    day = random.integers(0, 3 * 365, size=rows)
    columns["city"] = np.array([f"city {i}" for i in range(CITIES)])[city]
    columns["shop"] = np.array([f"shop {i}" for i in range(SHOPS)])[shop]
    columns["kind"] = random.choice(["small", "middle", "large"], rows)
    columns["colour"] = random.choice(["red", "green", "blue", "none"], rows)
    columns["day"] = np.datetime64("2023-01-01", "ns") + day.astype("timedelta64[D]")
    columns["member"] = random.random(rows) < 0.4
    columns["share"] = random.beta(2, 5, rows)
    columns["amount"] = random.lognormal(3, 1, rows)
    columns["grade"] = random.integers(1, 6, rows)
    frame = pd.DataFrame(columns)
    for name in ("amount", "number_7"):  # one that the rule looks at, and one that it does not
        frame[name] = frame[name].mask(random.random(rows) < 0.1)
    told = signal(frame, effects(CITIES, 1)[city], effects(SHOPS, 2)[shop])
    if task == "regression":
        return frame.assign(target=told + random.normal(size=rows)), told
    chance = 1 / (1 + np.exp(-1.5 * told))
    return frame.assign(target=np.where(random.random(rows) < chance, "yes", "no")), chance


def signal(frame: pd.DataFrame, city: np.ndarray, shop: np.ndarray) -> np.ndarray:
    """Follow the rule: a curve, a product, a season, what places add, and an amount unless it is missing."""
    season = np.sin(2 * np.pi * frame["day"].dt.day_of_year / 365)
    curves = np.sin(2 * frame["number_0"]) + 0.7 * frame["number_1"] * frame["number_2"]
    amount = (0.3 * (np.log(frame["amount"]) - 3)).fillna(0)
    told = curves + 0.8 * season * frame["member"] + amount + city + 0.5 * shop
    return told.to_numpy(dtype=float)


def effects(count: int, seed: int) -> np.ndarray:
    """Give what each place adds: the same for every size of the table."""
    return np.random.default_rng([7, seed]).normal(size=count)


def posed(rows: int, task: str, seed: int) -> tuple[Split, float]:
    """Draw what is learnt from and what is judged on, with the loss of the rule itself on the latter."""
    train, _ = drawn(rows, task, seed)
    test, told = drawn(FRESH, task, seed + 1_000)
    given = Split(train, test, task, "target")
    if task == "regression":
        return given, loss(given, told, [])
    return given, loss(given, np.column_stack([1 - told, told]), ["no", "yes"])


def run(sizes: Sequence[int], tasks: Sequence[str], plans: Sequence[Row], seed: int, results: Path) -> None:
    version = environments.commit()
    for rows in sizes:
        for task in tasks:
            for plan in plans:
                fields = {"rows": rows, "task": task, "seed": seed, "version": version, **plan}
                if done(read(results), fields):
                    continue
                given, best = posed(rows, task, seed)
                limit = 2 * plan["budget"] + 120 if plan["budget"] else LONGEST
                row = measure("workbench", sys.executable, given, seed=seed, limit=limit, **plan)
                append(fields | {"best": best} | row, results)
                print(line(fields | {"best": best} | row), flush=True)


def line(row: Row) -> str:
    plan = f"{row['budget']:g} s" if row["budget"] else f"{row['trials']} trials"
    found = f"learnt {learnt(row):.3f}" if row["loss"] is not None else f"failed: {row['error'][:100]}"
    return f"{row['rows']:9,} rows  {row['task']:10}  {plan:8}  {found}  {row['wall']:.0f} s  {row['peak_mb']:,} MB"


def learnt(row: Row) -> float:
    """Tell the share of what can be learnt that was learnt; a failure has learnt nothing."""
    return (row["constant"] - table.imputed(row)) / (row["constant"] - row["best"])


def tables(rows: Sequence[Row]) -> str:
    """Write one table for each plan, out of the newest rows that were measured undisturbed."""
    kept = newest(quiet(rows), "rows", "task", "budget", "trials", "seed")
    if not kept:
        return page.NOTHING
    parts = [f"Measured {table.occasion(kept)}: workbench {', '.join(dict.fromkeys(row['version'] for row in kept))}."]
    for budget, trials in dict.fromkeys((row["budget"], row["trials"]) for row in kept):
        title = f"{budget:g} seconds" if budget else f"{trials} trials"
        own = [row for row in kept if (row["budget"], row["trials"]) == (budget, trials)]
        own.sort(key=lambda row: (row["task"], row["rows"], row["seed"]))
        parts += [f"### More rows, {title}", table.markdown(HEADS, [cells(row) for row in own])]
        parts += [growth(task, [row for row in own if row["task"] == task]) for task in TASKS]
        parts.append(missing(own))
    return "\n\n".join(part for part in parts if part)


def missing(rows: Sequence[Row]) -> str:
    """Name what has no row, so that nobody takes the last line for the end."""
    there = {(row["task"], row["rows"]) for row in rows}
    told = [f"{task} of {size:,} rows" for task in TASKS for size in SIZES if (task, size) not in there]
    return f"Not measured yet: {', '.join(told)}." if told else ""


def growth(task: str, rows: Sequence[Row]) -> str:
    """Say by how much the cost grew from the fewest rows to the most; the rows come in order."""
    fitted = [row for row in rows if row["loss"] is not None]
    if not fitted or fitted[0]["rows"] == fitted[-1]["rows"]:
        return ""
    few, many = fitted[0], fitted[-1]
    costs = {"time": "seconds", "memory": "peak_mb", "time to predict": "predict_seconds", "model": "model_mb"}
    told = ", ".join(f"{name} × {many[field] / few[field]:.1f}" for name, field in costs.items())
    return f"{task}, from {few['rows']:,} to {many['rows']:,} rows (× {many['rows'] / few['rows']:,.0f}): {told}."


def cells(row: Row) -> list[str]:
    known = [row["task"], f"{row['rows']:,}"]
    if row["loss"] is None:
        return [*known, f"failed: {row['error'].split(';')[0]}", f"{row['best']:.4f}", "0 %", *["–"] * 4]
    return [
        *known,
        f"{row['loss']:.4f}",
        f"{row['best']:.4f}",
        f"{100 * learnt(row):.1f} %",
        f"{row['seconds']:.0f} s",
        f"{row['peak_mb']:,} MB",
        f"{row['predict_seconds']:.2f} s",
        f"{row['model_mb']:.1f} MB",
    ]


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="write the table from the rows there are")
    parser.add_argument("--sizes", type=lambda text: [int(one) for one in text.split(",")], default=list(SIZES))
    parser.add_argument("--tasks", type=lambda text: text.split(","), default=list(TASKS), help="binary, regression")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds; 0 leaves this plan out")
    parser.add_argument("--trials", type=int, default=TRIALS, help="0 leaves this plan out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS / "scaling.jsonl")
    said = parser.parse_args(words)
    if not said.table:
        plans: list[Row] = [{"budget": said.budget, "trials": None}] if said.budget else []
        plans += [{"budget": None, "trials": said.trials}] if said.trials else []
        run(said.sizes, said.tasks, plans, said.seed, said.results)
    page.show("scaling", tables(read(said.results)), said.results)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("Stopped; the rows there are stay, and the same command goes on from them.")
