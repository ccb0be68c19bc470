"""What every room's tests may use."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def pytest_configure() -> None:
    """Hear Ctrl-C: a shell lets what it starts in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def workbench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run the command line in this process, in a folder of its own: ``workbench("list", "--json")``."""
    from workbench.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKBENCH_STORE", raising=False)

    def command(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return Said(int(end.value.code or 0), out, err)

    return command


def churn_table(rows: int = 240, seed: int = 0) -> pd.DataFrame:
    """A small table with numbers, a category, a date as text, blanks, and a target that can be learned."""
    random = np.random.default_rng(seed)
    tenure = random.integers(0, 72, rows)
    contract = random.choice(["monthly", "yearly", "two years"], rows, p=[0.5, 0.3, 0.2])
    charges = np.round(random.normal(65, 25, rows).clip(18), 2)
    logit = 1.5 * (contract == "monthly") - 0.05 * tenure + 0.02 * charges - 1 + random.normal(0, 0.7, rows)
    return pd.DataFrame(
        {
            "customer": [f"C{7000 + 13 * i % 9973:05d}" for i in range(rows)],
            "tenure": tenure,
            "contract": contract,
            "charges": [" " if i % 29 == 0 else f"{value}" for i, value in enumerate(charges)],
            "joined": pd.date_range("2020-01-01", periods=rows, freq="37h").strftime("%d/%m/%Y"),
            "Churn": np.where(logit > 0, "Yes", "No"),
        }
    )


@pytest.fixture(scope="session")
def churn() -> pd.DataFrame:
    """The small churn table; copy before changing it."""
    return churn_table()


@pytest.fixture
def churn_csv(tmp_path: Path, churn: pd.DataFrame) -> Path:
    """The small churn table as a CSV file."""
    path = tmp_path / "customers.csv"
    churn.to_csv(path, index=False)
    return path


@dataclass(frozen=True)
class Fitted:
    """A fitted model with all it was made from; the search is left out, so that it takes a blink."""

    model: object
    schema: object
    raw: pd.DataFrame
    truth: np.ndarray

    @property
    def classes(self) -> list[str]:
        return self.model.classes_


def fitted_model(
    learners: str = "lightgbm trees linear", *, regression: bool = False, sure: bool = False, seed: int = 0
) -> Fitted:
    """Fit one bag of two folds per learner on raw text rows of every kind of column.

    If it is to be `sure`, the model also carries a calibration and how far it may be off.
    """
    from workbench.estimators.boosting import BoostedTrees
    from workbench.estimators.calibration import TemperatureScaling
    from workbench.estimators.catboost import CategoricalBoostedTrees
    from workbench.estimators.chosen import ChosenColumns
    from workbench.estimators.coerce import Coercer
    from workbench.estimators.conformal import PredictionIntervals, PredictionSets
    from workbench.estimators.dense import DenseEncoder
    from workbench.estimators.encoder import TableEncoder
    from workbench.estimators.ensemble import Bag, Ensemble, FoldModel
    from workbench.estimators.forest import RandomTrees
    from workbench.estimators.linear import LinearModel
    from workbench.estimators.model import TabularModel
    from workbench.estimators.neighbours import NearestRows
    from workbench.estimators.network import NeuralNetwork
    from workbench.estimators.prepared import PreparedEncoder
    from workbench.estimators.target import LogTarget, PlainUnit
    from workbench.records import ColumnSchema, TableSchema

    rows = 600 if "prepared" in learners.split() else 240  # what is chosen of pairs of columns takes a few rows
    table = churn_table(rows, seed)
    random = np.random.default_rng(seed)
    table["town"] = [f"{random.choice(['New ', 'Old ', ''])}Town {number}" for number in random.integers(0, 130, rows)]
    table["note"] = random.choice(["pays late, calls often", "is content", "asked for a better price"], rows)
    raw = table.astype(str).replace({"nan": None, " ": None})
    kinds = {"tenure": "number", "contract": "category", "charges": "number", "joined": "date", "town": "category"}
    kinds |= {"note": "text"}
    forms = {"joined": {"formats": ["%d/%m/%Y"]}}
    schema = TableSchema(
        tuple(
            ColumnSchema(name, kind, "feature", "str", forms.get(name, {}), missing=int(raw[name].isna().sum()))
            for name, kind in kinds.items()
        ),
        {"format": "csv", "encoding": "utf-8", "delimiter": ","},
    )
    coercer = Coercer([{"name": name, "kind": kind, **forms.get(name, {})} for name, kind in kinds.items()])
    classes = [] if regression else ["No", "Yes"]
    frame, count = coercer.transform(raw), len(classes)
    truth = worth(frame) + random.normal(0, 1, rows) if regression else (table["Churn"] == "Yes").to_numpy(int)
    objective = {"objective": "regression"} if regression else {"objective": "binary"}

    def boosted() -> BoostedTrees:
        return BoostedTrees({**objective, "verbosity": -1, "num_threads": 1}, count, rounds=15)

    make = {
        "lightgbm": boosted,
        "prepared": boosted,
        "trees": lambda: RandomTrees({"min_samples_leaf": 3}, count, trees=10),
        "linear": lambda: LinearModel(1e-3, count),
        "chosen": lambda: ChosenColumns(boosted(), 4, count),
        "logarithm": lambda: LogTarget(LinearModel(1e-3)) if regression else LinearModel(1e-3, count),
        "unit": lambda: PlainUnit(LinearModel(1e-3)) if regression else LinearModel(1e-3, count),
        "catboost": lambda: CategoricalBoostedTrees(
            {"loss_function": "Logloss" if count else "RMSE", "depth": 3, "thread_count": 1}, count, rounds=15
        ),
        "neighbours": lambda: NearestRows(5, "distance", count),
        "network": lambda: NeuralNetwork(
            {"layers": [8], "activation": "relu", "learning_rate": 4e-3, "batch": 32, "decay": 0.03, "drop": 0.1},
            count,
            rounds=5,
        ),
    }
    encoders = {
        "linear": functools.partial(TableEncoder, style="linear"),
        "logarithm": functools.partial(TableEncoder, style="linear"),
        "unit": functools.partial(TableEncoder, style="linear"),
        "prepared": functools.partial(PreparedEncoder, crosses=True),
        "neighbours": DenseEncoder,
        "network": DenseEncoder,
    }
    bags = []
    for name in learners.split():
        members = []
        for fold in (np.arange(0, rows, 2), np.arange(1, rows, 2)):
            encoder = encoders.get(name, TableEncoder)(kinds=kinds, classes=count, seed=seed)
            matrix = encoder.fit_transform(frame.iloc[fold], truth[fold])
            target = np.abs(truth[fold]) if name == "logarithm" else truth[fold]
            members.append(FoldModel(encoder, make[name]().fit(matrix, target)))
        bags.append(Bag(members))
    ensemble = Ensemble(bags, [1 / len(bags)] * len(bags))
    calibration = TemperatureScaling().fit(ensemble.predict(frame), truth) if sure and classes else None
    kind = PredictionSets if classes else PredictionIntervals
    seen = (ensemble.predict(frame), truth) if classes else (truth, ensemble.predict(frame))
    conformal = kind().fit(*seen) if sure else None
    model = TabularModel(coercer, ensemble, classes, calibration, None, conformal)
    return Fitted(model, schema, raw, np.array(classes)[truth] if classes else truth)


def worth(frame: pd.DataFrame) -> np.ndarray:
    """A number that hangs on single columns, on which of two is larger, and on two together."""
    tenure, monthly = frame["tenure"].to_numpy(), (frame["contract"] == "monthly").to_numpy()
    larger = 2 * tenure > frame["charges"].fillna(60).to_numpy()
    return tenure + 20 * np.where(larger, 1, -1) + 20 * np.where(monthly == (tenure // 9 % 2 == 0), 1, -1)


@pytest.fixture(scope="session")
def fitted() -> Callable[..., Fitted]:
    """Make a fitted model: ``fitted("linear", regression=True)``; each kind is made once."""
    return functools.cache(fitted_model)


@pytest.fixture(scope="session")
def dask_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Dask scheduler and two worker processes on this machine, as a user would, and give the address."""
    import json

    folder = tmp_path_factory.mktemp("dask")
    known = folder / "scheduler.json"
    command = [sys.executable, "-m", "dask"]
    local = ["--host", "127.0.0.1", "--no-dashboard"]
    two = ["--nworkers", "2", "--nthreads", "1", "--memory-limit", "0", "--local-directory", str(folder)]
    with (folder / "log").open("wb") as log:
        said = {"stdout": log, "stderr": log, "cwd": folder}
        scheduler = subprocess.Popen(
            [*command, "scheduler", *local, "--port", "0", "--scheduler-file", str(known)], **said
        )
        while not known.exists() and scheduler.poll() is None:
            time.sleep(0.1)
        address = json.loads(known.read_text())["address"]
        workers = subprocess.Popen([*command, "worker", address, *local, *two], **said)
        try:
            _wait_for_workers(address, 2)
            yield address
        finally:
            for process in (workers, scheduler):
                process.terminate()
                process.wait(30)


def _wait_for_workers(address: str, number: int) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(number, timeout=120)
