"""Tables as files and read back, tasks of them, and one search for everyone who only looks at its result."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.automl.fitting.whole import NO_TIME, OnAllRows
from workbench.automl.result import Result
from workbench.automl.search import search
from workbench.automl.task import Task, task
from workbench.dataset import Dataset, read_table


@pytest.fixture(autouse=True)
def _by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this room runs inside a run, unless it says so."""
    monkeypatch.delenv("WORKBENCH_RUN", raising=False)


@pytest.fixture
def bagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no time to fit the members on all rows: they stay the averages of their folds' models."""
    monkeypatch.setattr(OnAllRows, "_refusal", lambda _self, trial: NO_TIME.format(member=trial.name))


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Dataset]:
    """Write a table as CSV and read it the way a user would: ``table(frame)`` or ``table(a=[...], b=[...])``."""

    def written(frame: pd.DataFrame | None = None, **columns: object) -> Dataset:
        path = tmp_path / f"table-{len(list(tmp_path.iterdir()))}.csv"
        (pd.DataFrame(columns) if frame is None else frame).to_csv(path, index=False)
        return read_table(str(path))

    return written


def shop(rows: int = 160, seed: int = 0) -> pd.DataFrame:
    """A table with every kind of column, gaps in each, and three targets that can be learned from it."""
    random = np.random.default_rng(seed)
    size, age = random.normal(10, 3, rows).round(3), random.integers(18, 80, rows)
    colour = random.choice(["red", "green", "blue"], rows)
    member = random.choice(["yes", "no"], rows)
    worth = 3 * size + 0.2 * age + 8 * (colour == "red") + 5 * (member == "yes") + random.normal(0, 2, rows)
    notes = np.where(
        worth > np.median(worth), "came back and was happy with it", "never came back after the first time"
    )
    frame = pd.DataFrame(
        {
            "size": size,
            "age": age,
            "colour": colour,
            "member": member,
            "since": (pd.Timestamp("2021-01-01") + pd.to_timedelta(random.integers(0, 900, rows), unit="D")).astype(
                str
            ),
            "note": [f"{note}, said customer {number}" for number, note in enumerate(notes)],
            "worth": worth.round(2),
            "bought": np.where(worth > np.quantile(worth, 0.6), "yes", "no"),
            "grade": np.digitize(worth, np.quantile(worth, [0.4, 0.8])),
        }
    )
    for place, name in enumerate(["size", "age", "colour", "member", "since", "note"]):
        frame[name] = frame[name].astype(object).mask(np.arange(rows) % 17 == place)
    return frame


def searched(folder: Path, frame: pd.DataFrame, target: str, others: list[str], kind: str, trials: int) -> Result:
    """Read, say the task, search."""
    path = folder / "shop.csv"
    frame.to_csv(path, index=False)
    made: Task = task(read_table(str(path)), target, kind=kind, ignore=others)
    return search(made, trials=trials)


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """Search once for each kind of task: ``results("binary")``; also "multiclass" and "regression"."""
    targets = {"binary": "bought", "multiclass": "grade", "regression": "worth"}
    done: dict[str, Result] = {}

    def result(kind: str) -> Result:
        if kind not in done:
            others = [name for name in targets.values() if name != targets[kind]]
            template = "regression" if kind == "regression" else "classification"
            done[kind] = searched(tmp_path_factory.mktemp(kind), shop(), targets[kind], others, template, 4)
        return done[kind]

    return result


@pytest.fixture(scope="session")
def shop_table() -> Callable[..., pd.DataFrame]:
    """Make the table with every kind of column: ``shop_table(rows=160, seed=0)``."""
    return shop


@pytest.fixture
def hears_interrupts() -> Iterator[None]:
    """A shell that starts tests in the background has them ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
