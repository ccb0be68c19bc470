"""What a batch costs: beside a plain papermill loop, and over a thousand runs.

    python benchmarks/batch.py throughput [runs]     100 small notebooks, two workers, beside papermill one by one
    python benchmarks/batch.py flat [runs]           1,000 runs: overhead of each and memory of the driver, as they go

The notebook has two small cells, so that what is measured is everything around it. Both halves of `throughput` run in
turns, 50 notebooks each, so that a busy machine slows both alike; papermill is imported once a turn, in a
loop as people write it. `flat` tells the overhead and the memory of each tenth of the runs: what grows, shows.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil

CELLS = ("number: int = 0", "import json\nsquare = number**2", "print(json.dumps({'square': square}))")
LOOP = """
import sys, papermill
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    papermill.execute_notebook(sys.argv[1], f"out-{number}.ipynb", {"number": number}, progress_bar=False)
"""
TURN = 50


def template(folder: Path) -> Path:
    cells = [nbformat.v4.new_code_cell(cell, id=f"cell-{at}") for at, cell in enumerate(CELLS)]
    cells[0].metadata["tags"] = ["parameters"]
    file = folder / "small.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), file)
    return file


def spec(folder: Path, first: int, last: int) -> Path:
    file = folder / f"numbers-{first}.yaml"
    file.write_text(f"template: small.ipynb\nname: numbers\ngrid:\n  number: {list(range(first, last))}\nworkers: 2\n")
    return file


def spent(*command: object, cwd: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all processes it waited for."""
    began, before = time.perf_counter(), os.times()
    subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, cpu


def throughput(runs: int) -> None:
    """Take turns: a command for so many notebooks each, its own start included."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        notebook, turn = template(folder), min(runs, TURN)
        for first in range(0, runs, turn):
            last = min(first + turn, runs)
            theirs.append(spent(sys.executable, "-c", LOOP, notebook, first, last, cwd=folder))
            command = (sys.executable, "-m", "workbench", "batch", spec(folder, first, last), "--json")
            ours.append(spent(*command, cwd=folder))
    print(f"{'':18} {'runs':>6} {'wall, s':>9} {'runs/min':>9} {'CPU, s':>9}")
    for label, times in (("papermill, a loop", theirs), ("workbench batch", ours)):
        wall, cpu = (sum(column) for column in zip(*times, strict=True))
        print(f"{label:18} {runs:6} {wall:9.1f} {60 * runs / wall:9.1f} {cpu:9.1f}")
    print(f"{'throughput, ratio':18} {sum(wall for wall, _ in theirs) / sum(wall for wall, _ in ours):26.2f}")


def flat(runs: int) -> None:
    """Tell of each tenth of the runs what a run cost beyond its cells, and what the driver holds in memory."""
    from workbench import workflow

    process, every = psutil.Process(), max(1, runs // 10)
    ended: list[tuple[float, float, float]] = []  # when, CPU seconds of the driver, its memory in MB

    def hear(event: dict[str, Any]) -> None:
        if event["kind"] == "ended":
            used = resource.getrusage(resource.RUSAGE_SELF)
            ended.append((time.monotonic(), used.ru_utime + used.ru_stime, process.memory_info().rss / 1e6))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template(folder)
        began = (time.monotonic(), 0.0, 0.0)
        done = workflow.batch(spec(folder, 0, runs), workers=2, store=folder / "store", on_event=hear)
    print(f"{done.status}: {done.counts}")
    print(f"{'runs':>12} {'wall, s a run':>14} {'driver CPU, s a run':>20} {'driver memory, MB':>18}")
    before = began
    memory = []
    for last in range(every, len(ended) + 1, every):
        now = ended[last - 1]
        wall, cpu = ((now[at] - before[at]) / every for at in (0, 1))
        memory.append(now[2])
        print(f"{last - every + 1:5} – {last:4} {wall:14.3f} {cpu:20.3f} {now[2]:18.1f}")
        before = now
    half = len(memory) // 2
    growth = statistics.mean(memory[half:]) - statistics.mean(memory[1 : half + 1])
    print(f"memory of the second half against the first: {growth:+.1f} MB")


if __name__ == "__main__":
    kind = sys.argv[1] if len(sys.argv) > 1 else "throughput"
    number = int(sys.argv[2]) if len(sys.argv) > 2 else {"throughput": 100, "flat": 1000}[kind]
    {"throughput": throughput, "flat": flat}[kind](number)
