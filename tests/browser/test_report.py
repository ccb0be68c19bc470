"""The pages of a real run, as a browser shows them: complete, harmless, and readable by everyone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nbformat.v4 as v4
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

each_page = pytest.mark.parametrize("name", ["report", "comparison", "difference", "leaderboard", "batch"])
each_width = pytest.mark.parametrize("width", [1200, 400])

# What sticks out of the window: an element that lies in a box with a scroll bar of its own may.
STICKING_OUT = """() => [...document.body.querySelectorAll('*')].filter(one => {
    for (let box = one.parentElement; box; box = box.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return false;
    return one.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map(one => one.outerHTML.slice(0, 120))"""

# WCAG 2.2, 1.4.3: the ratio of luminances of a text and of the first opaque ground under it.
CONTRASTS = """() => {
    const parts = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => parts(color).slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = one => {
        for (; one; one = one.parentElement) {
            const color = getComputedStyle(one).backgroundColor;
            if (parts(color)[3] !== 0) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    return [...document.querySelectorAll('p, li, td, th, dt, dd, h1, h2, h3')]
        .filter(one => one.innerText.trim())
        .map(one => [one.innerText.slice(0, 40), light(getComputedStyle(one).color), light(ground(one))])
        .map(([text, ink, ground]) => ({text, darkOnLight: ink < ground,
            ratio: (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05)}));
}"""

# A box that tells something by its colour alone, such as an interval's bar: printing leaves grounds out unless told.
WOULD_NOT_PRINT = """() => [...document.querySelectorAll('main *')].filter(one =>
    !one.innerText.trim() && one.tagName !== 'IMG' && one.offsetWidth && one.offsetHeight
    && getComputedStyle(one).backgroundColor !== 'rgba(0, 0, 0, 0)'
    && getComputedStyle(one).printColorAdjust !== 'exact').map(one => one.outerHTML)"""

# What someone may have hidden in a column name or a cell.
EVIL = """<script>document.title = 'taken'</script>
<img src="x" onerror="document.title = 'taken'"> <img src="http://127.0.0.1:9/pixel.png">
<svg onload="document.title = 'taken'"><script>document.title = 'taken'</script></svg>
<iframe srcdoc="<script>parent.document.title = 'taken'</script>"></iframe>
<link rel="stylesheet" href="http://127.0.0.1:9/a.css"> <base href="http://127.0.0.1:9/">
<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/">
<style>@import url(http://127.0.0.1:9/b.css); body { background: url(http://127.0.0.1:9/c.png); }</style>
<p style="background: url(http://127.0.0.1:9/d.png)">text</p>
<form action="http://127.0.0.1:9/"><button>press</button></form>
<a href="javascript:document.title = 'taken'">follow</a> <a href="data:text/html,taken">follow</a>"""


@each_page
def test_loads_nothing_and_complains_of_nothing(name: str, pages: SimpleNamespace, visit: Callable) -> None:
    path = getattr(pages, name)
    opened = visit(path)
    assert opened.requests == [path.as_uri()]
    assert opened.complaints == []
    assert opened.page.evaluate("document.scripts.length") == 0


def test_runs_nothing_whatever_the_notebook_holds(visit: Callable, tmp_path: Path) -> None:
    from workbench.pages.report import report

    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="top.document.title = 1"><script>alert(1)</script></svg>'
    data: list[dict[str, Any]] = [
        {"text/html": EVIL}, {"image/svg+xml": svg}, {"text/markdown": EVIL}, {"application/javascript": "alert(1)"},
    ]  # fmt: skip
    outputs = [v4.new_output("display_data", data=one) for one in data]
    cells = [v4.new_markdown_cell(EVIL), v4.new_code_cell(EVIL, outputs=outputs)]
    path = tmp_path / "evil.html"
    path.write_text(report(v4.new_notebook(cells=cells), title="Evil", facts={"reason": EVIL}))

    opened = visit(path)
    opened.page.on("dialog", lambda dialog: opened.complaints.append("dialog") or dialog.dismiss())
    for thing in opened.page.locator(":is(main a, button):visible").all():
        thing.click(no_wait_after=True)
    opened.page.wait_for_timeout(200)  # what would run or load would have begun by now
    assert opened.page.title() == "Evil"
    assert opened.requests == [path.as_uri()]
    assert "dialog" not in opened.complaints


def test_every_picture_has_loaded_and_says_in_words_what_it_shows(pages: SimpleNamespace, visit: Callable) -> None:
    pictures = visit(pages.report).page.locator("img").all()
    assert len(pictures) >= 4
    assert all(picture.evaluate("one => one.complete && one.naturalWidth > 0") for picture in pictures)
    assert all(picture.bounding_box()["width"] > 400 for picture in pictures)
    words = [picture.get_attribute("alt") or "" for picture in pictures]
    assert len(set(words)) == len(words)
    assert all(len(text.split()) >= 6 for text in words), words


@each_width
@each_page
def test_fits_the_window(name: str, width: int, pages: SimpleNamespace, visit: Callable) -> None:
    page = visit(getattr(pages, name), width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(STICKING_OUT) == []


@each_page
def test_has_one_title_and_headings_that_skip_no_level(name: str, pages: SimpleNamespace, visit: Callable) -> None:
    levels = visit(getattr(pages, name)).page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(one => Number(one.tagName[1]))"
    )
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_contents_lead_to_every_section(pages: SimpleNamespace, visit: Callable) -> None:
    page = visit(pages.report).page
    links = page.locator("nav a")
    assert links.all_inner_texts() == page.locator("main h2").all_inner_texts()
    for link in links.all():
        page.evaluate("scrollTo(0, 0)")
        link.click()
        top = page.get_by_role("heading", name=link.inner_text(), exact=True).bounding_box()["y"]
        assert -1 <= top < page.viewport_size["height"], link.inner_text()


def test_code_is_folded_and_opens_by_keyboard(pages: SimpleNamespace, visit: Callable) -> None:
    page = visit(pages.report).page
    code = page.locator("details", has_text="Show code").first.locator("pre")
    assert not code.is_visible()
    tab_to(page, "Show code")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    assert code.is_visible()
    page.keyboard.press("Enter")
    assert not code.is_visible()


def tab_to(page: Page, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip() == text:
            return
    pytest.fail(f"The keyboard does not reach {text!r}.")


@each_page
def test_prints_all_it_tells(name: str, pages: SimpleNamespace, visit: Callable) -> None:
    page = visit(getattr(pages, name)).page
    told = page.locator(":is(h1, h2, h3, p, li, dd, td, img):not(details *, nav *)")
    on_screen = [one.is_visible() for one in told.all()]
    page.emulate_media(media="print")
    assert [one.is_visible() for one in told.all()] == on_screen
    assert page.evaluate(WOULD_NOT_PRINT) == []
    assert page.pdf().startswith(b"%PDF")


@each_page
def test_text_is_dark_on_a_light_ground(name: str, pages: SimpleNamespace, visit: Callable) -> None:
    found = visit(getattr(pages, name)).page.evaluate(CONTRASTS)
    assert len(found) > 10
    assert [one for one in found if not one["darkOnLight"] or one["ratio"] < 4.5] == []


@each_width
@each_page
def test_axe_finds_nothing_that_keeps_anyone_out(
    name: str, width: int, pages: SimpleNamespace, visit: Callable
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(getattr(pages, name), width=width).page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    violations = Axe().run(page).response["violations"]
    assert [(one["id"], one["impact"], [node["html"][:150] for node in one["nodes"]]) for one in violations] == []


@pytest.mark.parametrize("name", ["report", "batch", "leaderboard"])
def test_on_a_phone_no_line_of_a_table_is_mostly_empty(name: str, pages: SimpleNamespace, visit: Callable) -> None:
    page = visit(getattr(pages, name), width=390).page
    heights = page.evaluate("[...document.querySelectorAll('tr')].map(one => one.getBoundingClientRect().height)")
    assert max(heights) < 5 * 24  # five lines of text; narrow columns that nobody sees used to make a dozen
