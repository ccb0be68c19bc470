"""The page of a batch: failures first, then scores with the best on top, each with a way to its report."""

from __future__ import annotations

import re
from typing import Any

import pytest

from workbench.pages.batch import batch_page

USED: dict[str, Any] = {"wall": 61.0, "cpu": 75.0, "peak_memory": 312_000_000, "cost": None}
EVIL = "<script>alert(1)</script>"


def run(number: int, value: float | None = None, status: str = "completed", **more: Any) -> dict[str, Any]:
    higher = more.pop("higher_is_better", True)
    score = {"value": value, "low": value - 0.01, "high": value + 0.01, "higher_is_better": higher} if value else None
    ref = f"farms-{number}@20261121T183000Z-0000000{number}"
    return {
        "number": number, "name": f"farms-{number}", "labels": {"farm": str(number)}, "parameters": {"n": "3"},
        "status": status, "ref": ref, "report": f"runs/{ref}.html", "reason": "", "before": False,
        "metric": "r2" if value else None, "score": score, "seconds": 61.0, "resources": USED, **more,
    }  # fmt: skip


def page(*runs: dict[str, Any], **more: Any) -> str:
    facts = {
        "name": "farms", "ref": "farms@20261121T183000Z-1f3ac09e", "status": "completed", "reason": "", "title": "Tiny",
        "started": "2026-11-21T18:30:00+00:00", "seconds": 90.0, "author": "ada", "workers": 2, "threads": 1,
        "common": {}, "runs": list(runs), "resources": {**USED, "runs": 122.0},
    }  # fmt: skip
    return batch_page({**facts, **more})


def test_failures_come_first_then_the_best_scores() -> None:
    failed = run(3, status="failed", reason="farm 3 is broken")
    text = page(run(1, 0.81), run(2, 0.92), failed, run(4, status="left", ref=None, reason="Not begun: …"))
    order = ["Did not complete", "farm 3 is broken", "Not begun", "R²</h2>", "farms-2@00000002", "farms-1@00000001"]
    places = (
        [text.index(one) for one in order[:2]] + [text.index(f"<h2>{order[2]}")] + [text.index(o) for o in order[3:]]
    )
    assert places == sorted(places)


@pytest.mark.parametrize(("upwards", "best"), [(True, "farms-2@"), (False, "farms-1@")])
def test_the_best_is_the_highest_or_the_lowest(upwards: bool, best: str) -> None:
    text = page(run(1, 0.81, higher_is_better=upwards), run(2, 0.92, higher_is_better=upwards))
    assert re.search(r"farms-\d@", text)[0] == best


def test_every_report_is_linked_to_where_it_lies() -> None:
    assert 'href="runs/farms-1@20261121T183000Z-00000001.html"' in page(run(1, 0.9))
    assert "href=" not in page(run(1, 0.9, report=None))


def test_what_runs_took_is_shown_for_each_and_summed_up() -> None:
    def paid(amount: float, runs: int = 1) -> dict[str, Any]:
        return {**USED, "cost": {"amount": amount, "currency": "EUR", "price": "0.10 EUR/h", "runs": runs}}

    runs = [run(1, 0.8, resources=paid(0.25)), run(2, 0.9, status="failed", resources=paid(0.17)), run(3, 0.9)]
    text = page(*runs, resources={**paid(0.42, 2), "runs": 7200.0})
    told = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text)
    sums = {"All runs took": "2 h", "CPU time": "1 min 15 s", "Peak memory": "312 MB"}
    assert {**sums, "Cost": "0.42 EUR for 2 of 3 runs"}.items() <= dict(told).items()
    assert [one in text for one in (">0.25 EUR</td>", ">0.17 EUR</td>", ">312 MB</td>")] == [True] * 3
    assert ">cost<" not in page(run(1, 0.9))


def test_scores_of_several_runs_are_drawn_and_described() -> None:
    assert "data:image/png" not in page(run(1, 0.8), run(2, 0.9))
    text = page(*(run(number, 0.8 + number / 100) for number in range(1, 8)))
    assert 'alt="How the scores spread. R² of 7 runs lies between 0.81 and 0.87."' in text


def test_an_interval_and_a_time_stay_on_one_line() -> None:
    text = page(run(1, 0.8))
    assert ">0.790\u00a0to\u00a00.810</td>" in text
    assert ">1\u00a0min\u00a01\u00a0s</td>" in text


def test_only_what_differs_from_run_to_run_has_a_column() -> None:
    text = page(run(1, 0.8), run(2, 0.9))
    assert ">farm</th>" in text
    assert ">n</th>" not in text


def test_what_users_wrote_is_text() -> None:
    text = page(run(1, status="failed", reason=EVIL, labels={EVIL: EVIL}), name=EVIL, common={EVIL: EVIL})
    assert EVIL not in text
    assert "&lt;script&gt;" in text
