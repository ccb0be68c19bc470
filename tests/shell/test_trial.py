"""`workbench trial` writes one trial of a search as a notebook, and refuses in one line what it cannot write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli.commands import workbench
from workbench.workflow import experiments


def asked(kept, *arguments: str):
    return CliRunner().invoke(
        workbench, ["trial", *arguments, "--store", str(kept.store)], obj=0.0, standalone_mode=False
    )


def test_a_trial_is_written_where_it_was_wanted(kept, tmp_path: Path):
    file = tmp_path / "two.ipynb"
    done = asked(kept, kept.runs[0].ref, "2", "-o", str(file), "--json")
    assert done.exception is None
    assert json.loads(done.output) == {"path": str(file)}
    cells = json.loads(file.read_text())["cells"]
    assert "Trial 2 of the search for Churn" in cells[0]["source"]
    assert any(str(kept.csv) in cell["source"] for cell in cells)


def test_without_a_name_it_is_called_by_experiment_and_trial(kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    done = asked(kept, kept.runs[0].ref, "1")
    assert done.exception is None
    assert (tmp_path / "churn-trial-1.ipynb").is_file()
    assert "jupyter lab churn-trial-1.ipynb" in done.output


def test_the_winner_is_kept_with_every_experiment(kept):
    for experiment in experiments(store=kept.store):
        assert "winner.ipynb" in {entry["name"] for entry in experiment.manifest["files"]}


@pytest.mark.parametrize(("number", "told"), [("99", "There is no trial '99'"), ("1", "is there already")])
def test_what_cannot_be_written_is_refused_in_one_line(kept, tmp_path: Path, number: str, told: str):
    file = tmp_path / "mine.ipynb"
    file.write_text("mine")
    done = asked(kept, kept.runs[0].ref, number, "-o", str(file))
    assert told in str(done.exception)
    assert "\n" not in str(done.exception)
    assert file.read_text() == "mine"
