"""A site of experiments: whole, harmless whoever made them, and written again without touching what is not its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat.v4 as v4
import pytest

from workbench import workflow
from workbench.documents.experiment import read_manifest, write_manifest
from workbench.errors import BadOutput, BadReference
from workbench.experiment.capturing.capture import entries
from workbench.pages.experiment import experiment_page
from workbench.pages.report import report

GOLDEN = Path(__file__).parents[1] / "golden" / "experiment" / "format-0"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>&"
SECRET = "Ms-Smith-of-row-4711"


def kept(store: Path, number: int = 1, *, name: str = "churn", files: Mapping[str, str] = {}, **changes: Any) -> str:
    """Put an experiment into a store, as an import would: the golden one, with some of it changed."""
    version = f"20261121T18{number:04d}Z-{number:08x}"
    folder = store / "experiments" / name / version
    shutil.copytree(GOLDEN, folder)
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content)
    (folder / "manifest.json").unlink()
    told = read_manifest(GOLDEN) | {"ref": f"{name}@{version}", "files": entries(folder), **changes}
    write_manifest(folder, told)
    return f"{name}@{version}"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "my store"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "the site"


def page_of(folder: Path, ref: str) -> str:
    return (folder / "experiments" / ref.replace("@", "/") / "index.html").read_text()


def links(page: Path) -> Iterator[str]:
    for link in re.findall(r'href="([^"]*)"', page.read_text()):
        yield unescape(link).partition("#")[0]


def every_link_leads_somewhere(folder: Path) -> bool:
    found = [(page, link) for page in folder.rglob("*.html") for link in links(page) if "://" not in link]
    assert found
    return all(not link or (page.parent / unquote(link)).is_file() for page, link in found)


def test_the_first_page_leads_to_every_experiment_newest_first(store: Path, folder: Path) -> None:
    refs = [kept(store, 1), kept(store, 2, status="failed", reason="It broke."), kept(store, 3, name="price")]
    written = workflow.site(folder=folder, store=store)
    assert written.path == folder / "index.html"
    assert written.experiments == 3
    index = written.path.read_text()
    places = [index.index(f'title="{ref}"') for ref in reversed(refs)]
    assert places == sorted(places)
    assert "It broke." in page_of(folder, refs[1])
    assert every_link_leads_somewhere(folder)


def test_a_page_tells_scores_checks_parameters_files_and_leads_to_the_report(store: Path, folder: Path) -> None:
    ref = kept(store)
    workflow.site(folder=folder, store=store)
    page = page_of(folder, ref)
    for told in (
        "0.950",
        "The column country is constant.",
        "60s",
        "typed",
        "farm=17",
        "ada",
        "customers.csv",
        "template.ipynb",
    ):
        assert told in page
    here = folder / "experiments" / ref.replace("@", "/")
    assert (here / "template.ipynb").read_bytes() == (GOLDEN / "template.ipynb").read_bytes()
    assert (here / "report.html").is_file()
    assert 'href="report.html"' in page


def test_a_plain_name_is_all_of_that_name_and_a_reference_is_one(store: Path, folder: Path) -> None:
    one, other, third = kept(store, 1), kept(store, 2), kept(store, 3, name="price")
    assert workflow.site("churn", folder=folder, store=store).experiments == 2
    written = workflow.site(one, "price", folder=folder, store=store)
    index = written.path.read_text()
    assert (one in index, other in index, third in index) == (True, False, True)


def test_a_batch_brings_its_runs_and_its_report_leads_to_their_pages(store: Path, folder: Path) -> None:
    run, gone = kept(store, 1, name="farms-1"), "farms-2@20261121T180002Z-00000002"
    told = f'<p><a href="runs/{run}.html">one</a> <a href="runs/{gone}.html">gone</a></p>'
    batch = kept(store, 3, name="farms", kind="batch", children=[run, gone, "../../x@y"], files={"report.html": told})
    assert workflow.site(batch, folder=folder, store=store).experiments == 2
    assert f'href="../../../experiments/{run.replace("@", "/")}/index.html"' in page_of(folder, batch)
    assert every_link_leads_somewhere(folder)


def test_those_measured_alike_are_set_side_by_side(store: Path, folder: Path) -> None:
    refs = [kept(store, number) for number in (1, 2)]
    kept(store, 3, name="price", data={"digest": "sha256:" + "0" * 64, "rows": 7, "time_range": None})
    workflow.site(folder=folder, store=store)
    (page,) = (folder / "comparisons").iterdir()
    assert all(ref.rpartition("-")[2] in page.read_text() for ref in refs)
    assert page.name in (folder / "index.html").read_text()
    assert page.name in page_of(folder, refs[0])


def test_a_run_made_again_is_not_set_beside_its_original(store: Path, folder: Path) -> None:
    original = kept(store, 1)
    again = kept(store, 2, kind="reproduction", parents=[original])
    assert workflow.site(folder=folder, store=store).experiments == 2
    assert not (folder / "comparisons").exists()
    kept(store, 3)
    workflow.site(folder=folder, store=store)
    (page,) = (folder / "comparisons").iterdir()
    assert again.rpartition("-")[2] not in page.read_text()


@pytest.mark.parametrize("children", [7, [7], "churn", {"a": 1}, None])
def test_an_experiment_that_names_runs_as_none_of_ours_does_is_shown(store: Path, folder: Path, children: Any) -> None:
    ref = kept(store, kind="batch", children=children)
    assert workflow.site(folder=folder, store=store).experiments == 1
    assert "Scores" in page_of(folder, ref)


def test_the_page_of_an_experiment_that_was_damaged_is_made_again_when_it_is_whole(store: Path, folder: Path) -> None:
    ref = kept(store)
    checks = store / "experiments" / ref.replace("@", "/") / "checks.json"
    whole = checks.read_bytes()
    checks.write_text("{")
    workflow.site(folder=folder, store=store)
    assert "cannot be read" in page_of(folder, ref)
    checks.write_bytes(whole)
    workflow.site(folder=folder, store=store)
    assert "cannot be read" not in page_of(folder, ref)


def test_words_of_strangers_are_words_everywhere(store: Path, folder: Path) -> None:
    checks = [{"name": EVIL, "columns": [EVIL], "level": "warn", "message": EVIL}]
    task = json.loads((GOLDEN / "task.json").read_text()) | {"target": EVIL, "data": {"source": f"/x/{EVIL}"}}
    files = {
        "checks.json": json.dumps({"format": 0, "checks": checks}),
        "parameters.json": json.dumps({"format": 0, "parameters": {EVIL: {"value": EVIL, "source": EVIL}}}),
        "task.json": json.dumps(task),
        "environment/python.json": json.dumps({"format": 0, "python": EVIL, "packages": {EVIL: EVIL}}),
    }
    evil = {"labels": {EVIL: EVIL}, "author": EVIL, "template": EVIL, "reason": EVIL, "status": EVIL}
    kept(store, 1, files=files, **evil)
    kept(store, 2, files=files, labels={EVIL: EVIL})
    kept(store, 3, files=files, labels={EVIL: EVIL})
    workflow.site(folder=folder, store=store, title=EVIL)
    pages = [page for page in folder.rglob("*.html") if page.name != "report.html"]
    assert len(pages) == 5
    for page in pages:
        text = page.read_text()
        assert "&lt;script&gt;" in text
        assert text.count("<script>") == (page.name == "index.html" and page.parent == folder)
        assert "<img src=x" not in text


def test_only_the_script_that_the_policy_names_runs(store: Path, folder: Path) -> None:
    ref = kept(store)
    workflow.site(folder=folder, store=store)
    index = unescape((folder / "index.html").read_text())
    (script,) = re.findall(r"<script>(.*?)</script>", index, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert re.findall(r"script-src ([^;\"]*)", index) == [f"'sha256-{digest}'"]
    assert "script-src" not in page_of(folder, ref)


NOTEBOOK = v4.new_notebook(
    cells=[v4.new_markdown_cell("# Who leaves\n\n| a |\n|---|\n| 1 |"), v4.new_code_cell("a < b")]
)
REPORT = report(NOTEBOOK, title="Who leaves", facts={"status": "completed"})


def test_a_report_of_ours_is_taken_over_as_it_is(store: Path, folder: Path) -> None:
    ref = kept(store, files={"report.html": REPORT})
    workflow.site(folder=folder, store=store)
    assert (folder / "experiments" / ref.replace("@", "/") / "report.html").read_text() == REPORT


@pytest.mark.parametrize(
    "html",
    [
        REPORT.replace("</main>", "<script>alert('gotcha')</script></main>"),
        REPORT.replace("</main>", "<iframe src='http://127.0.0.1:9/gotcha'></iframe></main>"),
        REPORT.replace("</main>", "<META http-equiv='refresh' content='0;url=http://127.0.0.1:9/gotcha'></main>"),
        REPORT.replace("</main>", '<meta name="a" content="b>" http-equiv="refresh" content="0;gotcha"></main>'),
        REPORT.replace("</main>", "<svg><a href='gotcha'></a></svg></main>"),
        REPORT.replace("<title>", "<link rel='dns-prefetch' href='//gotcha'><title>"),
        "<form action='http://127.0.0.1:9/gotcha'><p>Who leaves</p>",
    ],
)
def test_a_report_that_could_do_something_is_cleaned(html: str, store: Path, folder: Path) -> None:
    ref = kept(store, files={"report.html": html})
    workflow.site(folder=folder, store=store)
    shown = (folder / "experiments" / ref.replace("@", "/") / "report.html").read_text()
    assert "gotcha" not in shown
    assert ref in shown


@pytest.mark.parametrize("html", [REPORT.replace("&#39;none&#39;", "*"), "<p>Who leaves</p>", f"\ufeff{REPORT}"])
def test_a_report_without_our_policy_is_put_under_it(html: str, store: Path, folder: Path) -> None:
    ref = kept(store, files={"report.html": html})
    workflow.site(folder=folder, store=store)
    shown = unescape((folder / "experiments" / ref.replace("@", "/") / "report.html").read_text())
    assert re.search(r'Content-Security-Policy" content="([^"]*)"', shown)[1].startswith("default-src 'none'; ")
    assert "Who leaves" in shown


def test_a_policy_with_something_added_is_not_ours(store: Path, folder: Path) -> None:
    html = REPORT.replace(
        "form-action &#39;none&#39;", "form-action &#39;none&#39;; script-src &#39;unsafe-inline&#39;"
    )
    assert html != REPORT
    ref = kept(store, files={"report.html": html})
    workflow.site(folder=folder, store=store)
    shown = unescape((folder / "experiments" / ref.replace("@", "/") / "report.html").read_text())
    assert "script-src" not in re.search(r'Content-Security-Policy" content="([^"]*)"', shown)[1]


def test_without_the_data_no_value_of_it_is_anywhere(store: Path, folder: Path) -> None:
    checks = [{"name": "mixed", "columns": ["tenure"], "level": "warn", "message": f"Such as {SECRET}."}]
    task = json.loads((GOLDEN / "task.json").read_text()) | {"classes": ["No", SECRET]}
    given = {"target": "Churn", "budget": "60s", "positive": SECRET, "missing": SECRET, "costs": {SECRET: 1}, "seed": 7}
    given["metric"] = "roc_auc"
    properties = {
        "target": {"type": "string", "x-workbench": "column"},
        "budget": {"type": "string", "x-workbench": "duration"},
        "positive": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }
    files = {
        "checks.json": json.dumps({"format": 0, "checks": checks}),
        "task.json": json.dumps(task),
        "parameters.json": json.dumps(
            {"format": 0, "parameters": {name: {"value": value, "source": "-p"} for name, value in given.items()}}
        ),
        "parameters.schema.json": json.dumps({"properties": properties}),
        "report.html": SECRET, "notebook.ipynb": SECRET, "winner.ipynb": SECRET, "trials.jsonl": SECRET,
        "data/profile.json": SECRET, "outputs/forecast.csv": SECRET, "model/golden.json": SECRET,
    }  # fmt: skip
    refs = [kept(store, number, files=files) for number in (1, 2)]
    kept(store, 3, files=files, status="failed", reason=f"could not read {SECRET!r}")
    workflow.site(folder=folder, store=store, without_data=True)
    files_with = [one for one in folder.rglob("*") if one.is_file() and SECRET in one.read_text()]
    assert files_with == []
    page = page_of(folder, refs[0])
    assert "60s" in page
    assert re.search(r"metric +roc_auc +typed", re.sub(r"<[^>]*>|\s+", " ", page))  # its scores name it, too
    assert "Without the data" in page
    assert "0.950" in page
    assert every_link_leads_somewhere(folder)
    assert SECRET in read_all(workflow.site(folder=folder, store=store).path.parent)


def read_all(folder: Path) -> str:
    return "".join(one.read_text() for one in folder.rglob("*") if one.is_file())


def test_written_again_only_what_differs_is_written(store: Path, folder: Path) -> None:
    refs = [kept(store, number) for number in (1, 2)]
    workflow.site(folder=folder, store=store)
    before = {one: one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file()}
    written = workflow.site(folder=folder, store=store).written
    after = {one: one.stat().st_mtime_ns for one in folder.rglob("*") if one.is_file()}
    changed = {one.name for one in before if before[one] != after[one]}
    assert changed <= {"index.html", "site.json"}
    assert written.new <= 1  # the first page says when
    kept(store, 3)
    workflow.site(folder=folder, store=store)
    assert page_of(folder, refs[0])


def test_the_page_of_an_experiment_is_made_again_only_when_it_says_something_else(
    store: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(entry: Any, *details: Any, **home: Any) -> str:
        made.append(entry.ref)
        return experiment_page(entry, *details, **home)

    monkeypatch.setattr("workbench.pages.experiment.experiment_page", counted)
    one, other = kept(store, 1, name="one"), kept(store, 2, name="other", metric="f1")
    workflow.site(folder=folder, store=store)
    assert sorted(made) == [one, other]
    workflow.note(one, "Look at this.", store=store)
    batch = kept(store, 3, name="farms", kind="batch", children=[other], scores={})
    workflow.site(folder=folder, store=store)
    assert sorted(made[2:]) == [batch, one]
    assert "Look at this." in page_of(folder, one)
    workflow.tag(other, "best", store=store)
    workflow.site(folder=folder, store=store)
    assert sorted(made[4:]) == [batch, other]  # the page of the batch shows it, too
    assert "best" in page_of(folder, batch)


def test_what_is_no_longer_asked_for_goes_and_what_is_not_its_own_stays(store: Path, folder: Path) -> None:
    refs = [kept(store, number) for number in (1, 2)]
    workflow.site(folder=folder, store=store)
    gone = folder / "experiments" / refs[1].replace("@", "/")
    (folder / ".git").mkdir()
    (folder / "CNAME").write_text("experiments.example.org")
    (gone / "scores.json").write_text("mine now")
    written = workflow.site(refs[0], folder=folder, store=store).written
    assert [one.name for one in gone.iterdir()] == ["scores.json"]
    assert written.removed > 5
    assert not (folder / "comparisons").exists()
    assert (folder / "CNAME").exists()
    assert (folder / ".git").is_dir()
    assert every_link_leads_somewhere(folder)


@pytest.mark.parametrize(
    "hold",
    [
        lambda folder: folder.write_text("a file"),
        lambda folder: (folder.mkdir(), (folder / "thesis.tex").write_text("mine")),
        lambda folder: (folder.mkdir(), (folder / "site.json").write_text('{"theme": "blue"}')),
        lambda folder: (folder.mkdir(), (folder / "site.json").write_text("not JSON")),
        lambda folder: (folder.mkdir(), (folder / "site.json").write_text(leading_out)),
    ],
)
def test_a_folder_that_holds_something_else_is_refused_and_stays_as_it_was(
    hold: Callable[[Path], Any], store: Path, folder: Path
) -> None:
    kept(store)
    hold(folder)
    before = {one: one.read_bytes() for one in [folder, *folder.rglob("*")] if one.is_file()}
    with pytest.raises(BadOutput, match="Name a new or empty folder"):
        workflow.site(folder=folder, store=store)
    assert {one: one.read_bytes() for one in [folder, *folder.rglob("*")] if one.is_file()} == before


leading_out = json.dumps({"format": 0, "kind": "site", "maker": "", "files": {"../thesis.tex": {"digest": ""}}})


def test_a_file_of_somebody_in_the_way_is_refused(store: Path, folder: Path) -> None:
    kept(store, 1)
    workflow.site(folder=folder, store=store)
    ref = kept(store, 2)
    mine = folder / "experiments" / ref.replace("@", "/") / "index.html"
    mine.parent.mkdir()
    mine.write_text("mine")
    before = read_all(folder)
    with pytest.raises(BadOutput, match="in the way"):
        workflow.site(folder=folder, store=store)
    assert read_all(folder) == before


def test_a_link_that_leads_out_of_the_site_is_refused(store: Path, folder: Path, tmp_path: Path) -> None:
    kept(store)
    workflow.site(folder=folder, store=store)
    shutil.move(folder / "experiments", tmp_path / "elsewhere")
    (folder / "experiments").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadOutput, match="leads elsewhere"):
        workflow.site(folder=folder, store=store)


def test_nothing_of_a_link_in_an_experiment_is_shown(store: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text(SECRET)
    ref = kept(store)
    for name in ("template.ipynb", "report.html"):
        file = store / "experiments" / ref.replace("@", "/") / name
        file.unlink()
        file.symlink_to(tmp_path / "passwords")
    workflow.site(folder=folder, store=store)
    assert SECRET not in read_all(folder)


@pytest.mark.parametrize("after", [1, 3, 7])
def test_a_writer_that_was_stopped_half_way_leaves_a_site_that_can_be_finished(
    after: int, store: Path, folder: Path
) -> None:
    def stop(done: int, total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    old = kept(store, 1)
    workflow.site(folder=folder, store=store)
    index = (folder / "index.html").read_bytes()
    kept(store, 2, name="price")
    with pytest.raises(KeyboardInterrupt):
        workflow.site("price", folder=folder, store=store, told=stop)
    assert (folder / "index.html").read_bytes() == index
    assert every_link_leads_somewhere(folder)  # the old site stands until the new one does
    workflow.site("price", folder=folder, store=store)
    assert not (folder / "experiments" / old.replace("@", "/")).exists()
    assert every_link_leads_somewhere(folder)


def test_a_damaged_experiment_is_left_out_by_name_and_a_damaged_document_is_said(store: Path, folder: Path) -> None:
    damaged, partly = kept(store, 1), kept(store, 2, files={"checks.json": '{"format": 0, "checks": [7]}'})
    (store / "experiments" / damaged.replace("@", "/") / "manifest.json").write_text("{")
    written = workflow.site(folder=folder, store=store)
    assert list(written.left_out) == [damaged]
    assert written.experiments == 1
    assert "Its checks cannot be read." in page_of(folder, partly)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "batch", "children": [[], 7, "../../x@y"]},
        {"template": "", "author": ""},
        {"labels": {"": ""}, "parents": ["x"], "resources": {}},
        {"status": "upside_down", "reason": "x" * 5000},
    ],
)
def test_a_manifest_with_odd_values_makes_a_page_too(changes: dict[str, Any], store: Path, folder: Path) -> None:
    ref = kept(store, 1, **changes)
    kept(store, 2)
    assert workflow.site(folder=folder, store=store).experiments == 2
    assert ref in page_of(folder, ref)


def test_nothing_to_show_is_refused(store: Path, folder: Path) -> None:
    with pytest.raises(BadReference, match="no experiment"):
        workflow.site(folder=folder, store=store)
    kept(store)
    with pytest.raises(BadReference, match="matches no experiment"):
        workflow.site("chrun", folder=folder, store=store)
    assert not folder.exists()


def test_the_command_tells_where_the_site_is_and_refuses_in_one_line(
    workbench: Callable[..., Any], store: Path, tmp_path: Path
) -> None:
    kept(store)
    said = workbench("site", "public", "--store", store)
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == "public/index.html"
    told = json.loads(workbench("site", "churn", "public", "--store", store, "--json").out)
    assert told["experiments"] == 1
    assert set(told["files"]) == {"new", "same", "removed"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    refused = workbench("site", "other", "--store", store)
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)
