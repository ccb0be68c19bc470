"""The report is one file that is complete, harmless, and reads well whatever happened in the run."""

import re
from html.parser import HTMLParser

import nbformat.v4 as v4
import pandas as pd
import pytest

from workbench.pages.figures import class_counts
from workbench.pages.report import report
from workbench.records import Score

EVIL = '<script>alert(1)</script><img src=x onerror="alert(2)">'
FACTS = {
    "status": "completed",
    "score": Score("roc_auc", 0.8512, 0.8401, 0.8623, rows=7043),
    "rows": 7043,
    "started": "2026-11-21T18:30:00Z",
    "seconds": 61.2,
    "author": "Anna",
    "reference": "churn@20261121T183000Z-1f3ac09e",
}


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def shown(data, metadata=None):
    return v4.new_output("display_data", data=data, metadata=metadata or {})


def page_of(*cells, **facts):
    return Page(report(v4.new_notebook(cells=list(cells)), title="Churn", facts={**FACTS, **facts}))


def cell_with(*outputs):
    return v4.new_code_cell("work()", outputs=list(outputs))


def test_the_header_tells_score_with_interval_and_the_key_facts_in_plain_words():
    text = page_of().text
    for words in (
        "Completed",
        "ROC AUC",
        "0.851",
        "0.840 to 0.862",
        "7,043",
        "21 November 2026, 18:30 UTC",
        "1 min 1 s",
    ):
        assert words in text


def test_a_notebook_without_cells_is_a_page():
    assert "no cells" in page_of().text


def test_a_run_without_score_or_facts_is_a_page():
    assert "Churn" in report(v4.new_notebook(), title="Churn", facts={})


@pytest.mark.parametrize(
    "cell",
    [
        v4.new_markdown_cell(f"{EVIL} <iframe src='https://a.b'></iframe> ![there](https://a.b/c.png)"),
        cell_with(shown({"text/html": f"{EVIL}<link rel=stylesheet href=https://a.b/c.css><base href=https://a.b>"})),
        cell_with(
            shown({"text/html": "<div style='background:url(https://a.b/c.png)'>x</div><svg onload=alert(1)></svg>"})
        ),
        cell_with(shown({"text/html": "<style>@import 'https://a.b/c.css'</style><form action=https://a.b><button>x"})),
        cell_with(shown({"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{EVIL}</svg>"})),
        cell_with(shown({"application/javascript": "alert(1)", "text/plain": EVIL})),
        cell_with(shown({"text/markdown": EVIL}), v4.new_output("stream", name="stdout", text=EVIL)),
        cell_with(shown({"text/latex": EVIL}), v4.new_output("error", ename=EVIL, evalue=EVIL, traceback=[EVIL, EVIL])),
        v4.new_code_cell(f"x = '''{EVIL}'''"),
    ],
)
def test_nothing_runs_and_nothing_is_loaded_whatever_the_notebook_holds(cell):
    page = page_of(cell, author=EVIL, reason=EVIL)
    assert not {"script", "iframe", "link", "object", "embed", "base", "form", "svg", "button"} & {
        t for t, _ in page.tags
    }
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert attributes.get("src", "data:").startswith("data:")
        assert "url(" not in (attributes.get("style") or "")
    assert "default-src 'none'" in next(m["content"] for m in page.all("meta") if "http-equiv" in m)


def test_a_column_named_like_a_tag_is_shown_as_its_name():
    frame = pd.DataFrame({"<script>alert(1)</script>": ["<b>x</b>"]})
    page = page_of(cell_with(shown({"text/html": frame.to_html()})))
    assert "<script>alert(1)</script>" in page.text
    assert "<b>x</b>" in page.text


def test_every_picture_has_words_for_those_who_do_not_see_it():
    data, metadata = class_counts({"yes": 3, "no": 9}, target="left")._repr_mimebundle_()
    bare = {"image/png": data["image/png"]}
    page = page_of(
        cell_with(shown(data, metadata), shown(bare)),
        v4.new_markdown_cell("![a drawing](attachment:a.png)", attachments={"a.png": bare}),
    )
    alts = [image["alt"] for image in page.all("img")]
    assert alts[0] == "Rows of each class. left: 75 % of 12 rows are 'no'."
    assert alts[1:] == ["Picture made by the notebook", "a drawing"]


def test_code_is_folded_and_results_are_not():
    text = report(v4.new_notebook(cells=[cell_with(shown({"text/plain": "forty-two"}))]), title="t", facts={})
    folded = re.search(r"<details.*?</details>", text, re.DOTALL).group()
    assert "work" in folded
    assert "forty-two" not in folded


def test_a_failed_step_shows_its_reason_in_one_line_and_folds_the_traceback():
    failed = v4.new_output(
        "error", ename="BadTable", evalue="The table 'x' is empty.", traceback=["\x1b[31mone", "two\x1b[0m"]
    )
    text = report(v4.new_notebook(cells=[cell_with(failed)]), title="t", facts={"status": "failed"})
    assert "This step failed" in text
    assert "BadTable: The table &#39;x&#39; is empty." in text
    assert "\x1b" not in text
    assert "Failed" in Page(text).text


def half_run(*ran, status="failed"):
    rest = [v4.new_markdown_cell("## What was tried"), v4.new_code_cell("search()"), v4.new_code_cell("explain()")]
    before = [v4.new_markdown_cell("## The data"), v4.new_code_cell("read()", execution_count=1)]
    return report(v4.new_notebook(cells=[*before, *ran, *rest]), title="t", facts={"status": status})


@pytest.mark.parametrize("status", ["failed", "timed_out", "killed", "out_of_memory", "cancelled"])
def test_what_a_run_never_came_to_is_folded(status):
    text = half_run(status=status)
    shown, _, rest = text.partition("Show 2 steps that did not run")
    assert "The data" in shown
    assert "What was tried" not in shown
    assert "What was tried" in rest
    assert "did not run" not in half_run(status="completed")


def test_the_report_of_a_failed_run_leads_to_the_step_that_failed():
    expected, wrong = (v4.new_output("error", ename=name, evalue="", traceback=[]) for name in ("Expected", "Wrong"))
    text = half_run(cell_with(expected), cell_with(wrong))
    assert text.index('href="#failed-step"') < text.index("The data")
    assert text.count('id="failed-step"') == 1
    assert text.index("Expected") < text.index('id="failed-step"') < text.index("Wrong")
    assert "#failed-step" not in half_run(cell_with(expected), status="completed")
    assert "#failed-step" not in half_run(status="killed")
    ended_otherwise = v4.new_code_cell("wait()", execution_count=3)
    assert "#failed-step" not in half_run(cell_with(expected), ended_otherwise, status="timed_out")


def test_messages_on_stderr_are_folded_and_a_progress_bar_shows_its_end_only():
    bar = v4.new_output("stream", name="stderr", text=" 10%|#\r 50%|##\r100%|###\n")
    text = report(v4.new_notebook(cells=[cell_with(bar)]), title="t", facts={})
    assert "Show messages (1 line)" in text
    assert "100%" in text
    assert "50%" not in text


def test_long_plain_text_is_wrapped_and_its_rest_folded():
    lines = v4.new_output("stream", name="stdout", text="\n".join(f"line {i}" for i in range(300)))
    text = report(v4.new_notebook(cells=[cell_with(lines)]), title="t", facts={})
    assert "Show 260 more lines" in text
    assert "white-space: pre-wrap" in text


def test_an_output_that_was_all_script_falls_back_to_its_plain_text():
    chart = shown({"text/html": "<div id=a></div><script>draw()</script>", "text/plain": "a chart of sales"})
    assert "a chart of sales" in page_of(cell_with(chart)).text


def test_the_cell_that_papermill_adds_to_a_failed_run_is_left_out():
    added = v4.new_markdown_cell("An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]})
    assert "An Exception" not in page_of(added).text


def test_a_long_report_begins_with_links_to_its_sections():
    page = page_of(*[v4.new_markdown_cell(f"## Part *{i}*\n\ntext") for i in range(4)])
    targets = [link["href"].removeprefix("#") for link in page.all("a")]
    assert targets == [heading["id"] for heading in page.all("h2")]
    assert len(set(targets)) == 4


def test_the_title_of_the_notebook_is_not_repeated():
    text = report(
        v4.new_notebook(cells=[v4.new_markdown_cell("# Predict\n\nWords.")]), title="Predict: Churn", facts={}
    )
    assert text.count("<h1>") == 1
    other = report(v4.new_notebook(cells=[v4.new_markdown_cell("# Else\n\nWords.")]), title="Predict: Churn", facts={})
    assert other.count("<h1>") == 2


def test_the_notebook_is_only_read():
    notebook = v4.new_notebook(cells=[cell_with(shown({"text/html": EVIL}))])
    before = notebook.copy()
    report(notebook, title="t", facts=FACTS)
    assert notebook == before
