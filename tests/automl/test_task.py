from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.automl.problem.labels import ordered_classes
from workbench.automl.task import task
from workbench.automl.task import test_rows as held_rows
from workbench.dataset import read_table
from workbench.errors import BadColumn, WorkbenchError

ROWS = 40
X = list(np.arange(ROWS) % 7 * 1.5)
DAYS = pd.date_range("2024-01-01", periods=ROWS).astype(str)
YES_NO = ["yes", "no"] * (ROWS // 2)


def numbers(n: int = ROWS) -> list[float]:
    return [round(float(x), 4) for x in np.random.default_rng(0).normal(size=n)]


class TestRefusals:
    """One clear line: what, which, what to do."""

    @pytest.mark.parametrize(
        ("columns", "how", "said"),
        [
            ({"x": X, "Churn": YES_NO}, {"target": "churm"}, "There is no column 'churm'. Did you mean 'Churn'?"),
            ({"x": X, "y": YES_NO}, {"ignore": ["z"]}, "There is no column 'z'"),
            ({"x": X, "y": YES_NO}, {"group": "y"}, "'y' was named as target and as group"),
            ({"x": X, "y": ["no"] * ROWS}, {}, "'y' is 'no' in every row"),
            ({"x": X, "y": [5] * ROWS}, {"kind": "regression"}, "'y' is 5 in every row"),
            ({"x": X, "y": [None] * ROWS}, {}, "'y' has no value in any row"),
            ({"x": X, "y": [None] * ROWS}, {"kind": "regression"}, "'y' has no value in any row"),
            ({"x": X[:5], "y": ["a", "a", "a", "a", "b"]}, {}, "has only one class with two rows or more"),
            ({"x": X[:4], "y": ["a", "b", "c", "d"]}, {}, "has no class with two rows or more"),
            ({"x": X[:3], "y": [1.5, 2.5, 4.5]}, {"kind": "regression"}, "is known in 3 rows only"),
            ({"x": X[:1], "y": ["a"]}, {}, "is known in 1 row only"),
            ({"x": X, "y": numbers()}, {}, "40 different numbers, which are amounts rather than classes"),
            (
                {"x": X, "y": [f"name {i}" for i in range(ROWS)]},
                {},
                "40 different values in 40 rows, too many to be classes",
            ),
            ({"x": X, "y": YES_NO}, {"kind": "regression"}, "'y' is no number in 40 rows (for example 'yes')"),
            ({"x": X, "y": [*X[:-1], "?!"]}, {"kind": "regression"}, "'y' is no number in 1 row (for example '?!')"),
            ({"x": ["k"] * ROWS, "y": YES_NO}, {}, "has no column to learn from"),
            ({"x": X, "y": YES_NO}, {"metric": "rmse"}, "There is no binary metric 'rmse'"),
            ({"x": X, "y": YES_NO}, {"positive": "maybe"}, "There is no class of 'y' 'maybe'"),
            ({"x": X, "y": ["a", "b", "c", "d"] * 10}, {"positive": "a"}, "none of them is the positive one"),
            ({"x": X, "g": ["one"] * ROWS, "y": YES_NO}, {"group": "g"}, "'g' holds a single group"),
            ({"x": X, "t": ["2024-01-01"] * ROWS, "y": YES_NO}, {"time": "t"}, "holds a single time"),
            ({"x": X, "t": ["soon", "later"] * 20, "y": YES_NO}, {"time": "t"}, "can be read as a date or number in 0"),
            ({"x": X, "g": YES_NO, "y": YES_NO}, {"group": "g"}, "'g' leaves no split whose training rows know two"),
            ({"x": X, "w": [-1.5] + [2.5] * 39, "y": YES_NO}, {"weight": "w"}, "'w' is no weight in 1 row."),
        ],
    )
    def test_what_cannot_be_learned_is_refused_in_one_line(self, table, columns, how, said):
        with pytest.raises(WorkbenchError) as refusal:
            task(table(**columns), **{"target": "y", **how})
        assert said in str(refusal.value)
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        ("columns", "how", "said"),
        [
            (
                {"t": DAYS, "y": ["yes", "no", "yes", "no"] + ["no"] * 36},
                {"time": "t"},
                "'t' leaves no row of 'yes' to measure models on, so roc_auc has no value. Choose metric=log_loss, or "
                "leave `time` out.",
            ),
            (
                {"g": ["a"] * 10 + ["b"] * 15 + ["c"] * 15, "y": ["yes"] * 10 + ["no"] * 30},
                {"group": "g", "metric": "average_precision"},
                "'g' leaves no row of 'yes' to measure models on, so average_precision has no value",
            ),
            ({"w": [0.0, 2.5] * 20, "y": YES_NO}, {"weight": "w"}, "'w' leaves no row of 'yes' to measure models on"),
            (
                {"w": [0.0, 2.5, 1.5, 1.5] * 10, "y": ["a", "b", "c", "b"] * 10},
                {"weight": "w", "metric": "roc_auc"},
                "'w' leaves no row of 'a' to measure models on",
            ),
            (
                {"t": DAYS, "w": [1.5] * 4 + [0.0] * 36, "y": YES_NO},
                {"time": "t", "weight": "w", "metric": "log_loss"},
                "'w' weighs all rows zero that models are measured on",
            ),
        ],
    )
    def test_what_leaves_the_metric_without_a_value_is_refused(self, table, columns, how, said):
        with pytest.raises(WorkbenchError) as refusal:
            task(table(x=X, **columns), "y", **how)
        assert said in str(refusal.value)

    def test_a_column_that_the_reader_left_out_can_be_ignored_and_play_no_part(self, tmp_path):
        path = tmp_path / "nested.parquet"
        pd.DataFrame({"x": X, "spots": [[1, 2]] * ROWS, "y": YES_NO}).to_parquet(path)
        assert task(read_table(path), "y", ignore="spots").features == ["x"]
        with pytest.raises(
            BadColumn, match=r"'spots' holds list<element: int64> values; it was left out\. Name another"
        ):
            task(read_table(path), "spots")

    def test_where_another_metric_has_a_value_it_can_be_chosen(self, table):
        few = table(x=X, t=DAYS, y=["yes", "no", "yes", "no"] + ["no"] * 36)
        assert task(few, "y", time="t", metric="log_loss").metric.name == "log_loss"

    def test_a_test_file_must_have_the_columns(self, table):
        with pytest.raises(WorkbenchError, match=r"lacks columns of the training table: x"):
            task(table(x=X, y=YES_NO), "y", test=table(z=X, y=YES_NO))

    def test_weights_of_a_test_file_must_be_weights(self, table):
        train = table(x=X, w=[1.5, 2.5] * 20, y=YES_NO)
        with pytest.raises(WorkbenchError, match=r"has a column 'w' that is no weight in 1 row\."):
            task(train, "y", weight="w", test=table(x=X, w=[-1.5] + [2.5] * 39, y=YES_NO))

    def test_a_test_file_must_have_known_targets(self, table):
        with pytest.raises(WorkbenchError, match="no row whose 'y' is known"):
            task(table(x=X, y=YES_NO), "y", test=table(x=X, y=["perhaps"] * ROWS))


class TestClasses:
    @pytest.mark.parametrize(
        ("values", "classes"),
        [
            (["yes", "no"], ["no", "yes"]),
            (["Ja", "Nein"], ["Nein", "Ja"]),
            (["no", "Yes"], ["no", "Yes"]),
            (["1", "0"], [0, 1]),
            (["2", "10"], [2, 10]),
            (["-1", "1"], [-1, 1]),
            (["01", "02"], ["01", "02"]),
            (["True", "False"], [False, True]),
            (["0.5", "1.5"], [0.5, 1.5]),
            (["good", "bad", "so so"], ["bad", "good", "so so"]),
            (["nan-like", "1"], ["1", "nan-like"]),
        ],
    )
    def test_labels_are_what_the_file_holds_and_the_affirmative_one_is_looked_for(self, table, values, classes):
        made = task(table(x=X[:30], y=(values * 15)[:30]), "y")
        assert made.classes == classes
        assert [type(label) for label in made.classes] == [type(label) for label in classes]
        assert made.truth.dtype != object
        assert [made.classes[code] for code in made.codes] == made.truth.tolist()

    def test_a_boolean_column_of_a_typed_table_stays_boolean(self, tmp_path):
        from workbench.dataset import read_table

        pd.DataFrame({"x": X, "y": [True, False] * 20}).to_parquet(tmp_path / "t.parquet")
        assert task(read_table(str(tmp_path / "t.parquet")), "y").classes == [False, True]

    @pytest.mark.parametrize(("positive", "last"), [("no", "no"), ("YES", "yes"), (None, "yes")])
    def test_positive_says_which_class_comes_last(self, positive, last):
        assert ordered_classes(np.array(["yes", "no", "no"]), "y", positive)[-1] == last

    def test_digits_can_be_named_as_text_or_number(self):
        assert ordered_classes(np.array([0, 1]), "y", "0") == ordered_classes(np.array([0, 1]), "y", 0) == [1, 0]


class TestRows:
    def test_rows_without_a_target_are_set_aside_and_said(self, table):
        made = task(table(x=X, y=["a", "b", None, " "] * 10), "y")
        assert list(made.frame.index) == [i for i in range(ROWS) if i % 4 < 2]
        assert [(check.name, check.level) for check in made.checks] == [
            ("missing_target", "note"),
            ("few_rows", "warn"),
        ]

    def test_the_only_row_of_a_class_is_set_aside_with_a_warning(self, table):
        made = task(table(x=X, y=["rare", *YES_NO[1:]]), "y")
        assert made.classes == ["no", "yes"]
        assert 0 not in made.frame.index
        assert ("single_row_class", "warn") in [(check.name, check.level) for check in made.checks]

    def test_rows_without_a_time_are_set_aside(self, table):
        times = [None, *pd.date_range("2024-01-01", periods=ROWS - 1).astype(str)]
        made = task(table(x=X, t=times, y=YES_NO), "y", time="t")
        assert len(made.times) == len(made.truth) == ROWS - 1

    @pytest.mark.parametrize(
        "times",
        [
            range(ROWS),
            [f"{n:04d}" for n in range(ROWS)],
            [0] * 20 + [1] * 20,
            [1_700_000_000 + 7 * n for n in range(ROWS)],
        ],
        ids=["counts the rows", "a code of digits", "before and after", "seconds"],
    )
    def test_any_number_that_orders_the_rows_is_a_time(self, table, times):
        made = task(table(x=X, t=times, y=YES_NO), "y", time="t")
        assert made.times.tolist() == [float(time) for time in times]
        assert made.features == ["x"]

    def test_rows_without_a_group_are_a_group(self, table):
        made = task(table(x=X, g=[None, "a", "b", "c"] * 10, y=YES_NO), "y", group="g")
        assert len(np.unique(made.groups)) == 4

    @pytest.mark.parametrize(
        ("trained", "held", "known"),
        [
            (["true", "false", "unknown"], ["true", "false"], ["true", "false"]),
            (["0.5", "1.0", "2.0"], ["1", "2"], [1.0, 2.0]),
            (["1", "2"], ["2", "1", "x"], [2, 1]),
            (["1", "2", "01"], ["1", "2"], ["1", "2"]),
            (["True", "False"], ["true", "maybe", None], [True]),
        ],
    )
    def test_labels_of_the_test_file_are_read_as_those_of_training(self, table, trained, held, known):
        made = task(table(x=X[:30], y=(trained * 15)[:30]), "y", test=table(x=X[: len(held)], y=held))
        rows, truth = held_rows(made, made.test)
        assert truth.tolist() == known
        assert [type(label) for label in truth.tolist()] == [type(label) for label in known]
        assert rows.tolist() == list(range(len(known)))

    def test_test_rows_of_unknown_classes_are_left_out_and_said(self, table):
        made = task(table(x=X, y=YES_NO), "y", test=table(x=X[:4], y=["yes", "no", "perhaps", None]))
        assert made.checks[-1].name == "test_rows_aside"


class TestColumns:
    def test_columns_that_say_nothing_or_split_the_table_are_no_features(self, table):
        made = task(
            table(
                key=[f"K{i:04d}" for i in range(ROWS)],
                same=["s"] * ROWS,
                blank=[None] * ROWS,
                x=X,
                g=[name for name in "abcd" for _ in range(10)],
                t=pd.date_range("2024-01-01", periods=ROWS).astype(str),
                w=[1.5, 2.5] * 20,
                out=X,
                y=YES_NO,
            ),
            "y",
            group="g",
            time="t",
            weight="w",
            ignore="out",
        )
        assert made.features == ["x", "t"]
        assert {c.name: c.role for c in made.schema.columns} | {"key": "id"} == {
            c.name: {"key": "id", "g": "group", "t": "time", "w": "weight", "out": "ignore", "y": "target"}.get(
                c.name, "feature"
            )
            for c in made.schema.columns
        }

    def test_the_dataset_handed_in_is_not_changed(self, table):
        dataset = table(x=X, y=YES_NO)
        before = dataset.frame.copy(deep=True)
        made = task(dataset, "y")
        made.frame["x"] = 0.0
        pd.testing.assert_frame_equal(dataset.frame, before)


def test_a_task_tells_what_it_is(table):
    made = task(table(x=X, y=YES_NO, t=pd.date_range("2024-01-01", periods=ROWS).astype(str)), "y", time="t")
    assert repr(made) == "Predict 'y' (is it 'yes' or 'no') from 2 columns and 40 rows, judged by ROC AUC"
    page = made._repr_html_()
    assert "later than those it learned from" in page
    assert "50 %" in page


def test_the_truth_is_numbered_once(table):
    made = task(table(x=X, y=YES_NO), "y")
    assert made.codes is made.codes
    assert replace(made, truth=made.truth[:3]).codes.tolist() == [1, 0, 1]
    assert np.array_equal(pickle.loads(pickle.dumps(made)).codes, made.codes)


def test_markup_in_names_and_labels_stays_text(table):
    made = task(table(**{"x": X, "<b>y</b>": ["<i>", "b"] * 20}), "<b>y</b>")
    assert "<b>y" not in made._repr_html_()
    assert "<i>" not in made._repr_html_()
