"""Experiments side by side: ranked when that means something, and said plainly when it does not."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.problem.splits import split
from workbench.comparison import compare, diff
from workbench.comparison.paired import independent_share
from workbench.documents.outbox import write_scores
from workbench.errors import UnknownName
from workbench.experiment import capture, experiments
from workbench.metrics import METRICS, Predicted, score
from workbench.records import Score

OTHER_DATA = f"sha256:{'0' * 64}"


def said(comparison) -> str:
    return " ".join(comparison.sentences)


def test_the_better_is_first_and_the_difference_is_tested_on_the_same_rows(keep):
    good, poor = keep(1, skill=3.0, seed=1), keep(2, skill=0.5, seed=2)
    comparison = compare([poor, good])
    assert [place.ref for place in comparison.places] == [str(good.reference), str(poor.reference)]
    assert [place.rank for place in comparison.places] == [1, 2]
    gain = comparison.places[1].behind
    assert gain.value == pytest.approx(good.scores()["roc_auc"].value - poor.scores()["roc_auc"].value)
    assert 0 < gain.low < gain.value < gain.high
    assert comparison.places[0].behind is None
    assert re.fullmatch(
        rf"{good.short} is better than {poor.short} by 0\.\d+ in ROC AUC "
        r"\(95 % interval 0\.\d+ to 0\.\d+, on the same 120 rows\)\.",
        said(comparison),
    )


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize(
    "by", [{}, {"groups": np.arange(90) // 4}, {"times": np.arange(90)}], ids=["rows", "groups", "times"]
)
def test_rows_count_as_much_as_when_their_score_was_judged(number, by):
    folds = split(np.arange(90) % 2, number, seed=0, classes=2, **by)
    kept = pd.DataFrame({"row": folds.validated, "fold": folds.fold_of[folds.validated]})
    task = {"rows": 90, "folds": {"number": number, "kind": folds.kind}}
    assert independent_share(kept.sample(frac=1, random_state=0), task) == pytest.approx(folds.independent)


def test_rows_of_models_that_learned_from_other_rows_count_in_full():
    assert independent_share(pd.DataFrame({"row": range(9), "fold": 0}), {"rows": 9}) == 1
    assert independent_share(pd.DataFrame({"row": range(9)}), {}) == 1


def test_a_metric_where_less_is_better_ranks_the_lower_first(keep):
    poor, good = keep(1, skill=0.5, metric="log_loss"), keep(2, skill=3.0, metric="log_loss")
    comparison = compare([poor, good])
    assert comparison.places[0].ref == str(good.reference)
    assert comparison.places[1].behind.value > 0


def test_a_difference_that_may_be_chance_is_called_a_tie(keep):
    one, other = keep(1, skill=2.0, seed=1), keep(2, skill=2.0, seed=2)
    comparison = compare([one, other])
    assert comparison.places[1].behind.tied
    assert re.search(
        r"are tied: a lead of 0\.0*[1-9]\d* in ROC AUC may be chance \(95 % interval −0\.", said(comparison)
    )
    assert "(tied)" in str(comparison)


def test_a_metric_is_not_measured_anew_for_every_sample(keep, monkeypatch):
    kept = [keep(number, skill=1.0 + number, seed=number) for number in (1, 2, 3)]
    asked, slow = [], METRICS["roc_auc"].function

    def counted(*given):
        asked.append(given)
        return slow(*given)

    monkeypatch.setitem(METRICS, "roc_auc", replace(METRICS["roc_auc"], function=counted))
    assert all(place.behind for place in compare(kept).places[1:])
    assert len(asked) < 10 * len(kept)


def test_the_same_predictions_are_a_tie(keep):
    comparison = compare([keep(1), keep(2)])
    assert "are tied: their ROC AUC is the same on every sample of the rows." in said(comparison)


def test_scores_on_different_data_are_not_ranked_against_each_other(keep):
    comparison = compare([keep(1), keep(2, data=OTHER_DATA, skill=3.0), keep(3, seed=5)])
    assert not comparison.comparable
    assert [(place.group, place.rank) for place in comparison.places] == [(1, 1), (1, 2), (2, 1)]
    assert "cannot be compared with one another: they were measured with different data." in said(comparison)


@pytest.mark.parametrize(
    ("changes", "differ"),
    [
        ({"metric": "log_loss"}, "metrics"),
        ({"rows": 100}, "rows"),
        ({"data": OTHER_DATA, "metric": "log_loss"}, "metrics and data"),
        ({"data": OTHER_DATA, "metric": "log_loss", "rows": 100}, "metrics, data and rows"),
    ],
)
def test_what_makes_scores_incomparable_is_named(keep, changes, differ):
    comparison = compare([keep(1), keep(2, **changes)])
    assert not comparison.comparable
    assert f"they were measured with different {differ}." in said(comparison)
    assert all(place.rank == 1 and place.behind is None for place in comparison.places)


def test_another_target_makes_scores_incomparable(run, store):
    folders = run(1), run(2)
    task = json.loads((folders[1].outbox / "task.json").read_text())
    (folders[1].outbox / "task.json").write_text(json.dumps({**task, "target": "Upgrade"}))
    assert "with different targets." in said(compare([capture(folder, store) for folder in folders]))


def test_a_metric_that_both_have_makes_them_comparable(keep):
    comparison = compare([keep(1), keep(2, metric="log_loss", seed=3)], metric="log_loss")
    assert comparison.comparable
    assert {place.metric for place in comparison.places} == {"log_loss"}
    with pytest.raises(UnknownName, match="Did you mean 'log_loss'"):
        compare([keep(3)], metric="logloss")


def test_what_has_no_score_comes_last_with_the_reason(keep, run, store):
    failed = keep(1, status="failed", reason="There is no column 'x'.")
    good = keep(2)
    run(3, status="running")
    running = experiments(store)[0]
    comparison = compare([failed, running, good])
    assert [place.status for place in comparison.places] == ["completed", "failed", "running"]
    assert f"{failed.short} has no score: failed, There is no column 'x'." in comparison.sentences
    assert f"{running.short} has no score: running." in comparison.sentences


def test_without_predictions_the_difference_is_not_tested(run, store):
    folders = run(1), run(2, skill=0.5)
    for folder in folders:
        (folder.outbox / "predictions.parquet").unlink()
    comparison = compare([capture(folder, store) for folder in folders])
    assert comparison.places[1].behind is None
    assert "untested: their predictions cannot be set side by side." in said(comparison)


def test_predictions_that_do_not_give_the_score_are_not_tested(run, store):
    folders = run(1), run(2, skill=0.5)
    for folder in folders:  # as when the score was weighted
        write_scores(folder.outbox, "roc_auc", {"roc_auc": Score("roc_auc", 0.5)})
    assert "untested" in said(compare([capture(folder, store) for folder in folders]))


def test_one_alone_and_one_given_twice_are_fine(keep):
    kept = keep(1)
    assert len(compare([kept, kept]).places) == 1
    assert compare([kept]).sentences == ()
    assert compare([]).places == ()


def test_the_order_given_does_not_matter(keep):
    kept = [keep(number, skill=number / 2, seed=number) for number in (1, 2, 3)]
    assert compare(kept).as_document() == compare(kept[::-1]).as_document()


def test_parameters_that_differ_are_shown_and_no_others(keep):
    comparison = compare(
        [keep(1, parameters={"seed": 0}), keep(2, parameters={"seed": 1, "ignore": ["id"]}, skill=1.0)]
    )
    assert [dict(place.parameters) for place in comparison.places] == [
        {"seed": 0},
        {"seed": 1, "ignore": ["id"]},
    ]


def test_what_an_experiment_lacks_is_a_dash(keep):
    kept = [keep(1, parameters={"seed": 0}), keep(2, parameters={"seed": 0, "ignore": ["id"]}, skill=1.0)]
    lines = str(compare(kept)).splitlines()
    assert lines[1].split()[-1] == "ignore"
    assert sorted(line.split()[-1] for line in lines[2:4]) == ["id", "–"]


def test_groups_have_tables_of_their_own_named_by_what_they_were_measured_on(keep):
    sections = compare([keep(1), keep(2, data=OTHER_DATA, skill=3.0), keep(3, status="failed")]).sections()
    titles = [section.title for section in sections]
    assert [title[:2] for title in titles[:2]] == ["1.", "2."]
    assert all("Churn in " in title for title in titles[:2])
    assert titles[2:] == ["Without a score", "What this says"]


def test_sentences_and_table_write_the_same_numbers(keep):
    comparison = compare([keep(1, skill=3.0, seed=1), keep(2, skill=0.5, seed=2)])
    lead = re.search(r"by (0\.\d+) in", said(comparison)).group(1)
    assert any(line.split()[-1] == lead for line in str(comparison).splitlines()[2:4])


def test_the_document_is_plain_json(keep):
    failed = keep(3, status="failed", reason="no")
    document = compare([keep(1), keep(2, seed=4), failed]).as_document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document.keys() == {"comparable", "sentences", "leaderboard"}
    first, second, last = document["leaderboard"]
    assert first["behind"] is None
    assert second["behind"].keys() == {"value", "low", "high", "rows", "tied"}
    assert (last["rank"], last["value"], last["status"]) == (None, None, "failed")


def test_it_is_shown_as_text_and_in_a_notebook(keep):
    comparison = compare([keep(1), keep(2, seed=4), keep(3, status="failed", reason="<script>")])
    assert str(comparison).startswith("Leaderboard\n   experiment")
    assert "<script>" not in comparison._repr_html_()


def of_numbers(run, store, number, noise, *, unit=1.0, flattered=1.0, seed=1):
    """Keep a regression of numbers in some unit; of one that is flattered the score is not that of its predictions."""
    folder, truth = run(number), np.random.default_rng(0).normal(0, unit, 80)
    prediction = truth + np.random.default_rng(seed).normal(0, noise * unit, 80)
    frame = pd.DataFrame({"row": range(80), "fold": 0, "truth": truth, "prediction": prediction})
    frame.sample(frac=1, random_state=number).to_parquet(folder.outbox / "predictions.parquet")
    found = score(METRICS["rmse"], Predicted(truth, prediction))
    write_scores(folder.outbox, "rmse", {"rmse": replace(found, value=found.value * flattered)})
    task = json.loads((folder.outbox / "task.json").read_text())
    (folder.outbox / "task.json").write_text(json.dumps({**task, "kind": "regression", "classes": []}))
    return capture(folder, store)


@pytest.mark.parametrize("unit", [1e-170, 1e-9, 1.0, 1e12, 1e160])
def test_regression_is_compared_by_its_numbers_in_whatever_unit_they_are(run, store, unit):
    good, poor = (
        of_numbers(run, store, number, noise, unit=unit, seed=number) for number, noise in ((1, 0.1), (2, 1.0))
    )
    comparison = compare([poor, good])
    assert comparison.places[0].ref == str(good.reference)
    gain = comparison.places[1].behind
    assert 0.5 * unit < gain.low < gain.value < gain.high < 2 * unit
    assert re.search(r"by [^ ]*[1-9][^ ]* in RMSE \(95 % interval [^ ]*[1-9][^ ]* to [^ ]*[1-9]", said(comparison))
    assert len(said(comparison)) < 200


@pytest.mark.parametrize("unit", [1e-9, 1.0])
def test_numbers_that_do_not_give_the_score_are_not_tested_however_small_they_are(run, store, unit):
    kept = [of_numbers(run, store, number, 0.5, unit=unit, flattered=0.9) for number in (1, 2)]
    assert "untested" in said(compare(kept))


def test_what_differs_by_rounding_alone_is_the_same(run, store):
    comparison = compare([of_numbers(run, store, number, 0.5 + number * 1e-15) for number in (1, 2)])
    assert comparison.places[1].behind.tied


def test_nothing_differs_between_an_experiment_and_itself(keep):
    kept = keep(1)
    difference = diff(kept, kept)
    assert [section.title for section in difference.sections()] == ["The same in both"]
    assert "template code" in str(difference)


def test_a_difference_tells_what_was_done_and_what_came_of_it(keep):
    one = keep(1, parameters={"budget": "60s", "seed": 0})
    other = keep(
        2,
        parameters={"budget": "30s", "ignore": ["id"]},
        skill=0.5,
        data=OTHER_DATA,
        code=["import workbench as wb", "table = wb.read_table(data).dropna()", "wb.record(table)"],
        columns={"tenure": "category", "age": "number", "Churn": "category"},
    )
    document = diff(one, other).as_document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["parameters"] == [
        {"name": "budget", "one": "60s", "other": "30s", "sources": {"one": "-p", "other": "-p"}},
        {"name": "seed", "one": 0, "sources": {"one": "-p"}},
        {"name": "ignore", "other": ["id"], "sources": {"other": "-p"}},
    ]
    assert [change["name"] for change in document["data"]] == ["digest"]
    assert document["columns"] == [
        {"name": "tenure", "one": "number, feature", "other": "category, feature"},
        {"name": "charges", "one": "number, feature"},
        {"name": "age", "other": "number, feature"},
    ]
    assert "-table = wb.read_table(data)" in document["code"]
    assert "+table = wb.read_table(data).dropna()" in document["code"]
    assert not any("metadata" in line or "execution_count" in line for line in document["code"])
    assert document["environment"] == []
    assert {change["name"] for change in document["scores"]} == {"roc_auc", "log_loss"}
    assert document["importance"] == []
    assert "different data" in document["sentences"][0]


def test_versions_of_packages_that_differ_are_named(keep):
    one, other = keep(1), keep(2)
    file = other.path / "environment" / "python.json"
    told = json.loads(file.read_text())
    told["packages"] |= {"numpy": "1.0", "brand-new": "2.0"}
    file.write_text(json.dumps({**told, "python": "3.99.0"}))
    changed = {change["name"]: change for change in diff(one, other).as_document()["environment"]}
    assert changed.keys() == {"python", "numpy", "brand-new"}
    assert changed["brand-new"] == {"name": "brand-new", "other": "2.0", "decides": False}
    assert changed["numpy"]["decides"]
    assert changed["python"]["decides"]


def test_a_difference_from_a_failed_run_leaves_its_side_empty(keep):
    difference = diff(keep(1), keep(2, status="failed", reason="no"))
    assert all("other" not in change.values for change in difference.scores)
    assert "roc_auc" in str(difference)
    assert "<table>" in difference._repr_html_()
