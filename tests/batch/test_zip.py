"""A batch and its runs are one file, taken over whole or not at all."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from workbench import workflow
from workbench.errors import BadArtifact
from workbench.experiment import Store, objects, verify


@pytest.fixture
def packed(place: Any, batch: Callable) -> tuple[Any, Path]:
    done = batch(place.spec(runs=[{"farm": "a"}, {"farm": "b", "breaks": True}], labels=["farm"]))
    return done, workflow.export(done.ref, place.folder / "farms.zip", store=place.store)


def changed(file: Path | io.BytesIO, target: Path | io.BytesIO, change: Callable[[str, bytes], Any]) -> Any:
    """Copy a zip with its members changed; None leaves one out."""
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "w") as copy:
        for name in source.namelist():
            if (found := change(name, source.read(name))) is not None:
                copy.writestr(*found)
    return target


def is_run(name: str, farm: str) -> bool:
    return name.startswith(f"runs/{farm}@") and name.endswith(".zip")


def with_another_square(name: str, data: bytes) -> tuple[str, bytes]:
    """Change the content of one file in one of the runs."""
    if is_run(name, "farms-a"):
        told = lambda one, content: (one, b"2" if one == "outputs/square.txt" else content)  # noqa: E731
        return name, changed(io.BytesIO(data), io.BytesIO(), told).getvalue()
    return name, data


def test_a_batch_travels_with_its_runs_and_on_any_doubt_not_at_all(packed: tuple[Any, Path], tmp_path: Path) -> None:
    done, file = packed
    there = Store(tmp_path / "there")
    assert workflow.import_(file, store=there.path) == done.ref
    kept = workflow.experiments(store=there.path)
    assert {str(one.reference) for one in kept} == {done.ref, *(outcome.ref for outcome in done.outcomes)}
    assert [verify(one) for one in kept] == [[], [], []]
    assert workflow.import_(file, store=there.path) == done.ref  # once more changes nothing

    wrong = {
        "a run is missing": lambda name, data: None if is_run(name, "farms-b") else (name, data),
        "a report is missing": lambda name, data: None if name[-5:] == ".html" and "@" in name else (name, data),
        "a run under another name": lambda name, data: (name.replace("runs/farms-b", "runs/farms-c"), data),
        "a run was changed": with_another_square,
        "the batch was changed": lambda name, data: (name, b"{}" if name == "batch.json" else data),
        "a stranger among the runs": lambda name, data: (name.replace("report.html", "runs/report.html"), data),
        "a file under another name": lambda name, data: (name.replace("runs.csv", "rows.csv"), data),
    }
    for number, (what, change) in enumerate(wrong.items()):
        store = tmp_path / f"store {number}"
        try:
            workflow.import_(changed(file, tmp_path / f"{number}.zip", change), store=store)
        except BadArtifact:
            assert workflow.experiments(store=store) == [], what
        else:
            pytest.fail(f"taken over although {what}")


def test_every_link_of_the_page_leads_to_a_run_s_report_once_the_zip_is_unpacked(
    packed: tuple[Any, Path], place: Any, tmp_path: Path
) -> None:
    done, file = packed
    shutil.rmtree(place.store)
    there = tmp_path / "at a colleague's"
    with zipfile.ZipFile(file) as opened:
        opened.extractall(there)
    links = re.findall(r'href="([^"]+)"', (there / "report.html").read_text())
    assert len(links) == 2
    for link, outcome in zip(sorted(links), sorted(done.outcomes, key=lambda one: one.ref), strict=True):
        assert outcome.ref in (there / unquote(link)).read_text()


def test_the_page_leads_to_its_reports_when_their_experiments_are_gone(packed: tuple[Any, Path], place: Any) -> None:
    done, _ = packed
    for outcome in done.outcomes:
        shutil.rmtree(place.store / "experiments" / outcome.ref.partition("@")[0])
    (kept,) = place.kept("batch")
    links = re.findall(r'href="([^"]+)"', kept.report.read_text())
    assert [(kept.path / unquote(link)).is_file() for link in links] == [True, True]
    assert verify(kept) == []


@pytest.mark.parametrize("refusal", [PermissionError, OSError])
def test_reports_are_copied_where_there_are_no_links(
    place: Any, batch: Callable, monkeypatch: pytest.MonkeyPatch, refusal: type[OSError]
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise refusal

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    done = batch(place.spec(runs=[{"farm": "a"}]))
    (report,) = (done.path / "runs").iterdir()
    (run,) = place.kept("run")
    assert report.read_bytes() == run.report.read_bytes()


def test_no_file_is_overwritten(packed: tuple[Any, Path], place: Any) -> None:
    done, file = packed
    before = file.read_bytes()
    with pytest.raises(BadArtifact, match="exists already"):
        workflow.export(done.ref, file, store=place.store)
    assert file.read_bytes() == before


def test_a_table_of_many_runs_lies_in_the_zip_once(place: Any, batch: Callable, tmp_path: Path) -> None:
    place.template("rows.ipynb", "from workbench import Table\ndata: Table = 'example:iris'\nn: int = 0", "n")
    table = place.folder / place.table("a,b\n1,2\n", "rows.csv")
    done = batch(place.spec(template="rows.ipynb", runs=[{"n": 1}, {"n": 2}], parameters={"data": str(table)}))
    file = workflow.export(done.ref, place.folder / "rows.zip", store=place.store)
    with zipfile.ZipFile(file) as packed:
        (member,) = [name for name in packed.namelist() if name.startswith("objects/")]
        assert packed.read(member) == b"a,b\n1,2\n"
    there = Store(tmp_path / "there")
    workflow.import_(file, store=there.path)
    assert [objects.missing(there, one.manifest) for one in workflow.experiments(store=there.path)] == [[], [], []]

    spoilt = changed(file, tmp_path / "spoilt.zip", lambda name, data: (name, b"3" if name == member else data))
    with pytest.raises(BadArtifact, match=r"objects/sha256/.* was changed"):
        workflow.import_(spoilt, store=tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()

    bare = workflow.export(done.ref, place.folder / "bare.zip", without_data=True, store=place.store)
    with zipfile.ZipFile(bare) as packed:
        assert not [name for name in packed.namelist() if name.startswith("objects/")]
        assert [name for name in packed.namelist() if name.endswith(".html")] == ["report.html"]  # of what it tells
    assert workflow.import_(bare, store=tmp_path / "bare") == done.ref
