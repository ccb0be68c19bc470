"""What the verbs of the front door show in a real notebook: how far they are, then what came of it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from workbench import workflow

SECRET = "hunter2-correct-horse"
LONG_TRIAL = """
import time
from workbench.pages import live

live.TICK = 0.05
shown = live.Live("The search begins.")
standing = {{"metric": "rmse", "best": None, "done": 0, "planned": None, "elapsed": 0.0, "left": 30.0}}
shown.hear({{"kind": "trying", "number": 1, "family": "slow", **standing}})
time.sleep(1.2)
shown.hear({{"kind": "search", "state": "ended", "done": 1, "elapsed": 1.2}})
"""
RUN = "wb.run('classification', data={csv!r}, target='Churn', trials=2, labels={{'shop': '7'}}, store='my-store')"
CELLS = {
    "import": "import workbench as wb",
    "nothing": "wb.experiments(store='my-store')",
    "run": RUN,
    "experiments": "wb.experiments(store={store!r})",
    "some": "wb.experiments(store={store!r})[:1]",
    "experiment": "wb.experiments(store={store!r})[0]",
    "compare": "wb.compare({one!r}, {other!r}, store={store!r})",
    "diff": "wb.diff({one!r}, {other!r}, store={store!r})",
    "promote": "wb.promote('churn', model='churn', store='my-store')",
    "refused": "wb.promote('churn', model='churn', store='my-store')",
    "load": "wb.load('model:churn/live', store='my-store')",
    "predict": "wb.predict('churn', {csv!r}, 'said.csv', store='my-store')",
    "batch": "wb.batch({{'template': {small!r}, 'runs': [{{'n': 1}}, {{'n': 0}}]}}, store='my-store')",
    "secret": "wb.run({secret!r}, token={word!r}, store='my-store')",
    "search": "wb.search(wb.task(wb.read_table({csv!r}), 'Churn'), trials=2, families=['linear'])",
    "long trial": LONG_TRIAL,
}
RESULTS = [name for name in CELLS if name not in ("import", "search", "long trial")]
VERBS_SHOWN_LIVE = {
    "run": "Completed in",
    "batch": "Failed in",
    "secret": "Failed in",
    "search": "2 trials in",
    "long trial": "1 trial in",
}


class Listening(NotebookClient):
    """Executes a notebook, and takes down what its kernel has displayed."""

    def __init__(self, notebook: nbformat.NotebookNode, **options: Any) -> None:
        super().__init__(notebook, **options)
        self.displays: dict[int, list[tuple[str, str, dict[str, str]]]] = {}

    def process_message(self, msg: dict[str, Any], cell: nbformat.NotebookNode, cell_index: int) -> Any:
        content = msg["content"]
        if msg["msg_type"] in ("display_data", "update_display_data") and content["transient"].get("display_id"):
            told = msg["msg_type"], content["transient"]["display_id"], content["data"]
            self.displays.setdefault(cell_index, []).append(told)
        return super().process_message(msg, cell, cell_index)


@dataclass(frozen=True)
class Executed:
    """A notebook that was executed, its cells by name, and what each displayed meanwhile."""

    notebook: nbformat.NotebookNode
    displays: dict[str, list[tuple[str, str, dict[str, str]]]]

    def outputs(self, name: str) -> list[Any]:
        return self.notebook.cells[list(CELLS).index(name)].outputs

    def result(self, name: str) -> dict[str, str]:
        (shown,) = [output.data for output in self.outputs(name) if output.output_type == "execute_result"]
        return shown


def template(path: Path, *cells: str) -> str:
    parameters = new_code_cell(cells[0], metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[parameters, *map(new_code_cell, cells[1:])]), path)
    return str(path)


@pytest.fixture(scope="module")
def executed(kept: Any, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    folder = tmp_path_factory.mktemp("notebook")
    names = {
        "csv": str(kept.csv),
        "store": str(kept.store),
        "one": kept.runs[0].ref,
        "other": kept.runs[1].ref,
        "small": template(folder / "small.ipynb", "n: int = 1", "1 / n"),
        "secret": template(
            folder / "secret.ipynb",
            "from workbench import Secret\n\ntoken: Secret = Secret('')",
            "raise ValueError(f'not let in with {token.reveal()}')",
        ),
        "word": SECRET,
    }
    cells = [new_code_cell(source.format(**names)) for source in CELLS.values()]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WORKBENCH")}
    client = Listening(
        new_notebook(cells=cells), timeout=180, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env=environment)
    told = dict(zip(CELLS, (client.displays.get(number, []) for number in range(len(CELLS))), strict=True))
    return Executed(client.nb, told)


@pytest.mark.parametrize("name", RESULTS)
def test_what_a_verb_returns_is_shown_in_words(executed: Executed, name: str):
    shown = executed.result(name)
    assert not re.match(r"\[|\w+\(\w+=", shown["text/plain"])  # no dataclass, no list of them
    assert "text/html" in shown
    assert not re.search(r"<script|javascript:|\son\w+=|https?:", shown["text/html"])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", ["No experiments here yet."]),
        ("run", ["✓ completed", "ROC AUC", "95 % interval", "my-store/experiments/churn/", "report.html"]),
        ("experiments", ["churn@", "✓ completed", "ROC AUC", "classification", "shop=7"]),
        ("experiment", ["churn@", "✓ completed", "Log loss", "shop=7", "classification"]),
        ("compare", ["Leaderboard", "behind the best by"]),
        ("diff", ["Parameters", "tenure"]),
        ("promote", ["churn is live.", "✓"]),
        ("refused", ["Not promoted. churn stays as it was.", "✕"]),
        ("load", ["predicts one of", "No", "Yes", "tenure"]),
        ("predict", ["240 rows predicted."]),
        ("batch", ["1 run completed", "1 run failed", "ZeroDivisionError"]),
        ("secret", ["✕ failed", "not let in"]),
    ],
)
def test_it_says_what_matters(executed: Executed, name: str, told: list[str]):
    assert [text for text in told if text not in executed.result(name)["text/html"]] == []


def test_the_report_can_be_opened_from_the_notebook(executed: Executed):
    (link,) = re.findall(r'href="([^"]*)"', executed.result("run")["text/html"])
    assert re.fullmatch(r"my-store/experiments/churn/[\w-]+/report\.html", link)
    links = re.findall(r'href="([^"]*)"', executed.result("batch")["text/html"])
    assert len(set(links)) == 3  # the batch's own, and one for each run


def test_no_secret_is_shown(executed: Executed):
    shown = [json.dumps(output) for name in CELLS for output in executed.outputs(name)]
    assert [one for one in shown if SECRET in one] == []
    assert SECRET not in json.dumps(executed.displays)


@pytest.mark.parametrize(("name", "last"), VERBS_SHOWN_LIVE.items())
def test_a_verb_that_takes_a_while_shows_how_far_it_is_in_one_place(executed: Executed, name: str, last: str):
    kinds, places, data = zip(*executed.displays[name], strict=True)
    assert kinds[0] == "display_data"
    assert set(kinds[1:]) == {"update_display_data"}
    assert len(set(places)) == 1
    assert data[-1]["text/plain"].startswith(last)
    (left,) = [
        output.data for output in executed.outputs(name) if "wb-live" in output.get("data", {}).get("text/html", "")
    ]
    assert left["text/plain"] == data[-1]["text/plain"]
    assert 'value="1.000"' in left["text/html"]


@pytest.mark.parametrize("name", ["run", "search"])
def test_of_a_search_it_shows_what_is_tried_and_the_best_so_far(executed: Executed, name: str):
    texts = [data["text/plain"] for _, _, data in executed.displays[name]]
    assert any(re.search(r"^0 trials done · trying [\w ]+ 1 · 2 planned", text) for text in texts)
    assert any(
        re.search(r"^1 trial done · best ROC AUC 0\.\d{4} \([\w ]+\) · trying [\w ]+ 2 · 2 planned", text)
        for text in texts
    )
    bars = [re.search(r'value="([\d.]+)"', data["text/html"]) for _, _, data in executed.displays[name]]
    shares = [float(bar.group(1)) for bar in bars if bar]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_while_a_trial_takes_long_the_time_left_goes_on(executed: Executed):
    texts = [data["text/plain"] for _, _, data in executed.displays["long trial"]]
    assert len(texts) > 5
    assert texts[1] == "0 trials done · trying slow 1 · 30 s left"
    assert "0 trials done · trying slow 1 · 29 s left" in texts


def test_of_a_batch_it_shows_how_many_runs_are_done(executed: Executed):
    texts = [data["text/plain"] for _, _, data in executed.displays["batch"]]
    assert any(text.startswith("0 of 2 runs done") for text in texts)
    assert any(text.startswith("2 of 2 runs done, 1 of them did not complete") for text in texts)


def test_a_notebook_that_is_run_keeps_where_it_came_to_and_a_template_tells_its_runner(kept: Any, tmp_path: Path):
    """In a run nobody watches the notebook: its search tells the runner. A run begun by a notebook is shown there."""
    inner = template(tmp_path / "inner.ipynb", "n: int = 1", "n")
    cells = "n: int = 1", f"import workbench as wb\n\nwb.run({inner!r}, store={str(tmp_path / 'inner-store')!r})"
    done = workflow.run(template(tmp_path / "outer.ipynb", *cells), store=tmp_path / "store")
    assert done.status == "completed", done.reason
    shown = [output.data["text/html"] for output in nbformat.read(done.path / "notebook.ipynb", 4).cells[-1].outputs]
    assert ["wb-live" in block for block in shown] == [True, False]
    assert 'value="1.000"' in shown[0]
    assert "Completed in" in shown[0]

    of_search = kept.runs[0].path
    assert "wb-live" not in (of_search / "notebook.ipynb").read_text()
    events = [json.loads(line) for line in (of_search / "events.jsonl").read_text().splitlines()]
    trying = [event for event in events if event["kind"] == "trying"]
    assert [event["done"] for event in trying] == [0, 1, 2]
    assert {"number", "family", "metric", "best", "by", "planned", "elapsed", "left"} <= set(trying[-1])
