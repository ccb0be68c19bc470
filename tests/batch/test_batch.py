"""Many runs with real kernels: each piece of work is done once, whatever happens."""

from __future__ import annotations

import json
import re
import shlex
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from workbench.errors import BadBatch

TABLE = "farm,n,breaks\na,1,\nb,2,yes\nc,3,\n"


def test_a_table_is_run_row_by_row_and_only_what_changed_is_run_again(place: Any, batch: Callable) -> None:
    spec = place.spec(table=place.table(TABLE), labels=["farm"])
    first = batch(spec)
    assert (first.status, first.counts) == ("failed", {"completed": 2, "failed": 1})
    assert first.reason == "1 of 3 runs did not complete"
    assert "farm b is broken" in first.outcomes[1].reason

    again = batch(spec)
    assert (again.ref, again.counts) == (first.ref, first.counts)  # nothing was done: it is the same batch
    assert ["nothing ran" in repr(one) for one in (first, again)] == [False, True]
    assert place.worked() == {"a-1": 1, "b-2": 1, "c-3": 1}

    batch(spec, rerun="failed")
    assert place.worked() == {"a-1": 1, "b-2": 2, "c-3": 1}

    place.table(TABLE.replace("b,2,yes", "b,4,"))
    changed = batch(spec)
    assert changed.counts == {"completed": 3}
    assert [outcome.before for outcome in changed.outcomes] == [True, False, True]
    assert place.worked() == {"a-1": 1, "b-2": 2, "b-4": 1, "c-3": 1}

    renamed = batch(place.spec("other.yaml", table="farms.csv", name="elsewhere"))
    assert renamed.counts == {"completed": 3}
    assert sum(place.worked().values()) == 5

    (runs, batches) = (place.kept("run"), place.kept("batch"))
    assert {run.name for run in runs} == {"farms-a", "farms-b", "farms-c"}
    assert {run.manifest["labels"]["farm"] for run in runs} == {"a", "b", "c"}
    assert all(run.manifest["cause"]["kind"] == "batch" for run in runs)
    parents = {str(one.reference) for one in batches}
    assert all(set(run.manifest["parents"]) <= parents for run in runs)
    assert place.children(changed) == [outcome.ref for outcome in changed.outcomes]


def test_a_change_of_the_template_runs_everything_again(place: Any, batch: Callable) -> None:
    spec = place.spec(runs=[{"farm": "a"}])
    batch(spec)
    place.template("tiny.ipynb", code="print('another')")
    assert batch(spec).outcomes[0].before is False


def test_a_single_run_of_the_same_work_counts(place: Any, batch: Callable) -> None:
    from workbench import workflow

    done = workflow.run(place.folder / "tiny.ipynb", {"farm": "a", "n": 2}, store=place.store)
    (outcome,) = batch(place.spec(grid={"farm": ["a"], "n": [2]})).outcomes
    assert (outcome.ref, outcome.before) == (done.ref, True)


def test_how_long_runs_take_is_known_of_the_templates_that_are_asked_about(place: Any, batch: Callable) -> None:
    from workbench.batches import known
    from workbench.workflow.place import store_of

    (outcome,) = batch(place.spec(runs=[{"farm": "a"}])).outcomes
    store = store_of(place.store)
    assert known(store, (), {"tiny"}).seconds == outcome.resources["wall"]
    found = known(store, {outcome.run.fingerprint})
    assert ([str(one.reference) for one in found.kept.values()], found.seconds) == ([outcome.ref], None)


def test_one_bad_row_is_refused_before_anything_starts(place: Any, batch: Callable) -> None:
    spec = place.spec(table=place.table("farm,n\na,1\nb,two\n"))
    with pytest.raises(BadBatch, match=r"row 2 of farms\.csv"):
        batch(spec)
    assert place.worked() == {}
    assert not place.store.exists()


def test_runs_are_parallel_and_each_kernel_has_its_share_of_threads(place: Any, batch: Callable) -> None:
    from workbench.batches import cores

    code = "import os, pathlib\npathlib.Path('t').write_text(os.environ['OMP_NUM_THREADS'])\n"
    code += "other = pathlib.Path(os.environ['MARKS'])\n(other / farm).touch()\nimport time\nend = time.time() + 120\n"
    code += "while len(list(other.iterdir())) < 2 and time.time() < end: time.sleep(0.05)\n"
    code += "assert len(list(other.iterdir())) == 2"
    place.template("tiny.ipynb", code=code)
    if cores() < 2:
        pytest.skip("one core runs one at a time")
    done = batch(place.spec(grid={"farm": ["a", "b"]}))
    assert done.status == "completed", [outcome.reason for outcome in done.outcomes]
    assert {(run.path / "outputs" / "t").read_text() for run in place.kept()} == {str(cores() // 2)}


def test_a_failure_may_stop_the_batch(place: Any, batch: Callable) -> None:
    spec = place.spec(runs=[{"farm": "a", "breaks": True}, {"farm": "b"}, {"farm": "c"}], on_failure="stop")
    done = batch(spec, workers=1)
    assert done.counts == {"failed": 1, "left": 2}
    assert done.reason == "1 of 3 runs did not complete, and 2 were not begun"
    assert batch(spec, workers=1, rerun="failed").counts == {"failed": 1, "left": 2}


def test_the_budget_of_all_ends_what_runs_and_the_same_command_goes_on(place: Any, batch: Callable) -> None:
    runs = [{"farm": "a", "seconds": 300.0}, {"farm": "b"}]
    done = batch(place.spec(runs=runs, budget=12), workers=1)
    assert (done.status, done.counts) == ("timed_out", {"cancelled": 1, "left": 1})
    assert "budget is used up, with 2 of 2 runs not done" in done.reason
    place.template("tiny.ipynb")  # the same one
    runs[0]["seconds"] = 0.0
    assert batch(place.spec(runs=runs)).counts == {"completed": 2}


def test_ctrl_c_ends_what_runs_keeps_what_is_done_and_says_how_to_go_on(place: Any, workbench: Callable) -> None:
    spec = place.spec(runs=[{"farm": "a"}, {"farm": "b", "seconds": 300.0}, {"farm": "c"}])
    begun = place.marks / "b-1"

    def interrupt() -> None:
        while not begun.exists():
            time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    said = workbench("batch", spec, "--workers", "1", "--store", place.store)
    assert said.code == 1, said.err
    assert "cancelled" in said.out
    again = shlex.join(["workbench", "batch", str(spec), "--store", str(place.store)])
    assert f"To go on with what is left: {again}\n" in said.out
    assert "--rerun failed" not in said.out
    assert [run.status for run in reversed(place.kept())] == ["completed", "cancelled"]
    assert "Cancelled by Ctrl-C" in place.kept()[0].reason
    assert place.kept("batch")[0].status == "cancelled"
    assert list((place.store / "running").glob("[!.]*")) == []


def test_a_batch_under_way_is_not_begun_twice(place: Any, batch: Callable) -> None:
    spec = place.spec(runs=[{"farm": "a", "seconds": 300.0}])
    first = threading.Thread(target=batch, args=(spec,))
    first.start()
    try:
        while not (place.marks / "a-1").exists():
            time.sleep(0.1)
        with pytest.raises(BadBatch, match="runs some of it right now"):
            batch(spec)
    finally:
        (place.folder / "go").touch()
        first.join()
    assert place.worked() == {"a-1": 1}


def test_a_dry_run_shows_the_plan_and_starts_nothing(place: Any, workbench: Callable, batch: Callable) -> None:
    spec = place.spec(grid={"farm": ["a", "b"]})
    said = workbench("batch", spec, "--dry-run", "--store", place.store)
    assert said.code == 0, said.err
    assert "2 to run" in said.out
    assert "It is not known how long that takes" in said.out
    assert not place.store.exists()
    batch(place.spec("one.yaml", grid={"farm": ["a"]}))
    foreseen = json.loads(workbench("batch", spec, "--dry-run", "--store", place.store, "--json").out)
    assert [run["state"] for run in foreseen["runs"]] == ["done already", "to run"]
    assert foreseen["runs"][0]["ref"] == str(place.kept()[0].reference)
    assert foreseen["seconds"] > 0
    assert place.worked() == {"a-1": 1}


def test_a_batch_says_where_it_stands_and_keeps_one_page_with_failures_first(place: Any, workbench: Callable) -> None:
    spec = place.spec(table=place.table(TABLE), labels=["farm"])
    said = workbench("batch", spec, "--store", place.store)
    assert said.code == 1
    lines = said.err.splitlines()
    assert re.match(r"farms: 3 runs; \d at a time, \d threads? each", lines[0])
    assert [line.split("]")[0] for line in lines[1:]] == ["[1/3", "[2/3", "[3/3"]
    assert re.search(r"^To run again what failed: workbench batch .* --rerun failed$", said.out, re.MULTILINE)
    assert "To go on" not in said.out
    (kept,) = place.kept("batch")
    page = kept.report.read_text()
    assert page.index("Did not complete") < page.index("farm b is broken") < page.index("<h2>Completed</h2>")
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 3
    assert all((kept.report.parent / link).is_file() for link in links)
    assert {"batch.json", "runs.csv", "template.ipynb", "ro-crate-metadata.json"} <= {
        f.name for f in kept.path.iterdir()
    }


def test_a_batch_with_nothing_left_to_do_says_that_nothing_ran(place: Any, workbench: Callable) -> None:
    spec = place.spec(grid={"farm": ["a", "b"]}, price="9 EUR/h")
    first = workbench("batch", spec, "--store", place.store)
    again = workbench("batch", spec, "--store", place.store)
    ref, told, report = again.out.splitlines()
    assert ref == first.out.splitlines()[0]
    assert told == "Nothing ran: all 2 runs were done already."
    assert report == first.out.splitlines()[-1]
    assert again.err == "farms: 2 runs, nothing left to do\n"


SCORED = """
import os, pathlib
from workbench.documents.outbox import write_scores, write_task
from workbench.records import Score
outbox = pathlib.Path(os.environ["WORKBENCH_RUN"]) / "outbox"
write_scores(outbox, "rmse", {"rmse": Score("rmse", error, higher_is_better=False)})
data = {"source": "farms.csv", "digest": f"sha256:{target}"}
write_task(outbox, {"kind": "regression", "target": target, "rows": 9, "features": ["wind"], "data": data})
"""


def test_the_page_ranks_runs_of_one_target_only(place: Any, batch: Callable) -> None:
    place.template("scored.ipynb", "target: str = 'power'\nerror: float = 1.0", SCORED)
    runs = [{"target": "power", "error": 3.5}, {"target": "price", "error": 0.5}, {"target": "power", "error": 2.5}]
    done = batch(place.spec(template="scored.ipynb", runs=runs))
    assert done.status == "completed", done.reason
    document = json.loads((done.path / "batch.json").read_text())
    assert [(run["target"], run["data"]) for run in document["runs"]] == [
        (target, f"sha256:{target}") for target in ("power", "price", "power")
    ]
    page = (done.path / "report.html").read_text()
    assert "These runs predict different targets" in page
    assert page.index("RMSE · power</h3>") < page.index(">2.5<") < page.index(">3.5<") < page.index("One run each")


def test_json_is_one_document_and_nothing_else(place: Any, workbench: Callable) -> None:
    said = workbench("batch", place.spec(grid={"farm": ["a"]}), "--store", place.store, "--json")
    assert (said.code, said.err) == (0, "")
    document = json.loads(said.out)
    told = {
        "ref", "path", "report", "name", "status", "reason", "counts", "ran", "remaining", "runs", "seconds",
        "resources",
    }  # fmt: skip
    assert set(document) == told
    assert (document["ran"], document["remaining"]) == (1, {"left": 0, "failed": 0, "after": 0})
    (run,) = document["runs"]
    assert (run["status"], run["parameters"], run["before"]) == ("completed", {"farm": "a"}, False)


def test_a_mistake_is_one_line_and_exit_code_2(place: Any, workbench: Callable) -> None:
    said = workbench("batch", place.spec(grid={"farm": ["a"]}, worker=2), "--store", place.store)
    assert (said.code, said.out) == (2, "")
    assert said.err.endswith("worker: there is no such key; did you mean 'workers'?\n")
    assert len(said.err.splitlines()) == 1


def test_the_front_door_has_the_verb_whatever_was_imported() -> None:
    import workbench as wb
    import workbench.batches

    assert callable(wb.batch)
    assert workbench.batches.plan is not None
