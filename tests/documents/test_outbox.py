"""What a notebook found is read back as it was written."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.documents import outbox
from workbench.errors import BadArtifact
from workbench.records import Check, Score

finite = st.floats(allow_nan=False, allow_infinity=False)
anywhere = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anywhere
@given(finite, finite | st.none(), finite | st.none(), st.booleans(), st.integers(0) | st.none())
def test_scores_come_back_equal_the_chosen_first(tmp_path, value, low, optimism, higher, rows):
    scores = {
        "accuracy": Score("accuracy", 0.5),
        "roc_auc": Score("roc_auc", value, low, None, optimism, higher, rows),
    }
    outbox.write_scores(tmp_path, "roc_auc", scores)
    assert list(outbox.read_scores(tmp_path).items()) == [
        ("roc_auc", scores["roc_auc"]),
        ("accuracy", scores["accuracy"]),
    ]


@anywhere
@given(st.text(), st.sampled_from(["note", "warn", "block"]), st.text(), st.lists(st.text()))
def test_checks_come_back_equal(tmp_path, name, level, message, columns):
    checks = [Check(name, level, message, tuple(columns))]
    outbox.write_checks(tmp_path, checks)
    assert outbox.read_checks(tmp_path) == checks


@anywhere
@given(st.lists(st.dictionaries(st.text(), st.integers() | finite | st.text() | st.booleans() | st.none()), max_size=4))
def test_trials_come_back_equal_one_a_line(tmp_path, trials):
    outbox.write_trials(tmp_path, trials)
    assert outbox.read_trials(tmp_path) == trials


def test_numbers_of_numpy_become_json_and_a_number_that_is_none_becomes_null(tmp_path):
    outbox.write_trials(tmp_path, [{"n": np.int64(3), "s": np.float64("nan"), "w": np.array([1.0, np.inf])}])
    assert outbox.read_trials(tmp_path) == [{"n": 3, "s": None, "w": [1.0, None]}]
    outbox.write_scores(tmp_path, "r2", {"r2": Score("r2", np.float64(0.5), -math.inf)})
    assert outbox.read_scores(tmp_path)["r2"] == Score("r2", 0.5, None)


def test_every_document_says_its_format_first(tmp_path):
    outbox.write_scores(tmp_path, "r2", {})
    outbox.write_checks(tmp_path, [])
    outbox.write_task(tmp_path, {"kind": "regression", "rows": 3})
    for file in (outbox.SCORES, outbox.CHECKS, outbox.TASK):
        assert next(iter(json.loads((tmp_path / file).read_text()))) == "format"
    assert outbox.read_task(tmp_path) == {"kind": "regression", "rows": 3}


@pytest.mark.parametrize("truth", [["no", "yes"], [0, 1], [True, False], [0.25, 3.5], ["NA", "ü"]])
def test_predictions_keep_rows_labels_and_probabilities_to_the_last_digit(tmp_path, truth):
    frame = pd.DataFrame(
        {"row": [7, 3], "fold": [0, 1], "truth": truth, "prediction": truth, "probability_x": [0.1, 1 / 3]}
    )
    outbox.write_predictions(tmp_path, frame)
    read = outbox.read_predictions(tmp_path)
    assert read.to_dict("list") == frame.to_dict("list")


def test_tables_keep_names_that_look_like_nothing(tmp_path):
    table = pd.DataFrame({"feature": ["NA", "None", "a,b", 'q"q'], "importance": [0.1, 1 / 3, 1e-17, np.nan]})
    outbox.write_importance(tmp_path, table)
    pd.testing.assert_frame_equal(outbox.read_importance(tmp_path), table, check_dtype=False, check_exact=True)
    outbox.write_leaderboard(tmp_path, table)
    assert outbox.read_leaderboard(tmp_path)["feature"].tolist() == table["feature"].tolist()


def test_what_was_never_written_reads_as_empty(tmp_path):
    assert outbox.read_scores(tmp_path) == {}
    assert outbox.read_checks(tmp_path) == outbox.read_trials(tmp_path) == []
    assert outbox.read_predictions(tmp_path) is None
    assert outbox.read_leaderboard(tmp_path).empty
    assert outbox.read_task(tmp_path) == {}


@pytest.mark.parametrize(
    ("file", "read"),
    [
        (outbox.SCORES, outbox.read_scores),
        (outbox.CHECKS, outbox.read_checks),
        (outbox.TASK, outbox.read_task),
        (outbox.TRIALS, outbox.read_trials),
        (outbox.PREDICTIONS, outbox.read_predictions),
    ],
)
def test_a_damaged_document_is_named(tmp_path, file, read):
    (tmp_path / file).write_text('{"scores": ')
    with pytest.raises(BadArtifact, match=file):
        read(tmp_path)


def test_a_document_of_a_later_format_is_refused_with_what_to_do(tmp_path):
    (tmp_path / outbox.TASK).write_text('{"format": 99}')
    with pytest.raises(BadArtifact, match=r"of format 99; this workbench reads 0 and 1\. Upgrade it\."):
        outbox.read_task(tmp_path)


def test_fields_that_a_later_version_adds_to_a_score_do_no_harm(tmp_path):
    (tmp_path / outbox.SCORES).write_text('{"format": 0, "metric": "r2", "scores": {"r2": {"value": 1.0, "new": 2}}}')
    assert outbox.read_scores(tmp_path) == {"r2": Score("r2", 1.0)}


def test_reading_scores_needs_no_pandas():
    code = "import sys, workbench.documents.outbox; assert not {'pandas', 'pyarrow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
