"""`workbench run`, the whole command, beside its peers: the same splits, the same budget, each alone.

    python benchmarks/peers.py --prepare flaml,mljar,autogluon      once, with network: an environment for each
    python benchmarks/peers.py --budget 60 --seeds 0,1              measure what has no row yet, then print the tables
                                                                    and put them on the page; stop and go on at will
    python benchmarks/peers.py --table                              the tables of the rows there are
    python benchmarks/peers.py --quick                              20 s on the small tables: this work tree against the
                                                                    last commit that has rows, and against the peers

Rows go to benchmarks/results/peers.jsonl. What others disturbed is measured again the next time. The quick form keeps
its rows apart (``--keep`` adds them to the others).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sidebyside import environments, page, table
from sidebyside.measure import Split, measure, split
from sidebyside.rows import RESULTS, Row, alike, append, done, last_version, newest, quiet, read
from sidebyside.tables import TABLES

SYSTEMS = ("workbench", "flaml", "mljar-compete", "autogluon-medium", "autogluon-bagged")
SMALL = tuple(name for name, recipe in TABLES.items() if recipe.small)
QUICK_BUDGET, QUICK_SEEDS = 20.0, (0, 1)
Measure = Callable[..., Row]
CELL = ("data", "system", "budget", "seed", "split")


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and where its rows go."""

    data: Sequence[str]
    seeds: Sequence[int]
    budget: float  # seconds
    patience: float  # seconds beyond twice the budget
    environments: Path
    results: Path


def main(words: Sequence[str]) -> None:
    said = arguments(words)
    if said.prepare:
        for name in dict.fromkeys(["data", *said.prepare]):
            environments.prepare(name, said.environments)
            print(f"{name} is ready in {said.environments}", flush=True)
    elif said.table:
        page.show("peers", tables(read(said.results)), said.results)
    elif said.quick:
        quick(said)
    else:
        plan = Plan(said.data, said.seeds, said.budget, said.patience, said.environments, said.results)
        run(plan, {system: environments.version_of(system, said.environments) for system in said.systems})
        page.show("peers", tables(read(said.results)), said.results)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--prepare", type=listed(tuple(environments.PACKAGES)), help="make these environments")
    form.add_argument("--table", action="store_true", help="write the tables from the rows there are")
    form.add_argument("--quick", action="store_true", help="this work tree against stored rows; at most 10 minutes")
    parser.add_argument("--systems", type=listed(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--data", type=listed(tuple(TABLES)), default=list(TABLES))
    parser.add_argument("--seeds", type=lambda text: [int(one) for one in text.split(",")], default=[0])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds")
    parser.add_argument(
        "--patience", type=float, default=120.0, help="seconds beyond twice the budget, after which a system has failed"
    )
    parser.add_argument("--keep", action="store_true", help="with --quick: add the rows to those of the repository")
    parser.add_argument("--results", type=Path, default=RESULTS / "peers.jsonl")
    parser.add_argument("--environments", type=lambda text: Path(text).resolve(), default=environments.default_folder())
    return parser.parse_args(words)


def listed(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Read names with commas between, of these and no others."""

    def parse(text: str) -> list[str]:
        names = [one.strip() for one in text.split(",") if one.strip()]
        if strange := [one for one in names if one not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(strange)}: there is {', '.join(known)}")
        return names

    return parse


def run(plan: Plan, versions: Mapping[str, str], measure: Measure = measure) -> list[Row]:
    """Measure what has no row yet, one after the other, and give the newest rows of what was asked for.

    The systems take turns on each split, so that a slow hour of the machine is shared by all. A row of another version
    of a system, or of other rows of the table, is no row of this measurement.
    """
    asked = []
    for seed in plan.seeds:
        for name in plan.data:
            given = split_of(name, seed, plan.environments)
            about = {"data": name, "task": given.task, "seed": seed, "split": given.digest, "budget": plan.budget}
            for system, version in versions.items():
                wanted = about | {"system": system, "version": version}
                asked.append(wanted)
                if done(read(plan.results), wanted):
                    continue
                python = environments.python_of(system, plan.environments)
                limit = 2 * plan.budget + plan.patience
                found = measure(system, python, given, seed=seed, budget=plan.budget, trials=None, limit=limit)
                row = wanted | {"rows": len(given.train), "columns": given.train.shape[1]} | found
                append(row, plan.results)
                print(line(row), flush=True)
    return newest([row for row in read(plan.results) if any(alike(row, wanted) for wanted in asked)], *CELL)


def split_of(name: str, seed: int, place: Path) -> Split:
    recipe = TABLES[name]
    return split(pd.read_parquet(environments.table_of(name, place)), recipe.task, recipe.target, seed)


def line(row: Row) -> str:
    found = f"loss {row['loss']:.5g}" if row["loss"] is not None else f"failed: {row['error'][:100]}"
    return f"{row['data']:12} seed {row['seed']}  {row['system']:17} {found}  {row['wall']:.0f} s"


def tables(rows: Sequence[Row]) -> str:
    """Write a comparison for each budget, out of the newest rows that were measured undisturbed."""
    calm = quiet(rows)
    parts = []
    for budget in sorted({row["budget"] for row in calm}):
        of_it = newest([row for row in calm if row["budget"] == budget], *CELL)
        parts.append(f"### {budget:g} seconds\n\n{table.comparison(of_it)}")
    if not parts:
        parts.append(page.NOTHING)
    if len(calm) < len(rows):
        parts.append(f"Left out: {len(rows) - len(calm)} rows measured while others used the machine.")
    return "\n\n".join(parts)


def quick(said: argparse.Namespace) -> None:
    """Measure this work tree in a few minutes, and set it beside stored rows."""
    apart = said.environments / "quick.jsonl"
    stored = [row for row in read(said.results) if row["budget"] == QUICK_BUDGET]
    plan = Plan(SMALL, QUICK_SEEDS, QUICK_BUDGET, said.patience, said.environments, apart)
    now = run(plan, {"workbench": environments.commit()})
    print("\n" + beside(now, stored, commits()))
    if said.keep:
        keep(now, stored, said.results)
        page.show("peers", tables(read(said.results)), said.results)


def keep(now: Sequence[Row], stored: Sequence[Row], results: Path) -> None:
    """Add rows to the repository's, if they are of a commit and of a machine at rest."""
    if "+" in now[0]["version"]:
        sys.exit("Nothing is kept: the work tree has changes that are in no commit. Commit them, and measure again.")
    if len(quiet(now)) < len(now):
        sys.exit("Nothing is kept: others used the machine meanwhile. Measure again when it is at rest.")
    for row in now:
        if not done(stored, {field: row[field] for field in (*CELL, "version")}):
            append(row, results)


def commits() -> list[str]:
    told = subprocess.run(["git", "log", "--format=%H"], cwd=RESULTS.parent, capture_output=True, text=True, check=True)
    return told.stdout.split()


def beside(now: Sequence[Row], stored: Sequence[Row], commits: Sequence[str]) -> str:
    """Compare rows of this work tree with stored ones of the peers, and of the last commit that has some."""
    version = now[0]["version"]
    own = [row for row in stored if row["system"] == "workbench" and row["version"] != version]
    before = last_version(own, commits)
    earlier = [row | {"system": f"workbench {before}"} for row in own if row["version"] == before]
    peers = [row for row in stored if row["system"] != "workbench"]
    told = table.comparison(newest([*now, *earlier, *peers], *CELL))
    notes = [] if before else ["No earlier commit has rows at this budget: there is nothing to compare it with."]
    if len(quiet(now)) < len(now):
        notes.append("Others used the machine meanwhile: do not trust a loss that got worse, nor a time.")
    if stored and {str(row["machine"]) for row in stored} != {str(row["machine"]) for row in now}:
        notes.append("Stored rows are of another machine: the same seconds meant more, or less, work there.")
    return "\n\n".join([told, *notes])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except environments.NotPrepared as missing:
        sys.exit(str(missing))
    except KeyboardInterrupt:
        sys.exit("Stopped; the rows there are stay, and the same command goes on from them.")
