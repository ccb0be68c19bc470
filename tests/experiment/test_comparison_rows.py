"""Scores are ranked together only when they were measured on the very same rows; what cannot be known is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.comparison import compare
from workbench.errors import BadArtifact
from workbench.experiment import capture


def said(comparison) -> str:
    return " ".join(comparison.sentences)


@pytest.fixture
def without_predictions(run, store):
    """Keep a run without its predictions, measured on so many rows of its table's 120."""

    def keep(number, *, measured_on=120, **changes):
        folder = run(number, **changes)
        (folder.outbox / "predictions.parquet").unlink()
        file = folder.outbox / "scores.json"
        document = json.loads(file.read_text())
        for score in document["scores"].values():
            score["rows"] = measured_on
        file.write_text(json.dumps(document))
        return capture(folder, store)

    return keep


def test_measured_on_the_whole_table_is_the_same_rows_without_predictions_too(keep, without_predictions):
    comparison = compare([without_predictions(1, skill=3.0), keep(2)])
    assert comparison.comparable
    assert "untested" in said(comparison)


def test_a_part_of_the_table_that_nobody_can_name_is_ranked_alone(keep, without_predictions):
    lost = without_predictions(1, skill=3.0, measured_on=30)
    comparison = compare([lost, keep(2), keep(3, seed=4)])
    assert [place.group for place in comparison.places] == [1, 1, 2]
    assert comparison.sentences[0].startswith(f"Which rows {lost.short} was measured on is not known")
    assert "different" not in comparison.sentences[0]


def test_two_parts_that_nobody_can_name_are_not_taken_for_the_same(without_predictions):
    kept = [without_predictions(number, skill=number, measured_on=30) for number in (1, 2)]
    comparison = compare(kept)
    assert [place.rank for place in comparison.places] == [1, 1]
    assert "were measured on is not known" in said(comparison)
    assert "better" not in said(comparison)


def with_column(folder, name, values):
    file = folder.outbox / "predictions.parquet"
    frame = pd.read_parquet(file)
    frame[name] = values
    frame.to_parquet(file)
    return folder


def test_weighted_and_unweighted_scores_of_the_same_rows_are_not_the_same_thing(run, store, keep):
    weighted = capture(with_column(run(1), "weight", np.linspace(0.5, 2, 120)), store)
    comparison = compare([weighted, keep(2, seed=3)])
    assert not comparison.comparable
    assert said(comparison) == (
        "These scores cannot be compared with one another: they were measured with different weights."
    )


@pytest.mark.parametrize("first", [True, False])
def test_rows_that_one_knows_to_belong_together_are_drawn_together(run, store, keep, first):
    skill = {True: 3.0, False: 0.5}
    grouped = capture(with_column(run(1, skill=skill[first], seed=1), "group", np.arange(120) // 40), store)
    plain = keep(2, skill=skill[not first], seed=2)
    gain = compare([grouped, plain]).places[1].behind
    alone = compare([keep(3, skill=skill[first], seed=1), plain]).places[1].behind
    assert gain.value == pytest.approx(alone.value)
    assert (gain.low, gain.high) != pytest.approx((alone.low, alone.high))


def test_the_whole_of_a_table_is_not_the_rows_of_a_part_of_it(keep, without_predictions):
    part = keep(1, rows=100)
    whole = without_predictions(2)
    part = replace(part, manifest=part.manifest | {"data": whole.manifest["data"]})
    comparison = compare([part, whole])
    assert not comparison.comparable
    assert "measured with different rows" in said(comparison)


def test_groups_of_the_same_name_are_told_apart(keep):
    other = "sha256:" + "ab" * 32
    titles = [section.title for section in compare([keep(1), keep(2, data=other), keep(3)]).sections()]
    assert titles[0].startswith("1. Churn in customers.csv, 120 rows (content ")
    assert titles[1] == "2. Churn in customers.csv, 120 rows (content abababab)"


def test_a_metric_that_all_have_is_proposed(keep):
    comparison = compare([keep(1), keep(2, metric="log_loss")])
    assert "All of them have ROC AUC and log loss: --metric roc_auc ranks them by it." in comparison.sentences


def test_a_batch_has_no_score_of_its_own_and_that_is_no_failure(keep):
    batch = keep(1)
    batch = replace(
        batch, manifest=batch.manifest | {"kind": "batch", "children": ["a", "b"], "scores": {}, "metric": None}
    )
    comparison = compare([keep(2), batch])
    assert f"{batch.short} is a batch of 2 runs: compare these, each by its own reference." in comparison.sentences
    assert all(dict(place.parameters) == {} for place in comparison.places)


def test_a_reproduction_is_called_one(keep):
    one, again = keep(1), keep(2)
    again = replace(again, manifest=again.manifest | {"kind": "reproduction", "parents": [str(one.reference)]})
    assert f"{again.short} is a reproduction of {one.short}." in compare([one, again]).sentences


def test_an_experiment_that_came_without_its_data_says_so(keep):
    kept = keep(1)
    lean = replace(
        kept, manifest=kept.manifest | {"whole": "sha256:" + "0" * 64, "left_out": {"predictions.parquet": "rows"}}
    )
    assert f"{lean.short} came without its data." in compare([lean, keep(2)]).sentences


def held_back(folder, *, value=0.9, rows=40, path="/home/ada/test.csv"):
    scores, given = folder.outbox / "scores.json", folder.parameters
    test = {"roc_auc": {"value": value, "low": value - 0.1, "high": value + 0.05, "rows": rows}}
    scores.write_text(json.dumps(json.loads(scores.read_text()) | {"test": test}))
    told = json.loads(given.read_text())
    told["parameters"]["test"] = {"value": path, "source": "-p"}
    given.write_text(json.dumps(told))
    return folder


def test_scores_on_held_back_rows_stand_beside_the_others(run, store):
    kept = [capture(held_back(run(number, skill=number), value=0.8 + number / 100), store) for number in (1, 2)]
    comparison = compare(kept)
    assert "on held-back rows" in str(comparison)
    assert comparison.as_document()["leaderboard"][0]["test"]["value"] == pytest.approx(0.82)
    assert "held-back" not in said(comparison)


@pytest.mark.parametrize("other", [{"path": "/home/ada/other.csv"}, {"rows": 41}])
def test_held_back_rows_that_differ_are_told(run, store, other):
    kept = [capture(held_back(run(1)), store), capture(held_back(run(2, seed=3), **other), store)]
    assert "held-back rows were measured on different rows: these cannot be compared." in said(compare(kept))


def test_many_are_summed_up_in_a_few_sentences(keep):
    kept = [keep(number, skill=2.0, seed=number) for number in range(1, 7)]
    kept += [keep(number, skill=0.2, seed=number) for number in range(7, 12)]
    comparison = compare(kept)
    assert len(comparison.sentences) <= 3
    assert tied(comparison) + beaten(comparison) == 10


def tied(comparison) -> int:
    return sum(place.behind.tied for place in comparison.places if place.behind)


def beaten(comparison) -> int:
    told = next(sentence for sentence in comparison.sentences if "is better than" in sentence)
    return int(told.split("is better than ")[1].split()[0])


def test_as_good_and_much_quicker_is_worth_a_sentence(keep):
    one, quick = keep(1, seed=1), keep(2, seed=1)
    quick = replace(quick, manifest=quick.manifest | {"resources": {"wall": 2.0}})
    one = replace(one, manifest=one.manifest | {"resources": {"wall": 60.0}})
    assert f"{quick.short}, tied with the best, took 2.0 s; the best took 1 min." in compare([one, quick]).sentences


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("task.json", '{"format": 0, "data": 5}'),
        ("task.json", '{"format": 0, "classes": 5}'),
        ("parameters.json", '{"parameters": {"data": "customers.csv"}}'),
        ("trials.jsonl", '{"number": [], "score": 0.5}\n'),
        ("trials.jsonl", "[]\n"),
        ("importance.csv", "column\n1\n"),
        ("predictions.parquet", "no parquet"),
        ("scores.json", '{"test": 7}'),
    ],
)
def test_what_a_stranger_may_have_written_ends_in_one_line(keep, file, content):
    one, other = keep(1), keep(2)
    (other.path / file).write_text(content)
    with pytest.raises(BadArtifact) as told:
        compare([one, other])
    assert "\n" not in str(told.value)
    assert other.version in str(told.value)


def test_numbers_that_are_none_are_no_scores(keep):
    odd = keep(1)
    scores = {"roc_auc": {"value": float("nan")}, "log_loss": {"value": 1e999}}
    odd = replace(odd, manifest=odd.manifest | {"scores": scores, "resources": {"wall": "long", "cost": 5}})
    document = compare([odd, keep(2)]).as_document()
    json.dumps(document, allow_nan=False)
    assert document["leaderboard"][-1]["value"] is None
    assert f"{odd.short} has no score: ROC AUC was not measured." in document["sentences"]


def test_names_that_would_command_a_terminal_do_not(keep):
    one, other = keep(1, parameters={"\x1b[2Jx": 1}), keep(2, parameters={"\x1b[2Jx": 2})
    assert "\x1b" not in str(compare([one, other]))


def test_the_search_is_followed_trial_by_trial(run, store):
    folder = run(1)
    trials = [(2, 0.7), (1, 0.6), (3, None), (4, 0.65)]
    lines = [
        json.dumps({"number": number, "family": "linear", "score": score, "params": {"c": 1}})
        for number, score in trials
    ]
    (folder.outbox / "trials.jsonl").write_text("\n".join(lines))
    for number, _ in trials:
        folder.say("trial", number=number, elapsed=float(number))
    (place,) = compare([capture(folder, store)]).as_document()["leaderboard"]
    assert [(t["number"], t["best"], t["elapsed"]) for t in place["trials"]] == [(1, 0.6, 1), (2, 0.7, 2), (4, 0.7, 4)]
