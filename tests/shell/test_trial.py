"""`workbench trial` writes one trial of a search as a notebook, and refuses in one line what it cannot write."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from click.testing import CliRunner
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from workbench import __version__
from workbench.automl.searching.studies import JOURNAL
from workbench.cli.commands import workbench
from workbench.experiment import load
from workbench.workflow import experiments


def asked(kept, *arguments: str):
    return CliRunner().invoke(
        workbench, ["trial", *arguments, "--store", str(kept.store)], obj=0.0, standalone_mode=False
    )


def test_a_trial_is_written_where_it_was_wanted(kept, tmp_path: Path):
    file = tmp_path / "two.ipynb"
    done = asked(kept, kept.runs[0].ref, "2", "-o", str(file), "--json")
    assert done.exception is None
    assert json.loads(done.output) == {"path": str(file), "note": ""}
    cells = json.loads(file.read_text())["cells"]
    assert "Trial 2 of the search for Churn" in cells[0]["source"]
    assert any(str(kept.csv) in cell["source"] for cell in cells)


def test_what_another_version_made_is_told_in_the_notebook_and_by_the_command(kept, tmp_path: Path):
    made = kept.runs[0].path
    store = tmp_path / "store"
    moved = store / made.relative_to(kept.store)
    shutil.copytree(made, moved)
    said = moved / "environment" / "workbench.json"
    said.write_text(json.dumps(json.loads(said.read_text()) | {"version": "0.0.7", "commit": "5d0d9cbcf1e0fc39"}))
    (tmp_path / "second").mkdir()
    first, second = tmp_path / "first.ipynb", tmp_path / "second" / "it.ipynb"
    done = asked(SimpleNamespace(store=store), kept.runs[0].ref, "1", "-o", str(first))
    assert done.exception is None
    heading = json.loads(first.read_text())["cells"][0]["source"]
    for told in (done.output.replace("\n", " "), heading):
        assert "made by workbench 0.0.7 (commit 5d0d9cbc)" in told
        assert f"written by {__version__}" in told
    note = json.loads(asked(SimpleNamespace(store=store), kept.runs[0].ref, "1", "-o", str(second), "--json").output)
    assert note["note"] in heading
    assert "0.0.7" in note["note"]


def test_without_a_name_it_is_called_by_experiment_and_trial(kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = asked(kept, kept.runs[0].ref, "1")
    assert done.exception is None
    assert (tmp_path / "churn-trial-1.ipynb").is_file()
    assert "jupyter lab churn-trial-1.ipynb" in done.output


def test_the_winner_is_kept_with_every_experiment(kept):
    for experiment in experiments(store=kept.store):
        assert (experiment.path / "winner.ipynb").is_file()


def test_the_studies_of_an_experiment_open_as_optuna_dashboard_opens_them_and_stay_as_they_were(kept):
    made = kept.runs[0].path
    before = (made / JOURNAL).read_bytes()
    storage = JournalStorage(JournalFileBackend(str(made / JOURNAL)))
    studies = [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]
    told = {
        trial.user_attrs["number"]: trial.value for one in studies for trial in one.trials if trial.value is not None
    }
    assert told == {trial["number"]: pytest.approx(-trial["score"]) for trial in load(made).trials()}
    assert (made / JOURNAL).read_bytes() == before


@pytest.mark.parametrize(("number", "told"), [("99", "There is no trial '99'"), ("1", "is there already")])
def test_what_cannot_be_written_is_refused_in_one_line(kept, tmp_path: Path, number: str, told: str):
    file = tmp_path / "mine.ipynb"
    file.write_text("mine")
    done = asked(kept, kept.runs[0].ref, number, "-o", str(file))
    assert told in str(done.exception)
    assert "\n" not in str(done.exception)
    assert file.read_text() == "mine"
