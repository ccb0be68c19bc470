"""Run folders made by hand: what a runner and a notebook leave behind, without either."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest

from workbench import metrics
from workbench.documents.files import FORMAT
from workbench.documents.process import this_process
from workbench.documents.run_folder import RunFolder, RunRecord
from workbench.experiment import Experiment, Store, capture
from workbench.experiment.capturing import environment
from workbench.metrics import Predicted

ROWS = 120
DATA = "sha256:" + hashlib.sha256(b"the customers").hexdigest()
CODE = ["import workbench as wb", "table = wb.read_table(data)", "wb.record(wb.search(wb.task(table, target)))"]


def version(number: int) -> str:
    """A version of its own for each number, later for a higher one."""
    time = f"{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}"
    return f"20261121T{time}Z-{number:04x}{number * 7919 % 65536:04x}"


@functools.cache
def predicted(skill: float, seed: int, rows: int = ROWS) -> pd.DataFrame:
    """Out-of-fold predictions of the same rows; the higher the skill the better."""
    truth = np.where(np.random.default_rng(7).random(rows) < 0.4, "Yes", "No")
    noise = np.random.default_rng(seed).normal(0, 1, rows)
    yes = 1 / (1 + np.exp(-(skill * (truth == "Yes") - skill / 2 + noise)))
    return pd.DataFrame(
        {
            "row": np.arange(rows),
            "fold": np.arange(rows) % 5,
            "truth": truth,
            "prediction": np.where(yes > 0.5, "Yes", "No"),
            "probability_No": 1 - yes,
            "probability_Yes": yes,
        }
    )


@functools.cache
def scored(skill: float, seed: int, rows: int) -> str:
    predictions = predicted(skill, seed, rows)
    probability = predictions[["probability_No", "probability_Yes"]].to_numpy()
    columns = (predictions[name].to_numpy(object) for name in ("truth", "prediction"))
    seen = Predicted(*columns, probability, ["No", "Yes"])
    scores = [asdict(metrics.score(metrics.METRICS[name], seen)) for name in ("roc_auc", "log_loss")]
    return json.dumps({score.pop("metric"): score for score in scores})


def notebook(code: list[str] = CODE, outputs: bool = False) -> nbformat.NotebookNode:
    parameters = nbformat.v4.new_code_cell('data = "example.csv"\ntarget = "Churn"', id="parameters")
    parameters.metadata["tags"] = ["parameters"]
    cells = [nbformat.v4.new_markdown_cell("# Who will leave?", id="title"), parameters]
    cells += [nbformat.v4.new_code_cell(source, id=f"code-{i}") for i, source in enumerate(code)]
    if outputs:
        cells[-1].outputs = [nbformat.v4.new_output("stream", text="kept\n")]
    return nbformat.v4.new_notebook(cells=cells)


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def fill_outbox(
    outbox: Path, skill: float, seed: int, rows: int, *, data: str, metric: str, columns: Mapping[str, str]
) -> None:
    """What `wb.record` leaves behind."""
    predictions = predicted(skill, seed, rows)
    predictions.to_parquet(outbox / "predictions.parquet")
    write(outbox / "scores.json", {"format": FORMAT, "metric": metric, "scores": json.loads(scored(skill, seed, rows))})
    found = {"name": "constant", "columns": ["country"], "level": "warn", "message": "The column country is constant."}
    write(outbox / "checks.json", {"format": FORMAT, "checks": [found]})
    source = {"source": "/home/ada/customers.csv", "digest": data, "rows": len(predictions), "notes": []}
    task = {"format": FORMAT, "kind": "binary", "target": "Churn", "classes": ["No", "Yes"], "metric": metric}
    write(outbox / "task.json", task | {"rows": len(predictions), "features": list(columns)[:-1], "data": source})
    described = [{"name": n, "kind": k, "role": "target" if n == "Churn" else "feature"} for n, k in columns.items()]
    write(outbox / "data" / "schema.json", {"format": FORMAT, "columns": described, "read": {}})
    write(outbox / "data" / "profile.json", {"format": FORMAT, "columns": {}})
    (outbox / "leaderboard.csv").write_text("rank,family,score\n1,linear,0.8\n2,lightgbm,0.7\n")
    (outbox / "importance.csv").write_text("feature,importance,low,high\ntenure,0.2,0.1,0.3\ncharges,0.05,0.0,0.1\n")
    (outbox / "trials.jsonl").write_text('{"number": 0, "family": "linear", "score": 0.8}\n')
    (outbox / "model").mkdir()
    (outbox / "model" / "MLmodel").write_text("flavors: {}\n")
    (outbox / "model" / "model.skops").write_bytes(bytes(range(256)) * 8)


def make_run(
    store: Store,
    number: int = 1,
    *,
    name: str = "churn",
    status: str = "completed",
    reason: str = "",
    skill: float = 2.0,
    seed: int = 1,
    rows: int = ROWS,
    data: str = DATA,
    metric: str = "roc_auc",
    parameters: Mapping[str, Any] | None = None,
    code: list[str] = CODE,
    columns: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    **record: Any,
) -> RunFolder:
    """A run folder in the store's ``running/``, as it is when the run has ended."""
    folder = RunFolder(store.running / version(number))
    folder.outputs.mkdir(parents=True)
    folder.outbox.mkdir()
    values = {"data": "/home/ada/customers.csv", "target": "Churn", "budget": "60s", **(parameters or {})}
    told = {key: {"value": value, "source": "-p"} for key, value in values.items()}
    write(folder.parameters, {"format": FORMAT, "parameters": told})
    write(folder.parameters_schema, {"type": "object", "properties": {key: {} for key in values}})
    nbformat.write(notebook(code), folder.template)
    nbformat.write(notebook(code, outputs=True), folder.notebook)
    second = f"2026-11-21T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
    ended = f"{second}.900000+00:00"
    started = f"{second}.100000+00:00"
    ours = {"author": "ada", "labels": {"farm": "17"}, "deadline": None, **this_process(), **record}
    folder.write(
        RunRecord(name, version(number), "classification", started, status=status, reason=reason, ended=ended, **ours)
    )
    folder.say("run", state="ended", status=status)
    for file, text in (outputs or {}).items():
        (folder.outputs / file).parent.mkdir(parents=True, exist_ok=True)
        (folder.outputs / file).write_text(text, encoding="utf-8")
    if status == "completed":
        fill_outbox(
            folder.outbox,
            skill,
            seed,
            rows,
            data=data,
            metric=metric,
            columns=columns or {"tenure": "number", "charges": "number", "Churn": "category"},
        )
    else:
        write(folder.error, {"format": FORMAT, "type": "BadTable", "arguments": [], "message": reason})
    return folder


@pytest.fixture(scope="session", autouse=True)
def _installed_once() -> Iterator[None]:
    """Look for the installed packages once: it takes half of a capture's time, and they stay the same."""
    found = environment._installed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_installed", lambda: dict(found))
        yield


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "my store").create()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Find a port of this machine that nobody listens at."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture
def until_it_listens() -> Callable[[int], None]:
    """Wait until a server that was just started takes connections at its port."""

    def wait(port: int) -> None:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail(f"nothing listens at port {port}: the server did not start")

    return wait


@pytest.fixture
def run(store: Store) -> Callable[..., RunFolder]:
    """Make a run folder: ``run(3, name="churn", status="failed")``."""
    return lambda *args, **changes: make_run(store, *args, **changes)


@pytest.fixture
def keep(store: Store) -> Callable[..., Experiment]:
    """Make a run folder and capture it, with the same arguments."""
    return lambda *args, **changes: capture(make_run(store, *args, **changes), store, report="<html>report</html>")


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, str]]:
    """Every file and folder below a path, with the digest of its bytes."""

    def look(path: Path) -> dict[str, str]:
        return {
            str(one.relative_to(path)): hashlib.sha256(one.read_bytes()).hexdigest() if one.is_file() else "folder"
            for one in sorted(path.rglob("*"))
        }

    return look


@pytest.fixture
def dead_record() -> dict[str, Any]:
    """The fields of a record whose runner is gone."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return {"pid": pid, "pid_started": None, "host": socket.gethostname()}


@pytest.fixture(scope="session")
def keep_in() -> Callable[..., Experiment]:
    """Make a run folder in a store, with fields of its record changed, and capture it."""

    def kept(store: Store, number: int, **changes: Any) -> Experiment:
        record = {name: changes.pop(name) for name in ("version", "started") if name in changes}
        folder = make_run(store, number, **changes)
        folder.update(**record)
        return capture(folder, store, report="<html>report</html>")

    return kept
