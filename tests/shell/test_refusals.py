"""Every wrong input gives one clear line, exit code 2, no traceback, and leaves nothing half-made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROW = "a,b,y\n"


def write(content: str | bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "data.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def rows(target: list[str], count: int | None = None) -> str:
    return ROW + "".join(f"{i},{i % 3},{target[i % len(target)]}\n" for i in range(count or len(target)))


def folder(where: Path) -> Path:
    (where / "data.csv").mkdir()
    return where / "data.csv"


def fifo(where: Path) -> Path:
    os.mkfifo(where / "data.csv")
    return where / "data.csv"


TABLES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing file": (lambda where: where / "data.csv", "data.csv"),
    "empty file": (write(""), "empty"),
    "header only": (write(ROW), "no rows"),
    "a picture": (write(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8), "data.csv"),
    "bytes that are no text": (write(bytes(range(128, 256)) * 40 + b"\x00\x01\x02" * 50), "data.csv"),
    "prose, not a table": (write("Dear all,\nplease find the numbers attached.\n"), "Dear all"),
    "a folder": (folder, "folder"),
    "a FIFO": (fifo, "data.csv"),
    "duplicate column names": (write("a,a,y\n1,2,0\n3,4,1\n"), "'a'"),
    "a row longer than the header": (write(ROW + "1,2,0\n1,2,3,0\n" * 20), "line 3"),
    "all rows longer than the header": (write(ROW + "1,2,3,0\n" * 20), "4 values"),
    "an unclosed quote": (write(ROW + '1,"2,0\n' * 5), "quote"),
    "target not in the table": (write(rows(["0", "1"], 40).replace("a,b,y", "a,b,Y_")), "Did you mean 'Y_'"),
    "target constant": (write(rows(["1"], 40)), "'y'"),
    "target all missing": (write(rows([""], 40)), "'y'"),
    "one class of two rows and one of one": (write(rows(["0"] * 39 + ["1"])), "'y'"),
    "too few rows": (write(rows(["0", "1", "0"])), "'y'"),
}


def left_behind(where: Path) -> set[str]:
    return {str(path.relative_to(where)) for path in where.rglob("*")}


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table_is_refused_in_one_line(workbench: Callable, tmp_path: Path, case: str) -> None:
    make, needle = TABLES[case]
    path = make(tmp_path)
    before = left_behind(tmp_path)
    said = workbench("run", "classification", "-p", f"data={path}", "-p", "target=y", "-p", "budget=10s")
    assert said.code == 2, said.out + said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert needle in said.err
    assert "Traceback" not in said.err
    assert left_behind(tmp_path) == before


REQUESTS: dict[str, tuple[list[str], list[str]]] = {
    "unknown template": (["run", "clasification", "-p", "data={csv}"], ["Did you mean 'classification'"]),
    "unknown parameter": (
        ["run", "classification", "-p", "data={csv}", "-p", "targt=Churn"],
        ["Did you mean 'target'"],
    ),
    "unknown metric": (
        ["run", "classification", "-p", "data={csv}", "-p", "target=Churn", "-p", "metric=roc_auk"],
        ["roc_auc"],
    ),
    "budget abc": (
        ["run", "classification", "-p", "data={csv}", "-p", "target=Churn", "-p", "budget=abc"],
        ["budget", "abc"],
    ),
    "budget zero": (["run", "classification", "-p", "data={csv}", "-p", "target=Churn", "-p", "budget=0"], ["budget"]),
    "budget negative": (
        ["run", "classification", "-p", "data={csv}", "-p", "target=Churn", "-p", "budget=-5s"],
        ["budget"],
    ),
    "everything wrong at once": (
        ["run", "classification", "-p", "data={csv}", "-p", "targt=Churn", "-p", "budget=abc", "-p", "seed=x"],
        ["targt", "budget", "seed"],
    ),
    "a parameter without a value": (["run", "classification", "-p", "data"], ["data"]),
    "a label without a value": (
        ["run", "classification", "-p", "data={csv}", "--label", "farm"],
        ["The label 'farm' has no value"],
    ),
    "a parameter whose name is code": (["run", "classification", "-p", "x;import os=1"], ["x;import os"]),
    "an unknown ignored column": (
        ["run", "classification", "-p", "data={csv}", "-p", "target=Churn", "-p", "ignore=tenur"],
        ["Did you mean 'tenure'"],
    ),
    "a bad experiment name": (
        ["run", "classification", "-p", "data={csv}", "-p", "target=Churn", "--name", "../up"],
        ["../up"],
    ),
    "a regression on words": (["run", "regression", "-p", "data={csv}", "-p", "target=Churn"], ["Churn"]),
    "a reference that matches none": (["show", "nothing"], ["nothing"]),
    "a model that is not there": (["predict", "model:nothing/live", "{csv}", "-o", "out.csv"], ["nothing"]),
    "a zip that is none": (["import", "{csv}"], ["customers.csv"]),
    "a params file that is not there": (["run", "classification", "--params", "no.yaml"], ["no.yaml"]),
    "an unknown command": (["rnu"], ["rnu"]),
    "parameters without -p": (
        ["run", "classification", "data={csv}", "target=Churn"],
        ["What is 'data=", "Each parameter has its own -p: -p data="],
    ),
    "a value whose quotes were forgotten": (
        ["run", "classification", "-p", "data=my", "table.csv"],
        ["What is 'table.csv'?", "-p 'data=my table.csv'"],
    ),
    "nothing to open": (["open"], ["Missing argument 'REF'", "See: workbench open --help"]),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_bad_request_is_refused_in_one_line(workbench: Callable, tmp_path: Path, churn_csv: Path, case: str) -> None:
    arguments, needles = REQUESTS[case]
    before = left_behind(tmp_path)
    said = workbench(*(argument.format(csv=churn_csv) for argument in arguments))
    assert said.code == 2, said.out + said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    for needle in needles:
        assert needle in said.err
    assert left_behind(tmp_path) == before


def test_a_store_that_cannot_be_written_is_refused(workbench: Callable, tmp_path: Path, churn_csv: Path) -> None:
    (tmp_path / "store").write_text("a file, not a folder")
    said = workbench(
        "run", "classification", "-p", f"data={churn_csv}", "-p", "target=Churn", "--store", tmp_path / "store"
    )
    assert said.code == 2
    assert len(said.err.strip().splitlines()) == 1
    assert "store" in said.err


def test_a_target_that_was_forgotten_is_asked_for(workbench: Callable, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(rows(["0", "1"], 40))
    said = workbench("run", "classification", "-p", f"data={tmp_path / 'data.csv'}", "-p", "budget=10s")
    assert said.code == 2
    assert "'target' was not given" in said.err
    assert said.err.endswith("Known: a, b, y.\n")


QUESTIONS: dict[str, tuple[dict[str, object], str]] = {
    "a cost where there are three classes": ({"target": "species", "cost_of_miss": 2.0}, "costs are for two classes"),
    "rows held back twice": ({"target": "species", "test": "example:iris", "check_share": 0.2}, "give one of them"),
    "too few rows held back": ({"target": "species", "check_share": 0.01}, "too few to check by"),
}


@pytest.mark.parametrize("case", QUESTIONS)
def test_a_question_that_makes_no_sense_is_refused_without_a_kernel(case: str) -> None:
    from workbench.errors import BadParameters
    from workbench.workflow import check

    asked, needle = QUESTIONS[case]
    with pytest.raises(BadParameters, match=needle):
        check("classification", {"data": "example:iris", **asked})
