"""Fit one system on one split and predict the rows it never saw. Runs in that system's own environment.

    python -P fit_one.py SYSTEM FOLDER

FOLDER holds train.parquet, test.parquet, many.parquet (10,000 rows to time) and task.json; what comes out is written
beside them: predictions.npz and fitted.json. Fitting counts from the first import of the system to the end of its
fit; of the workbench, the whole command.
"""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

REPEATS = 3
LIBRARIES = ("numpy", "pandas", "scikit-learn", "lightgbm", "catboost", "xgboost", "xgboost-cpu", "optuna", "torch")
METRIC = {  # what each system is told to make good: the loss it will be judged by
    "flaml": {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"},
    "mljar": {"binary": "auc", "multiclass": "logloss", "regression": "rmse"},
    "autogluon": {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"},
}


@dataclass(frozen=True)
class Job:
    """What one system is given."""

    system: str
    folder: Path
    task: str
    target: str
    budget: float | None  # seconds
    trials: int | None  # in place of a budget; the workbench only
    seed: int
    cores: int

    @property
    def classifies(self) -> bool:
        return self.task != "regression"

    def train(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "train.parquet")


@dataclass(frozen=True)
class Fitted:
    """A fitted system, in memory and ready to predict."""

    predict: Callable[[pd.DataFrame], np.ndarray]  # shape (n_rows, n_classes), or (n_rows,) for a number
    classes: list[str]
    megabytes: float  # what has to be carried to where it predicts
    ended: float  # on the clock, when its fit had ended


def workbench(job: Job) -> Fitted:
    template = "classification" if job.classifies else "regression"
    length = f"trials={job.trials}" if job.trials else f"budget={job.budget:g}s"
    told = [f"data={job.folder / 'train.parquet'}", f"target={job.target}", length, f"seed={job.seed}"]
    words = [word for one in told for word in ("-p", one)]
    store = job.folder / "store"
    command = [sys.executable, "-P", "-m", "workbench", "run", template, *words, "--store", str(store), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=job.folder)
    if done.returncode:
        raise SystemExit(f"workbench run ended with {done.returncode}: {done.stderr[-2000:]} {done.stdout[-500:]}")
    ended = time.perf_counter()
    said = json.loads(done.stdout)
    import workbench as wb

    model = wb.load(said["ref"], store=store)
    size = megabytes(Path(said["path"]) / "model")
    if job.classifies:
        return Fitted(model.predict_proba, [str(one) for one in model.classes_], size, ended)
    return Fitted(model.predict, [], size, ended)


def flaml(job: Job) -> Fitted:
    from flaml import AutoML

    train = job.train()
    model = AutoML()
    model.fit(
        X_train=train.drop(columns=job.target),
        y_train=train[job.target],
        task="classification" if job.classifies else "regression",
        metric=METRIC["flaml"][job.task],
        time_budget=job.budget,
        n_jobs=job.cores,
        seed=job.seed,
        verbose=0,
        log_file_name="",
    )
    ended = time.perf_counter()
    size = len(pickle.dumps(model)) / 2**20
    if job.classifies:
        return Fitted(model.predict_proba, [str(one) for one in model.classes_], size, ended)
    return Fitted(model.predict, [], size, ended)


def mljar(job: Job) -> Fitted:
    from supervised import AutoML

    train = job.train()
    where = job.folder / "mljar"
    kinds = {"binary": "binary_classification", "multiclass": "multiclass_classification", "regression": "regression"}
    model = AutoML(
        mode="Compete",
        ml_task=kinds[job.task],
        eval_metric=METRIC["mljar"][job.task],
        total_time_limit=int(job.budget or 0),
        results_path=str(where),
        n_jobs=job.cores,
        random_state=job.seed,
        verbose=0,
    )
    model.fit(train.drop(columns=job.target), train[job.target])
    ended, size = time.perf_counter(), megabytes(where)
    if not job.classifies:
        return Fitted(model.predict, [], size, ended)
    prefix = "prediction_"
    classes = [one for one in model.predict_all(train.head(5).drop(columns=job.target)) if one.startswith(prefix)]
    names = [one.removeprefix(prefix) for one in classes]
    return Fitted(lambda rows: model.predict_all(rows)[classes].to_numpy(), names, size, ended)


def autogluon(job: Job) -> Fitted:
    from autogluon.tabular import TabularPredictor

    model = TabularPredictor(
        label=job.target,
        problem_type=job.task,
        eval_metric=METRIC["autogluon"][job.task],
        path=str(job.folder / "autogluon"),
        verbosity=0,
    )
    # Bagging without stacking is the strongest of its forms when time is short.
    how: dict[str, Any] = (
        {"presets": "best_quality", "dynamic_stacking": False, "num_stack_levels": 0}
        if job.system == "autogluon-bagged"
        else {"presets": "medium_quality"}
    )
    model.fit(job.train(), time_limit=job.budget, num_cpus=job.cores, **how)
    ended = time.perf_counter()
    # What its users are told to deploy: the models that the best one needs, held in memory.
    small = job.folder / "autogluon-small"
    model.clone_for_deployment(str(small))
    model.persist()
    size = megabytes(small)
    if not job.classifies:
        return Fitted(lambda rows: model.predict(rows).to_numpy(), [], size, ended)
    names = [str(one) for one in model.class_labels]
    return Fitted(lambda rows: model.predict_proba(rows)[model.class_labels].to_numpy(), names, size, ended)


FIT = {"workbench": workbench, "flaml": flaml, "mljar": mljar, "autogluon": autogluon}


def megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main(system: str, folder: Path) -> None:
    warnings.filterwarnings("ignore")
    job = Job(system=system, folder=folder, **json.loads((folder / "task.json").read_text()))
    began = time.perf_counter()
    fitted = FIT[system.split("-")[0]](job)
    test = pd.read_parquet(folder / "test.parquet")
    np.savez(
        folder / "predictions.npz",
        predicted=np.asarray(fitted.predict(test), dtype=float),
        classes=np.asarray(fitted.classes, dtype=str),
    )
    many = pd.read_parquet(folder / "many.parquet")
    times = []
    for _ in range(REPEATS):  # the rows above have warmed it up
        start = time.perf_counter()
        fitted.predict(many)
        times.append(time.perf_counter() - start)
    told = {
        "seconds": fitted.ended - began,
        "predict_seconds": statistics.median(times),
        "model_mb": fitted.megabytes,
        "versions": versions(),
    }
    (folder / "fitted.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve())
