"""What is wrong with a table is found before any time is spent on it, and what is right with it is left in peace."""

import numpy as np
import pandas as pd
import pytest

from workbench.automl.checks import NOTHING, Checks, check
from workbench.automl.finders.columns import sentinel
from workbench.automl.finders.sample import binned, skill
from workbench.automl.task import task
from workbench.dataset import read_table
from workbench.records import Check

ROWS = 600


@pytest.fixture
def found(tmp_path):
    """Find what is wrong with a table: ``found(frame, "y", kind="regression")`` gives the checks by name."""

    def look(frame, target="y", **options):
        file = tmp_path / "table.csv"
        frame.to_csv(file, index=False)
        return {one.name: one for one in check(task(read_table(str(file)), target, **options))}

    return look


def plain(rows=ROWS, seed=0):
    """A sound table: three numbers, a category, and a target that they tell something of."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 3)), columns=["one", "two", "three"])
    frame["kind"] = random.choice(["red", "green", "blue"], rows)
    frame["y"] = np.where(frame["one"] + (frame["kind"] == "red") + random.normal(size=rows) > 0.5, "yes", "no")
    return frame


def numeric(rows=ROWS, seed=0):
    frame = plain(rows, seed)
    frame["y"] = np.exp(frame["one"] + 0.5 * frame["two"] + np.random.default_rng(seed).normal(size=rows))
    return frame


def test_a_sound_table_is_left_in_peace(found):
    assert found(plain()) == {}
    assert found(numeric(), kind="regression") == {}


COPIES = {
    "the same words": lambda y: y,
    "other words": lambda y: y.map({"yes": "gone", "no": "here"}),
    "numbers": lambda y: y.map({"yes": 0, "no": 1}),
    "with blanks": lambda y: y.where(np.arange(len(y)) % 20 > 0),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_of_the_target_blocks(found, name):
    table = plain()
    checks = found(table.assign(copied=COPIES[name](table["y"])))
    assert checks["target_copy"].level == "block"
    assert checks["target_copy"].columns == ("copied",)
    assert "'copied'" in checks["target_copy"].message


@pytest.mark.parametrize("copy", [lambda y: 3 * y + 7, np.log, lambda y: -(y**3)])
def test_a_copy_of_a_number_blocks_whatever_its_scale(found, copy):
    table = numeric()
    assert found(table.assign(copied=copy(table["y"])), kind="regression")["target_copy"].columns == ("copied",)


NEAR_COPIES = {
    "a copy with a few errors": lambda y, r: np.where(r.random(len(y)) < 0.03, "no", y),
    "a number that is high for yes": lambda y, r: (y == "yes") * 10 + r.normal(size=len(y)),
    "filled in for yes alone": lambda y, r: pd.Series(r.choice(["a", "b", "c"], len(y))).where(y == "yes"),
}


@pytest.mark.parametrize("name", NEAR_COPIES)
def test_a_column_too_good_to_be_true_warns_and_does_not_block(found, name):
    table = plain()
    checks = found(table.assign(odd=NEAR_COPIES[name](table["y"], np.random.default_rng(1))))
    assert checks["possible_leak"].level == "warn"
    assert checks["possible_leak"].columns == ("odd",)
    assert "target_copy" not in checks


@pytest.mark.parametrize("make", [lambda y: y + y.std() * 0.05, lambda y: pd.qcut(y, 12, labels=False)])
def test_a_noisy_or_binned_copy_of_a_number_warns(found, make):
    table, noise = numeric(), np.random.default_rng(1).normal(size=ROWS)
    odd = make(table["y"]) + 0.01 * noise * (make(table["y"]).nunique() > 12)
    assert found(table.assign(odd=odd), kind="regression")["possible_leak"].columns == ("odd",)


@pytest.mark.parametrize("share", [1.0, 0.7, 0.4])
@pytest.mark.parametrize("blank", [None, 0])
def test_a_column_filled_in_for_one_class_alone_warns(found, share, blank):
    random = np.random.default_rng(1)
    table = plain()
    there = (table["y"] == "yes") & (random.random(ROWS) < share)
    amounts = pd.Series(random.exponential(size=ROWS).round(3) + 0.01)
    checks = found(table.assign(refund=amounts.where(there, blank)))
    assert checks["possible_leak"].columns == ("refund",)
    assert checks["possible_leak"].level == "warn"


def test_a_column_left_blank_for_one_class_alone_warns(found):
    table = plain()
    left = (table["y"] == "yes") & (np.arange(ROWS) % 2 == 0)
    checks = found(table.assign(renewal=table["two"].mask(left)))
    assert "left blank" in checks["possible_leak"].message


def test_gaps_that_only_lean_to_a_class_are_left_in_peace(found):
    table, random = plain(2000), np.random.default_rng(1)
    gap = random.random(2000) < np.where(table["y"] == "yes", 0.5, 0.1)
    assert "possible_leak" not in found(table.assign(income=table["two"].mask(gap)))


def test_parts_that_add_up_to_the_target_warn(found):
    table = numeric().assign(other=np.random.default_rng(2).exponential(size=ROWS))
    table["part"] = table["y"] * np.random.default_rng(3).uniform(0.2, 0.8, ROWS)
    table["rest"] = table["y"] - table["part"]
    assert set(found(table, kind="regression")["possible_leak"].columns) == {"part", "rest"}


def test_a_rate_and_an_amount_whose_product_is_the_target_warn(found):
    random = np.random.default_rng(2)
    table = numeric().assign(hours=random.uniform(1, 9, ROWS), rate=random.uniform(5, 50, ROWS))
    table["y"] = (table["hours"] * table["rate"]).round(3)
    checks = found(table, kind="regression")
    assert set(checks["possible_leak"].columns) == {"hours", "rate"}
    assert "multiplied" in checks["possible_leak"].message


def test_a_sum_with_something_unknown_in_it_is_left_in_peace(found):
    table = numeric()
    table["y"] = table["one"] + table["two"] + 0.3 * np.random.default_rng(2).normal(size=ROWS)
    assert "possible_leak" not in found(table, kind="regression")


def test_a_strong_honest_feature_never_blocks(found):
    table = plain()
    strong = (table["y"] == "yes") * 2 + np.random.default_rng(1).normal(size=ROWS)
    checks = found(table.assign(strong=strong))
    assert not [one for one in checks.values() if one.level == "block"]
    assert "possible_leak" not in checks


@pytest.mark.parametrize(("name", "target"), [("breast_cancer", "diagnosis"), ("iris", None), ("wine", None)])
def test_tables_that_are_known_to_be_sound_neither_block_nor_warn_of_leaks(name, target):
    dataset = read_table(f"example:{name}")
    checks = check(task(dataset, target or dataset.schema.columns[-1].name))
    assert not checks.blocking
    assert "possible_leak" not in {one.name for one in checks}


def test_identifiers_constants_and_empty_columns_are_told_as_left_out(found):
    table = plain().assign(customer_id=range(1000, 1000 + ROWS), country="NL", remark=None)
    checks = found(table)
    assert checks["identifier_columns"].columns == ("customer_id",)
    assert checks["constant_columns"].columns == ("country",)
    assert checks["empty_columns"].columns == ("remark",)
    assert {one.level for one in checks.values()} == {"note"}


def test_a_file_sorted_by_its_target_and_a_column_that_follows_its_rows_warn(found):
    table = plain().sort_values("y")
    assert found(table)["row_order"].level == "note"
    steps = np.cumsum(np.random.default_rng(0).exponential(size=ROWS))
    checks = found(table.assign(elapsed=steps))
    assert "row_order" in checks
    assert checks["row_order"].columns == ("elapsed",)
    assert checks["row_order"].level == "warn"


def test_a_number_of_the_row_is_left_out_of_a_file_sorted_by_its_target(found):
    steps = np.random.default_rng(0).choice([1, 2], ROWS, p=[0.8, 0.2])
    table = plain().sort_values("y").assign(case=np.cumsum(steps))
    checks = found(table)
    assert checks["identifier_columns"].columns == ("case",)
    assert checks["row_order"].level == "note"


def test_rows_that_repeat_are_counted(found):
    table = plain()
    checks = found(pd.concat([table, table.head(100)]))
    assert checks["duplicate_rows"].level == "warn"
    assert "100 rows" in checks["duplicate_rows"].message
    assert "split like all others, 200 rows that agree in 'y' among them" in checks["duplicate_rows"].message
    checks = found(pd.concat([table, table.tail(500)]))
    assert "1,000 rows that agree in 'y', too, stay together in every split" in checks["duplicate_rows"].message


@pytest.mark.parametrize(
    ("table", "roles", "said"),
    [
        (plain().assign(farm=np.arange(ROWS) % 20), {"group": "farm"}, "split by group like all others"),
        (plain().assign(day=np.arange(ROWS) // 4 + 0.5), {"time": "day"}, "split by time like all others"),
        (plain()[["one", "two", "three", "y"]].round(0), {}, "repeat by nature"),
    ],
    ids=["group", "time", "coarse"],
)
def test_what_was_done_about_rows_that_repeat_is_told(found, table, roles, said):
    assert said in found(pd.concat([table, table.head(100)]), **roles)["duplicate_rows"].message


def test_rows_that_contradict_each_other_are_told(found):
    table = plain()
    other = table.head(60).assign(y=table["y"].head(60).map({"yes": "no", "no": "yes"}))
    assert "120 rows" in found(pd.concat([table, other]))["contradicting_rows"].message


def test_a_rare_class_is_named_with_its_rows(found):
    table = plain()
    table.loc[:4, "y"] = "maybe"
    assert "'maybe' (5 rows)" in found(table)["rare_class"].message


@pytest.mark.parametrize(("metric", "level"), [("auto", "note"), ("accuracy", "warn")])
def test_imbalance_warns_where_the_metric_is_flattered_by_it(found, metric, level):
    table = plain(1000)
    table["y"] = np.where(np.arange(1000) % 40 == 0, "fraud", "fine")
    assert found(table, metric=metric)["imbalance"].level == level


def test_a_code_for_unknown_is_found_in_features_and_in_the_target(found):
    table = numeric()
    table.loc[::9, "two"] = -999
    table.loc[::11, "y"] = -200
    checks = found(table, kind="regression")
    assert "-999 in 'two'" in checks["codes_for_unknown"].message
    assert "-200" in checks["codes_for_unknown_in_target"].message


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([1, 2, 3, 4, 5, 6] * 20 + [999] * 5, 999),
        ([1, 2, 3, 4, 5, 6] * 20 + [-1] * 5, -1),
        ([1, 2, 3, 4, 5, 6] * 20, None),
        (list(range(-50, 50)) * 3, None),
        (list(range(90, 110)) * 5, None),
        ([0, 1] * 50, None),
    ],
)
def test_a_number_is_a_code_for_unknown_only_if_it_stands_apart(values, code):
    told = sentinel(np.array(values, dtype=float))
    assert (told and told[0]) == code


def test_a_code_named_as_missing_is_missing_and_no_longer_told(tmp_path):
    table = numeric()
    table.loc[::9, "two"] = -999
    table.loc[::11, "y"] = -200
    table.to_csv(tmp_path / "t.csv", index=False)
    made = task(read_table(str(tmp_path / "t.csv"), missing="-999, -200"), "y", kind="regression")
    assert made.truth.min() > 0
    assert len(made.truth) == ROWS - len(range(0, ROWS, 11))
    assert made.frame["two"].min() > -10
    assert {one.name for one in check(made)} == {"missing_target"}


def test_few_strange_words_of_many_kinds_among_numbers_are_told(found):
    random = np.random.default_rng(1)
    load = np.where(random.random(ROWS) < 0.05, random.choice(list("vwxyz"), ROWS), plain()["two"].round(3).astype(str))
    assert found(plain().assign(load=load))["mixed_types"].columns == ("load",)


def test_half_empty_and_nearly_empty_columns_are_told(found):
    table = plain()
    table["half"] = table["two"].where(np.arange(ROWS) % 3 == 0)
    table["hardly"] = table["three"].where(np.arange(ROWS) % 50 == 0)
    checks = found(table)
    assert checks["missing_values"].columns == ("half",)
    assert checks["nearly_empty"].columns == ("hardly",)


def test_words_among_numbers_and_numbers_among_words_are_told(found):
    table = plain()
    table["size"] = np.where(np.arange(ROWS) % 100 == 0, "broken", table["two"].round(3).astype(str))
    table["load"] = np.where(np.arange(ROWS) % 3 == 0, "none measured", table["three"].round(3).astype(str))
    checks = found(table)
    assert checks["unreadable_values"].columns == ("size",)
    assert "'broken'" in checks["unreadable_values"].message
    assert checks["mixed_types"].columns == ("load",)


def grouped(seed=0):
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(120), 5)
    table = plain(ROWS, seed).assign(patient_id=random.permutation(5000)[:120][patient])
    return table.assign(y=random.choice(["yes", "no"], 120)[patient])


def test_a_column_that_looks_like_a_group_is_told_unless_it_was_named(found):
    assert found(grouped())["undeclared_group"].columns == ("patient_id",)
    assert "group='patient_id'" in found(grouped())["undeclared_group"].message
    assert "undeclared_group" not in found(grouped(), group="patient_id")


@pytest.mark.parametrize("text", [True, False])
def test_a_group_under_any_name_is_told_when_its_rows_all_agree(found, text):
    table = grouped().rename(columns={"patient_id": "code"})
    table["code"] = ("n" + table["code"].astype(str)) if text else table["code"]
    assert found(table)["undeclared_group"].columns == ("code",)


def test_an_identifier_that_names_several_rows_is_told(found):
    assert found(grouped(), id="patient_id")["undeclared_group"].columns == ("patient_id",)


@pytest.mark.parametrize("unit", [1.0, 1e-12])
def test_a_group_is_told_in_whatever_unit_the_target_is(found, unit):
    table, random = grouped(), np.random.default_rng(1)
    of_each = dict(zip(table["patient_id"].unique(), random.normal(0, 5, 120), strict=True))
    table["y"] = unit * (table["patient_id"].map(of_each) + random.normal(0, 0.5, len(table)))
    assert "undeclared_group" in found(table, kind="regression")


def test_rows_in_order_of_time_need_no_group(found):
    days = pd.date_range("2024-01-01", periods=ROWS).astype(str)
    assert "undeclared_group" not in found(grouped().assign(day=days), time="day")


def test_a_predictive_category_is_no_group(found):
    random = np.random.default_rng(0)
    town = random.integers(0, 40, 2000)
    table = plain(2000).assign(town=[f"town {n}" for n in town])
    table["y"] = np.where(random.random(2000) < (town % 10) / 10, "yes", "no")
    assert "undeclared_group" not in found(table)


def dated(rows=1200):
    random = np.random.default_rng(0)
    table = plain(rows).assign(day=pd.date_range("2024-01-01", periods=rows, freq="9h").strftime("%Y-%m-%d %H:%M"))
    later = np.arange(rows) > 0.7 * rows
    table["two"] += 3 * later
    table["y"] = np.where(random.random(rows) < np.where(later, 0.7, 0.2), "yes", "no")
    return table


def test_drift_along_time_is_told_of_features_and_target(found):
    checks = found(dated(), time="day")
    assert checks["drift"].columns == ("two",)
    assert "'yes' goes from" in checks["target_drift"].message


def test_a_column_that_is_the_time_in_other_words_does_not_drift(found):
    table = dated()
    table["step"] = np.arange(len(table)) + np.random.default_rng(0).normal(0, 3, len(table))
    assert found(table, time="day")["drift"].columns == ("two",)


def test_a_date_that_orders_the_rows_is_told_when_no_time_was_named(found):
    assert found(dated())["undeclared_time"].columns == ("day",)


def test_without_drift_time_is_left_in_peace(found):
    table = plain(1200).assign(day=pd.date_range("2024-01-01", periods=1200, freq="9h").strftime("%Y-%m-%d %H:%M"))
    assert found(table, time="day") == {}


def test_more_columns_than_rows_are_told(found):
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(120, 150)), columns=[f"x{i}" for i in range(150)])
    assert "wide_table" in found(table.assign(y=random.choice(["a", "b"], 120)))


def test_rows_of_the_test_file_that_were_trained_on_are_told(tmp_path):
    table = plain()
    table.to_csv(tmp_path / "all.csv", index=False)
    table.tail(200).to_csv(tmp_path / "held.csv", index=False)
    made = task(read_table(str(tmp_path / "all.csv")), "y", test=read_table(str(tmp_path / "held.csv")))
    assert "100 %" in next(one for one in check(made) if one.name == "test_overlap").message


def test_rows_held_back_from_the_table_itself_are_no_test_file_that_was_trained_on(found):
    coarse = pd.DataFrame({name: np.random.default_rng(seed).integers(0, 4, ROWS) for seed, name in enumerate("abcy")})
    checks = found(coarse, check_share=0.2)
    assert "duplicate_rows" in checks
    assert "test_overlap" not in checks


def test_overlap_is_told_of_a_table_too_large_to_be_looked_at_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.automl.finders.rows.MOST_HASHED", 300)
    table = plain()
    table.to_csv(tmp_path / "all.csv", index=False)
    table.head(200).to_csv(tmp_path / "held.csv", index=False)
    made = task(read_table(str(tmp_path / "all.csv")), "y", test=read_table(str(tmp_path / "held.csv")))
    assert "100 %" in next(one for one in check(made) if one.name == "test_overlap").message


def test_what_the_task_noticed_is_among_the_checks(found):
    table = plain()
    table.loc[:3, "y"] = None
    assert "missing_target" in found(table)


def test_checking_changes_nothing(tmp_path):
    plain().to_csv(tmp_path / "t.csv", index=False)
    made = task(read_table(str(tmp_path / "t.csv")), "y")
    before = made.frame.copy(deep=True)
    check(made)
    pd.testing.assert_frame_equal(made.frame, before)


def test_checks_are_a_sequence_shown_gravest_first_and_escaped():
    evil = "<script>alert(1)</script>"
    checks = Checks((Check("leak", "block", evil, (evil,)), Check("odd", "warn", "b"), Check("n", "note", "c")))
    page = checks._repr_html_()
    assert len(checks) == 3
    assert [one.name for one in checks] == ["leak", "odd", "n"]
    assert checks.blocking == (checks[0],)
    assert page.index("Stop") < page.index("Warning") < page.index("Note")
    assert "<script>" not in page
    assert repr(checks).splitlines()[0].startswith("Stop:")


def test_nothing_found_is_said():
    assert repr(Checks()) == NOTHING
    assert "Nothing looks wrong" in Checks()._repr_html_()


def test_a_name_for_each_row_has_no_skill_on_rows_that_were_not_counted():
    names, y = pd.Series([f"n{i}" for i in range(2000)], dtype=object), np.random.default_rng(0).integers(0, 2, 2000)
    told, _ = skill(binned(names), y, classes=2)
    assert abs(told) < 0.1
