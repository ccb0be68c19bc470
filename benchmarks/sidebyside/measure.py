"""One measurement: a system alone with one split, watched from outside, judged on the rows it never saw."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

LOOK = 0.25  # seconds between two looks at a process
MANY = 10_000  # rows whose prediction is timed
LEAST = 1e-6  # no probability is taken to be smaller


@dataclass(frozen=True)
class Split:
    """One table, divided into what is learnt from and what is judged on."""

    train: pd.DataFrame
    test: pd.DataFrame
    task: str
    target: str

    @property
    def digest(self) -> str:
        """A short name of these very rows: results of other rows are not compared with them."""
        parts = (pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes() for part in (self.train, self.test))
        return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


@dataclass(frozen=True)
class Watched:
    """What was seen of a process and its children from outside."""

    code: int | None  # None when it was stopped for taking too long
    wall: float  # seconds
    peak_mb: float  # memory of all together; what they share counts for each
    others: float  # share of the machine that everybody else used meanwhile, 0 to 1


def split(frame: pd.DataFrame, task: str, target: str, seed: int) -> Split:
    """Hold 30 % of the rows back, the classes in equal shares."""
    from sklearn.model_selection import train_test_split

    classes = None if task == "regression" else frame[target]
    train, test = train_test_split(frame, test_size=0.3, random_state=seed, stratify=classes)
    return Split(train.reset_index(drop=True), test.reset_index(drop=True), task, target)


def measure(
    system: str, python: str, given: Split, *, seed: int, budget: float | None, trials: int | None, limit: float
) -> dict[str, Any]:
    """Fit and judge one system; a failure is a row too, with its reason and no loss."""
    from sidebyside.tables import write

    row: dict[str, Any] = {"constant": loss_of_a_constant(given), "loss": None}
    with tempfile.TemporaryDirectory(prefix="sidebyside-") as name:
        folder = Path(name)
        write(given.train, folder / "train.parquet")
        rows = given.test.drop(columns=given.target)
        write(rows, folder / "test.parquet")
        write(rows.sample(MANY, replace=True, random_state=0), folder / "many.parquet")
        task = {"task": given.task, "target": given.target, "budget": budget, "trials": trials, "seed": seed}
        (folder / "task.json").write_text(json.dumps(task | {"cores": cores()}))
        script = Path(__file__).with_name("fit_one.py")
        seen = watch([python, "-P", str(script), system, str(folder)], limit, folder / "log")
        row |= {"wall": round(seen.wall, 1), "peak_mb": round(seen.peak_mb), "others": round(seen.others, 3)}
        try:
            row |= json.loads((folder / "fitted.json").read_text())
            with np.load(folder / "predictions.npz", allow_pickle=False) as told:
                row["loss"] = loss(given, told["predicted"], [str(one) for one in told["classes"]])
        except (OSError, ValueError, KeyError, IndexError) as error:
            why = f"stopped after {limit:.0f} s" if seen.code is None else f"ended with {seen.code}"
            row["error"] = (
                f"{why}; {type(error).__name__}; {(folder / 'log').read_text(errors='replace')[-400:].strip()}"
            )
    row = {field: round(value, 6) if isinstance(value, float) else value for field, value in row.items()}
    return row | {"when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}


def loss(given: Split, predicted: np.ndarray, classes: list[str]) -> float:
    """Judge predictions of the test rows: 1 - AUC, logarithmic loss or root mean squared error; less is better."""
    from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error

    truth = given.test[given.target]
    if not np.isfinite(predicted).all() or len(predicted) != len(truth):
        raise ValueError("predictions are missing")
    if given.task == "regression":
        return float(root_mean_squared_error(truth, predicted))
    names = sorted(truth.unique())
    # A class the system does not know gets the least probability.
    columns = [predicted[:, classes.index(one)] if one in classes else np.zeros(len(truth)) for one in names]
    probabilities = np.clip(np.column_stack(columns), LEAST, None)
    if given.task == "binary":
        return float(1 - roc_auc_score(truth == names[1], predicted[:, classes.index(names[1])]))
    return float(log_loss(truth, probabilities / probabilities.sum(axis=1, keepdims=True), labels=names))


def loss_of_a_constant(given: Split) -> float:
    """Judge the guess that looks at no column: what a system that fails is counted as."""
    learnt = given.train[given.target]
    if given.task == "regression":
        return loss(given, np.full(len(given.test), learnt.mean()), [])
    shares = learnt.value_counts(normalize=True)
    return loss(given, np.tile(shares.to_numpy(), (len(given.test), 1)), [str(one) for one in shares.index])


def watch(command: list[str], limit: float, log: Path) -> Watched:
    """Run a command to its end or to a limit in seconds, and look at its memory and at who else is working."""
    began, busy, reaped = time.perf_counter(), machine_seconds(), children_seconds()
    peak, spent, late = 0.0, {}, False
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        root = psutil.Process(process.pid)
        try:
            while process.poll() is None and not late:
                peak = max(peak, look(root, spent))
                late = time.perf_counter() - began > limit
                time.sleep(LOOK)
        finally:  # nobody who stops the measurement leaves a system at work
            stop(root)
    wall = time.perf_counter() - began
    # A process may end between two looks, and one may outlive its parent: the larger count misses less.
    own = max(sum(spent.values()), children_seconds() - reaped)
    others = max(0.0, machine_seconds() - busy - own) / (wall * (os.cpu_count() or 1))
    return Watched(None if late else process.returncode, wall, peak / 2**20, others)


def look(root: psutil.Process, spent: dict[int, float]) -> float:
    """Sum the memory of a process and its descendants in bytes, and note the processor time each has used."""
    memory = 0.0
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return memory
    for one in family:
        try:
            memory += one.memory_info().rss
            used = one.cpu_times()
        except psutil.Error:
            continue
        spent[one.pid] = used.user + used.system
    return memory


def stop(root: psutil.Process) -> None:
    """End a process and its descendants, and nobody else."""
    try:
        family = [*root.children(recursive=True), root]
    except psutil.Error:
        return
    for one in family:
        try:
            one.kill()
        except psutil.Error:
            continue


def machine_seconds() -> float:
    """Tell the processor time everybody has used since the machine started."""
    used = psutil.cpu_times()
    return sum(getattr(used, part, 0.0) for part in ("user", "nice", "system", "irq", "softirq"))


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cores() -> int:
    return len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Describe the machine in a few words, none of which names its owner."""
    memory = round(psutil.virtual_memory().total / 2**30)
    return {"cores": cores(), "memory_gb": memory, "processor": platform.machine(), "system": platform.system()}
