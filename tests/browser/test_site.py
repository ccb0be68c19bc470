"""A site of experiments in a browser, opened from its folder: searched, sorted, read with a keyboard, on a phone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from workbench.documents.experiment import read_manifest, write_manifest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOLDEN = Path(__file__).parents[1] / "golden" / "experiment" / "format-0"
NAMES = {"index": "index.html", "experiment": "experiments/churn/20261121T180003Z-00000003/index.html"}
each_page = pytest.mark.parametrize("name", NAMES)
each_width = pytest.mark.parametrize("width", [1200, 400])
STICKING_OUT = """() => [...document.body.querySelectorAll('*')].filter(one => {
    for (let box = one.parentElement; box; box = box.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return false;
    return one.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve experiments: three names, two metrics, labels, one that failed."""
    from workbench import workflow

    folder: Path = tmp_path_factory.mktemp("a site")
    for number in range(1, 13):
        name = ("price", "farms", "churn")[number % 3 - 1 if number != 3 else 2]
        version = f"20261121T18{number:04d}Z-{number:08x}"
        here = folder / "store" / "experiments" / name / version
        shutil.copytree(GOLDEN, here)
        (here / "manifest.json").unlink()
        golden = read_manifest(GOLDEN)
        value = 0.5 + (7 * number % 12) / 30
        score = {"value": value, "low": value - 0.03, "high": value + 0.03, "higher_is_better": True}
        changes = {
            "ref": f"{name}@{version}",
            "started": f"2026-11-21T18:{number:02d}:00+00:00",
            "labels": {"farm": str(number), "a rather long label": "of a long word " + "w" * 70},
            "scores": {"roc_auc": score} | {k: v for k, v in golden["scores"].items() if k != "roc_auc"},
            "status": "failed" if number == 5 else "completed",
            "reason": "Its table has no column 'power'." if number == 5 else "",
        }
        if number == 5:
            changes |= {"scores": {}, "metric": None}
        write_manifest(here, golden | changes)
    workflow.site(folder=folder / "site", store=folder / "store")
    return folder / "site"


def shown(page: Page) -> list[str]:
    return page.locator("tbody tr:visible a.name").all_inner_texts()


@each_page
def test_loads_nothing_and_complains_of_nothing(name: str, site: Path, visit: Callable) -> None:
    path = site / NAMES[name]
    opened = visit(path)
    assert opened.requests == [path.as_uri()]
    assert opened.complaints == []


def test_all_words_that_are_typed_are_found_and_the_address_keeps_them(site: Path, visit: Callable) -> None:
    opened = visit(site / "index.html")
    page = opened.page
    assert len(shown(page)) == 12
    page.get_by_label("Search").fill("CHURN  farm=3")
    assert shown(page) == ["churn@00000003"]
    assert page.locator("#told").inner_text() == "1 of 12"
    again = visit(page.url).page
    assert shown(again) == ["churn@00000003"]
    again.get_by_label("Search").fill("nobody has this")
    assert shown(again) == []
    assert again.get_by_text("No experiment holds all of these words.").is_visible()
    again.get_by_label("Search").fill("")
    assert len(shown(again)) == 12
    assert opened.complaints == []


def test_a_head_sorts_by_keyboard_and_by_mouse_and_what_is_empty_comes_last(site: Path, visit: Callable) -> None:
    page = visit(site / "index.html").page
    newest = shown(page)
    head = page.get_by_role("columnheader", name="score")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    values = page.locator("tbody tr:visible td:nth-child(2) .value").all_inner_texts()
    assert head.get_attribute("aria-sort") == "ascending"
    assert values == sorted(values, reverse=True)  # the best first
    assert page.locator("tbody tr").last.inner_text().count("Failed") == 1
    head.get_by_role("button").click()
    assert page.locator("tbody tr:visible td:nth-child(2) .value").all_inner_texts() == values[::-1]
    assert page.locator("tbody tr").last.inner_text().count("Failed") == 1
    page.get_by_role("columnheader", name="began (UTC)").get_by_role("button").click()
    assert shown(page) == newest[::-1]


def test_without_javascript_the_table_is_whole_and_offers_nothing_that_does_not_work(
    site: Path, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert len(shown(page)) == 12
    assert not page.get_by_label("Search").is_visible()
    assert page.locator("th button").count() == 0
    context.close()


def test_one_finds_the_way_from_the_table_to_the_report_and_back(site: Path, visit: Callable) -> None:
    page = visit(site / "index.html").page
    page.get_by_role("link", name="churn@00000003").click()
    assert page.get_by_role("heading", level=1).inner_text() == "churn@00000003"
    page.get_by_role("link", name="Read the report").click()
    page.wait_for_url("**/report.html")
    page.go_back()
    page.get_by_role("link", name="Side by side").click()
    page.wait_for_url("**/comparisons/*.html")
    page.get_by_role("link", name="churn@00000003").first.click()
    page.get_by_role("link", name="All experiments").click()
    assert page.url == (site / "index.html").as_uri()


@each_width
@each_page
def test_fits_the_window(name: str, width: int, site: Path, visit: Callable) -> None:
    page = visit(site / NAMES[name], width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT) == []


@each_page
def test_in_a_window_of_a_desktop_nothing_has_to_be_scrolled_sideways(name: str, site: Path, visit: Callable) -> None:
    page = visit(site / NAMES[name]).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    boxes = page.locator(".wb-scroll").all()
    assert boxes
    assert all(box.evaluate("one => one.scrollWidth <= one.clientWidth + 1") for box in boxes)


@each_width
@each_page
def test_axe_finds_nothing_that_keeps_anyone_out(name: str, width: int, site: Path, visit: Callable) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(site / NAMES[name], width=width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    violations = Axe().run(page).response["violations"]
    assert [(one["id"], one["impact"], [node["html"][:150] for node in one["nodes"]]) for one in violations] == []


def test_the_site_of_a_real_run_shows_its_report_without_a_complaint(pages: SimpleNamespace, visit: Callable) -> None:
    from workbench import workflow

    folder = pages.report.parent.parents[2]
    written = workflow.site(folder=folder.parent / "site", store=folder)
    (report,) = written.path.parent.glob("experiments/*/*/report.html")
    assert report.read_bytes() == pages.report.read_bytes()
    opened = visit(report.parent / "index.html")
    opened.page.get_by_role("link", name="Read the report").click()
    opened.page.wait_for_url("**/report.html")
    assert opened.page.locator("img").count() >= 4
    assert opened.complaints == []


def test_what_somebody_wrote_into_an_experiment_does_not_run(tmp_path: Path, visit: Callable) -> None:
    from workbench import workflow
    from workbench.pages.report import report

    act = "document.title='gotcha'"
    evil = f'<img src=x onerror="{act}"><script>{act}</script>'
    shown = report({"cells": []}, title="Calm", facts={})
    shown = shown.replace(
        "</main>", f'<p onmouseover="{act}" onclick="{act}">press</p><img src=x onerror="{act}"></main>'
    )
    here = tmp_path / "store" / "experiments" / "churn" / "20261121T183000Z-1f3ac09e"
    shutil.copytree(GOLDEN, here)
    (here / "report.html").write_text(shown)
    given = {"format": 0, "parameters": {evil: {"value": evil, "source": evil}}}
    (here / "parameters.json").write_text(json.dumps(given))
    write_manifest(here, read_manifest(GOLDEN) | {"labels": {evil: evil}, "author": evil, "template": evil})
    written = workflow.site(folder=tmp_path / "site", store=tmp_path / "store", title="Calm")
    pages = sorted(written.path.parent.rglob("*.html"))
    assert len(pages) == 3
    for path in pages:
        opened = visit(path)
        for paragraph in opened.page.locator("p:visible").all():
            paragraph.click()
        opened.page.wait_for_timeout(200)
        assert opened.page.title() in ("Calm", "churn@20261121T183000Z-1f3ac09e")
        assert [one for one in opened.requests if not one.startswith("file:")] == []
