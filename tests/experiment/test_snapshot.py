"""Whatever a run was given is kept as it was: its tables, byte for byte, and the state of its template's repository."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbench import workflow
from workbench.dataset.examples import example_text
from workbench.documents.redaction import Redactor
from workbench.experiment import Store, objects
from workbench.experiment.capturing import repository as looked_at
from workbench.experiment.capturing.repository import repository, state_of

CSV = "farm,power\n01,3.5\n02,4.5\n"
TABLES = "from workbench import Table\ndata: Table = 'example:wine'\nfirst: Table | None = None\nmore: list[Table] = []"
LOOK = """
import json, os, pathlib
run = json.loads(pathlib.Path(os.environ["WORKBENCH_RUN"], "run.json").read_text())
pathlib.Path("named.json").write_text(json.dumps(run["objects"]))
"""
CHANGE = """
import pathlib
import workbench as wb
{change}
table = wb.read_table(data)
pathlib.Path("read.txt").write_text(f"{{table.frame.shape}} {{table.digest}} {{' '.join(table.notes)}}")
"""


def template(path: Path, parameters: str, code: str = "1 + 1") -> Path:
    cell = nbformat.v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell(code, id="work")]), path)
    return path


def kept(store: Store, entry: dict[str, Any]) -> bytes:
    return objects.place(store, entry["digest"]).read_bytes()


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    (tmp_path / "farms.csv").write_text(CSV)
    return tmp_path / "farms.csv"


def test_every_table_a_run_is_given_is_kept_and_outlives_its_file(store: Store, tmp_path: Path, csv: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("create table customers (id integer, spent real)")
        connection.execute("insert into customers values (1, 0.5), (2, 2.5)")
    connection.close()
    (tmp_path / "more.csv").write_text("a\n1\n")
    values = {"data": str(csv), "first": "example:iris"}
    values["more"] = [str(tmp_path / "more.csv"), f"sqlite:///{tmp_path}/shop.db#customers"]
    done = workflow.run(template(tmp_path / "look.ipynb", TABLES, LOOK), values, store=store.path)
    for file in ("farms.csv", "more.csv", "shop.db"):
        (tmp_path / file).unlink()

    manifest = json.loads((done.path / "manifest.json").read_text())
    named = {(one["role"], one["parameter"], one["name"]): kept(store, one) for one in manifest["objects"]}
    rows = named.pop(("data", "more", "customers.parquet"))
    assert rows.startswith(b"PAR1")
    assert named == {
        ("data", "data", "farms.csv"): CSV.encode(),
        ("data", "first", "iris.csv"): example_text("iris").encode(),
        ("data", "more", "more.csv"): b"a\n1\n",
    }
    assert objects.missing(store, manifest) == []
    assert json.loads((done.path / "outputs" / "named.json").read_text()) == manifest["objects"]
    assert "objects" not in {path.name for path in done.path.iterdir()}


@pytest.mark.parametrize("change", ["pathlib.Path(data).write_text('farm\\n9\\n')", "pathlib.Path(data).unlink()"])
def test_a_file_that_changes_after_the_start_is_read_as_it_was_and_told(
    store: Store, tmp_path: Path, csv: Path, change: str
) -> None:
    made = template(tmp_path / "read.ipynb", TABLES, CHANGE.format(change=change))
    done = workflow.run(made, {"data": str(csv)}, store=store.path)
    assert done.status == "completed"
    entry = json.loads((done.path / "manifest.json").read_text())["objects"][0]
    said = (done.path / "outputs" / "read.txt").read_text()
    assert said.startswith(f"(2, 2) {entry['digest']} The file is not any more what it was when the run began")
    assert kept(store, entry) == CSV.encode()


def test_what_is_changed_in_time_is_not_remarked_upon(store: Store, tmp_path: Path, csv: Path) -> None:
    made = template(tmp_path / "read.ipynb", TABLES, CHANGE.format(change="pathlib.Path(data).touch()"))
    done = workflow.run(made, {"data": str(csv)}, store=store.path)
    assert "any more" not in (done.path / "outputs" / "read.txt").read_text()


def test_many_runs_over_one_table_keep_it_once(store: Store, tmp_path: Path, csv: Path) -> None:
    template(tmp_path / "look.ipynb", f"{TABLES}\nn: int = 0")
    spec = {"template": str(tmp_path / "look.ipynb"), "runs": [{"n": n} for n in range(3)]}
    done = workflow.batch(spec | {"parameters": {"data": str(csv)}}, store=store.path)
    assert done.counts == {"completed": 3}
    files = [path for path in (store.path / "objects").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [CSV.encode()]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A repository in the folder ``farm``, with a commit; every look at it is a new one."""
    monkeypatch.setattr(looked_at, "FRESH", 0.0)
    monkeypatch.setattr(looked_at, "SHARE", 0.0)
    folder = tmp_path / "farm"
    folder.mkdir()
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]

    def command(*words: str) -> str:
        done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    command("init", "--quiet", "--initial-branch=main")
    (folder / ".gitignore").write_text("env/\n")
    (folder / "helper.py").write_text("power = 1\n")
    template(folder / "farm.ipynb", "n: int = 0")
    command("add", ".")
    command("commit", "--quiet", "-m", "first")
    return command


def noted(folder: Path, store: Store, **secrets: str) -> tuple[dict[str, Any] | None, str]:
    told, entries = repository(folder / "farm.ipynb", store, Redactor(secrets))
    assert [(one["role"], one["name"]) for one in entries] == [("changes", "changes.diff")] * len(entries)
    return told, "".join(kept(store, one).decode() for one in entries)


def test_a_run_says_which_commit_its_template_lay_at(git: Callable[..., str], store: Store, tmp_path: Path) -> None:
    git("remote", "add", "origin", "https://ada:hunter2@git.example/farm.git")
    done = workflow.run(tmp_path / "farm" / "farm.ipynb", store=store.path)
    told = json.loads((done.path / "environment" / "git.json").read_text())
    assert told == {
        "format": 1,
        "commit": git("rev-parse", "HEAD"),
        "branch": "main",
        "remote": "https://git.example/farm.git",
        "changed": False,
    }
    assert json.loads((done.path / "manifest.json").read_text())["objects"] == []


def test_a_shipped_template_is_told_by_the_repository_somebody_works_in(
    git: Callable[..., str], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gallery").mkdir()
    template(tmp_path / "gallery" / "look.ipynb", "n: int = 0")
    monkeypatch.setattr(import_module("workbench.template.gallery"), "_shipped_folder", lambda: tmp_path / "gallery")
    monkeypatch.chdir(tmp_path / "farm")
    done = workflow.run("look", store=store.path)
    told = json.loads((done.path / "environment" / "git.json").read_text())
    assert (told["commit"], told["changed"]) == (git("rev-parse", "HEAD"), False)


def test_what_was_not_committed_is_kept_as_a_patch_without_secrets(
    git: Callable[..., str], store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "farm"
    git("config", "diff.noprefix", "true")
    git("config", "diff.context", "0")
    (folder / "helper.py").write_text("power = 2\nkey = 'correct-horse'\n")
    (folder / "new idea.py").write_text("print('not shown')\n")
    told, patch = noted(folder, store, token="correct-horse")
    assert told is not None
    assert told["changed"]
    assert "# Not tracked: new idea.py\n" in patch
    assert "+key = '[secret:token]'" in patch
    assert "not shown" not in patch
    git("checkout", "--quiet", "helper.py")
    (tmp_path / "changes.diff").write_text(patch)
    git("apply", str(tmp_path / "changes.diff"))
    assert (folder / "helper.py").read_text() == "power = 2\nkey = '[secret:token]'\n"


def test_a_store_inside_the_repository_is_no_change(git: Callable[..., str], tmp_path: Path) -> None:
    store = Store(tmp_path / "farm" / "workbench-store").create()
    (store.experiments / "something").write_text("")
    told, patch = noted(tmp_path / "farm", store)
    assert told is not None
    assert (told["changed"], patch) == (False, "")


def test_a_template_that_was_never_committed_is_a_change(git: Callable[..., str], store: Store, tmp_path: Path) -> None:
    (tmp_path / "farm" / "new").mkdir()
    made = template(tmp_path / "farm" / "new" / "other.ipynb", "n: int = 0")
    told, _ = repository(made, store, Redactor())
    assert told is not None
    assert told["changed"]


def test_changes_without_end_are_cut(
    git: Callable[..., str], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looked_at, "LARGEST", 500)
    (tmp_path / "farm" / "helper.py").write_text("x = 1\n" * 1000)
    _, patch = noted(tmp_path / "farm", store)
    assert "# Of the changes the first 500 bytes:" in patch
    assert len(patch) < 1000


def test_a_repository_without_a_commit_or_a_branch_is_told_as_such(
    git: Callable[..., str], store: Store, tmp_path: Path
) -> None:
    git("checkout", "--quiet", "--detach")
    told, _ = noted(tmp_path / "farm", store)
    assert told is not None
    assert (told["branch"], told["commit"]) == (None, git("rev-parse", "HEAD"))
    git("checkout", "--quiet", "--orphan", "fresh")
    git("rm", "--quiet", "-r", "--cached", ".")
    told, _ = noted(tmp_path / "farm", store)
    assert told == {"commit": None, "branch": "fresh", "remote": None, "changed": True}


def test_what_lies_in_no_repository_or_is_ignored_there_has_none(
    git: Callable[..., str], store: Store, tmp_path: Path
) -> None:
    (tmp_path / "farm" / "env").mkdir()
    assert state_of(template(tmp_path / "farm" / "env" / "shipped.ipynb", "n: int = 0")) is None
    assert repository(template(tmp_path / "alone.ipynb", "n: int = 0"), store, Redactor()) == (None, [])


def test_a_broken_repository_does_not_stop_a_run(git: Callable[..., str], store: Store, tmp_path: Path) -> None:
    (tmp_path / "farm" / ".git" / "HEAD").write_text("nothing\n")
    assert repository(tmp_path / "farm" / "farm.ipynb", store, Redactor()) == (None, [])


def test_an_address_that_is_none_does_not_stop_a_run(git: Callable[..., str], store: Store, tmp_path: Path) -> None:
    git("remote", "add", "origin", "https://ada:hunter2@[farm/x.git")
    told, _ = repository(tmp_path / "farm" / "farm.ipynb", store, Redactor())
    assert told is not None
    assert "hunter2" not in told["remote"]


def test_runs_that_begin_together_share_one_look(
    git: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(looked_at, "FRESH", 60.0)
    monkeypatch.setattr(looked_at, "_look", lambda top: asked.append(top))
    for _ in range(100):
        state_of(tmp_path / "farm" / "farm.ipynb")
    assert asked == [tmp_path / "farm"]
