"""What became of a run, in a line of text and as a block that holds nothing but what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markupsafe import Markup

from workbench.pages.outcome import Line, lines_html, lines_text, outcome_html, outcome_text, promotion_html
from workbench.pages.sanitize import clean
from workbench.records import Check, Score, Verdict

EVIL = "<script>alert(1)</script>\"'&"
SCORE = Score("roc_auc", 0.84613, 0.8341, 0.8582, rows=900)
REF = "churn@20261121T183000Z-1f3ac09e"


def text_of(block: Markup) -> str:
    return " ".join(Markup(re.sub(r"</(td|th|p|div)>", " ", block)).striptags().split())


def test_a_run_is_told_with_all_that_was_measured():
    shown = outcome_html(
        REF,
        "completed",
        facts=["took 12 s", "", "shop=7"],
        scores={"roc_auc": SCORE, "log_loss": Score("log_loss", 0.4)},
        test={"roc_auc": Score("roc_auc", 0.85)},
        checks=[Check("leak", "block", "the column tells"), Check("size", "note", "few rows")],
    )
    told = text_of(shown)
    assert f"{REF} · ✓ completed · took 12 s · shop=7" in told
    assert "ROC AUC 0.846 0.834 to 0.858 0.85" in told
    assert "Log loss 0.4 – –" in told
    assert "the column tells" in told
    assert "few rows" not in told  # notes are for the report


@pytest.mark.parametrize(
    ("status", "options", "told"),
    [
        ("completed", {"seconds": 61, "score": SCORE}, "completed in 1 min 1 s, ROC AUC 0.846 (0.834 to 0.858)"),
        ("timed_out", {"reason": "The run took longer\nthan 5 s"}, "timed out: The run took longer than 5 s"),
        ("running", {}, "running"),
    ],
)
def test_a_line_says_how_it_ended(status: str, options: dict, told: str):
    assert outcome_text(REF, status, **options) == f"{REF}: {told}"


def test_a_report_below_this_folder_can_be_opened_and_another_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home, beside = tmp_path / "my work", tmp_path / "other" / "report.html"
    below, none = Path("store/a: b/report.html"), Path("store/none/report.html")
    for page in (home / below, beside):
        page.parent.mkdir(parents=True)
        page.write_text("a report")
    monkeypatch.chdir(home)
    for report in (below, home / below):
        assert '<a href="store/a%3A%20b/report.html">store/a: b/report.html</a>' in outcome_html(REF, "", report=report)
        assert '<a href="store/a%3A%20b/report.html">churn@1f3ac09e</a>' in lines_html(
            [Line(REF, "", report=report)], ""
        )
    for report in (beside, none):
        assert "href" not in lines_html([Line(REF, "", report=report)], "")
        assert str(report) in (shown := outcome_html(REF, "", report=report))
        assert "href" not in shown


def test_whatever_the_texts_hold_they_are_shown_and_do_nothing():
    shown = [
        outcome_html(
            EVIL,
            "failed",
            reason=EVIL,
            facts=[EVIL],
            scores={EVIL: Score(EVIL, 0.5)},
            checks=[Check(EVIL, "warn", EVIL, (EVIL,))],
            report=Path(EVIL),
        ),
        lines_html([Line(EVIL, "failed", EVIL, None, EVIL, "", {EVIL: EVIL})], "none"),
        promotion_html(EVIL, [Verdict(EVIL, False, EVIL)], passed=False),
    ]
    for block in shown:
        assert "<script" not in block.lower()
        assert "alert(1)" in block
        assert Markup(clean(str(block))).striptags() == block.striptags()  # a report shows the same words


def test_a_block_brings_no_ink_without_its_ground():
    """On a dark page dark letters would not be seen: only what brings a ground of its own has a colour."""
    shown = outcome_html(REF, "failed", reason="why", scores={"roc_auc": SCORE}, report=Path("report.html"))
    assert "color" not in shown
    noticed = outcome_html(REF, "completed", checks=[Check("leak", "warn", "told")])
    coloured = [style for style in re.findall(r'style="([^"]*)"', noticed) if re.search(r"(^|;)color:", style)]
    assert any("background-color:" in style for style in coloured)


def test_a_list_has_the_columns_that_say_anything():
    lines = [Line(REF, "completed", score=SCORE, template="classification"), Line("b@1", "failed", "it broke")]
    shown = lines_html(lines, "none")
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", shown)
    assert heads == ["experiment", "status", "score", "template", "why"]
    assert f'title="{REF}">churn@1f3ac09e<' in shown
    assert lines_text(lines, "none").splitlines()[1] == "b@1: failed: it broke"


def test_a_long_list_is_cut_and_says_so():
    lines = [Line(f"a@{number}", "completed") for number in range(45)]
    assert lines_html(lines, "none").count("<tr>") == 31
    assert "… and 15 more" in lines_html(lines, "none")
    assert lines_text(lines, "none").splitlines()[-1] == "… and 15 more"


def test_where_there_is_nothing_it_is_said():
    assert lines_text([], "Nothing here.") == "Nothing here."
    assert text_of(lines_html([], "Nothing here.")) == "Nothing here."
