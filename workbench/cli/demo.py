"""``workbench demo``: the whole line on a real data set, told as it goes."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from workbench.cli import text
from workbench.cli.progress import Progress

if TYPE_CHECKING:
    from workbench.workflow import Run

FOLDER = Path("workbench-demo")
BUDGET = "20s"


def walk(store: Path) -> int:
    """Run, keep, run again, compare, promote, predict; return the exit code."""
    from workbench import workflow

    samples, patients = (workflow.write_example(name, FOLDER / f"{name}.csv") for name in ("breast_cancer", "diabetes"))
    text.line("1  A table: measurements of breast tissue samples, and what the diagnosis was.")
    text.line(f"   {samples}")
    text.line("2  Learn the diagnosis from every column.")
    everything = _run(workflow, store, samples, ignore=[])
    text.line("3  And again, from fewer: could we do without the 'worst' measurements?")
    worst = [column for column in workflow.columns(samples) if column.startswith("worst")]
    fewer = _run(workflow, store, samples, ignore=worst)
    if not everything.status == fewer.status == "completed":
        return 1
    text.line("4  Compare the two.")
    comparison = workflow.compare(everything.ref, fewer.ref, store=store, html=FOLDER / "comparison.html")
    text.comparison(comparison, FOLDER / "comparison.html")
    better = comparison.as_document()["leaderboard"][0]["ref"]
    text.line(f"5  Promote the first of them, {better}.")
    promotion = workflow.promote(better, model="diagnosis", store=store)
    text.promotion(promotion.as_document())
    text.line("6  Predict with it.")
    written = workflow.predict(
        "model:diagnosis/live", str(samples), FOLDER / "predictions.csv", keep=["diagnosis"], store=store
    )
    text.line(f"   {FOLDER / 'predictions.csv'} ({written.rows:,} rows)")
    text.line("")
    text.line(
        f"Everything is in {store.resolve()} (experiments, the model) and {FOLDER.resolve()} (tables, predictions)."
    )
    text.line("Next, try:")
    command = _command()
    text.line(f"  {command} open {better}")
    text.line(f"  {command} run regression -p data={patients} -p target=progression -p budget=30s")
    text.line(f"  {command} run classification -p data=YOUR.csv -p target=YOUR_COLUMN -p budget=60s")
    return 0


def _command() -> str:
    """Say how the command is typed here: by its name, or by where it is when the environment is not active."""
    installed = Path(sys.executable).with_name("workbench")
    if shutil.which("workbench") or not installed.exists():
        return "workbench"
    near = os.path.relpath(installed)
    return shlex.quote(str(installed) if near.startswith("..") else near)


def _run(workflow: ModuleType, store: Path, table: Path, ignore: list[str]) -> Run:
    with Progress() as progress:
        run: Run = workflow.run(
            "classification",
            {"data": str(table), "target": "diagnosis", "budget": BUDGET, "ignore": ignore},
            store=store,
            on_event=progress.hear,
        )
    text.run(run.as_document())
    return run
