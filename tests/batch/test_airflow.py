"""A batch as a DAG file of Airflow: what stands in it, and that its tasks do the same under papermill alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import papermill
import pytest

from workbench import workflow
from workbench.errors import BadBatch, WorkbenchError

ROWS = [{"farm": "a", "breaks": True}, {"farm": "b", "n": 3}]
DAG_RUN = "manual__2026-11-22T06:31:00+00:00"


class Written:
    """A DAG file, read without Airflow: its constants, and how its operators are called."""

    def __init__(self, file: Path) -> None:
        source = file.read_text()
        compile(source, file, "exec")
        self.tree = ast.parse(source)
        named = [node for node in self.tree.body if isinstance(node, ast.Assign)]
        self.constants = {node.targets[0].id: ast.literal_eval(node.value) for node in named}
        self.tasks: dict[str, Any] = self.constants["TASKS"]

    def call(self, name: str) -> dict[str, ast.expr]:
        """The arguments of the one call of a name."""
        calls = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        (found,) = [node for node in calls if isinstance(node.func, ast.Name) and node.func.id == name]
        return {word.arg: word.value for word in found.keywords}

    def execute(self, task: str, folder: Path) -> Any:
        """Do what the operator of a task does: render its parameters, and give them to papermill."""
        parameters = rendered({**self.constants["COMMON"], **self.tasks[task]["parameters"]})
        to = str(folder / f"{task}.ipynb")
        kernel = self.constants["KERNEL"]
        return papermill.execute_notebook(
            self.constants["NOTEBOOK"], to, parameters, kernel_name=kernel, progress_bar=False, report_mode=True
        )


def rendered(value: Any) -> Any:
    """Render texts as Airflow does."""
    if isinstance(value, dict):
        return {name: rendered(part) for name, part in value.items()}
    if isinstance(value, list):
        return [rendered(part) for part in value]
    return jinja2.Environment().from_string(value).render(run_id=DAG_RUN) if isinstance(value, str) else value


@pytest.fixture
def exported(line: Any) -> Callable[..., Written]:
    """Export a pipeline, or what else is said, to ``dags/farms.py``."""

    def export(**said: Any) -> Written:
        pipeline = {} if "template" in said else {"template": None, "steps": {**line.steps, "tell": line.hook}}
        spec = line.spec(**{**pipeline, "runs": ROWS, "labels": ["farm"], **said})
        (line.folder / "dags").mkdir(exist_ok=True)
        return Written(workflow.export_airflow(spec, line.folder / "dags" / "farms.py", store=line.store))

    return export


def test_each_planned_run_is_a_task_that_waits_for_those_it_needs(exported: Callable, line: Any) -> None:
    written = exported(workers=3, budget="2h", timeout="10m", retries=2)
    assert {name: (task["after"], task["trigger_rule"]) for name, task in written.tasks.items()} == {
        "1-farms-a-prepare": ([], "all_success"),
        "2-farms-a-train": (["1-farms-a-prepare"], "all_success"),
        "3-farms-a-tell": (["1-farms-a-prepare"], "one_failed"),
        "4-farms-a-report": (["2-farms-a-train"], "all_success"),
        "5-farms-b-prepare": ([], "all_success"),
        "6-farms-b-train": (["5-farms-b-prepare"], "all_success"),
        "7-farms-b-tell": (["5-farms-b-prepare"], "one_failed"),
        "8-farms-b-report": (["6-farms-b-train"], "all_success"),
    }
    run = written.tasks["6-farms-b-train"]["parameters"]["run"]
    assert run["template"] == str(line.folder / "train.ipynb")
    assert run["parameters"] == {"data": "/{prepare.outputs}/clean.csv"}
    assert run["labels"] == {"step": "train", "farm": "b"}
    assert written.tasks["5-farms-b-prepare"]["parameters"]["run"]["parameters"] == {"farm": "b", "n": 3}
    assert {task["timeout"] for task in written.tasks.values()} == {660.0}
    limits = {
        (task["parameters"]["run"]["timeout"], task["parameters"]["run"]["retries"]) for task in written.tasks.values()
    }
    assert limits == {(600.0, 2)}
    assert {
        "task_id", "input_nb", "output_nb", "kernel_name", "parameters", "trigger_rule", "retries", "execution_timeout",
    } == set(written.call("PapermillOperator"))  # fmt: skip
    assert ast.unparse(written.call("PapermillOperator")["retries"]) == "0"
    dag = written.call("DAG")
    assert ast.literal_eval(dag["max_active_tasks"]) == 3
    assert ast.unparse(dag["dagrun_timeout"]) == "timedelta(seconds=7200.0)"
    assert Path(written.constants["OUTPUTS"]).is_dir()
    assert not line.store.exists()
    assert line.worked() == {}


def test_a_plain_batch_is_a_dag_of_tasks_that_wait_for_none(exported: Callable) -> None:
    written = exported(template="tiny.ipynb", runs=[{"farm": "a", "seconds": 0.5}, {"farm": "b"}])
    assert [task["after"] for task in written.tasks.values()] == [[], []]
    assert written.tasks["1-farms-a"]["parameters"]["run"]["parameters"] == {"farm": "a", "seconds": 0.5}


BROKEN_OFF = """
import os, pathlib
tried = pathlib.Path(os.environ["MARKS"]) / "tried"
with tried.open("a") as file:
    file.write("x")
if transient and len(tried.read_text()) < 2:
    raise ConnectionResetError("the line was cut")
assert transient, "wrong, and wrong again"
"""


@pytest.mark.parametrize(("transient", "times"), [(True, 2), (False, 1)])
def test_a_task_is_repeated_after_what_a_batch_repeats_and_after_nothing_else(
    transient: bool, times: int, exported: Callable, line: Any
) -> None:
    line.template("cut.ipynb", "transient: bool = True", BROKEN_OFF)
    written = exported(template="cut.ipynb", runs=[{"transient": transient}], labels=[], retries=3)
    (task,) = written.tasks.values()
    asked = rendered(task["parameters"])
    told = {"task": "one", "dag_run": DAG_RUN, "store": line.store}
    if transient:
        assert workflow.scheduled_run(asked["run"], {}, **told).status == "completed"
    else:
        with pytest.raises(WorkbenchError, match="wrong, and wrong again"):
            workflow.scheduled_run(asked["run"], {}, **told)
    assert line.worked()["tried"] == times


@pytest.mark.slow
def test_its_tasks_keep_what_the_batch_itself_would(exported: Callable, line: Any, batch: Callable) -> None:
    written = exported()
    folder = Path(written.constants["OUTPUTS"])
    with pytest.raises(papermill.PapermillExecutionError, match="farm a is broken"):
        written.execute("1-farms-a-prepare", folder)
    for task in ("3-farms-a-tell", "5-farms-b-prepare", "6-farms-b-train", "8-farms-b-report"):
        done = written.execute(task, folder)
        assert "completed" in str(done.cells[-1].outputs)
    kept = {run.name: run for run in line.kept()}
    assert {name: run.status for name, run in kept.items()} == {
        "farms-a-prepare": "failed",
        "farms-a-tell": "completed",
        "farms-b-prepare": "completed",
        "farms-b-train": "completed",
        "farms-b-report": "completed",
    }
    told = (kept["farms-a-tell"].path / "outputs" / "said.txt").read_text()
    assert told.startswith(f"a: failed {kept['farms-a-prepare'].reference} ")
    said = (kept["farms-b-report"].path / "outputs" / "said.txt").read_text()
    assert said == f"{kept['farms-b-train'].reference} found 6"
    assert kept["farms-b-train"].manifest["cause"]["run"] == DAG_RUN

    after = batch(line.folder / "farms.yaml")  # nothing is left to do: it keeps its page
    assert after.counts == {"failed": 1, "left": 2, "completed": 4, "skipped": 1}
    assert all(outcome.before for outcome in after.outcomes if outcome.ref)
    assert sum(line.worked().values()) == 5


@pytest.mark.parametrize("text", ["{{ ds }}", "{% if %}", "{# no #}", 'a "b" \\ \' {{ü 😀}}', "two\nlines\n", "{x}"])
def test_a_text_is_the_same_after_airflow_has_rendered_it(exported: Callable, text: str) -> None:
    written = exported(template="tiny.ipynb", runs=[{"farm": text}], labels=[])
    (task,) = written.tasks.values()
    assert rendered(task["parameters"])["run"]["parameters"] == {"farm": text}


def test_no_secret_is_written_into_the_file(exported: Callable, line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    line.template("secret.ipynb", 'from workbench import Secret\ntoken: Secret = Secret("")\nurl: str = ""')
    for row in ({"token": "hunter2"}, {"url": "https://me:hunter2@example.org/a.csv"}):
        with pytest.raises(BadBatch, match="the DAG file would show the secret") as refused:
            exported(template="secret.ipynb", runs=[row], labels=[])
        assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("TOKEN", "hunter2")
    written = exported(template="secret.ipynb", runs=[{"token": "@env:TOKEN"}], labels=[])
    (task,) = written.tasks.values()
    assert task["parameters"]["run"]["parameters"] == {"token": "@env:TOKEN"}


def test_what_a_dag_cannot_do_is_refused(exported: Callable) -> None:
    with pytest.raises(BadBatch, match="on_failure: a DAG goes on with other rows"):
        exported(on_failure="stop")


def test_the_command_says_where_the_dag_is(line: Any, workbench: Callable) -> None:
    spec = line.spec(template=None, steps=line.steps)
    file = line.folder / "nightly.py"
    said = workbench("batch", spec, "--export", "airflow", file, "--store", line.store, "--json")
    assert (said.code, json.loads(said.out)) == (0, {"path": str(file)})
    assert list(Written(file).tasks) == ["1-farms-prepare", "2-farms-train", "3-farms-report"]
    refused = workbench("batch", spec, file, "--store", line.store)
    assert refused.code == 2
    assert "--export airflow" in refused.err
