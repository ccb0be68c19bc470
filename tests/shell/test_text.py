"""What a run says of itself in a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.cli import text
from workbench.workflow.runs import Run


def document(**more: Any) -> dict[str, Any]:
    scores = {"rmse": {"value": 2.5, "low": 2.0, "high": 3.0, "rows": 180}}
    return {
        "ref": "homes@1", "status": "completed", "seconds": 4.0, "reason": "", "metric": "rmse", "scores": scores,
        "test": {}, "checks": [], "report": "report.html", "resources": {"wall": 4.0, "cost": None}, **more,
    }  # fmt: skip


def test_the_score_on_rows_that_were_held_back_stands_under_the_score(capsys):
    text.run(document(test={"mae": {"value": 1.0}, "rmse": {"value": 2.75, "low": 2.25, "high": 3.5, "rows": 1060}}))
    _, _, first, second, last = capsys.readouterr().out.splitlines()
    assert first == "rmse 2.5000 (2.0000 to 3.0000)"
    assert second == "rmse 2.7500 (2.2500 to 3.5000) on 1,060 rows held back"
    assert last == "report: report.html"


def test_without_rows_held_back_nothing_is_said_of_them(capsys):
    text.run(document())
    assert "held back" not in capsys.readouterr().out


def test_a_large_score_has_no_digits_that_nobody_knows_and_a_tiny_one_has_some(capsys):
    text.run(document(scores={"rmse": {"value": 28341.24, "low": 26100.56, "high": 30500.1}}))
    text.run(document(scores={"rmse": {"value": 0.00012345, "low": 0.00011, "high": 0.00014}}))
    said = capsys.readouterr().out
    assert "rmse 28,341 (26,101 to 30,500)" in said
    assert "rmse 0.00012 (0.00011 to 0.00014)" in said


def test_a_run_with_a_price_says_what_it_cost(capsys):
    cost = {"amount": 0.0042, "currency": "EUR", "price": "3.78 EUR/h", "share": 1.0}
    text.run(document(resources={"wall": 4.0, "cost": cost}))
    text.run(document())
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "completed" in line] == [
        "completed in 4.0 s for 0.0042 EUR",
        "completed in 4.0 s",
    ]


def test_a_long_run_tells_its_time_as_a_list_does(capsys):
    text.run(document(seconds=250.3, resources={"wall": 217.0, "cost": None}))
    text.run(document(seconds=250.3, resources={"wall": 250.1, "cost": None}))
    text.run(document(seconds=250.3, resources={"wall": None, "cost": None}))
    told = [line for line in capsys.readouterr().out.splitlines() if "completed" in line]
    assert told == ["completed in 3 min 37 s (4 min 10 s with its report)", *["completed in 4 min 10 s"] * 2]


def test_a_run_in_a_notebook_tells_the_same_time_as_a_terminal():
    told: dict[str, Any] = {"reason": "", "metric": None, "scores": {}, "checks": []}
    run = Run("homes@1", Path("homes"), "completed", **told, seconds=250.3, resources={"wall": 217.0})
    assert repr(run) == "homes@1: completed in 3 min 37 s"
    assert "took 3 min 37 s (4 min 10 s with its report)" in run._repr_html_()
    assert "in 4 min 10 s" in repr(Run("homes@1", Path("homes"), "completed", **told, seconds=250.3))
