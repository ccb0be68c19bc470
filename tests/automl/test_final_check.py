"""Rows held back from a table are the same for every seed, whole groups or the latest, and never learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.automl.problem.final_check import FEWEST
from workbench.automl.record import command
from workbench.automl.search import search
from workbench.automl.task import task
from workbench.errors import BadParameters


@pytest.fixture
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    x = random.normal(size=400).round(3)
    return pd.DataFrame(
        {
            "x": x,
            "z": random.normal(size=400).round(3),
            "shop": [f"shop {number}" for number in random.integers(0, 40, 400)],
            "day": pd.date_range("2024-01-01", periods=400, freq="6h").astype(str),
            "y": np.where(x + random.normal(size=400) > 0.8, "yes", "no"),
        }
    )


def held(made) -> set[int]:
    """The rows of the file that are neither learned from nor validated on."""
    return set(range(400)) - set(made.frame.index)


SHARES = [0.1, 0.15, 0.25, 0.3, 0.4, 0.45, 0.5]


@pytest.mark.parametrize("share", SHARES)
def test_the_share_is_held_back_with_its_part_of_each_class(table, frame, share):
    made = task(table(frame), "y", ignore=["shop", "day"], check_share=share)
    assert abs(len(held(made)) - 400 * share) <= 1
    assert len(made.truth) == len(made.frame) == 400 - len(held(made))
    shares = [(made.test.frame["y"] == "yes").mean(), (made.truth == "yes").mean()]
    assert shares[0] == pytest.approx(shares[1], abs=0.03)
    assert made.test.frame["x"].tolist() == made.dataset.frame["x"].iloc[sorted(held(made))].tolist()
    assert [check.name for check in made.checks] == ["held_back"]


@pytest.mark.parametrize("share", SHARES)
def test_whole_groups_are_held_back(table, frame, share):
    made = task(table(frame), "y", group="shop", ignore="day", check_share=share)
    assert not set(made.groups) & set(made.test.frame["shop"])
    assert abs(len(held(made)) - 400 * share) <= frame["shop"].value_counts().max()
    assert (made.test.frame["y"] == "yes").mean() == pytest.approx((made.truth == "yes").mean(), abs=0.1)


@pytest.mark.parametrize("share", SHARES)
def test_a_number_is_held_back_with_its_part_of_each_size(table, frame, share):
    made = task(table(frame), "x", kind="regression", ignore=["shop", "day"], check_share=share)
    assert abs(len(held(made)) - 400 * share) <= 1
    halves = (made.test.frame["x"].astype(float) > frame["x"].median()).mean()
    assert halves == pytest.approx(0.5, abs=0.05)


def test_one_large_group_is_no_check_and_no_table_to_learn_from(table, frame):
    made = task(table(frame.assign(shop=np.where(frame.index < 300, "the", frame["shop"]))), "y", group="shop",
                ignore="day", check_share=0.2)  # fmt: skip
    assert FEWEST <= len(held(made)) <= 100
    assert "the" in made.groups


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("a_day", [1, 3])
def test_the_latest_rows_are_held_back(table, frame, share, a_day):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(400) // a_day, unit="D")
    made = task(table(frame.assign(day=days.astype(str))), "y", time="day", ignore="shop", check_share=share)
    assert min(held(made)) > max(made.frame.index)
    assert abs(len(held(made)) - 400 * share) <= a_day
    assert made.times.max() < pd.to_datetime(made.test.frame["day"]).min()


def test_of_a_rare_class_none_is_held_back(table, frame):
    rare = frame.assign(y=np.where(np.arange(400) % 190 == 7, "rare", frame["y"]))
    made = task(table(rare), "y", ignore=["shop", "day"], check_share=0.5)
    assert (made.truth == "rare").sum() >= 2


def test_the_winner_is_measured_on_them_and_never_saw_them(table, frame):
    made = task(table(frame), "y", ignore=["shop", "day"], check_share=0.2)
    result = search(made, trials=1, seed=3)
    assert result.test_scores["roc_auc"].rows == len(held(made))
    assert set(result.predictions["row"]) <= set(made.frame.index)
    assert f"On the {len(held(made))} rows that were held back until the end" in result._repr_html_()
    assert "check_share=0.2" in command(made)
    assert "test=" not in command(made)


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.6, "check_share=0.6: give a share from 0 to 0.5"),
        (-0.1, "check_share=-0.1"),
        (True, "check_share=True"),
        (0.01, "check_share=0.01 holds back 4 rows, too few to check by"),
    ],
)
def test_a_share_that_is_none_is_refused(table, frame, share, told):
    with pytest.raises(BadParameters, match=told.replace(".", r"\.")):
        task(table(frame), "y", ignore=["shop", "day"], check_share=share)


def test_a_file_and_a_share_are_not_both_held_back(table, frame):
    with pytest.raises(BadParameters, match="give one of them"):
        task(table(frame), "y", ignore=["shop", "day"], test=table(frame.head(50)), check_share=0.1)
