"""The comparison page draws what is known of each experiment, and says what is not."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from workbench.pages.comparison import comparison_page

EVIL = "<script>alert(1)</script>"
GOLDEN = Path(__file__).parents[1] / "golden" / "experiment" / "format-0"


def row(ref, value=None, **fields):
    return {"ref": f"churn@20261121T183000Z-{ref}", "metric": "roc_auc", "value": value, "group": 1, **fields}


TWO = {
    "sentences": ["churn@aaaa is better than churn@bbbb by 0.05."],
    "leaderboard": [
        row("aaaa", 0.85, low=0.84, high=0.86, rank=1, seconds=61.0, parameters={"budget": "60s", "seed": 1}),
        row("bbbb", 0.80, low=0.79, high=0.81, rank=2, behind={"value": 0.05, "low": 0.04, "high": 0.06, "tied": False},
            parameters={"budget": "10s", "seed": None}),
    ],
}  # fmt: skip


def test_it_shows_scores_intervals_differences_and_parameters():
    page = comparison_page(TWO).replace("\u00a0", " ")
    for shown in ("ROC AUC", "churn@aaaa", "0.850", "0.840 to 0.860", "1 min 1 s", "0.050", "60s", "10s", "–"):
        assert shown in page
    assert page.index("churn@aaaa") < page.index("churn@bbbb")


def test_scores_that_cannot_be_compared_stand_in_tables_of_their_own():
    other = row("cccc", 12.5, group=2, rank=1) | {"metric": "rmse"}
    page = comparison_page({"leaderboard": [*TWO["leaderboard"], other]})
    assert page.count("<table") == 3
    assert "RMSE" in page


def test_several_tables_are_named_by_their_data_and_one_alone_is_not():
    about = {"data": "/data/customers.csv", "target": "Churn", "rows": 7043}
    one = row("aaaa", 0.85, rank=1, **about)
    assert "customers.csv" not in comparison_page({"leaderboard": [one]})
    page = comparison_page({"leaderboard": [one, row("cccc", 0.9, rank=1) | about | {"group": 2, "data": "new.csv"}]})
    assert "<h2>ROC AUC · Churn in customers.csv, 7,043 rows</h2>" in page
    assert "<h2>ROC AUC · Churn in new.csv, 7,043 rows</h2>" in page


def test_a_group_of_one_has_no_best():
    page = comparison_page({"leaderboard": [row("aaaa", 0.85, rank=1)]})
    assert "nothing to compare with" in page
    assert ">best<" not in page
    assert comparison_page(TWO).count(">best<") == 1


def test_each_experiment_leads_to_its_report():
    kept = [row("aaaa", 0.85, rank=1, report="a%20b/report.html"), row("bbbb", 0.8, rank=2)]
    failed = row("dddd", status="failed", reason="It broke.", report="d/report.html")
    page = comparison_page({"leaderboard": [*kept, failed]})
    assert re.findall(r'href="([^"]+)"', page) == ["a%20b/report.html", "d/report.html"]
    assert re.search(r'<a href="a%20b/report.html"><code[^>]*>churn@aaaa</code></a>', page)


def test_long_lists_and_missing_values_are_short_and_null_is_no_word_for_people():
    many = [f"column {number}" for number in range(10)]
    given = [
        row("aaaa", 0.8, parameters={"ignore": many}),
        row("bbbb", 0.7, parameters={"ignore": None}),
        row("c", 0.6),
    ]
    page = comparison_page({"leaderboard": given})
    assert "column 0, column 1 and 8 more" in page
    assert "column 5" not in page
    assert "null" not in page


def test_a_run_without_a_score_is_told_with_its_reason():
    failed = row("dddd", status="failed", reason="The budget ended.")
    page = comparison_page({"leaderboard": [*TWO["leaderboard"], failed]})
    assert "churn@dddd has no score" in page
    assert "The budget ended." in page


@pytest.mark.parametrize("given", [{}, {"leaderboard": []}, {"leaderboard": [row("aaaa", 0.5)]}])
def test_little_to_show_is_a_page_all_the_same(given):
    assert "<h1>Experiments compared</h1>" in comparison_page(given)


def test_it_runs_nothing_and_loads_nothing():
    evil = row(EVIL, 0.5, parameters={EVIL: EVIL}, reason=EVIL)
    page = comparison_page({"sentences": [EVIL], "leaderboard": [evil, row("x", reason=EVIL)]}, title=EVIL)
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_report_is_found_from_where_the_page_lies(tmp_path):
    from workbench import workflow

    page = tmp_path / "some #where" / "page.html"
    page.parent.mkdir()
    kept = shutil.copytree(GOLDEN, tmp_path / "kept")
    (kept / "report.html").write_text(comparison_page({}))
    workflow.compare(str(kept), store=tmp_path / "store", html=page)
    (link,) = re.findall(r'href="([^"]+)"', page.read_text())
    assert (page.parent / unquote(link)).resolve() == (kept / "report.html").resolve()

    zipped = workflow.export(str(GOLDEN), tmp_path / "one.zip", store=tmp_path / "store")
    workflow.compare(str(zipped), store=tmp_path / "store", html=page)  # what is read of it is gone afterwards
    assert "href" not in page.read_text()
