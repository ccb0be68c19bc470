"""Two runs of one request side by side: equal to the last bit, or what differs and what may be why."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.comparison import alike, reproduction
from workbench.experiment import Experiment

OTHER_DATA = f"sha256:{'0' * 64}"


def say(experiment: Experiment, file: str, **changes) -> None:
    """Change fields of one document of an experiment."""
    path = experiment.path / file
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def predict(experiment: Experiment, change) -> None:
    """Change the predictions of an experiment."""
    path = experiment.path / "predictions.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


def because(found) -> dict[str, str]:
    return {cause.kind: cause.because for cause in found.causes}


def said(found) -> str:
    return " ".join(found.sentences)


def test_the_same_twice_is_equal_to_the_last_bit(keep):
    found = reproduction(keep(1), keep(2))
    assert found.equal
    assert found.causes == ()
    assert said(found) == (
        "Equal to the last bit: 2 scores, 120 predictions, 1 trial and 2 lines of the leaderboard. "
        "What it was made with is the same."
    )
    assert found.as_document()["predictions"]["equal"] == 120


def test_a_single_last_bit_is_found_and_its_row_named(keep):
    then, now = keep(1), keep(2)

    def change(kept):
        kept.loc[17, "probability_Yes"] = np.nextafter(kept.loc[17, "probability_Yes"], 1)
        return kept

    predict(now, change)
    found = reproduction(then, now)
    assert not found.equal
    assert (found.predictions.rows, found.predictions.equal, found.predictions.called) == (120, 119, 0)
    (row,) = found.predictions.farthest
    assert (row.row, row.column) == (17, "probability_Yes")
    assert found.predictions.largest == pytest.approx(row.now - row.then)
    assert "Not equal: 1 of 120 predictions differ." in said(found)
    assert "of row 17" in said(found)
    assert repr(row.now) in repr(found)
    assert "Nothing that is on record differs." in said(found)


def test_classes_folds_and_rows_that_are_others_are_counted(keep):
    then, now = keep(1), keep(2)

    def change(kept):
        kept.loc[[3, 4], "prediction"] = [{"Yes": "No", "No": "Yes"}[one] for one in kept.loc[[3, 4], "prediction"]]
        kept.loc[5, "fold"] = 9
        kept.loc[119, "row"] = 200
        return kept.sample(frac=1, random_state=0)

    predict(now, change)
    found = reproduction(then, now).predictions
    assert (found.rows, found.equal, found.called, found.refolded, found.gone, found.new) == (119, 116, 2, 1, 1, 1)
    assert found.total == 121


def test_a_score_is_told_with_the_digits_it_takes_to_see_the_difference(keep):
    then, now = keep(1), keep(2)
    score = now.manifest["scores"]["roc_auc"]
    value = score["value"]
    now.manifest["scores"]["roc_auc"] = score | {"value": float(np.nextafter(value, 2))}
    found = reproduction(then, now)
    (differs,) = [one for one in found.scores if not one.equal]
    assert (differs.metric, differs.then) == ("roc_auc", value)
    assert f"ROC AUC, of rows not learned from, was {value!r} and is {differs.now!r}." in said(found)
    now.manifest["scores"]["roc_auc"] = score | {"low": 0.5}
    assert "is the same, its interval is not" in said(reproduction(then, now))


def test_better_and_worse_runs_are_told_from_each_other_and_tested(keep):
    found = reproduction(keep(1, skill=3.0, seed=1), keep(2, skill=0.5, seed=2))
    assert not found.equal
    assert "2 of 2 scores and 120 of 120 predictions differ" in said(found)
    assert "is better than" in said(found)


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"data": OTHER_DATA}, "data", "the table is not the same"),
        ({"parameters": {"seed": 1}}, "parameters", "seed has another value"),
        ({"code": ["import workbench"]}, "code", "the code of the template is not the same"),
    ],
)
def test_what_was_asked_for_is_a_cause(keep, changes, kind, told):
    found = reproduction(keep(1), keep(2, **changes))
    assert because(found)[kind] == told


def test_the_same_rows_under_another_path_are_no_cause(keep):
    then, now = keep(1), keep(2, parameters={"data": "/tmp/elsewhere.csv"})
    described = {"properties": {"data": {"type": "string", "x-workbench": "table"}, "target": {}}}
    (then.path / "parameters.schema.json").write_text(json.dumps(described))
    assert because(reproduction(then, now)) == {}


@pytest.mark.parametrize(("was", "others"), [("a" * 64, True), ("b" * 64, False), (None, True)])
def test_another_table_than_the_first_is_a_cause_too(keep, was, others):
    then, now = keep(1, parameters={"test": was and "held.csv"}), keep(2, parameters={"test": "other.csv"})
    described = {"properties": {name: {"x-workbench": "table"} for name in ("data", "test")}}
    for one, digest in ((then, was), (now, "b" * 64)):
        (one.path / "parameters.schema.json").write_text(json.dumps(described))
        tables = {"data": one.manifest["data"]["digest"], "test": digest and f"sha256:{digest}"}
        one.manifest["objects"] = [
            {"role": "data", "name": "a.csv", "parameter": name, "digest": content, "size": 1}
            for name, content in tables.items()
            if content
        ]
    told = because(reproduction(then, now))
    assert told == ({"data": "what was given as test is not the same"} if others else {})


def test_packages_that_matter_come_first(keep):
    then, now = keep(1), keep(2)
    kept = now.environment()
    packages = kept["packages"] | {"numpy": "9.9", "aaa": "1.0", "scikit-learn": "8.8"}
    del packages["pandas"]
    say(now, "environment/python.json", packages=packages, python="3.99.1")
    was = {name: kept["packages"][name] for name in ("scikit-learn", "numpy")}
    assert because(reproduction(then, now)) == {
        "library": f"scikit-learn {was['scikit-learn']} → 8.8, numpy {was['numpy']} → 9.9, pandas is not here and aaa "
        "was not there",
        "python": f"python {kept['python']} → 3.99.1",
    }
    assert "Not as it was, and without effect: scikit-learn" in said(reproduction(then, now))


def test_another_workbench_and_another_machine_are_causes(keep):
    then, now = keep(1), keep(2)
    say(now, "environment/workbench.json", version="99.0")
    say(now, "environment/python.json", machine="pdp11")
    assert set(because(reproduction(then, now))) == {"workbench", "machine"}


@pytest.mark.parametrize(("was", "told"), [(2, {"cores": "it had 2 cores then, and 8 now"}), (8, {}), (None, {})])
def test_another_number_of_cores_is_a_cause_where_both_are_on_record(keep, was, told):
    then, now = keep(1, machine=was and {"cores": was, "free_memory": 10**9}), keep(2, machine={"cores": 8})
    assert because(reproduction(then, now)) == told


def trials(experiment: Experiment, *scores: float, seconds: float = 0.0) -> None:
    told = [
        {
            "number": number,
            "family": "linear",
            "score": score,
            "state": "completed",
            "seconds": seconds and seconds + number,
        }
        for number, score in enumerate(scores)
    ]
    (experiment.path / "trials.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in told))


def test_a_search_that_a_clock_ended_names_the_clock(keep):
    then, now = keep(1), keep(2)
    trials(then, 0.8, 0.9)
    trials(now, 0.8)
    found = reproduction(then, now)
    assert not found.equal
    assert found.counted["trials"].differ == ("linear 1",)
    assert because(found)["clock"].endswith("depends on the machine: 2 trials then, 1 now")


def test_a_search_for_a_number_of_trials_names_the_memory(keep):
    then, now = keep(1, parameters={"trials": 2}), keep(2, parameters={"trials": 2})
    trials(then, 0.8, 0.9)
    trials(now, 0.8, 0.7)
    say(then, "task.json", plan={"rows": 5000, "models": 9, "seed": 0})
    say(now, "task.json", plan={"rows": 4000, "models": 9, "seed": 0})
    found = reproduction(then, now)
    assert set(because(found)) == {"memory"}
    assert [change.name for change in found.causes[0].changes] == ["rows"]


def test_trials_that_were_taken_from_the_record_prove_nothing_and_are_not_counted(keep):
    then, now = keep(1), keep(2)
    for one in (then, now):
        trials(one, 0.8, 0.9, seconds=1.25)
    found = reproduction(then, now)
    assert found.replayed
    assert found.equal
    assert "trials" not in found.counted
    assert "(2 trials): those that matter were fitted again" in said(found)


def test_the_model_itself_is_compared_by_the_predictions_that_are_kept_with_it(keep):
    then, now = keep(1), keep(2)
    for one, number in ((then, 0.25), (now, 0.75)):
        golden = {"columns": ["prediction", "probability_Yes"], "data": [["Yes", 0.5], ["No", number]]}
        (one.model / "golden.json").write_text(json.dumps({"predictions": golden}))
    found = reproduction(then, now)
    assert found.counted["model"].as_document() == {"total": 2, "equal": 1, "differ": ["row 1"]}
    assert "1 of 2 predictions of the model itself differ." in said(found)
    assert reproduction(then, then).equal


def test_a_run_that_failed_this_time_says_so(keep):
    found = reproduction(keep(1), keep(2, status="failed", reason="The column 'tenure' is gone."))
    assert not found.equal
    assert said(found).startswith("It completed then, and failed now: The column 'tenure' is gone. Not equal:")
    assert found.as_document()["status"] == {"then": "completed", "now": "failed"}


def test_a_failure_is_reproduced_too(keep):
    found = reproduction(*(keep(number, status="failed", reason="No such column.") for number in (1, 2)))
    assert found.equal
    assert said(found).startswith("It left nothing that could be compared")


def test_a_failure_for_another_reason_is_not_the_same(keep):
    found = reproduction(
        keep(1, status="failed", reason="No such column."), keep(2, status="failed", reason="No disk.")
    )
    assert not found.equal
    assert said(found).startswith("It failed then: No such column. It failed now for another reason: No disk. ")


def test_files_decide_only_where_nothing_was_measured(keep):
    measured = [keep(number, outputs={"log.txt": f"at {number} o'clock"}) for number in (1, 2)]
    found = reproduction(*measured)
    assert found.equal
    assert said(found).startswith("Equal to the last bit, but for 1 of 1 file the notebook wrote.")
    written = [keep(n, status="failed", reason="no", outputs={"a": f"{n}", "b": "b"}) for n in (3, 4)]
    found = reproduction(*written)
    assert not found.equal
    assert found.counted["outputs"].differ == ("outputs/a",)


numbers = st.floats(allow_nan=True, allow_infinity=False, width=32)
tables = st.lists(st.tuples(numbers, st.sampled_from(["Yes", "No"])), min_size=1, max_size=20)


def frame(rows) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row": range(len(rows)),
            "prediction": [said for _, said in rows],
            "probability_Yes": np.array([number for number, _ in rows], float),
        }
    )


@settings(deadline=None)
@given(rows=tables, order=st.randoms(use_true_random=False))
def test_predictions_are_equal_to_themselves_in_any_order(rows, order):
    kept = frame(rows)
    places = list(range(len(rows)))
    order.shuffle(places)
    found = alike.predictions(kept, kept.iloc[places])
    assert found.equal == found.total == len(rows)
    assert found.farthest == ()


@settings(deadline=None)
@given(rows=tables, place=st.integers(0, 19), number=numbers)
def test_another_number_is_always_found(rows, place, number):
    place %= len(rows)
    then, now = frame(rows), frame(rows)
    now.loc[place, "probability_Yes"] = number
    was = then.loc[place, "probability_Yes"]
    same = was == number or (np.isnan(was) and np.isnan(number))
    found = alike.predictions(then, now)
    assert found.equal == len(rows) - (not same)
    if not same and not np.isnan(was) and not np.isnan(number):
        assert found.farthest[0].row == place


def test_no_predictions_on_one_side_are_rows_that_are_gone():
    kept = frame([(0.5, "Yes"), (0.25, "No")])
    assert alike.predictions(None, None) is None
    assert replace(alike.predictions(kept, None), gone=0) == alike.Predictions(0, 0)
    assert alike.predictions(None, kept).new == 2
