"""Notebooks that other runners are tested with, run here: papermill's own, and what nbclient's are there to prove.

cases.toml says what each must come to; the runs are shared by all tests of this file, several at a time in threads.
"""

from __future__ import annotations

import re
from datetime import datetime
from importlib import metadata

import nbformat

from workbench.documents.files import read_json


def fits(pattern, text):
    return re.fullmatch(re.escape(pattern).replace("…", ".*"), text, re.DOTALL) is not None


def test_every_notebook_of_the_installed_papermill_is_in_the_table(cases, papermills, papermill_version):
    found = {str(path.relative_to(papermills)) for path in papermills.rglob("*.ipynb")}
    assert found == {case.name for case in cases if case.section == "papermill"}
    assert metadata.version("papermill") == papermill_version


def test_a_run_ends_as_the_table_says(case, ended):
    run = ended(case)
    assert run.status == case.status, run.reason
    assert fits(case.reason, run.reason), run.reason
    assert run.cell == (None if case.failed is None else case.failed - 1)


def test_each_cell_is_marked_as_what_became_of_it(executed, ended, marks):
    notebook = ended(executed).notebook
    expected = {"failed": executed.failed, "pending": list(executed.pending)}
    assert marks(notebook) == {name: value for name, value in expected.items() if value}
    assert notebook.metadata.papermill.exception is (executed.status != "completed" or None)
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.papermill.status == "pending":
            assert (cell.execution_count, cell.outputs, cell.metadata.get("execution")) == (None, [], None)


def test_each_cell_shows_what_the_table_says(executed, ended):
    for number, cell in enumerate(ended(executed).notebook.cells, 1):
        shown = [in_words(output) for output in cell.get("outputs", [])]
        expected = executed.shows.get(str(number), [])
        expected = [pattern.removeprefix("?") for pattern in expected if pattern[0] != "?" or may_be(pattern, shown)]
        assert len(shown) == len(expected), (number, shown)
        for pattern, text in zip(expected, shown, strict=True):
            assert fits(pattern, text), (number, text)


def may_be(pattern, shown):
    return any(fits(pattern.removeprefix("?"), text) for text in shown)


def in_words(output):
    if output.output_type == "stream":
        return f"{output.name}: {output.text}"
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return ", ".join(f"{kind}: {''.join(data)}" for kind, data in output.data.items())


def test_what_a_run_leaves_behind_agrees_with_itself(executed, ended):
    run = ended(executed)
    nbformat.validate(run.notebook)
    assert (run.notebook.nbformat, run.notebook.nbformat_minor >= 5) == (4, True)
    assert run.folder.template.read_bytes() == run.template
    record = run.folder.read()
    assert (record.status, record.reason, record.cell) == (run.status, run.reason, run.cell)
    assert record.ended >= record.started
    assert run.told == tuple(run.folder.heard())
    last = run.told[-1]
    assert (last["kind"], last["state"], last["status"], last["reason"]) == ("run", "ended", run.status, run.reason)


def test_widgets_are_kept_in_the_notebook(executed, ended):
    kept = ended(executed).notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    states = {name: widget["state"] for name, widget in kept.get("state", {}).items()}
    assert {name: state.get("value", state.get("outputs")) for name, state in states.items()} == executed.widgets


def test_the_notebook_says_when_each_cell_ran(executed, ended):
    for number, cell in enumerate(ended(executed).notebook.cells, 1):
        times = cell.metadata.get("execution", {})
        if str(number) in executed.seconds:
            begin, end = (datetime.fromisoformat(times[f"{at}"]) for at in ("iopub.execute_input", "iopub.status.idle"))
            assert (end - begin).total_seconds() >= executed.seconds[str(number)]
        if cell.cell_type == "code" and cell.execution_count is not None and executed.status == "completed":
            assert "iopub.execute_input" in times


def test_a_refused_run_began_nothing(case, ended):
    if case.status == "refused":
        run = ended(case)
        assert not run.folder.notebook.exists()
        assert read_json(run.folder.record_file)["status"] == "running"  # for its caller to remove
        assert list(run.folder.heard()) == []


def test_papermill_comes_to_what_the_table_says(compared, papermill_ended):
    assert papermill_ended(compared) == compared.in_papermill
