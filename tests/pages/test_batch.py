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


def order_of(text: str, *words: str) -> list[int]:
    return [text.index(word) for word in words]


def test_runs_of_different_targets_are_ranked_apart_and_that_is_said() -> None:
    power = [run(number, 0.5 + number / 100, target="power") for number in (1, 2)]
    price = [run(number, 0.9, target="price") for number in (3, 4)]
    text = page(*power, *price)
    assert (
        "These runs predict different targets, so their scores cannot be compared with one another: each target is "
        "ranked by itself."
    ) in text
    places = order_of(
        text, "<h2>Scores</h2>", "<h3>R² · power</h3>", "farms-2@", "farms-1@", "<h3>R² · price</h3>", "farms-3@"
    )
    assert places == sorted(places)
    assert "cannot be compared" not in page(*power)
    assert "<h2>R²</h2>" in page(*power)


def test_runs_of_different_metrics_are_ranked_apart_and_that_is_said() -> None:
    text = page(*(run(at, 0.8, metric="r2" if at < 3 else "rmse", target="power") for at in range(1, 5)))
    assert "These runs were measured by different metrics" in text
    assert "each metric is ranked by itself." in text
    both = page(run(1, 0.8, target="power"), run(2, 0.8, target="price", metric="rmse"))
    assert "These runs predict different targets and were measured by different metrics" in both


def test_runs_that_nothing_can_be_compared_with_stand_in_one_table_without_ranks() -> None:
    alone = [run(at, 0.8 - at / 100, target=f"target {at}", parameters={"target": f"target {at}"}) for at in (1, 2, 3)]
    text = page(*alone)
    assert text.count("<table") == 1
    assert "is ranked" not in text
    assert text.count(">target</th>") == 1
    assert order_of(text, "farms-1@", "farms-2@", "farms-3@") == sorted(
        order_of(text, "farms-1@", "farms-2@", "farms-3@")
    )
    some = page(*alone, run(4, 0.9, target="target 1"))
    places = order_of(some, "<h3>R² · target 1</h3>", "farms-4@", "farms-1@", "<h3>One run each</h3>", "farms-2@")
    assert places == sorted(places)


def test_each_target_has_a_picture_of_its_own() -> None:
    runs = [run(at, 0.5 + at / 100, target="power" if at < 6 else "price") for at in range(1, 11)]
    text = page(*runs)
    assert text.count("data:image/png") == 2
    assert "R² of 5 runs for power lies between 0.51 and 0.55." in text


def test_scores_of_different_tables_are_told_as_such() -> None:
    told = "Measured on 2 tables: a run may stand higher because its rows are easier to predict."
    assert told in page(run(1, 0.8, data="sha256:a"), run(2, 0.9, data="sha256:b"))
    assert "Measured on" not in page(run(1, 0.8, data="sha256:a"), run(2, 0.9, data="sha256:a"))


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
    assert [one in text for one in (">0.25\u00a0EUR</td>", ">0.17\u00a0EUR</td>", ">312\u00a0MB</td>")] == [True] * 3
    assert ">cost<" not in page(run(1, 0.9))


def test_scores_of_several_runs_are_drawn_and_described() -> None:
    assert "data:image/png" not in page(run(1, 0.8), run(2, 0.9))
    text = page(*(run(number, 0.8 + number / 100) for number in range(1, 8)))
    assert 'alt="How the scores spread. R² of 7 runs lies between 0.81 and 0.87."' in text


def test_an_interval_and_a_time_stay_on_one_line() -> None:
    text = page(run(1, 0.8))
    assert ">0.790\u00a0to\u00a00.810</td>" in text
    assert ">1\u00a0min\u00a01\u00a0s</td>" in text


def header_of(text: str) -> list[str]:
    return re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", re.search(r"<thead>(.*?)</thead>", text)[1])


def test_what_matters_stands_next_to_the_run() -> None:
    took = ["took", "CPU", "memory"]
    assert header_of(page(run(1, 0.8), run(2, 0.9))) == ["", "run", "R²", "95 % interval", "", "farm", *took]
    failed = [run(at, status="failed", reason="broken") for at in (1, 2)]
    assert header_of(page(*failed)) == ["", "run", "what happened", "why", "farm", *took]
    left = [run(at, status="left", ref=None, reason="Not begun: it is late") for at in (1, 2)]
    assert header_of(page(*left)) == ["", "run", "why", "farm"]


def test_of_a_path_the_end_is_shown() -> None:
    text = page(*(run(at, 0.8, parameters={"data": f"/data/farms/farm-{at}/production.parquet"}) for at in (1, 2)))
    assert "…/farm-1/production.parquet" in text


def test_runs_without_a_score_are_told_apart_from_those_with_one() -> None:
    assert "<h2>Completed</h2>" in page(run(1), run(2))
    assert "<h2>Completed without a score</h2>" in page(run(1, 0.8), run(2))


def test_only_what_differs_from_run_to_run_has_a_column() -> None:
    text = page(run(1, 0.8), run(2, 0.9))
    assert ">farm</th>" in text
    assert ">n</th>" not in text


def test_what_users_wrote_is_text() -> None:
    text = page(run(1, status="failed", reason=EVIL, labels={EVIL: EVIL}), name=EVIL, common={EVIL: EVIL})
    assert EVIL not in text
    assert "&lt;script&gt;" in text
